//! `unipod volume …`.

use clap::Subcommand;

use super::error::CliError;
use crate::store::Store;

/// The subcommands of `unipod volume`.
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// List.
    Ls,
}

impl VolumeCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, _store: &Store) -> Result<u8, CliError> {
        todo!()
    }
}
