//! Floor 4: the command line. One file per noun: parse, call, print.

mod arguments;
pub mod container;
pub mod error;
pub mod human;
pub mod image;
pub mod login;
pub mod network;
pub mod output;
pub mod progress;
pub mod quadlet;
pub mod run_options;
pub mod secret;
pub mod system;
pub mod volume;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::container::relay;
use crate::store::Store;
use error::CliError;

/// A container engine whose only supervisor is systemd.
///
/// Drop a .container file into /etc/containers/systemd, run `systemctl daemon-reload`, and start it like any other service.
#[derive(Debug, Parser)]
#[command(
    name = "unipod",
    version,
    max_term_width = 110,
    after_help = "Example:\n  unipod run --rm -p 8080:80 docker.io/library/nginx\n\nExit codes: 125 the engine failed, 126 the \
                  command cannot be invoked, 127 it was not found, otherwise the container's own."
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

/// Options before the subcommand.
#[derive(Debug, Args)]
struct GlobalOptions {
    /// Where images, volumes and containers are kept.
    #[arg(long, value_name = "DIR", env = "UNIPOD_ROOT")]
    root: Option<PathBuf>,
    /// Where what does not outlive a boot is kept.
    #[arg(long, value_name = "DIR", env = "UNIPOD_RUNROOT")]
    runroot: Option<PathBuf>,
    /// Messages of this level and above: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: tracing::Level,
    /// A file of defaults (containers.conf); accepted for compatibility.
    #[arg(long, value_name = "FILE")]
    module: Vec<PathBuf>,
    /// OCI runtime of new containers, by name or path.
    #[arg(long, value_name = "RUNTIME", global = true)]
    runtime: Option<String>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    Create(Box<container::run::CreateArgs>),
    Exec(container::exec::ExecArgs),
    /// Show how an image was made.
    History(image::HistoryArgs),
    /// List images.
    Images(image::LsArgs),
    Info(system::InfoArgs),
    Inspect(container::inspect::InspectArgs),
    Kill(container::stop::KillArgs),
    Logs(container::logs::LogsArgs),
    Ps(container::ls::LsArgs),
    /// Pull images from a registry.
    Pull(image::PullArgs),
    Rm(container::stop::RmArgs),
    /// Remove images.
    Rmi(image::RmArgs),
    Run(Box<container::run::RunArgs>),
    Start(container::start::StartArgs),
    Stop(container::stop::StopArgs),
    /// Give an image another name.
    Tag(image::TagArgs),
    /// Take names from an image.
    Untag(image::UntagArgs),
    Version(system::VersionArgs),
    /// Manage containers.
    #[command(subcommand)]
    Container(Box<container::ContainerCommand>),
    /// Check the health of containers.
    #[command(subcommand)]
    Healthcheck(container::healthcheck::HealthcheckCommand),
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
    /// Install unit files, list, print and remove them.
    #[command(subcommand)]
    Quadlet(quadlet::QuadletCommand),
    /// Manage secrets.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Manage volumes.
    #[command(subcommand)]
    Volume(volume::VolumeCommand),
}

/// The entry point of the binary.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == relay::COMMAND) {
        return relay::main();
    }
    match Cli::try_parse() {
        Ok(cli) => match run(cli) {
            Ok(code) => ExitCode::from(code),
            Err(error) => error.report(),
        },
        Err(refused) => refuse(&refused),
    }
}

/// The whole command line as clap knows it: for completions, man pages and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Help and version go to standard output with exit code 0; a wrong command line is the engine's failure, 125.
fn refuse(error: &clap::Error) -> ExitCode {
    // A closed pipe must not turn `--help | head` into an error.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(125)
    } else {
        ExitCode::SUCCESS
    }
}

fn run(cli: Cli) -> Result<u8, CliError> {
    let Cli { global, command } = cli;
    log_to_stderr(global.log_level);
    check_modules(&global.module)?;
    if let Command::Quadlet(command) = command {
        // Needs no store, and no right to make one.
        return command.run();
    }
    let store = open_store(&global)?;
    match command {
        Command::Create(args) => args.run(&store, global.runtime),
        Command::Exec(args) => args.run(&store),
        Command::History(args) => args.run(&store),
        Command::Images(args) => args.run(&store),
        Command::Info(args) => args.run(&store),
        Command::Inspect(args) => args.run(&store),
        Command::Kill(args) => args.run(&store),
        Command::Logs(args) => args.run(&store),
        Command::Ps(args) => args.run(&store),
        Command::Pull(args) => args.run(&store),
        Command::Rm(args) => args.run(&store),
        Command::Rmi(args) => args.run(&store),
        Command::Run(args) => args.run(&store, global.runtime),
        Command::Start(args) => args.run(&store),
        Command::Stop(args) => args.run(&store),
        Command::Tag(args) => args.run(&store),
        Command::Untag(args) => args.run(&store),
        Command::Version(args) => args.run(),
        Command::Container(command) => command.run(&store, global.runtime),
        Command::Healthcheck(command) => command.run(&store),
        Command::Image(command) => command.run(&store),
        Command::Login(args) => args.run(),
        Command::Logout(args) => args.run(),
        Command::Network(command) => command.run(&store),
        Command::Quadlet(command) => command.run(),
        Command::Secret(command) => command.run(&store),
        Command::Volume(command) => command.run(&store),
    }
}

fn open_store(global: &GlobalOptions) -> Result<Store, CliError> {
    let default = Store::default_roots()?;
    let data = global.root.clone().unwrap_or(default.0);
    let run = global.runroot.clone().unwrap_or(default.1);
    Ok(Store::at(data, run)?)
}

/// `ContainersConfModule=`: a module that is named must be there, even though only its existence is looked at so far.
fn check_modules(modules: &[PathBuf]) -> Result<(), CliError> {
    let missing = modules.iter().find(|m| m.is_absolute() && !m.exists());
    missing.map_or(Ok(()), |m| {
        Err(CliError::new(format!("--module {}: no such file", m.display())))
    })
}

fn log_to_stderr(level: tracing::Level) {
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .without_time()
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_line_is_well_formed() {
        // Subcommands are built when they are asked for, and checked only then.
        command().debug_assert();
    }

    #[test]
    fn the_oci_runtime_may_be_named_before_or_after_the_subcommand() {
        for line in ["unipod --runtime runc run alpine", "unipod run --runtime runc alpine"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.global.runtime.as_deref(), Some("runc"), "{line}");
        }
    }
}
