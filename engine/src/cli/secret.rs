//! `unipod secret …`.

use clap::Subcommand;

use super::error::CliError;
use crate::store::Store;

/// The subcommands of `unipod secret`.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// List.
    Ls,
}

impl SecretCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, _store: &Store) -> Result<u8, CliError> {
        todo!()
    }
}
