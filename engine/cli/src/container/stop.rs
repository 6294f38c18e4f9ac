//! `unipod stop`, `unipod kill`, `unipod rm`: everything that ends containers.

use clap::Args;

use super::targets::Targets;
use crate::error::{CliError, chain};
use unipod::bundle::values::signal;
use unipod::container::record::Record;
use unipod::container::remove::RemoveOptions;
use unipod::container::{ContainerError, stop};
use unipod::pod::ending;
use unipod::service;
use unipod::store::Store;
use unipod::systemd::Invocation;

/// Stop containers: the stop signal, patience, SIGKILL.
///
/// A container that belongs to a unit is stopped by stopping the unit, so that `Restart=` does not bring it back.
///
/// Example: unipod stop --time 30 web
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Seconds before SIGKILL.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS")]
    time: Option<u32>,
    #[command(flatten)]
    targets: Targets,
}

impl StopArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let all = self.targets.is_all();
        self.targets.each(store, ContainerError::code, |record| {
            // podman-stop(1): "this does not include paused containers".
            if all && record.is_paused() {
                return Ok(false);
            }
            service::stop(record, self.time).map(|()| true)
        })
    }
}

/// Send a signal to the init of containers.
///
/// Example: unipod kill --signal HUP web
#[derive(Debug, Args)]
pub struct KillArgs {
    /// The signal, by name or number.
    #[arg(short, long, default_value = "KILL")]
    signal: String,
    #[command(flatten)]
    targets: Targets,
}

impl KillArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let signal = signal::parse(&self.signal)
            .ok_or_else(|| CliError::new(format!("--signal {:?} is no signal", self.signal)))?;
        let running_only = self.targets.is_all();
        self.targets
            .each(store, ContainerError::code, |record| match stop::kill(record, signal) {
                Err(ContainerError::NotRunning(..)) if running_only => Ok(false),
                other => other.map(|()| true),
            })
    }
}

/// Remove containers.
///
/// Example: unipod rm --force web
#[derive(Debug, Args)]
#[command(mut_arg("filter", |arg| arg.short(None)))] // `-f` is `--force`.
pub struct RmArgs {
    /// Stop running ones first; one that is not there is fine.
    #[arg(short, long)]
    force: bool,
    /// With their anonymous volumes.
    #[arg(short, long)]
    volumes: bool,
    /// Seconds before SIGKILL, with --force.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS")]
    time: Option<u32>,
    #[command(flatten)]
    targets: Targets,
}

impl RmArgs {
    /// Does it. The exit code is 1 if a container was not there, 2 if one runs (podman-rm(1)).
    pub fn run(mut self, store: &Store) -> Result<u8, CliError> {
        // Who forces wants it gone, and so it is.
        self.targets.ignore |= self.force;
        let options = RemoveOptions {
            force: self.force,
            volumes: self.volumes,
            timeout: self.time,
        };
        let cleans_up = self.is_of_generated_unit() && Invocation::is_stopping();
        self.targets.each(store, exit_code_of_rm, |record| {
            if let Some(other) = other_unit(record).filter(|_| cleans_up) {
                tracing::warn!(
                    "{} is left alone: it is the container of {other}, which may have replaced one of that name; \
                     `systemctl stop {other}` or `unipod rm -f {}` would end it",
                    record.name,
                    record.name
                );
                return Ok(true);
            }
            service::remove(store, record, options)?;
            if let Some(error) = cleans_up.then(|| ending::after(store, record).err()).flatten() {
                tracing::warn!("{} has ended, and its pod goes on: {}", record.name, chain(&error));
            }
            Ok(true)
        })
    }

    /// Whether these may be the last words of a generated unit: `rm -v -f -i NAME`.
    fn is_of_generated_unit(&self) -> bool {
        self.force && self.volumes && self.targets.ignore && self.time.is_none() && self.targets.is_one_name()
    }
}

/// The unit that the container belongs to, if we are a command of another one.
fn other_unit(record: &Record) -> Option<&str> {
    let own = Invocation::current()?;
    let unit = record.unit.as_ref().filter(|unit| unit.name != own.unit)?;
    Some(&unit.name)
}

fn exit_code_of_rm(error: &ContainerError) -> u8 {
    match error {
        ContainerError::NotFound(_) => 1,
        ContainerError::Running(_) => 2,
        other => other.code(),
    }
}
