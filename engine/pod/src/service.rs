//! The life of a pod through the unit that it is: systemd starts and stops it, and its members with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use unipod_container::record::{Record, State as Member};
use unipod_container::remove::RemoveOptions;
use unipod_container::{ContainerError, service as containers};
use unipod_store::{Lock, Store};
use unipod_systemd::Invocation;
use unipod_systemd::manager::{self, ManagerError, TransientService};
use unipod_systemd::units::Units;

use crate::record::{self, Pod};
use crate::{PodError, holder, member, slice, teardown};

/// What systemd may take beyond the members' own time to stop before it kills.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// How to remove a pod.
#[derive(Debug, Clone, Copy, Default)]
pub struct Removal {
    /// `--force`: members that run are stopped first.
    pub force: bool,
    /// `--time`: seconds before SIGKILL instead of each member's own.
    pub timeout: Option<u32>,
}

impl Removal {
    /// Whatever runs.
    pub const FORCED: Self = Self {
        force: true,
        timeout: None,
    };
}

/// Whether we are a command of the pod's unit.
pub fn is_own(pod: &Pod) -> bool {
    Invocation::current().is_some_and(|own| own.unit == pod.unit)
}

/// Sees to it that the pod is up, but starts no member: by its unit, whose commands are the engine `program`.
///
/// # Errors
/// As the engine in the unit has put it, or systemd cannot be asked.
pub fn bring_up(store: &Store, pod: &Pod, program: &Path) -> Result<(), PodError> {
    // A stop that was cut short may have left a record that says so, and no unit that members could be bound to.
    if pod.is_up(store) && is_active(pod)? {
        return Ok(());
    }
    if pod.of_unit {
        return Ok(manager::start(&pod.unit)?);
    }
    slice::start(pod)?;
    let started = start_unit(&transient(store, pod, program));
    let now = record::exactly(store, &pod.name, pod.id.as_str())?;
    match (started, now.and_then(|now| now.failure)) {
        (Err(_), Some(failure)) => Err(PodError::Failed(failure)),
        (started, _) => Ok(started?),
    }
}

/// Starts the unit, or waits with others who have just had it started.
fn start_unit(unit: &TransientService) -> Result<(), ManagerError> {
    loop {
        match manager::start_transient(unit) {
            Err(error) if error.is_taken() => match manager::start(&unit.name) {
                // It has ended since.
                Err(error) if error.is_unknown() => {}
                other => return other,
            },
            other => return other,
        }
    }
}

/// Whether systemd has the pod's unit running, or starts it.
fn is_active(pod: &Pod) -> Result<bool, ManagerError> {
    let units = Units::connect(!nix::unistd::geteuid().is_root())?;
    let states = units.states(std::slice::from_ref(&pod.unit), &[])?;
    Ok(states
        .iter()
        .any(|state| matches!(state.active.as_str(), "active" | "activating" | "reloading")))
}

/// Sees to it that the pod of a container is up, if it is in one.
///
/// # Errors
/// The pod is gone, or as [`bring_up`].
pub fn bring_up_of(store: &Store, container: &Record, program: &Path) -> Result<(), PodError> {
    match &container.pod {
        Some(of) => bring_up(store, &record::find(store, &of.id)?, program),
        None => Ok(()),
    }
}

/// Starts a container, and before that the pod that it is in.
///
/// # Errors
/// The pod does not start, or the container.
pub fn start_container(store: &Store, container: &Record, program: &Path) -> Result<(), PodError> {
    bring_up_of(store, container, program)?;
    Ok(containers::start(store, container, program)?)
}

/// Restarts a container, once the pod that it is in is up. `timeout` is as [`containers::stop`] has it.
///
/// # Errors
/// The pod does not start, or the container is paused, cannot be stopped, or does not start.
pub fn restart_container(
    store: &Store,
    container: &Record,
    program: &Path,
    timeout: Option<u32>,
) -> Result<(), PodError> {
    bring_up_of(store, container, program)?;
    Ok(containers::restart(store, container, program, timeout)?)
}

/// Starts the pod and all members that do not run, at the same time.
///
/// # Errors
/// The pod does not start, or a member: the first failure, after all have been tried.
pub fn start(store: &Store, pod: &Pod, program: &Path) -> Result<(), PodError> {
    bring_up(store, pod, program)?;
    let members = member::members(store, pod)?;
    let idle = members.iter().filter(|record| record.state() != Member::Running);
    at_once(idle, |record| {
        containers::start(store, record, program).map_err(Into::into)
    })
}

/// Stops the members and then the pod: its unit, with which systemd stops theirs. Whoever is left then is no unit's.
///
/// # Errors
/// A member or the unit cannot be stopped.
pub fn stop(store: &Store, pod: &Pod, timeout: Option<u32>) -> Result<(), PodError> {
    let stop_members = || {
        let members = member::members(store, pod)?;
        let running = members.iter().filter(|record| record.state() == Member::Running);
        at_once(running, |record| containers::stop(record, timeout).map_err(Into::into))
    };
    // With a time of its own they are stopped first, then their units have nothing left to wait for.
    let stopped = timeout.map_or(Ok(()), |_| stop_members());
    if is_own(pod) {
        stopped.and(stop_members())?;
        let holder = pod.up.as_ref().filter(|_| pod.is_up(store)).and_then(|up| up.holder);
        return holder.map_or(Ok(()), holder::end);
    }
    manager::stop(&pod.unit)?;
    stopped.and(stop_members())?;
    if pod.of_unit {
        return Ok(());
    }
    slice::stop(pod)
}

/// Stops the pod and starts it again, and its members.
///
/// # Errors
/// As [`stop`] and [`start`].
pub fn restart(store: &Store, pod: &Pod, program: &Path) -> Result<(), PodError> {
    if pod.of_unit {
        return Ok(manager::restart(&pod.unit)?);
    }
    stop(store, pod, None)?;
    start(store, &record::find(store, pod.id.as_str())?, program)
}

/// The program that services execute: this one.
///
/// # Errors
/// It cannot be found.
pub fn program() -> Result<PathBuf, PodError> {
    std::env::current_exe().map_err(PodError::Program)
}

/// Removes the pod and its members. For a pod of a unit that runs, the unit is stopped, which does it.
///
/// # Errors
/// A member runs and `force` is not set, or something cannot be stopped or removed; the pod stays then.
pub fn remove(store: &Store, pod: &Pod, how: Removal) -> Result<(), PodError> {
    while !remove_unless_back(store, pod, how)? {}
    if !is_own(pod) && !pod.of_unit {
        slice::stop(pod)?;
    }
    // Who joined before the record was gone, and could not see that it would go.
    remove_members(store, &member::members(store, pod)?, Removal::FORCED)
}

/// One attempt: others may start the pod, and make containers in it, until the last step. Returns whether the pod is gone.
fn remove_unless_back(store: &Store, pod: &Pod, how: Removal) -> Result<bool, PodError> {
    let members = member::members(store, pod)?;
    let running: Vec<&Record> = members
        .iter()
        .filter(|record| record.state() == Member::Running)
        .collect();
    if !how.force && !running.is_empty() {
        return Err(in_use(pod, &running));
    }
    // What stands still hears no stop signal, that of its unit neither.
    let paused: Vec<Record> = members.iter().filter(|record| record.is_paused()).cloned().collect();
    remove_members(store, &paused, how)?;
    if !is_own(pod) {
        match manager::stop(&pod.unit) {
            // Somebody has just had it started.
            Err(error) if error.is_canceled() => return Ok(false),
            other => other?,
        }
    }
    remove_members(store, &members, how)?;
    let _lock = Lock::acquire(store, "pod", &pod.name)?;
    let now = record::by_name(store, &pod.name)?.filter(|now| now.id == pod.id);
    let Some(now) = now else {
        teardown::take_down(store, pod)?;
        return Ok(true);
    };
    let is_back = !is_own(pod) && now.is_up(store) && is_active(pod)?;
    if is_back || !member::members(store, pod)?.is_empty() {
        return Ok(false);
    }
    teardown::clean_up_locked(store, &now)?;
    now.forget(store)?;
    Ok(true)
}

fn remove_members(store: &Store, members: &[Record], how: Removal) -> Result<(), PodError> {
    let options = RemoveOptions {
        force: how.force,
        volumes: true,
        timeout: how.timeout,
    };
    at_once(members.iter(), |record| {
        match containers::remove(store, record, options) {
            Err(ContainerError::NotFound(_)) => Ok(()),
            other => Ok(other?),
        }
    })
}

/// Removes the containers and the pods of these names, running or not; those that are gone are fine.
///
/// # Errors
/// As [`remove`].
pub fn remove_named(store: &Store, names: &[String]) -> Result<(), PodError> {
    containers::remove_all(store, names)?;
    for name in names {
        if let Some(pod) = record::by_name(store, name)? {
            remove(store, &pod, Removal::FORCED)?;
        }
    }
    Ok(())
}

fn in_use(pod: &Pod, running: &[&Record]) -> PodError {
    let id = pod.id.as_str().to_owned();
    let sentence = |record: &&Record| {
        let container = record.id.as_str().to_owned();
        format!(
            "error removing container {container} from pod {id}: {}",
            ContainerError::Running(container.clone())
        )
    };
    let members = running.iter().map(sentence).collect();
    PodError::InUse { id, members }
}

/// Does the same to several containers at the same time, and returns the first failure once all are done.
pub fn at_once<'a>(
    records: impl Iterator<Item = &'a Record>,
    act: impl Fn(&Record) -> Result<(), PodError> + Sync,
) -> Result<(), PodError> {
    let act = &act;
    std::thread::scope(|scope| {
        let working: Vec<_> = records.map(|record| scope.spawn(move || act(record))).collect();
        let done = working
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.fold(Ok(()), Result::and)
    })
}

fn transient(store: &Store, pod: &Pod, program: &Path) -> TransientService {
    let (data, run) = (store.data().to_string_lossy(), store.run().to_string_lossy());
    let engine = program.to_string_lossy();
    let command = |words: &[&str]| {
        let common = [&*engine, "--root", &*data, "--runroot", &*run];
        common.iter().chain(words).map(|word| (*word).to_owned()).collect()
    };
    let id = pod.id.as_str();
    TransientService {
        name: pod.unit.clone(),
        description: format!("Pod {}", pod.name),
        identifier: pod.name.clone(),
        environment: vec![format!("PODMAN_SYSTEMD_UNIT={}", pod.unit)],
        start: command(&["pod", "start", id]),
        stop: command(&["pod", "stop", "--ignore", id]),
        stop_post: command(&["pod", "cleanup", id]),
        tasks_max: manager::INFINITY,
        restart: "no",
        stop_timeout: STOP_TIMEOUT,
        // Where there is a process, its end is the pod's.
        remains: !holder::has_processes(pod),
        bound_to: None,
        slice: pod.slice(),
    }
}
