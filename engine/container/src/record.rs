//! A container's record: one JSON file per container, named by the container's name, so that a name is claimed,
//! looked up and released in one step. Records of `--rm` containers lie in the run directory and end with the boot.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ContainerError;
use super::log_driver::LogDriver;
use super::pod::PodUse;
use super::process::Process;
use super::tag::LogTag;
use unipod_bundle::{ContainerOptions, HostMount, IdMappings};
use unipod_network as network;
use unipod_runtime::oci;
use unipod_store::{self as store, ContainerId, Durability, Store, StoreError, undamaged};

/// Everything that is known of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Its identifier.
    pub id: ContainerId,
    /// Its name, unique in the store.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// What was asked for.
    pub options: ContainerOptions,
    /// How it lives.
    pub lifecycle: Lifecycle,
    /// The image; `None` with `--rootfs`.
    pub image: Option<ImageUse>,
    /// The unit that it belongs to; `None` for one started in the foreground.
    pub unit: Option<UnitUse>,
    /// The pod that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodUse>,
    /// Signal that asks it to end.
    pub stop_signal: i32,
    /// Seconds between that and SIGKILL.
    pub stop_timeout: u32,
    /// The OCI runtime's program.
    pub runtime: PathBuf,
    /// Its init, once started.
    pub process: Option<Process>,
    /// The boot during which it was: in another one, its number may be anybody's.
    #[serde(default)]
    pub boot: Option<String>,
    /// The control group made for it in the foreground; in a unit it has the unit's.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
    /// Those who pass its output on; most containers have none.
    pub relays: Vec<Process>,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// How it ended, once known.
    pub exit: Option<Exit>,
    /// Why the last start failed, for the command that asked for it from outside the unit.
    pub failure: Option<Failure>,
    /// What its networks gave it.
    pub network: Option<network::Status>,
    /// IDs of the images that are mounted into it.
    #[serde(default)]
    pub mounted_images: Vec<String>,
    /// The volumes it uses.
    pub volumes: Vec<VolumeUse>,
    /// The IDs of the host that its users and groups are, with a user namespace; nobody else may get them while this is on disk.
    pub id_mappings: Option<IdMappings>,
    /// Host directories mounted into it, volumes included.
    pub mounts: Vec<HostMount>,
}

/// How a container lives and ends.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `--rm`: it is removed when it ends, at the latest with the boot.
    pub rm: bool,
    /// `--sdnotify`.
    pub sdnotify: SdNotify,
    /// `--tty`.
    pub tty: bool,
    /// `--interactive`: standard input stays open.
    pub interactive: bool,
    /// `--restart`, for transient units.
    pub restart: Option<String>,
    /// `--log-driver`.
    pub log_driver: LogDriver,
    /// `--log-opt tag=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_tag: Option<LogTag>,
    /// `--cgroups=disabled`: it has no control group of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_cgroup: bool,
    /// `--cidfile`: it goes with the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid_file: Option<PathBuf>,
}

/// Who says that the container is ready, `--sdnotify`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SdNotify {
    /// The payload, through `NOTIFY_SOCKET`.
    #[default]
    Container,
    /// The engine, as soon as the payload runs.
    Conmon,
    /// The prober, at the first healthy answer.
    Healthy,
    /// Nobody.
    Ignore,
}

/// The image a container was made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImageUse {
    /// Digest of the configuration.
    pub id: String,
    /// Digest of the manifest.
    pub manifest_digest: String,
    /// The name it was found under.
    pub name: String,
}

/// The unit invocation a container belongs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitUse {
    /// The unit's name.
    pub name: String,
    /// Which start of it.
    pub invocation: Option<String>,
}

/// A volume in use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeUse {
    /// The volume's name.
    pub name: String,
    /// Made for this container and removed with it.
    pub anonymous: bool,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, 128 + signal number for a killed one.
    pub code: i32,
    /// When.
    pub at: Timestamp,
}

/// Why a start failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// The message.
    pub message: String,
    /// The exit code of the command.
    pub code: u8,
}

/// A container's state in podman's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// Its init is alive.
    Running,
    /// Its init is gone.
    Exited,
}

impl State {
    /// podman's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Exited => "exited",
        }
    }
}

impl Record {
    /// IDs of all images that it uses.
    pub fn images(&self) -> impl Iterator<Item = &String> {
        self.image.iter().map(|image| &image.id).chain(&self.mounted_images)
    }

    /// What it does now, asked from the kernel.
    pub fn state(&self) -> State {
        match (self.process, self.exit) {
            (Some(process), None) if process.is_alive() => State::Running,
            (None, None) => State::Created,
            _ => State::Exited,
        }
    }

    /// Its init, which is alive.
    ///
    /// # Errors
    /// It does not run.
    pub fn running(&self) -> Result<Process, ContainerError> {
        let state = self.state();
        let process = self.process.filter(|_| state == State::Running);
        process.ok_or_else(|| ContainerError::NotRunning(self.name.clone(), state.as_str()))
    }

    /// At present: processes of another boot are gone. A first process in the foreground that waits to be released counts as
    /// none: either its engine, which has the container's lock, is about to do it, or it was killed before.
    fn at_present(mut self, store: &Store) -> Self {
        if self.boot.as_deref().is_some_and(|boot| boot != store.stamp()) {
            self.process = self.process.map(|_| Process::GONE);
            self.relays.clear();
        }
        let waits = || oci::waits_for_release(&store.runtime_state(self.id.as_str()), self.id.as_str());
        if self.unit.is_none() && self.exit.is_none() && self.process.is_some() && waits() {
            self.process = None;
        }
        self
    }

    /// Writes the record. One that ends with the boot need not reach the disk.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn save(&self, store: &Store) -> Result<(), StoreError> {
        let durability = if self.lifecycle.rm {
            Durability::ThisBoot
        } else {
            Durability::Synced
        };
        store::write_json(&path(store, &self.name, self.lifecycle.rm), self, durability)
    }

    /// Forgets the record; the name is free again.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget(&self, store: &Store) -> Result<(), StoreError> {
        store::remove_record(&path(store, &self.name, self.lifecycle.rm))
    }
}

/// Reads the record of this very name. A damaged one counts as none, with a warning: the name is free for a new container.
///
/// # Errors
/// The record cannot be read.
pub fn by_name(store: &Store, name: &str) -> Result<Option<Record>, StoreError> {
    if !is_valid_name(name) {
        return Ok(None);
    }
    let read = |ephemeral| undamaged(store::read_json::<Record>(&path(store, name, ephemeral)));
    let record = match read(true)? {
        Some(record) => Some(record),
        None => read(false)?,
    };
    Ok(record.map(|record| record.at_present(store)))
}

/// Finds a container by name, or by its ID or the beginning of it.
///
/// # Errors
/// There is none, several begin like this, or a record cannot be read.
pub fn find(store: &Store, name_or_id: &str) -> Result<Record, ContainerError> {
    let named = by_name(store, name_or_id)?;
    if !ContainerId::is_like(name_or_id)
        && let Some(record) = named
    {
        return Ok(record);
    }
    let all = list(store)?;
    // A whole ID is nobody else's, whatever others are called.
    if let Some(record) = all.iter().find(|r| r.id.as_str() == name_or_id).cloned().or(named) {
        return Ok(record);
    }
    let mut matching = all
        .into_iter()
        .filter(|r| !name_or_id.is_empty() && r.id.as_str().starts_with(name_or_id));
    match (matching.next(), matching.next()) {
        (Some(record), None) => Ok(record),
        (Some(_), Some(_)) => Err(ContainerError::Ambiguous(name_or_id.to_owned())),
        (None, _) => Err(ContainerError::NotFound(name_or_id.to_owned())),
    }
}

/// Finds a container that must run, and its init.
///
/// # Errors
/// As [`find`]; it does not run.
pub fn running(store: &Store, name_or_id: &str) -> Result<(Record, Process), ContainerError> {
    let record = find(store, name_or_id)?;
    let process = record.running()?;
    Ok((record, process))
}

/// All containers, oldest first. Damaged records are left out with a warning: one must not hide the others.
///
/// # Errors
/// The store cannot be read.
pub fn list(store: &Store) -> Result<Vec<Record>, StoreError> {
    let mut records: Vec<Record> = Vec::new();
    for ephemeral in [true, false] {
        for record in store::read_all(&store.container_records(ephemeral))? {
            records.extend(undamaged(record.map(Some))?.map(|record: Record| record.at_present(store)));
        }
    }
    records.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    Ok(records)
}

/// IDs of the images that containers use, running or not.
///
/// # Errors
/// As [`list`].
pub fn used_images(store: &Store) -> Result<Vec<String>, StoreError> {
    Ok(list(store)?.iter().flat_map(Record::images).cloned().collect())
}

/// Names of the containers that use a volume.
///
/// # Errors
/// As [`list`].
pub fn users_of_volume(store: &Store, name: &str) -> Result<Vec<String>, StoreError> {
    let uses = |record: &Record| record.volumes.iter().any(|volume| volume.name == name);
    let found = list(store)?.into_iter().filter(uses);
    Ok(found.map(|record| record.name).collect())
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, as podman has it. Such a name is a safe file name as well.
pub fn is_valid_name(name: &str) -> bool {
    store::id::is_name(name, 200)
}

fn path(store: &Store, name: &str, ephemeral: bool) -> PathBuf {
    store.container_records(ephemeral).join(format!("{name}.json"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use unipod_store::testing::store;

    pub fn record(name: &str) -> Record {
        Record {
            id: ContainerId::random(),
            name: name.into(),
            created: Timestamp::UNIX_EPOCH,
            options: ContainerOptions::default(),
            lifecycle: Lifecycle {
                rm: true,
                ..Lifecycle::default()
            },
            image: None,
            unit: None,
            pod: None,
            stop_signal: libc::SIGTERM,
            stop_timeout: 10,
            runtime: "/usr/bin/crun".into(),
            process: None,
            boot: None,
            cgroup: None,
            relays: Vec::new(),
            started: None,
            exit: None,
            failure: None,
            network: None,
            mounted_images: Vec::new(),
            volumes: Vec::new(),
            id_mappings: None,
            mounts: Vec::new(),
        }
    }

    #[test]
    fn found_by_name_and_by_beginning_of_the_id() {
        let (_dir, store) = store();
        let web = record("web");
        web.save(&store).unwrap();
        let mut kept = record("kept");
        kept.lifecycle.rm = false;
        kept.save(&store).unwrap();
        assert_eq!(find(&store, "web").unwrap().id, web.id);
        assert_eq!(find(&store, kept.id.short()).unwrap().name, "kept");
        assert!(matches!(find(&store, "nobody"), Err(ContainerError::NotFound(_))));
        assert!(matches!(find(&store, "../web"), Err(ContainerError::NotFound(_))));
        assert!(matches!(find(&store, ""), Err(ContainerError::NotFound(_))));
        assert_eq!(list(&store).unwrap().len(), 2);
        web.forget(&store).unwrap();
        assert!(find(&store, "web").is_err());
    }

    #[test]
    fn one_damaged_record_does_not_hide_the_others() {
        let (_dir, store) = store();
        record("web").save(&store).unwrap();
        std::fs::write(store.container_records(true).join("bad.json"), "{").unwrap();
        assert_eq!(list(&store).unwrap().len(), 1);
    }

    #[test]
    fn a_process_of_an_earlier_boot_is_nobody() {
        let (_dir, store) = store();
        let own = Process::with_pid(std::process::id()).unwrap();
        for (boot, state) in [(store.stamp(), State::Running), ("another", State::Exited)] {
            let mut web = record("web");
            (web.process, web.relays, web.boot) = (Some(own), vec![own], Some(boot.to_owned()));
            web.save(&store).unwrap();
            for web in [find(&store, "web").unwrap(), list(&store).unwrap().remove(0)] {
                assert_eq!(web.state(), state);
                let expected = if state == State::Running { Some(own) } else { None };
                assert_eq!((web.running().ok(), web.relays.first().copied()), (expected, expected));
            }
        }
    }

    #[test]
    fn names_are_file_names() {
        for (name, valid) in [
            ("web", true),
            ("a.b_c-1", true),
            ("", false),
            (".x", false),
            ("a/b", false),
            ("ü", false),
        ] {
            assert_eq!(is_valid_name(name), valid, "{name}");
        }
    }

    #[test]
    fn the_state_comes_from_the_kernel() {
        let mut web = record("web");
        assert_eq!(web.state(), State::Created);
        web.process = Process::with_pid(std::process::id());
        assert_eq!(web.state(), State::Running);
        web.process = web.process.map(|p| Process {
            started: p.started + 1,
            ..p
        });
        assert_eq!(web.state(), State::Exited);
    }

    #[test]
    fn a_first_process_that_waits_to_be_released_counts_as_none() {
        let (_dir, store) = store();
        let mut waiting = record("web");
        waiting.process = Process::with_pid(std::process::id());
        let state = store.runtime_state(waiting.id.as_str()).join(waiting.id.as_str());
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("exec.fifo"), "").unwrap();
        waiting.save(&store).unwrap();
        let state_of = |name| by_name(&store, name).unwrap().unwrap().state();
        assert_eq!(state_of("web"), State::Created);
        std::fs::remove_file(state.join("exec.fifo")).unwrap();
        assert_eq!(state_of("web"), State::Running);
    }
}
