//! What becomes of a pod when a member has ended, `--exit-policy`.
//!
//! Podman ends a pod with its last member even when systemd is about to start that member again. Here systemd is asked first.

use unipod_container::record::{self as containers, Record, State as Member};
use unipod_store::Store;
use unipod_systemd::manager::{self, ManagerError};
use unipod_systemd::restart::{self, End};
use unipod_systemd::units::{State, Units};

use crate::record::{self, Pod};
use crate::{ExitPolicy, PodError};

/// Ends the pod of a container that has ended, if that was the last one and the pod is to end then. To be called by the last
/// command of the container's unit, or by the engine in the foreground.
///
/// # Errors
/// The store cannot be read, or systemd cannot be asked; the pod stays then.
pub fn after(store: &Store, ended: &Record) -> Result<(), PodError> {
    let Some(of) = &ended.pod else { return Ok(()) };
    let pod = match record::find(store, &of.id) {
        Err(PodError::NotFound(_)) => return Ok(()),
        found => found?,
    };
    if pod.options.exit_policy == ExitPolicy::Continue || !pod.is_up(store) || others_run(store, &pod, ended)? {
        return Ok(());
    }
    let units = Units::connect(!nix::unistd::geteuid().is_root())?;
    let own = ended.unit.as_ref().map(|unit| unit.name.as_str());
    if others_are_awaited(&units, &pod, own)? || own.is_some_and(|own| comes_back(&units, own)) {
        return Ok(());
    }
    end(&units, &pod)
}

fn others_run(store: &Store, pod: &Pod, ended: &Record) -> Result<bool, PodError> {
    let is_other = |record: &Record| record.id != ended.id && crate::member::is_in(record, pod);
    let all = containers::list(store)?;
    Ok(all
        .iter()
        .any(|record| is_other(record) && record.state() == Member::Running))
}

/// Whether systemd starts another member now, or is going to.
fn others_are_awaited(units: &Units, pod: &Pod, own: Option<&str>) -> Result<bool, ManagerError> {
    let bound: Vec<String> = units.properties(&pod.unit)?.take("BoundBy").unwrap_or_default();
    let others: Vec<String> = bound.into_iter().filter(|unit| Some(unit.as_str()) != own).collect();
    if others.is_empty() {
        return Ok(false);
    }
    let is_awaited = |state: &State| {
        matches!(state.active.as_str(), "active" | "activating" | "reloading") || state.sub == "auto-restart"
    };
    Ok(units.states(&others, &[])?.iter().any(is_awaited))
}

/// Whether systemd starts the unit again that we are the last command of. A unit that cannot be asked about may.
fn comes_back(units: &Units, own: &str) -> bool {
    let end = End::of_this_unit();
    restart::comes_back(units, own, &end).unwrap_or_else(|error| {
        tracing::warn!("cannot tell whether {own} is started again: {error}");
        true
    })
}

/// Whoever is at work on the pod's unit goes on: a stop here would cancel a restart.
fn end(units: &Units, pod: &Pod) -> Result<(), PodError> {
    let policy = units.properties(&pod.unit)?.text("Restart");
    let result = match policy.as_str() {
        "always" | "on-success" => manager::restart_if_idle(&pod.unit),
        _ => manager::stop_if_idle(&pod.unit),
    };
    match result {
        Err(ManagerError::Refused { source, .. }) => {
            tracing::debug!("{} is left to the job that it has: {source}", pod.unit);
            Ok(())
        }
        other => Ok(other?),
    }
}
