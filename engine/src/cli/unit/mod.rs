//! `unipod unit`: unit files for the people at the keyboard. What a unit file means is the generator's knowledge (crate
//! `unipod-generator`), what became of a service is systemd's ([`crate::systemd`]); here both are shown.

mod check;

use clap::Subcommand;

use crate::cli::error::CliError;

/// Check unit files, see what becomes of them, and why a service failed.
#[derive(Debug, Subcommand)]
pub enum UnitCommand {
    /// Tell everything that is wrong with unit files, before systemd does.
    Check(check::CheckArgs),
}

impl UnitCommand {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        match self {
            Self::Check(args) => args.run(),
        }
    }
}
