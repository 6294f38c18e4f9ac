//! `unipod quadlet`: podman's commands for the unit files themselves, on podman's own files.
//!
//! What is installed together is an application. The installation directory says so, one file name per line:
//!
//! ```text
//! /etc/containers/systemd/        $XDG_CONFIG_HOME/containers/systemd/
//!     web.container
//!     web.conf
//!     .web.container.app          of `install web.container web.conf`; of `install shop/` it is .shop.app
//! ```

mod application;
mod install;
mod list;
mod place;
mod rm;
mod show;
mod source;
mod units;

use clap::Subcommand;

use super::error::CliError;

/// Install unit files, list, print and remove them.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum QuadletCommand {
    Install(install::InstallArgs),
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    #[command(visible_alias = "cat")]
    Print(show::PrintArgs),
    Rm(rm::RmArgs),
}

impl QuadletCommand {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        match self {
            Self::Install(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Print(args) => args.run(),
            Self::Rm(args) => args.run(),
        }
    }
}
