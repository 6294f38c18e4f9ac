//! The life of a container through the unit that it belongs to: systemd starts and stops it, and knows of it.

use std::path::Path;

use super::record::{self, Failure, Record, State};
use super::remove::{self, RemoveOptions};
use super::{ContainerError, stop as ending, transient};
use unipod_store::{Lock, Store, StoreError};
use unipod_systemd::units::Units;
use unipod_systemd::{Invocation, manager};

/// Why a container does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the engine in the unit has said.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// systemd, the record or the store.
    #[error(transparent)]
    Container(#[from] ContainerError),
}

impl StartError {
    /// The exit code that podman-start(1) gives it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed(failure) => failure.code,
            Self::Container(error) => error.code(),
        }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Container(error.into())
    }
}

/// Has systemd start the container's unit, which executes `program`, and waits until the container is ready. One that is to be
/// removed at its end is removed if it does not start.
///
/// # Errors
/// As the engine in the unit has put it, or systemd cannot be asked.
pub fn start(store: &Store, record: &Record, program: &Path) -> Result<(), StartError> {
    let record = &of_own_unit(store, record)?;
    let waiting = remove::await_failure(store, record)?;
    let started = transient::start(store, record, program);
    let now = record::by_name(store, &record.name)?.filter(|now| now.id == record.id);
    waiting.retire()?;
    let Err(error) = started else {
        return Ok(());
    };
    if record.lifecycle.rm {
        remove::clean_up(store, record, None)?;
    }
    Err(now.and_then(|now| now.failure).map_or(error.into(), StartError::Failed))
}

/// The record, once it names the unit that is to start it. What ran in the foreground, or in a unit of somebody's, did not: the
/// engine in our unit would have that very unit started, and wait for it.
fn of_own_unit(store: &Store, record: &Record) -> Result<Record, StartError> {
    let own = transient::unit_of(&record.name);
    if record.unit.as_ref().is_some_and(|unit| unit.name == own.name) {
        return Ok(record.clone());
    }
    let _lock = Lock::acquire(store, "container", &record.name)?;
    let record = record::find(store, record.id.as_str())?;
    let record = Record {
        unit: Some(own),
        lifecycle: transient::lifecycle(record.lifecycle),
        ..record
    };
    record.save(store)?;
    Ok(record)
}

/// Stops a container, and its unit with it unless we are that unit. `timeout` is in seconds, its own if not given.
///
/// # Errors
/// It is paused and we are not its unit, cannot be signalled, outlives SIGKILL, or systemd cannot be asked.
pub fn stop(record: &Record, timeout: Option<u32>) -> Result<(), ContainerError> {
    if record.is_paused() && !is_ours(record) {
        return Err(ContainerError::Improper(format!(
            "can only stop created or running containers. {} is in state paused",
            record.id
        )));
    }
    match foreign_unit(record) {
        // With a timeout of its own the container is stopped first, then its unit has nothing left to wait for.
        Some(unit) if timeout.is_none() => Ok(manager::stop(unit)?),
        Some(unit) => ending::stop(record, timeout).and(manager::stop(unit).map_err(ContainerError::from)),
        None => ending::stop(record, timeout),
    }
}

/// Stops a container that runs and starts it, with `timeout` as [`stop()`] has it. That of a unit of somebody's is whatever comes
/// when systemd restarts the unit; any other stays the same, also one that is to be removed at its end. `program` is the engine, for
/// a unit of our own.
///
/// # Errors
/// It is paused, cannot be stopped, or does not start.
pub fn restart(store: &Store, record: &Record, program: &Path, timeout: Option<u32>) -> Result<(), StartError> {
    if record.is_paused() {
        let reason = "unable to restart a container in a paused or unknown state";
        return Err(ContainerError::Improper(reason.to_owned()).into());
    }
    if let Some(unit) = somebodys_unit(record) {
        if timeout.is_some() {
            ending::stop(record, timeout)?;
        }
        match manager::restart(unit) {
            Err(error) if error.is_unknown() => {}
            other => return Ok(other.map_err(ContainerError::from)?),
        }
    }
    let kept = remove::keep(store, record)?;
    stop(record, timeout)?;
    let started = start(store, record, program);
    kept.retire()?;
    started
}

/// The unit that a container was started by, unless it is one that we make.
fn somebodys_unit(record: &Record) -> Option<&str> {
    let unit = record.unit.as_ref().map(|unit| unit.name.as_str());
    unit.filter(|unit| *unit != transient::unit_name(&record.name))
}

/// Removes a container; one that runs is stopped through its unit where `options` force it, and killed if it is paused. Within the
/// stop of its own unit only its init is ended: what comes after the stop removes the rest.
///
/// # Errors
/// It runs and is not forced, or something of it cannot be removed.
pub fn remove(store: &Store, record: &Record, options: RemoveOptions) -> Result<(), ContainerError> {
    let unit = foreign_unit(record).filter(|_| options.force);
    if options.force && record.is_paused() && !is_ours(record) {
        // It notices no other signal, and is not to go on before.
        kill(record)?;
    }
    if let Some(unit) = unit {
        manager::stop(unit)?;
    }
    if options.force && its_unit_stops(record) {
        return ending::stop(record, options.timeout);
    }
    match remove::remove(store, record, options) {
        // Its unit has removed it while it stopped.
        Err(ContainerError::NotFound(_)) => Ok(()),
        other => other,
    }
}

fn kill(record: &Record) -> Result<(), ContainerError> {
    match ending::kill(record, nix::libc::SIGKILL) {
        Err(ContainerError::NotRunning(..)) => Ok(()),
        other => other,
    }
}

/// Removes the containers of these names, running or not; those that are gone are fine.
///
/// # Errors
/// As [`remove()`].
pub fn remove_all(store: &Store, names: &[String]) -> Result<(), ContainerError> {
    let options = RemoveOptions {
        force: true,
        ..RemoveOptions::default()
    };
    for name in names {
        if let Some(record) = record::by_name(store, name)? {
            remove(store, &record, options)?;
        }
    }
    Ok(())
}

/// How a container ended whose record is gone: its unit may know. `None` if that, too, knows nothing any more.
pub fn exit_code(record: &Record) -> Option<i32> {
    let unit = record.unit.as_ref()?;
    let units = Units::connect(!nix::unistd::geteuid().is_root()).ok()?;
    units.exit_code(&unit.name, unit.invocation.as_deref()?).ok()?
}

/// The unit that keeps a container running, unless we are one of its commands.
fn foreign_unit(record: &Record) -> Option<&str> {
    let unit = record.unit.as_ref().filter(|_| record.state() == State::Running)?;
    (!is_ours(record)).then_some(unit.name.as_str())
}

/// Whether we are a command of the container's unit.
fn is_ours(record: &Record) -> bool {
    Invocation::current().is_some_and(|own| is_of(record, &own))
}

/// Whether we are a command of the container's unit, and its init is what that unit still waits for.
fn its_unit_stops(record: &Record) -> bool {
    let own = Invocation::current().filter(|own| is_of(record, own));
    let is_init = |main: u32| record.process.is_some_and(|init| init.pid == main);
    own.and_then(|own| own.main).is_some_and(is_init) && record.state() == State::Running
}

fn is_of(record: &Record, own: &Invocation) -> bool {
    record.unit.as_ref().is_some_and(|unit| unit.name == own.unit)
}
