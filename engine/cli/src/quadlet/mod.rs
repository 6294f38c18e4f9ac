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
mod rm;
mod show;
mod source;
mod units;

use std::path::PathBuf;

use clap::Subcommand;
use unipod_generator::{places, process};

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

/// Whether the caller's units are those of a user.
fn is_user() -> bool {
    !nix::unistd::geteuid().is_root()
}

/// Where the caller's unit files are installed.
fn directory() -> Result<PathBuf, CliError> {
    let config = if is_user() {
        places::configuration(&process::environment(true))
            .ok_or_else(|| CliError::new("neither XDG_CONFIG_HOME nor HOME is an absolute path"))?
    } else {
        PathBuf::from("/etc")
    };
    Ok(config.join("containers/systemd"))
}

/// What podman says of a name that no unit file can have.
fn not_a_quadlet(name: &str) -> String {
    let extension = name
        .rsplit_once('.')
        .map_or(String::new(), |(_, extension)| format!(".{extension}"));
    format!("{extension:?} is not a supported Quadlet file type")
}
