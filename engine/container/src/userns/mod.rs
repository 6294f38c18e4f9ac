//! A container's user namespace: which mapping it has, written down before it is used, and the namespace itself.

mod ranges;

use std::os::unix::fs::chown;
use std::path::Path;

use crate::ContainerError;
use crate::pod::{self, Shared};
use crate::record::{self, Record};
use unipod_bundle::IdMappings;
use unipod_bundle::namespaces::user_mode::{AutoOptions, UserMode};
use unipod_image::Image;
use unipod_linux::UserNamespace;
use unipod_linux::userns::IdRange;
use unipod_store::{Lock, Store, StoreError, set_mode};

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
        Ok(set_mode(dir, 0o710)?)
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
pub fn prepare(
    store: &Store,
    record: &mut Record,
    image: Option<&Image>,
    pod: Option<&Shared>,
) -> Result<Option<Users>, ContainerError> {
    if let Some(of_pod) = pod.and_then(|pod| pod.users.as_deref()) {
        return join(of_pod, &mut |mappings| remember(store, record, mappings));
    }
    let mode = UserMode::of(&record.options)?;
    if mode == UserMode::Host {
        return Ok(None);
    }
    let Record { id, options, .. } = record.clone();
    let asked = Asked {
        id: id.as_str(),
        mode,
        image,
        user: options.user.as_deref(),
        // Those of a container that was started before stay: what it has written belongs to them.
        kept: record.id_mappings.take(),
    };
    provide(store, &asked, &mut |mappings| remember(store, record, mappings))
}

/// Who asks for users of its own, a container or a pod.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its ID.
    pub id: &'a str,
    /// What it asks for.
    pub mode: UserMode,
    /// Its image, whose users have to be among them.
    pub image: Option<&'a Image>,
    /// The user that its first process runs as.
    pub user: Option<&'a str>,
    /// The automatic mapping that it had before.
    pub kept: Option<IdMappings>,
}

/// Makes or opens the user namespace; `None` for the host's. `remember` writes down the mapping before it is used.
///
/// # Errors
/// What is asked for means nothing, is not there, no range is free; or `remember` fails.
pub fn provide(
    store: &Store,
    asked: &Asked<'_>,
    remember: &mut dyn FnMut(&IdMappings) -> Result<(), ContainerError>,
) -> Result<Option<Users>, ContainerError> {
    match &asked.mode {
        UserMode::Host => Ok(None),
        UserMode::Mapped(mappings) => create(mappings.clone(), remember).map(Some),
        UserMode::Names { uid, gid } => create(IdMappings::granted_to(uid, gid)?, remember).map(Some),
        UserMode::Auto(wanted) => match asked.kept.clone() {
            Some(kept) => create(kept, remember),
            None => allocated(store, asked, wanted, remember),
        }
        .map(Some),
        UserMode::Container(name) => {
            let process = record::running(store, name)?.1;
            join(Path::new(&format!("/proc/{}/ns/user", process.pid)), remember)
        }
        UserMode::Path(path) => join(path, remember),
    }
}

fn allocated(
    store: &Store,
    asked: &Asked<'_>,
    wanted: &AutoOptions,
    remember: &mut dyn FnMut(&IdMappings) -> Result<(), ContainerError>,
) -> Result<Users, ContainerError> {
    // Held until the choice is on disk.
    let _lock = Lock::acquire(store, "users", "ranges")?;
    let others = record::list(store)?
        .into_iter()
        .filter(|other| other.id.as_str() != asked.id);
    let mut used: Vec<IdMappings> = others.filter_map(|other| other.id_mappings).collect();
    used.extend(pod::id_mappings(store, asked.id)?);
    let size = wanted.size.unwrap_or_else(|| ranges::size_for(asked.image, asked.user));
    let mappings = ranges::allocate(&ranges::Granted::read()?, &used, size, &wanted.mappings)?;
    create(mappings, remember)
}

fn create(
    mappings: IdMappings,
    remember: &mut dyn FnMut(&IdMappings) -> Result<(), ContainerError>,
) -> Result<Users, ContainerError> {
    remember(&mappings)?;
    let namespace = UserNamespace::create(&mappings.uids, &mappings.gids).map_err(|e| {
        failed(format!(
            "the kernel refuses users {} and groups {}: {e}",
            text(&mappings.uids),
            text(&mappings.gids)
        ))
    })?;
    Ok(Users { mappings, namespace })
}

fn text(ranges: &[IdRange]) -> String {
    ranges
        .iter()
        .map(|(inside, outside, size)| format!("{inside}:{outside}:{size}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn join(
    path: &Path,
    remember: &mut dyn FnMut(&IdMappings) -> Result<(), ContainerError>,
) -> Result<Option<Users>, ContainerError> {
    let fail = |source| ContainerError::Io {
        action: "join the user namespace",
        path: path.to_owned(),
        source,
    };
    let Some(namespace) = UserNamespace::open(path).map_err(fail)? else {
        return Ok(None);
    };
    let (uids, gids) = namespace.mappings().map_err(fail)?;
    let mappings = IdMappings { uids, gids };
    remember(&mappings)?;
    Ok(Some(Users { mappings, namespace }))
}

fn remember(store: &Store, record: &mut Record, mappings: &IdMappings) -> Result<(), ContainerError> {
    record.id_mappings = Some(mappings.clone());
    Ok(record.save(store)?)
}

fn failed(reason: String) -> ContainerError {
    ContainerError::Option {
        option: "user namespace".to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use unipod_store::testing::store;

    #[test]
    fn the_mapping_is_on_disk_and_in_the_namespace() {
        let (_dir, store) = store();
        let mut web = record("web");
        assert!(prepare(&store, &mut web, None, None).unwrap().is_none());
        web.options.uid_maps = vec!["0:100000:10".into()];
        let users = prepare(&store, &mut web, None, None).unwrap().unwrap();
        assert_eq!(
            users.namespace.mappings().unwrap(),
            (vec![(0, 100_000, 10)], vec![(0, 100_000, 10)])
        );
        assert_eq!(
            record::by_name(&store, "web").unwrap().unwrap().id_mappings,
            Some(users.mappings.clone())
        );
        assert_eq!(users.on_host(9, 0).unwrap(), (100_009, 100_000));
        assert!(users.on_host(10, 0).unwrap_err().to_string().contains("user 10"));
    }

    #[test]
    fn an_automatic_range_stays_with_its_container() {
        let (_dir, store) = store();
        let mut web = record("web");
        web.options.userns = Some("auto".into());
        web.id_mappings = Some(IdMappings {
            uids: vec![(0, 4711, 5)],
            gids: vec![(0, 4712, 5)],
        });
        let users = prepare(&store, &mut web, None, None).unwrap().unwrap();
        assert_eq!(users.root().unwrap(), (4711, 4712));
    }

    #[test]
    fn namespaces_are_joined_by_path_and_must_run_by_name() {
        let (_dir, store) = store();
        let namespace = UserNamespace::create(&[(0, 300_000, 5)], &[(0, 300_000, 5)]).unwrap();
        let mut web = record("web");
        web.options.userns = Some(format!("ns:{}", namespace.path().display()));
        assert_eq!(
            prepare(&store, &mut web, None, None).unwrap().unwrap().root().unwrap(),
            (300_000, 300_000)
        );
        web.options.userns = Some("ns:/proc/self/ns/user".into());
        assert!(prepare(&store, &mut web, None, None).unwrap().is_none());
        record("idle").save(&store).unwrap();
        web.options.userns = Some("container:idle".into());
        assert!(matches!(
            prepare(&store, &mut web, None, None),
            Err(ContainerError::NotRunning(..))
        ));
    }
}
