//! `unipod image …`.

use clap::Subcommand;

use super::error::CliError;
use crate::store::Store;

/// The subcommands of `unipod image`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// List.
    Ls,
}

impl ImageCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, _store: &Store) -> Result<u8, CliError> {
        todo!()
    }
}
