//! `unipod unit`: unit files for the people at the keyboard. What a unit file means is the generator's knowledge (crate
//! `unipod-generator`), what became of a service is systemd's ([`unipod::systemd`]); here both are shown.

mod check;
mod container_names;
mod diagnostic;
mod files;
mod list;
mod location;
mod ports;
mod print;
mod why;

use clap::Subcommand;

use crate::error::CliError;

/// Check unit files, see what becomes of them, and why a service failed.
#[derive(Debug, Subcommand)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum UnitCommand {
    Check(check::CheckArgs),
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Print(print::PrintArgs),
    Why(why::WhyArgs),
}

impl UnitCommand {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        match self {
            Self::Check(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Print(args) => args.run(),
            Self::Why(args) => args.run(),
        }
    }
}
