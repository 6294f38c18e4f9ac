//! A pod's record: one JSON file, named by the pod's name. That of a unit's pod lies in the run directory and ends with the boot.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use unipod_bundle::IdMappings;
use unipod_container::pod::PodUse;
use unipod_container::process::Process;
use unipod_container::record::{Failure, is_valid_name};
use unipod_network::Status;
use unipod_store::{self as store, ContainerId, Durability, Store, StoreError, undamaged};

use crate::{PodError, PodOptions, names};

/// Everything that is known of a pod.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pod {
    /// Its identifier.
    pub id: ContainerId,
    /// Its name, unique in the store.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// What was asked for.
    pub options: PodOptions,
    /// The service that it is.
    pub unit: String,
    /// Whether a command of that service has made it, which removes it, too.
    pub of_unit: bool,
    /// The IDs of the host that its users and groups are; nobody else may get them while this is on disk.
    #[serde(default)]
    pub id_mappings: Option<IdMappings>,
    /// What it has while it runs.
    #[serde(default)]
    pub up: Option<Up>,
    /// When it was started last.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// Why the last start failed, for the command that asked for it from outside the unit.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// What a pod has while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Up {
    /// The boot: in another one there is nothing of it.
    pub boot: String,
    /// What its networks gave it.
    pub network: Option<Status>,
    /// The path of a network namespace that it was given.
    #[serde(default)]
    pub joined_network: Option<PathBuf>,
    /// The process that holds what no pin can.
    #[serde(default)]
    pub holder: Option<Process>,
}

impl Pod {
    /// Whether it runs. It does not without a process that it had.
    pub fn is_up(&self, store: &Store) -> bool {
        let is_there = |up: &Up| up.boot == store.stamp() && up.holder.is_none_or(Process::is_alive);
        self.up.as_ref().is_some_and(is_there)
    }

    /// How its members know it.
    pub fn to_use(&self) -> PodUse {
        PodUse {
            id: self.id.as_str().to_owned(),
            name: self.name.clone(),
            unit: self.unit.clone(),
            slice: self.slice(),
            share: self
                .options
                .shared()
                .words()
                .into_iter()
                .map(ToOwned::to_owned)
                .collect(),
            hostname: self.hostname(),
        }
    }

    /// The slice that is made for it, and that services of its members are in. `None` where units say that for themselves.
    pub fn slice(&self) -> Option<String> {
        let is_parent = !self.of_unit && !self.options.not_parent;
        is_parent.then(|| names::slice(&self.name))
    }

    /// Its host name.
    pub fn hostname(&self) -> Option<String> {
        let own = self.options.common.hostname.clone();
        own.or_else(|| unipod_container::names::hostname(&self.name))
    }

    /// The name of the infra container that it would have.
    pub fn infra_name(&self) -> String {
        let own = self.options.infra.name.clone();
        own.unwrap_or_else(|| format!("{}-infra", self.id.short()))
    }

    /// Writes the record. One that ends with the boot need not reach the disk.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn save(&self, store: &Store) -> Result<(), StoreError> {
        let durability = if self.of_unit {
            Durability::ThisBoot
        } else {
            Durability::Synced
        };
        store::write_json(&path(store, &self.name, self.of_unit), self, durability)
    }

    /// Forgets the record; the name is free again.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget(&self, store: &Store) -> Result<(), StoreError> {
        store::remove_record(&path(store, &self.name, self.of_unit))
    }
}

/// Reads the record of this very name. A damaged one counts as none, with a warning.
///
/// # Errors
/// The record cannot be read.
pub fn by_name(store: &Store, name: &str) -> Result<Option<Pod>, StoreError> {
    if !is_valid_name(name) {
        return Ok(None);
    }
    for of_unit in [true, false] {
        if let Some(pod) = undamaged(store::read_json::<Pod>(&path(store, name, of_unit)))? {
            return Ok(Some(pod));
        }
    }
    Ok(None)
}

/// The pod of this name if it is still the one with this ID, without a look at the others.
///
/// # Errors
/// As [`by_name`].
pub fn exactly(store: &Store, name: &str, id: &str) -> Result<Option<Pod>, StoreError> {
    Ok(by_name(store, name)?.filter(|pod| pod.id.as_str() == id))
}

/// Finds a pod by name, or by its ID or the beginning of it.
///
/// # Errors
/// There is none, several begin like this, or a record cannot be read.
pub fn find(store: &Store, name_or_id: &str) -> Result<Pod, PodError> {
    let named = by_name(store, name_or_id)?;
    if !ContainerId::is_like(name_or_id)
        && let Some(pod) = named
    {
        return Ok(pod);
    }
    let all = list(store)?;
    // A whole ID is nobody else's, whatever others are called.
    if let Some(pod) = all.iter().find(|pod| pod.id.as_str() == name_or_id).cloned().or(named) {
        return Ok(pod);
    }
    let begins = |pod: &Pod| !name_or_id.is_empty() && pod.id.as_str().starts_with(name_or_id);
    let mut matching = all.into_iter().filter(begins);
    match (matching.next(), matching.next()) {
        (Some(pod), None) => Ok(pod),
        (Some(_), Some(_)) => Err(PodError::Ambiguous(name_or_id.to_owned())),
        (None, _) => Err(PodError::NotFound(name_or_id.to_owned())),
    }
}

/// All pods, oldest first. Damaged records are left out with a warning: one must not hide the others.
///
/// # Errors
/// The store cannot be read.
pub fn list(store: &Store) -> Result<Vec<Pod>, StoreError> {
    let mut pods: Vec<Pod> = Vec::new();
    for of_unit in [true, false] {
        for record in store::read_all(&store.pod_records(of_unit))? {
            pods.extend(undamaged(record.map(Some))?);
        }
    }
    pods.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    Ok(pods)
}

fn path(store: &Store, name: &str, of_unit: bool) -> PathBuf {
    store.pod_records(of_unit).join(format!("{name}.json"))
}
