//! `unipod network …`.

use clap::Subcommand;

use super::error::CliError;
use crate::store::Store;

/// The subcommands of `unipod network`.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// List.
    Ls,
}

impl NetworkCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, _store: &Store) -> Result<u8, CliError> {
        todo!()
    }
}
