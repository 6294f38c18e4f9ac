//! `unipod stop`, `unipod kill`, `unipod rm`: everything that ends containers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::arguments;
use crate::error::CliError;
use unipod::bundle::values::signal;
use unipod::container::record::{self, Record};
use unipod::container::remove::RemoveOptions;
use unipod::container::{ContainerError, stop};
use unipod::service;
use unipod::store::Store;
use unipod::systemd::Invocation;

/// Which containers are meant.
#[derive(Debug, Args)]
pub struct Targets {
    /// All containers.
    #[arg(short, long)]
    all: bool,
    /// Also the container whose ID is in this file.
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<PathBuf>,
    /// A container that is not there is fine.
    #[arg(short, long)]
    ignore: bool,
    /// The containers, by name or ID.
    containers: Vec<String>,
}

impl Targets {
    /// Does `action` on each. `code` is the exit code of one failure; the gravest counts.
    fn each(
        self,
        store: &Store,
        code: fn(&ContainerError) -> u8,
        mut action: impl FnMut(&Record) -> Result<(), ContainerError>,
    ) -> Result<u8, CliError> {
        // A unit's journal is the payload's: our own names in it at every stop would be noise.
        let quiet = Invocation::current().is_some();
        Ok(arguments::each(&self.names(store)?, |name| {
            match record::find(store, name).and_then(|record| action(&record)) {
                Ok(()) => Ok((!quiet).then(|| name.to_owned())),
                Err(ContainerError::NotFound(_)) if self.ignore => Ok(None),
                Err(error) => Err(CliError::coded(error, code)),
            }
        }))
    }

    fn is_one_name(&self) -> bool {
        !self.all && self.cidfile.is_empty() && self.containers.len() == 1
    }

    fn names(&self, store: &Store) -> Result<BTreeSet<String>, CliError> {
        let mut names: BTreeSet<String> = self.containers.iter().cloned().collect();
        for file in &self.cidfile {
            match std::fs::read_to_string(file) {
                Ok(id) => drop(names.insert(id.trim().to_owned())),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && self.ignore => {}
                Err(e) => {
                    return Err(CliError::new(format!(
                        "cannot read the ID from {}: {e}",
                        file.display()
                    )));
                }
            }
        }
        if self.all {
            names.extend(record::list(store)?.into_iter().map(|r| r.name));
        }
        if names.is_empty() && !self.all && self.cidfile.is_empty() {
            return Err(CliError::new("no container named").hint("give names or IDs, or --all"));
        }
        Ok(names)
    }
}

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
        self.targets
            .each(store, ContainerError::code, |record| service::stop(record, self.time))
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
        let running_only = self.targets.all;
        self.targets
            .each(store, ContainerError::code, |record| match stop::kill(record, signal) {
                Err(ContainerError::NotRunning(..)) if running_only => Ok(()),
                other => other,
            })
    }
}

/// Remove containers.
///
/// Example: unipod rm --force web
#[derive(Debug, Args)]
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
                return Ok(());
            }
            service::remove(store, record, options)
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
