//! `unipod restart`.

use clap::Args;

use super::targets::Targets;
use crate::error::CliError;
use unipod::container::record::State;
use unipod::pod::{PodError, service};
use unipod::store::Store;

/// Restart containers; those that do not run are started.
///
/// A container that belongs to a unit is restarted with the unit.
///
/// Example: unipod restart --time 30 web
#[derive(Debug, Args)]
pub struct RestartArgs {
    /// Only containers that run; of all, if none is named.
    #[arg(long)]
    running: bool,
    /// Seconds before SIGKILL.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS")]
    time: Option<u32>,
    #[command(flatten)]
    targets: Targets,
}

impl RestartArgs {
    /// Does it.
    pub fn run(mut self, store: &Store) -> Result<u8, CliError> {
        let program = service::program()?;
        self.targets.all_if(self.running);
        self.targets.each(store, PodError::code, |record| {
            if self.running && (record.state() != State::Running || record.is_paused()) {
                return Ok(false);
            }
            service::restart_container(store, record, &program, self.time).map(|()| true)
        })
    }
}
