//! Taking a container down: its network, its bundle, its writable layer, its anonymous volumes, its name.
//!
//! Everything works from what is on disk, so it also cleans up after an engine that was killed in the middle;
//! doing it twice is harmless.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use super::process::Process;
use super::record::{self, Exit, Record, State};
use super::{ContainerError, group, leftover, relay, stop};
use unipod_bundle::devices::cdi;
use unipod_network as network;
use unipod_runtime::{OciRuntime, oci};
use unipod_store::{self as store, Lock, Store, StoreError};
use unipod_volume as volume;

/// The kind of the lock of [`keep`].
const RESTART: &str = "restart";
/// The kind of the lock of [`await_end`].
const END: &str = "end";

/// How to remove.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoveOptions {
    /// `--force`: stop it first.
    pub force: bool,
    /// `--volumes`: with its anonymous volumes.
    pub volumes: bool,
    /// `--time`: seconds before SIGKILL instead of the container's own.
    pub timeout: Option<u32>,
}

/// Removes a container for good.
///
/// # Errors
/// It runs and `force` is not set, cannot be stopped, or something of it cannot be removed; all that can be removed is
/// removed before the first such error is returned, and the record stays so that the rest can be tried again.
pub fn remove(store: &Store, found: &Record, options: RemoveOptions) -> Result<(), ContainerError> {
    let _lock = Lock::acquire(store, "container", &found.name)?;
    match record::by_name(store, &found.name)? {
        // Its name may be another one's by now.
        Some(record) if record.id == found.id => remove_locked(store, &record, options),
        _ => Err(ContainerError::NotFound(found.name.clone())),
    }
}

/// [`remove`] for a caller that holds the container's lock.
pub(super) fn remove_locked(store: &Store, record: &Record, options: RemoveOptions) -> Result<(), ContainerError> {
    if record.state() == State::Running && !options.force {
        return Err(ContainerError::Running(record.id.as_str().to_owned()));
    }
    end_unrecorded(store, record)?;
    stop::stop(record, options.timeout)?;
    let mut problems = tear_down(store, record);
    problems.extend(
        store::remove_tree(&store.container_data(record.id.as_str(), record.lifecycle.rm))
            .err()
            .map(Into::into),
    );
    if options.volumes || record.lifecycle.rm {
        let anonymous = record.volumes.iter().filter(|v| v.anonymous);
        problems.extend(anonymous.filter_map(|v| volume::remove_anonymous(store, &v.name).err().map(Into::into)));
    }
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    forget_id(record);
    Ok(record.forget(store)?)
}

/// A file with the ID of a container that is gone goes with it, as in podman; one that names another is not ours.
fn forget_id(gone: &Record) {
    let names_it = |file: &&PathBuf| store::named::read(file).is_ok_and(|id| id.trim() == gone.id.as_str());
    if let Some(file) = gone.lifecycle.cid_file.as_ref().filter(names_it) {
        // A file that stays says nothing wrong: whoever looks for the container finds none.
        let _ = fs::remove_file(file);
    }
}

/// After the init has ended: takes down what only a running container needs, and notes how it ended. One that is gone by now
/// is fine, also when its name is another container's.
///
/// # Errors
/// Something cannot be removed.
pub fn clean_up(store: &Store, ended: &Record, exit_code: Option<i32>) -> Result<(), ContainerError> {
    let _lock = Lock::acquire(store, "container", &ended.name)?;
    let Some(mut record) = record::by_name(store, &ended.name)?.filter(|record| record.id == ended.id) else {
        // Whoever removed it did not wait for what an OCI runtime may still have been writing.
        return Ok(store::remove_tree(&store.bundle(ended.id.as_str()))?);
    };
    if record.state() == State::Running {
        return Ok(());
    }
    if record.lifecycle.rm && !is_awaited(store, &record)? && !is_kept(store, &record)? {
        return remove_locked(
            store,
            &record,
            RemoveOptions {
                volumes: true,
                ..RemoveOptions::default()
            },
        );
    }
    end_unrecorded(store, &record)?;
    relay::settle(&record.relays);
    let problem = tear_down(store, &record).into_iter().next();
    if record.exit.is_none() && record.process.is_some() {
        record.exit = exit_code.map(|code| Exit {
            code,
            at: jiff::Timestamp::now(),
        });
    }
    record.network = None;
    record.save(store)?;
    problem.map_or(Ok(()), Err)
}

/// Held by the command that has its unit started and wants to know of a failure; it cleans up then.
pub fn await_failure(store: &Store, record: &Record) -> Result<Lock, StoreError> {
    Lock::acquire(store, "start", record.id.as_str())
}

/// Held by the command that restarts a container: the end of one that is to be removed at its end is none then. Whoever is killed
/// with it leaves what is removed when its name is wanted.
///
/// # Errors
/// The run directory cannot be written.
pub fn keep(store: &Store, record: &Record) -> Result<Lock, StoreError> {
    Lock::acquire(store, RESTART, record.id.as_str())
}

/// Held by those who want to know how a container ends: one that is to be removed at its end stays until the last of them has
/// read it, and calls [`end_known`].
///
/// # Errors
/// The run directory cannot be written.
pub fn await_end(store: &Store, record: &Record) -> Result<Lock, StoreError> {
    Lock::acquire_shared(store, END, record.id.as_str())
}

/// Gives up what [`await_end`] has given; whoever is the last does what is left to do after the container's end.
///
/// # Errors
/// Something cannot be removed.
pub fn end_known(store: &Store, record: &Record, awaited: Lock) -> Result<(), ContainerError> {
    drop(awaited);
    let Some(last) = Lock::try_acquire(store, END, record.id.as_str())? else {
        return Ok(());
    };
    last.retire()?;
    if record.lifecycle.rm {
        clean_up(store, record, None)
    } else {
        Ok(())
    }
}

fn is_kept(store: &Store, record: &Record) -> Result<bool, StoreError> {
    let id = record.id.as_str();
    Ok(Lock::is_held(store, RESTART, id)? || Lock::is_shared(store, END, id)?)
}

/// Whether somebody still wants to read why it could not be started.
fn is_awaited(store: &Store, record: &Record) -> Result<bool, StoreError> {
    if record.failure.is_none() {
        return Ok(false);
    }
    match Lock::try_acquire(store, "start", record.id.as_str())? {
        None => Ok(true),
        Some(nobodys) => nobodys.retire().map(|()| false),
    }
}

/// Takes down the container with this ID if it only holds what it does not need; returns whether it did. Who needs that need
/// not wait for a repair.
///
/// # Errors
/// Something cannot be removed.
pub(super) fn leftover(store: &Store, id: Option<&str>) -> Result<bool, ContainerError> {
    let all = id.map(|_| record::list(store)).transpose()?.unwrap_or_default();
    match all.iter().find(|record| Some(record.id.as_str()) == id) {
        Some(record) if record.state() != State::Running && !leftover::is_at_work(store, record)? => {
            clean_up(store, record, None).map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Ends a first process that waits to be released by somebody who was killed before it could be recorded. It is known from the
/// file that the OCI runtime has left in the bundle.
fn end_unrecorded(store: &Store, record: &Record) -> Result<(), ContainerError> {
    if record.process.is_some() {
        return Ok(());
    }
    let witness = oci::pid_file(&store.bundle(record.id.as_str()));
    let Some(init) = Process::written_in(&witness) else {
        return Ok(());
    };
    let unrecorded = Record {
        process: Some(init),
        ..record.clone()
    };
    match stop::kill(&unrecorded, libc::SIGKILL) {
        Err(ContainerError::NotRunning(..)) => Ok(()),
        other => other,
    }
}

/// Takes down what an earlier start of the container has left whose end was cut short.
pub(super) fn make_way(store: &Store, record: &Record) -> Result<(), ContainerError> {
    if !store.bundle(record.id.as_str()).exists() {
        return Ok(());
    }
    end_unrecorded(store, record)?;
    tear_down(store, record).into_iter().next().map_or(Ok(()), Err)
}

/// Hooks, network and bundle. Goes on after a failure and returns all of them.
pub(super) fn tear_down(store: &Store, record: &Record) -> Vec<ContainerError> {
    let id = record.id.as_str();
    run_last_hooks(store, record);
    let network = network::teardown(store, id).err().map(ContainerError::from);
    let bundle = store::remove_tree(&store.bundle(id)).err().map(ContainerError::from);
    group::remove(record);
    network.into_iter().chain(bundle).collect()
}

/// The `poststop` hooks, which only CDI devices bring along: the OCI runtime runs them when it forgets the container. One that
/// fails is no reason to keep the rest (OCI runtime specification, "Lifecycle").
fn run_last_hooks(store: &Store, record: &Record) {
    let state = store.runtime_state(record.id.as_str());
    if cdi::asked(&record.options).is_empty() || !state.exists() {
        return;
    }
    let runtime = OciRuntime::find(record.runtime.to_str());
    if let Err(error) = runtime.and_then(|runtime| runtime.delete(&state, record.id.as_str(), true)) {
        tracing::warn!("hooks of the devices of {}: {error}", record.name);
    }
}

/// Removes the writable layers and volumes of earlier boots' `--rm` containers: none of those can still run. Called by the first
/// container of a boot.
pub(super) fn sweep_earlier_boots(store: &Store) -> Result<(), ContainerError> {
    let used: HashSet<String> = record::list(store)?
        .into_iter()
        .flat_map(|record| record.volumes)
        .map(|volume| volume.name)
        .collect();
    volume::sweep_earlier_boots(store, |name| used.contains(name))?;
    volume::sweep(store)?;
    let dir = store.ephemeral();
    for entry in fs::read_dir(&dir).map_err(StoreError::io("read", &dir))?.flatten() {
        if entry.file_name().to_str() != Some(store.stamp()) {
            store::remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn it_stays_until_the_last_one_who_waits_has_read_how_it_ended() {
        let (_dir, store) = store::testing::store();
        let mut web = record("web");
        web.process = Some(Process::GONE);
        web.save(&store).unwrap();
        let waiting = [await_end(&store, &web).unwrap(), await_end(&store, &web).unwrap()];
        clean_up(&store, &web, Some(7)).unwrap();
        for waits in waiting {
            let known = record::by_name(&store, "web").unwrap().unwrap();
            assert_eq!(known.exit.map(|exit| exit.code), Some(7));
            end_known(&store, &web, waits).unwrap();
        }
        assert!(record::by_name(&store, "web").unwrap().is_none());
        web.save(&store).unwrap();
        let kept = keep(&store, &web).unwrap();
        clean_up(&store, &web, Some(7)).unwrap();
        kept.retire().unwrap();
        assert!(record::by_name(&store, "web").unwrap().is_some());
    }

    #[test]
    fn who_has_the_name_now_is_left_alone() {
        let (_dir, store) = store::testing::store();
        let (mut earlier, mut later) = (record("web"), record("web"));
        earlier.lifecycle.rm = true;
        later.lifecycle.rm = true;
        later.save(&store).unwrap();
        let late = store.bundle(earlier.id.as_str()).join("runtime");
        fs::create_dir_all(&late).unwrap();
        clean_up(&store, &earlier, Some(0)).unwrap();
        assert!(!late.exists());
        assert!(record::by_name(&store, "web").unwrap().is_some());
        clean_up(&store, &later, Some(0)).unwrap();
        assert!(record::by_name(&store, "web").unwrap().is_none());
    }
}
