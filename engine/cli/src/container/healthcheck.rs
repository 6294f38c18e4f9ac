//! `unipod healthcheck`.

use clap::Subcommand;

use crate::error::CliError;
use unipod::container::{health, record};
use unipod::store::Store;

/// The subcommands of `unipod healthcheck`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum HealthcheckCommand {
    /// Ask once: exit code 0 for healthy, 1 for not.
    ///
    /// Example: unipod healthcheck run web
    Run {
        /// The container.
        container: String,
    },
    /// Ask again and again until the container ends. Started by the engine.
    #[command(hide = true)]
    Watch {
        /// The container.
        container: String,
    },
}

impl HealthcheckCommand {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match self {
            Self::Run { container } => {
                let healthy = health::run_once(store, &record::find(store, &container)?)? == 0;
                Ok(u8::from(!healthy))
            }
            Self::Watch { container } => Ok(health::watch(store, &record::find(store, &container)?).map(|()| 0)?),
        }
    }
}
