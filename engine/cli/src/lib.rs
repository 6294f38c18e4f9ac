//! Floor 7: the command line. One file per noun: parse, call, print.
//!
//! It owns the words of docker's and podman's command lines, and how answers look. It must not have a rule that another program
//! would need: those are in the library, [`unipod`]. Of the engine nothing else is named here but Go templates, which only change how
//! answers look.
//!
//! ```
//! let command = unipod_cli::command();
//! assert!(command.find_subcommand("run").is_some());
//! ```

mod arguments;
mod check;
pub mod container;
pub mod error;
mod foreign;
mod global;
pub mod human;
pub mod image;
mod log;
pub mod login;
pub mod network;
mod not_yet;
pub mod output;
mod pattern;
pub mod pod;
pub mod progress;
pub mod quadlet;
pub mod run_options;
pub mod secret;
pub mod system;
pub mod unit;
pub mod volume;

use std::borrow::Cow;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use nix::sys::stat::Mode;

use error::CliError;
use global::GlobalOptions;
use not_yet::NotYetArgs;
use unipod::container::relay;
use unipod::pod::holder;

/// A container engine whose only supervisor is systemd.
///
/// Drop a .container file into /etc/containers/systemd, run `systemctl daemon-reload`, and start it like any other service.
#[derive(Debug, Parser)]
#[command(
    name = "unipod",
    version,
    args_override_self = true,
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

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    Create(Box<container::run::CreateArgs>),
    Exec(container::exec::ExecArgs),
    History(image::HistoryArgs),
    Images(image::LsArgs),
    Info(system::InfoArgs),
    Inspect(container::inspect::InspectArgs),
    Kill(container::stop::KillArgs),
    Logs(container::logs::LogsArgs),
    Pause(container::pause::PauseArgs),
    Ps(container::ls::LsArgs),
    Pull(image::PullArgs),
    Restart(container::restart::RestartArgs),
    Rm(container::stop::RmArgs),
    Rmi(image::RmArgs),
    Run(Box<container::run::RunArgs>),
    Start(container::start::StartArgs),
    Stats(container::stats::StatsArgs),
    Stop(container::stop::StopArgs),
    Tag(image::TagArgs),
    Top(container::top::TopArgs),
    Unpause(container::pause::UnpauseArgs),
    Untag(image::UntagArgs),
    Version(system::VersionArgs),
    Wait(container::wait::WaitArgs),
    /// Manage containers.
    #[command(subcommand)]
    Container(Box<container::ContainerCommand>),
    /// Check the health of containers.
    #[command(subcommand)]
    Healthcheck(container::healthcheck::HealthcheckCommand),
    /// Manage images.
    #[command(subcommand)]
    Image(image::ImageCommand),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    /// Manage networks.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Manage pods: containers that share a network.
    #[command(subcommand)]
    Pod(pod::PodCommand),
    /// Install unit files, list, print and remove them.
    #[command(subcommand)]
    Quadlet(quadlet::QuadletCommand),
    /// Manage secrets.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Check and describe the store and the host.
    #[command(subcommand)]
    System(system::SystemCommand),
    /// Check unit files, see what becomes of them, and why a service failed.
    #[command(subcommand)]
    Unit(unit::UnitCommand),
    /// Manage volumes.
    #[command(subcommand)]
    Volume(volume::VolumeCommand),
    #[command(hide = true)]
    Artifact(NotYetArgs),
    #[command(hide = true)]
    Build(NotYetArgs),
    #[command(hide = true)]
    Kube(NotYetArgs),
}

/// The entry point of the binary.
pub fn main() -> ExitCode {
    // The kernel calls us `exe` where we have executed ourselves as `/proc/self/exe`. It is only a name.
    let _ = rustix::thread::set_name(c"unipod");
    match std::env::args_os().nth(1) {
        Some(word) if word == relay::COMMAND => return relay::main(),
        Some(word) if word == holder::COMMAND => return holder::main(),
        _ => {}
    }
    // What lies where others can get must not depend on the `UMask=` of a unit; files that are nobody's business say so.
    nix::sys::stat::umask(Mode::S_IWGRP | Mode::S_IWOTH);
    match Cli::try_parse() {
        Ok(cli) => match run(cli) {
            Ok(code) => ExitCode::from(code),
            Err(error) => error.report(),
        },
        Err(refused) => refuse(refused),
    }
}

/// The whole command line as clap knows it: for completions, man pages and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Help and version go to standard output with exit code 0; a wrong command line is the engine's failure, 125.
fn refuse(error: clap::Error) -> ExitCode {
    let error = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => help().unwrap_or(error),
        _ => error,
    };
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(missing) = NotYetArgs::of_refused(&error, &words) {
        return missing.report();
    }
    let steers = |word: OsString| matches!(output::harmless(&word.to_string_lossy()), Cow::Owned(_));
    if error.use_stderr() && words.into_iter().any(steers) {
        // It repeats words of the command line, between its own colours: without those then.
        output::say_line(error.render().to_string().trim_end());
    } else {
        // A closed pipe must not turn `--help | head` into an error.
        let _ = error.print();
    }
    if error.use_stderr() {
        ExitCode::from(125)
    } else {
        ExitCode::SUCCESS
    }
}

/// The help that was asked for. Subcommands are built when they are needed, and say what they do only then; here they all are.
fn help() -> Option<clap::Error> {
    let mut command = command();
    command.build();
    command.try_get_matches().err()
}

fn run(cli: Cli) -> Result<u8, CliError> {
    let Cli { global, command } = cli;
    global.apply()?;
    // Opened by those that need one: the others need no right to make it.
    let store = || global.store();
    match command {
        Command::Create(args) => args.run(&store()?, global.defaults()?),
        Command::Exec(args) => args.run(&store()?),
        Command::History(args) => args.run(&store()?),
        Command::Images(args) => args.run(&store()?),
        Command::Info(args) => args.run(&store()?),
        Command::Inspect(args) => args.run(&store()?),
        Command::Kill(args) => args.run(&store()?),
        Command::Logs(args) => args.run(&store()?),
        Command::Pause(args) => args.run(&store()?),
        Command::Ps(args) => args.run(&store()?),
        Command::Pull(args) => args.run(&store()?, &global),
        Command::Restart(args) => args.run(&store()?),
        Command::Rm(args) => args.run(&store()?),
        Command::Rmi(args) => args.run(&store()?),
        Command::Run(args) => args.run(&store()?, global.defaults()?),
        Command::Start(args) => args.run(&store()?),
        Command::Stats(args) => args.run(&store()?),
        Command::Stop(args) => args.run(&store()?),
        Command::Tag(args) => args.run(&store()?),
        Command::Top(args) => args.run(&store()?),
        Command::Unpause(args) => args.run(&store()?),
        Command::Untag(args) => args.run(&store()?),
        Command::Version(args) => args.run(),
        Command::Wait(args) => args.run(&store()?),
        Command::Container(command) => command.run(&store()?, &global),
        Command::Healthcheck(command) => command.run(&store()?),
        Command::Image(command) => command.run(&store()?, &global),
        Command::Login(args) => args.run(),
        Command::Logout(args) => args.run(),
        Command::Network(command) => command.run(&store()?),
        Command::Pod(command) => command.run(&store()?, &global),
        Command::Quadlet(command) => command.run(),
        Command::Secret(command) => command.run(&store()?),
        Command::System(command) => command.run(&store()?),
        Command::Unit(command) => command.run(),
        Command::Volume(command) => command.run(&store()?),
        Command::Artifact(args) => Err(args.of_noun("artifact")),
        Command::Build(_) => Err(NotYetArgs::of("build")),
        Command::Kube(args) => Err(args.of_noun("kube")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_line_is_well_formed() {
        // Subcommands are built when they are asked for, and checked only then.
        command().debug_assert();
    }
}
