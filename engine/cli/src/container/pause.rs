//! `unipod pause`, `unipod unpause`.

use clap::Args;

use super::targets::Targets;
use crate::error::CliError;
use unipod::container::record::Record;
use unipod::container::{ContainerError, pause};
use unipod::store::Store;

/// Freeze all processes of containers.
///
/// They get neither processor time nor signals until `unipod unpause`; `unipod kill` ends them nevertheless.
///
/// Example: unipod pause web
#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    targets: Targets,
}

impl PauseArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        each(self.targets, store, pause::pause)
    }
}

/// Let the processes of paused containers go on.
///
/// Example: unipod unpause web
#[derive(Debug, Args)]
pub struct UnpauseArgs {
    #[command(flatten)]
    targets: Targets,
}

impl UnpauseArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        each(self.targets, store, pause::unpause)
    }
}

fn each(targets: Targets, store: &Store, act: fn(&Record) -> Result<(), ContainerError>) -> Result<u8, CliError> {
    let all = targets.is_all();
    targets.each(store, ContainerError::code, |record| match act(record) {
        Err(ContainerError::Improper(_)) if all => Ok(false),
        other => other.map(|()| true),
    })
}
