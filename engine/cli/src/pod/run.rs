//! `unipod pod start`, `stop`, `restart`, `kill`, and `cleanup`, with which the service of a pod of the command line ends.

use clap::Args;

use crate::arguments;
use crate::error::{self, CliError};
use unipod::bundle::values::signal;
use unipod::container::record::{Failure, State as Member};
use unipod::container::stop;
use unipod::pod::{Pod, PodError, member, record, service, start, teardown};
use unipod::store::Store;
use unipod::systemd::Invocation;

/// Which pods are meant.
#[derive(Debug, Args)]
pub struct Targets {
    /// All pods.
    #[arg(short, long)]
    all: bool,
    /// The pod created last.
    #[arg(short, long)]
    latest: bool,
    /// Also the pod whose ID is in this file.
    #[arg(long, value_name = "FILE")]
    pod_id_file: Vec<std::path::PathBuf>,
    /// The pods, by name or ID.
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl Targets {
    /// Does `action` on each and prints its ID. With `ignore`, one that is not there is fine. `code` is the exit code of one
    /// failure.
    pub fn each(
        &self,
        store: &Store,
        ignore: bool,
        code: fn(&PodError) -> u8,
        mut action: impl FnMut(&Pod) -> Result<(), PodError>,
    ) -> Result<u8, CliError> {
        // A unit's journal is for what its containers say.
        let quiet = Invocation::current().is_some();
        let names = self.names(store, ignore)?;
        Ok(arguments::each(&names, |name| match record::find(store, name) {
            Err(PodError::NotFound(_)) if ignore => Ok(None),
            found => found
                .and_then(|pod| action(&pod).map(|()| pod))
                .map(|pod| (!quiet).then(|| pod.id.as_str().to_owned()))
                .map_err(|error| CliError::coded(error, code)),
        }))
    }

    fn names(&self, store: &Store, ignore: bool) -> Result<Vec<String>, CliError> {
        let mut names = self.pods.clone();
        for file in &self.pod_id_file {
            match std::fs::read_to_string(file) {
                Ok(id) => names.push(id.trim().to_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && ignore => {}
                Err(error) => {
                    let file = file.display();
                    return Err(CliError::new(format!("cannot read the ID from {file}: {error}")));
                }
            }
        }
        if self.all || self.latest {
            let all = record::list(store)?;
            let from = if self.all { 0 } else { all.len().saturating_sub(1) };
            names.extend(all.into_iter().skip(from).map(|pod| pod.name));
        }
        if names.is_empty() && !self.all && !self.latest && self.pod_id_file.is_empty() {
            return Err(CliError::new("no pod named").hint("give names or IDs, or --all"));
        }
        Ok(names)
    }
}

fn failed(_: &PodError) -> u8 {
    125
}

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
        self.targets.each(store, false, failed, |pod| {
            if service::is_own(pod) {
                bring_up_here(store, pod)
            } else {
                service::start(store, pod, &service::program()?)
            }
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
        self.targets
            .each(store, self.ignore, failed, |pod| service::stop(store, pod, self.time))
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
        self.targets.each(store, false, failed, |pod| {
            service::restart(store, pod, &service::program()?)
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
        let signal = signal::parse(&self.signal)
            .ok_or_else(|| CliError::new(format!("--signal {:?} is no signal", self.signal)))?;
        self.targets.each(store, false, failed, |pod| {
            let members = member::members(store, pod)?;
            let running = members.iter().filter(|record| record.state() == Member::Running);
            service::at_once(running, |record| Ok(stop::kill(record, signal)?))
        })
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
