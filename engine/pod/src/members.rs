//! What is done with the members of a pod that runs: signals, standing still, going on; and pods that nobody needs.

use unipod_container::record::{Record, State as Member};
use unipod_container::{ContainerError, pause as freezing, stop};
use unipod_store::Store;

use crate::record::{self, Pod};
use crate::service::{self, Removal, at_once};
use crate::{PodError, State, member};

/// Sends a signal, by number, to the init of each member that runs.
///
/// # Errors
/// One may not be signalled: the first failure, after all have been tried.
pub fn kill(store: &Store, pod: &Pod, signal: i32) -> Result<(), PodError> {
    let members = member::members(store, pod)?;
    let running = members.iter().filter(|record| record.state() == Member::Running);
    at_once(running, |record| if_it_runs(stop::kill(record, signal)))
}

/// Freezes the processes of all members that run. Whether there was one.
///
/// # Errors
/// The kernel refuses it for a member: the first failure, after all have been tried.
pub fn pause(store: &Store, pod: &Pod) -> Result<bool, PodError> {
    each(store, pod, "running", |record| if_it_runs(freezing::pause(record)))
}

/// Lets the processes of all members that are paused go on. Whether there was one.
///
/// # Errors
/// The kernel refuses it for a member: the first failure, after all have been tried.
pub fn unpause(store: &Store, pod: &Pod) -> Result<bool, PodError> {
    each(store, pod, "paused", |record| if_it_runs(freezing::unpause(record)))
}

fn each(
    store: &Store,
    pod: &Pod,
    status: &str,
    act: impl Fn(&Record) -> Result<(), PodError> + Sync,
) -> Result<bool, PodError> {
    let mut members = member::members(store, pod)?;
    members.retain(|record| record.status() == status);
    at_once(members.iter(), act)?;
    Ok(!members.is_empty())
}

/// One that has just ended needs nothing any more.
fn if_it_runs(done: Result<(), ContainerError>) -> Result<(), PodError> {
    match done {
        Err(ContainerError::NotRunning(..)) => Ok(()),
        other => Ok(other?),
    }
}

/// Removes all pods that have ended, and their members. Returns those that are gone, and why others are not.
///
/// # Errors
/// The store cannot be read.
pub fn prune(store: &Store) -> Result<Vec<Result<Pod, PodError>>, PodError> {
    let mut done = Vec::new();
    for pod in record::list(store)? {
        let members = member::members(store, &pod)?;
        if matches!(State::of(store, &pod, &members), State::Exited | State::Stopped) {
            done.push(service::remove(store, &pod, Removal::default()).map(|()| pod));
        }
    }
    Ok(done)
}
