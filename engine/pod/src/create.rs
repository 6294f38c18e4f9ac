//! Making a pod: its name is claimed, its record is on disk. Nothing is shared yet.

use unipod_bundle as bundle;
use unipod_container::record as containers;
use unipod_container::record::is_valid_name;
use unipod_container::{feasible, names as words};
use unipod_store::{ContainerId, Lock, Store};

use crate::record::{self, Pod};
use crate::{PodError, PodOptions, names, service};

/// What is to be made.
#[derive(Debug)]
pub struct CreateRequest {
    /// What was asked for.
    pub options: PodOptions,
    /// `--name`; a random one if not given.
    pub name: Option<String>,
    /// The unit whose command we are; a service of its own if there is none.
    pub unit: Option<String>,
    /// `--replace`: a pod of that name goes first, with its members.
    pub replace: bool,
}

/// Makes the record.
///
/// # Errors
/// An option cannot work here, the name is taken, or the store cannot be written.
pub fn create(store: &Store, request: CreateRequest) -> Result<Pod, PodError> {
    let CreateRequest {
        options,
        name,
        unit,
        replace,
    } = request;
    bundle::check(&options.common)?;
    if let (Some(_), Some(limit)) = (&unit, options.common.resources.settings()?.first()) {
        return Err(PodError::LimitInUnit(limit.option));
    }
    if unit.is_none() {
        feasible::check(store, &options.common, None)?;
    }
    let (name, _lock) = claim(store, name, replace)?;
    let pod = Pod {
        id: ContainerId::random(),
        created: jiff::Timestamp::now(),
        options,
        of_unit: unit.is_some(),
        unit: unit.unwrap_or_else(|| names::service(&name)),
        id_mappings: None,
        up: None,
        started: None,
        failure: None,
        name,
    };
    pod.save(store)?;
    Ok(pod)
}

fn claim(store: &Store, wanted: Option<String>, replace: bool) -> Result<(String, Lock), PodError> {
    let Some(name) = wanted else {
        return claim_random(store);
    };
    if !is_valid_name(&name) {
        return Err(PodError::Name(name));
    }
    if let Some(holder) = record::by_name(store, &name)? {
        if !replace {
            return Err(in_use("pod", &name));
        }
        service::remove(store, &holder, service::Removal::FORCED)?;
    }
    let lock = Lock::acquire(store, "pod", &name)?;
    if record::by_name(store, &name)?.is_some() {
        return Err(in_use("pod", &name));
    }
    // Names are for both: whoever says `NAME` on a network or a command line means one of them.
    if containers::by_name(store, &name)?.is_some() {
        return Err(in_use("container", &name));
    }
    Ok((name, lock))
}

fn in_use(kind: &'static str, name: &str) -> PodError {
    PodError::NameInUse {
        name: name.to_owned(),
        kind,
    }
}

fn claim_random(store: &Store) -> Result<(String, Lock), PodError> {
    loop {
        let name = words::random();
        let lock = Lock::try_acquire(store, "pod", &name)?;
        let is_free = record::by_name(store, &name)?.is_none() && containers::by_name(store, &name)?.is_none();
        if let (Some(lock), true) = (lock, is_free) {
            return Ok((name, lock));
        }
    }
}
