//! Floor 4: the command line. One file per noun: parse, call, print.

pub mod error;
pub mod human;
pub mod image;
pub mod login;
pub mod network;
pub mod output;
pub mod progress;
pub mod secret;
pub mod volume;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::store::Store;
use error::CliError;

#[derive(Debug, Parser)]
#[command(name = "unipod", version, about, disable_version_flag = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Manage images.
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// Log in to a registry.
    Login(login::LoginArgs),
    /// Forget the credentials of a registry.
    Logout(login::LogoutArgs),
    /// Manage networks.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Manage secrets.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Manage volumes.
    #[command(subcommand)]
    Volume(volume::VolumeCommand),
}

/// The entry point of the binary.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => error.report(),
    }
}

fn run(cli: Cli) -> Result<u8, CliError> {
    let store = Store::open()?;
    match cli.command {
        Command::Image(command) => command.run(&store),
        Command::Login(args) => args.run(),
        Command::Logout(args) => args.run(),
        Command::Network(command) => command.run(&store),
        Command::Secret(command) => command.run(&store),
        Command::Volume(command) => command.run(&store),
    }
}
