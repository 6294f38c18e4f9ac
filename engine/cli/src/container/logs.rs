//! `unipod logs`.

use std::os::unix::process::CommandExt;

use clap::Args;

use crate::error::CliError;
use unipod::container::record;
use unipod::store::Store;
use unipod::systemd::journal::{self, Query};

/// Show what a container has written: its unit's journal.
///
/// Example: unipod logs --follow --tail 20 web
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Go on as output arrives.
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines; `all` is the default.
    #[arg(short = 'n', long, value_name = "N", allow_hyphen_values = true)]
    tail: Option<String>,
    /// Only what is newer: a time, or how long ago (`10m`).
    #[arg(long)]
    since: Option<String>,
    /// Only what is older.
    #[arg(long)]
    until: Option<String>,
    /// Put the time in front of each line.
    #[arg(short, long)]
    timestamps: bool,
    /// The container.
    container: String,
}

impl LogsArgs {
    /// Does it; on success this process becomes journalctl.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let record = record::find(store, &self.container)?;
        let unit = record.unit.ok_or_else(|| {
            CliError::new(format!(
                "container {} has no logs: it runs in the foreground, outside of any unit",
                record.name
            ))
        })?;
        let mut command = journal::command(&Query {
            unit: unit.name,
            // A container that outlives its starts shows all of them, as docker and podman do.
            invocation: unit.invocation.filter(|_| record.lifecycle.rm),
            user: !nix::unistd::geteuid().is_root(),
            follow: self.follow,
            tail: self.tail.as_deref().map(tail).transpose()?.flatten(),
            // The unit may have had containers of the same name before.
            since: self.since.or_else(|| Some(journal::moment(record.created))),
            until: self.until,
            timestamps: self.timestamps,
        });
        Err(CliError::new(format!("cannot run journalctl: {}", command.exec())))
    }
}

/// What `--tail` says: how many lines, or all.
pub(crate) fn tail(text: &str) -> Result<Option<u64>, CliError> {
    match text {
        "all" | "-1" => Ok(None),
        n => n
            .parse()
            .map(Some)
            .map_err(|_| CliError::new(format!("--tail {n:?} is neither a number nor \"all\""))),
    }
}
