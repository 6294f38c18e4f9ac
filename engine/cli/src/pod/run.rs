//! `unipod pod start`, `stop`, `restart`, `kill`, `pause`, `unpause`, and `cleanup`, with which the service of a pod of the command line ends.

use clap::Args;

use super::targets::{Targets, failed, id, name};
use crate::error::{self, CliError};
use unipod::bundle::values::signal;
use unipod::container::record::Failure;
use unipod::pod::{Pod, PodError, members, record, service, start, teardown};
use unipod::store::Store;

/// Start pods, and their containers.
///
/// Example: unipod pod start shop
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    targets: Targets,
}

impl StartArgs {
    /// Does it. As a command of the pod's own unit, the pod alone is brought up: its containers are units that systemd starts.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.targets.each(store, false, (name, failed), |pod| {
            if service::is_own(pod) {
                bring_up_here(store, pod)?;
            } else {
                service::start(store, pod, &service::program()?)?;
            }
            Ok(true)
        })
    }
}

fn bring_up_here(store: &Store, pod: &Pod) -> Result<(), PodError> {
    let started = start::start(store, pod);
    if let Err(error) = &started {
        let message = error::chain(error);
        start::note_failure(store, pod, Failure { message, code: 125 })?;
    }
    started.map(drop)
}

/// Stop pods, and before that their containers.
///
/// Example: unipod pod stop --time 30 shop
#[derive(Debug, Args)]
pub struct StopArgs {
    /// A pod that is not there is fine.
    #[arg(short, long)]
    ignore: bool,
    /// Seconds before SIGKILL.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS")]
    time: Option<u32>,
    #[command(flatten)]
    targets: Targets,
}

impl StopArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.targets.each(store, self.ignore, (name, failed), |pod| {
            service::stop(store, pod, self.time).map(|()| true)
        })
    }
}

/// Stop pods and start them again, in new namespaces.
///
/// Example: unipod pod restart shop
#[derive(Debug, Args)]
pub struct RestartArgs {
    #[command(flatten)]
    targets: Targets,
}

impl RestartArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.targets.each(store, false, (id, failed), |pod| {
            service::restart(store, pod, &service::program()?).map(|()| true)
        })
    }
}

/// Send a signal to the init of each container of pods.
///
/// Example: unipod pod kill --signal HUP shop
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
        let signal =
            signal::parse(&self.signal).ok_or_else(|| CliError::new(format!("invalid signal: {}", self.signal)))?;
        self.targets.each(store, false, (id, failed), |pod| {
            members::kill(store, pod, signal).map(|()| true)
        })
    }
}

/// Freeze all processes of pods.
///
/// Example: unipod pod pause shop
#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    targets: Targets,
}

impl PauseArgs {
    /// Does it. Containers that do not run are left alone.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.targets.each(store, false, (id, failed), |pod| {
            members::pause(store, pod).map(|_| true)
        })
    }
}

/// Let the processes of paused pods go on.
///
/// Example: unipod pod unpause shop
#[derive(Debug, Args)]
pub struct UnpauseArgs {
    #[command(flatten)]
    targets: Targets,
}

impl UnpauseArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.targets
            .each(store, false, (id, failed), |pod| members::unpause(store, pod))
    }
}

/// Take down what a pod that has ended still holds. Run by systemd.
#[derive(Debug, Args)]
pub struct CleanupArgs {
    /// The pod, by ID or name.
    pod: String,
}

impl CleanupArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match record::find(store, &self.pod) {
            Err(PodError::NotFound(_)) => Ok(0),
            found => Ok(teardown::clean_up(store, &found?).map(|()| 0)?),
        }
    }
}
