//! `unipod pod logs`.

use std::io::{self, Write};
use std::os::fd::AsFd;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::targets::one;
use crate::container::logs::tail;
use crate::error::CliError;
use crate::output;
use unipod::container::Record;
use unipod::pod::{logs, member};
use unipod::store::Store;
use unipod::systemd::journal::Message;

/// The first of six colours of a terminal, red; whose line it is gives one of them.
const COLOUR: usize = 31;
const COLOURS: usize = 6;

/// Show what the containers of a pod have written: their units' journals.
///
/// Example: unipod pod logs --names --tail 20 shop
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "they are options")]
pub struct LogsArgs {
    /// A colour for the lines of each container.
    #[arg(long)]
    color: bool,
    /// Only this container of the pod, by name or ID.
    #[arg(short, long, value_name = "CONTAINER")]
    container: Option<String>,
    /// Go on as output arrives.
    #[arg(short, long)]
    follow: bool,
    /// The pod created last.
    #[arg(short, long)]
    latest: bool,
    /// In front of each line the container's name instead of its ID.
    #[arg(short, long)]
    names: bool,
    /// Only what is newer: a time, or how long ago (`10m`).
    #[arg(long)]
    since: Option<String>,
    /// Only the last lines of each container; `all` is the default.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    tail: Option<String>,
    /// Put the time in front of each line.
    #[arg(short, long)]
    timestamps: bool,
    /// Only what is older.
    #[arg(long)]
    until: Option<String>,
    /// The pod.
    pod: Option<String>,
}

impl LogsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        if self.pod.is_none() && !self.latest {
            return Err(CliError::new("specify at least one pod name or ID to log"));
        }
        let pod = one(store, self.pod.as_deref(), self.latest)?;
        let mut members = member::members(store, &pod)?;
        if let Some(name) = &self.container {
            members.retain(|record| record.name == *name || record.id.as_str().starts_with(name.as_str()));
            if members.is_empty() {
                return Err(CliError::new(format!(
                    "container {name} is not in pod {}: no such container",
                    pod.name
                )));
            }
        }
        let wanted = logs::Wanted {
            follow: self.follow,
            tail: self.tail.as_deref().map(tail).transpose()?.flatten(),
            since: self.since.clone(),
            until: self.until.clone(),
        };
        // Who reads them may be gone before those who write.
        let stdout = io::stdout();
        logs::read(&members, &wanted, Some(stdout.as_fd()), &mut |place, message| {
            let text = self.line(&members[place], message);
            let text = if output::is_terminal() {
                output::harmless(&text)
            } else {
                text.into()
            };
            let text = if self.color {
                coloured(place, &text)
            } else {
                text.into_owned()
            };
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
        })
        .map_err(|error| CliError::new(format!("cannot read the journal: {error}")))?;
        Ok(0)
    }

    fn line(&self, record: &Record, message: &Message) -> String {
        let mut line = String::new();
        if self.container.is_none() {
            line.push_str(if self.names { &record.name } else { record.id.short() });
            line.push(' ');
        }
        if self.timestamps {
            line.push_str(&moment(message.micros()));
            line.push(' ');
        }
        line + &message.text()
    }
}

fn coloured(place: usize, text: &str) -> String {
    format!("\u{1b}[{}m{text}\u{1b}[0m", COLOUR + place % COLOURS)
}

/// As podman has it: nanoseconds, and the offset of the time zone, `Z` for none.
fn moment(micros: u64) -> String {
    let time = i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let time = time.unwrap_or_default().to_zoned(TimeZone::system());
    let offset = if time.offset().is_zero() {
        "Z".to_owned()
    } else {
        time.strftime("%:z").to_string()
    };
    format!("{}{offset}", time.strftime("%Y-%m-%dT%H:%M:%S.%9f"))
}
