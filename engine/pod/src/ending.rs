//! What becomes of a pod when a member has ended, `--exit-policy`.
//!
//! Podman ends a pod with its last member even when systemd is about to start that member again. Here systemd is asked first.

use std::thread;
use std::time::Duration;

use unipod_container::record::{self as containers, Record, State as Member};
use unipod_store::Store;
use unipod_systemd::manager::{self, ManagerError};
use unipod_systemd::restart::{self, End};
use unipod_systemd::units::{State, Units};

use crate::record::{self, Pod};
use crate::{ExitPolicy, PodError};

/// How often systemd is asked again when it does not answer.
const PAUSES: u32 = 20;

/// How long after the time before.
const PAUSE: Duration = Duration::from_millis(100);

/// Ends the pod of a container that has ended, if that was the last one and the pod is to end then. To be called by the last
/// command of the container's unit, or by the engine in the foreground.
///
/// # Errors
/// The store cannot be read, or systemd cannot be asked; the pod stays then.
pub fn after(store: &Store, ended: &Record) -> Result<(), PodError> {
    let Some(of) = &ended.pod else { return Ok(()) };
    let Some(pod) = record::exactly(store, &of.name, &of.id)? else {
        return Ok(());
    };
    if pod.options.exit_policy == ExitPolicy::Continue || !pod.is_up(store) || others_run(store, &pod, ended)? {
        return Ok(());
    }
    let own = ended.unit.as_ref().map(|unit| unit.name.as_str());
    let mut pauses = 0..PAUSES;
    loop {
        match end_if_over(&pod, own) {
            // It is executing itself anew, say.
            Err(ManagerError::Refused { .. }) if pauses.next().is_some() => thread::sleep(PAUSE),
            other => return Ok(other?),
        }
    }
}

fn end_if_over(pod: &Pod, own: Option<&str>) -> Result<(), ManagerError> {
    let units = Units::connect(!nix::unistd::geteuid().is_root())?;
    // Its own stop or restart, as a rule, for which all members end at once: it wins over what we would ask for.
    if units.has_job(&pod.unit)? {
        return Ok(());
    }
    let stays = others_are_awaited(&units, pod, own)?
        || match own {
            Some(own) => restart::comes_back(&units, own, &End::of_this_unit())?,
            None => false,
        };
    if stays { Ok(()) } else { end(&units, pod) }
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
    let bound: Vec<String> = units.property(&pod.unit, "BoundBy")?.unwrap_or_default();
    let others: Vec<String> = bound.into_iter().filter(|unit| Some(unit.as_str()) != own).collect();
    if others.is_empty() {
        return Ok(false);
    }
    let is_awaited = |state: &State| {
        matches!(state.active.as_str(), "active" | "activating" | "reloading") || state.sub == "auto-restart"
    };
    let states = units.states(&others, &[])?;
    if states.iter().any(is_awaited) {
        return Ok(true);
    }
    for state in states.iter().filter(|state| state.active == "deactivating") {
        // It ends at the same time: it has looked at us already, or is going to.
        if restart::comes_back(units, &state.name, &End::of(units, &state.name)?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever is at work on the pod's unit goes on: a stop here would cancel a restart.
fn end(units: &Units, pod: &Pod) -> Result<(), ManagerError> {
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
        other => other,
    }
}
