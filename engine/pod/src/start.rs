//! Starting a pod: its namespaces, its network, its shared memory and its files, all of it there without a process; and that, where
//! there has to be one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use unipod_bundle::Namespace;
use unipod_bundle::namespaces::user_mode::UserMode;
use unipod_container::networking::{self, Wanted};
use unipod_container::record::Failure;
use unipod_container::userns::{self, Asked, Users};
use unipod_linux::UserNamespace;
use unipod_linux::pin::{self, Kind};
use unipod_network::{Pending, netns};
use unipod_store::{Lock, Store, StoreError, set_mode};

use crate::record::{self, Pod, Up};
use crate::{PodError, etc, holder, teardown};

/// The roots of user namespaces pass through to the pod whose ID they know, and see nothing else.
const PASSABLE: u32 = 0o711;

/// Bytes of shared memory unless said otherwise: podman-pod-create(1), `--shm-size`.
const SHARED_MEMORY: u64 = 64 << 20;

/// Brings the pod up, and tells systemd when it is. For a command of its unit. One that is up is left as it is.
///
/// # Errors
/// The pod is gone, or any part of it cannot be made; then nothing of it is left but the record.
pub fn start(store: &Store, found: &Pod) -> Result<Pod, PodError> {
    let _lock = Lock::acquire(store, "pod", &found.name)?;
    let mut pod = again(store, found)?;
    if !pod.is_up(store) {
        // What an engine that was killed has left.
        teardown::take_down(store, &pod)?;
        let up = bring_up(store, &mut pod).inspect_err(|_| {
            if let Err(problem) = teardown::take_down(store, found) {
                tracing::warn!("while cleaning up after a failed start: {problem}");
            }
        })?;
        pod.up = Some(up);
        pod.started = Some(jiff::Timestamp::now());
        pod.failure = None;
        pod.save(store)?;
    }
    holder::announce(&pod, pod.up.as_ref().and_then(|up| up.holder))?;
    Ok(pod)
}

/// Keeps why a pod does not start, for the command that asked for it from outside its unit.
///
/// # Errors
/// The store cannot be written.
pub fn note_failure(store: &Store, found: &Pod, failure: Failure) -> Result<(), PodError> {
    let _lock = Lock::acquire(store, "pod", &found.name)?;
    let mut pod = again(store, found)?;
    pod.failure = Some(failure);
    Ok(pod.save(store)?)
}

/// The record as it is now that it is locked.
fn again(store: &Store, found: &Pod) -> Result<Pod, PodError> {
    let now = record::exactly(store, &found.name, found.id.as_str())?;
    now.ok_or_else(|| PodError::NotFound(found.name.clone()))
}

fn bring_up(store: &Store, pod: &mut Pod) -> Result<Up, PodError> {
    let share = pod.options.shared();
    let users = users(store, pod)?;
    make_directory(store, pod, users.as_ref())?;
    let owner = users.as_ref().map(|users| &users.namespace);
    let dir = store.pod(pod.id.as_str());
    if let Some(users) = &users {
        pin::create_of_users(&dir.join("user"), &users.namespace)?;
    }
    let mut up = Up {
        boot: store.stamp().to_owned(),
        network: None,
        joined_network: None,
        holder: None,
    };
    let pending = if share.network {
        begin_network(store, pod, owner, &mut up)?
    } else {
        None
    };
    // While netavark works.
    if share.ipc {
        pin::create(&[(Kind::Ipc, &dir.join("ipc"))], owner, || Ok(()))?;
        mount_shared_memory(&dir.join("shm"), pod.options.common.shm_size)?;
    }
    if share.uts && pod.options.common.uts.as_deref() != Some("host") {
        let name = pod.hostname().unwrap_or_else(|| pod.id.short().to_owned());
        pin::create(&[(Kind::Uts, &dir.join("uts"))], owner, || {
            Ok(nix::unistd::sethostname(name)?)
        })?;
    }
    up.network = pending.map(Pending::finish).transpose()?;
    etc::write(store, pod, &up, users.as_ref())?;
    up.holder = holder::start(store, pod, &up)?;
    Ok(up)
}

fn users(store: &Store, pod: &mut Pod) -> Result<Option<Users>, PodError> {
    let mode = UserMode::of(&pod.options.common)?;
    if mode == UserMode::Host {
        return Ok(None);
    }
    let id = pod.id.clone();
    let asked = Asked {
        id: id.as_str(),
        mode,
        image: None,
        user: None,
        kept: pod.id_mappings.take(),
    };
    let users = userns::provide(store, &asked, &mut |mappings| {
        pod.id_mappings = Some(mappings.clone());
        Ok(pod.save(store)?)
    })?;
    Ok(users)
}

/// Only the roots of the pod's user namespace pass through.
fn make_directory(store: &Store, pod: &Pod, users: Option<&Users>) -> Result<(), PodError> {
    let dir = store.pod(pod.id.as_str());
    let create = |dir: &Path, mode| {
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(dir)
            .map_err(StoreError::io("create", dir))
    };
    let all = dir.parent().unwrap_or(&dir);
    create(all, PASSABLE)?;
    // Records are there as well, and whoever wrote the first one had nobody pass.
    set_mode(all, PASSABLE)?;
    create(&dir, 0o700)?;
    users.map_or(Ok(()), |users| users.let_through(&dir))?;
    Ok(())
}

/// The setup that goes on meanwhile. A network that needs none is pinned here, or named in `up`.
fn begin_network(
    store: &Store,
    pod: &Pod,
    owner: Option<&UserNamespace>,
    up: &mut Up,
) -> Result<Option<Pending>, PodError> {
    let id = pod.id.as_str();
    let wanted = Wanted {
        id,
        name: &pod.name,
        options: &pod.options.common,
        image: None,
    };
    let networking = networking::begin(store, &wanted, owner)?;
    match networking.namespace {
        Namespace::New => netns::create(&store.netns(id), owner)?,
        Namespace::Path(path) if networking.pending.is_none() => up.joined_network = Some(path),
        Namespace::Path(_) | Namespace::Host => {}
    }
    Ok(networking.pending)
}

/// One file system in memory for all members, which outlives each of them.
fn mount_shared_memory(place: &Path, size: Option<u64>) -> Result<(), PodError> {
    fs::create_dir_all(place).map_err(StoreError::io("create", place))?;
    let options = format!("mode=1777,size={}", size.unwrap_or(SHARED_MEMORY));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    pin::on_the_host(place, || {
        mount(Some("shm"), place, Some("tmpfs"), flags, Some(options.as_str()))
            .map_err(|e| pin::PinError::of("mount", "shared memory", place)(e.into()))
    })?;
    Ok(())
}
