//! A container's user namespace: which mapping it has, written down before it is used, and the namespace itself.

mod ranges;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use super::ContainerError;
use super::record::{self, Record};
use crate::image::Image;
use crate::runtime::user_mode::{AutoOptions, UserMode};
use crate::runtime::IdMappings;
use crate::store::{Lock, Store, StoreError, UserNamespace};

/// A user namespace to be used by a container, and what it maps.
#[derive(Debug)]
pub struct Users {
    /// From the container's IDs to the host's.
    pub mappings: IdMappings,
    /// It.
    pub namespace: UserNamespace,
}

impl Users {
    /// The host's IDs of the container's root.
    ///
    /// # Errors
    /// The container has no root.
    pub fn root(&self) -> Result<(u32, u32), ContainerError> {
        self.on_host(0, 0)
    }

    /// Lets the container's root, and nobody else, pass through a directory of the engine's.
    ///
    /// # Errors
    /// The container has no root, or the directory cannot be changed.
    pub fn let_through(&self, dir: &Path) -> Result<(), ContainerError> {
        let (_, group) = self.root()?;
        chown(dir, None, Some(group)).map_err(StoreError::io("set the group of", dir))?;
        let mode = fs::Permissions::from_mode(0o710);
        Ok(fs::set_permissions(dir, mode).map_err(StoreError::io("set the mode of", dir))?)
    }

    /// The host's IDs of a user and a group of the container.
    ///
    /// # Errors
    /// One is not mapped.
    pub fn on_host(&self, uid: u32, gid: u32) -> Result<(u32, u32), ContainerError> {
        let reason = || format!("user {uid} or group {gid} of the container is not mapped");
        self.mappings.on_host(uid, gid).ok_or_else(|| failed(reason()))
    }
}

/// Makes or opens the user namespace of a container; `None` for the host's. Its mapping is in the record, on disk, before:
/// a range belongs to a container as long as there is a record of it.
///
/// # Errors
/// What is asked for means nothing, is not there, or no range is free.
pub fn prepare(store: &Store, record: &mut Record, image: Option<&Image>) -> Result<Option<Users>, ContainerError> {
    match UserMode::of(&record.options)? {
        UserMode::Host => Ok(None),
        UserMode::Mapped(mappings) => create(store, record, mappings).map(Some),
        UserMode::Names { uid, gid } => create(store, record, IdMappings::granted_to(&uid, &gid)?).map(Some),
        UserMode::Auto(wanted) => {
            // Those of a container that was started before stay: what it has written belongs to them.
            let mappings = match record.id_mappings.take() {
                Some(kept) => kept,
                None => return allocated(store, record, image, &wanted).map(Some),
            };
            create(store, record, mappings).map(Some)
        }
        UserMode::Container(name) => {
            let process = record::running(store, &name)?.1;
            join(store, record, Path::new(&format!("/proc/{}/ns/user", process.pid)))
        }
        UserMode::Path(path) => join(store, record, &path),
    }
}

fn allocated(store: &Store, record: &mut Record, image: Option<&Image>, wanted: &AutoOptions) -> Result<Users, ContainerError> {
    // Held until the choice is on disk.
    let _lock = Lock::acquire(store, "users", "ranges")?;
    let others = record::list(store)?.into_iter().filter(|other| other.id != record.id);
    let used: Vec<IdMappings> = others.filter_map(|other| other.id_mappings).collect();
    let user = record.options.user.as_deref();
    let size = wanted.size.unwrap_or_else(|| ranges::size_for(image, user));
    let mappings = ranges::allocate(&ranges::Granted::read()?, &used, size, &wanted.mappings)?;
    create(store, record, mappings)
}

fn create(store: &Store, record: &mut Record, mappings: IdMappings) -> Result<Users, ContainerError> {
    remember(store, record, &mappings)?;
    let namespace = UserNamespace::create(&mappings.uids, &mappings.gids).map_err(|e| {
        let text = |ranges: &[(u32, u32, u32)]| ranges.iter().map(|(a, b, c)| format!("{a}:{b}:{c}")).collect::<Vec<_>>().join(" ");
        failed(format!("the kernel refuses users {} and groups {}: {e}", text(&mappings.uids), text(&mappings.gids)))
    })?;
    Ok(Users { mappings, namespace })
}

fn join(store: &Store, record: &mut Record, path: &Path) -> Result<Option<Users>, ContainerError> {
    let fail = |source| ContainerError::Io { action: "join the user namespace", path: path.to_owned(), source };
    let Some(namespace) = UserNamespace::open(path).map_err(fail)? else { return Ok(None) };
    let (uids, gids) = namespace.mappings().map_err(fail)?;
    let mappings = IdMappings { uids, gids };
    remember(store, record, &mappings)?;
    Ok(Some(Users { mappings, namespace }))
}

fn remember(store: &Store, record: &mut Record, mappings: &IdMappings) -> Result<(), ContainerError> {
    record.id_mappings = Some(mappings.clone());
    Ok(record.save(store)?)
}

fn failed(reason: String) -> ContainerError {
    ContainerError::Option { option: "user namespace".to_owned(), reason }
}
