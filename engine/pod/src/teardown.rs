//! Taking a pod down: everything works from what is on disk, so it also cleans up after an engine that was killed in the middle;
//! doing it twice is harmless.

use std::path::Path;

use unipod_linux::pin;
use unipod_network as network;
use unipod_store::{self as store, Lock, Store};

use crate::record::{self, Pod};
use crate::{PodError, holder};

/// Ends what the pod has while it runs, if its unit has ended; the record stays, without it.
///
/// # Errors
/// Something cannot be taken down.
pub fn clean_up(store: &Store, found: &Pod) -> Result<(), PodError> {
    let _lock = Lock::acquire(store, "pod", &found.name)?;
    let Some(pod) = record::exactly(store, &found.name, found.id.as_str())? else {
        return take_down(store, found);
    };
    clean_up_locked(store, &pod)
}

/// [`clean_up`] for a caller that holds the pod's lock. What is half taken down counts as down, for whoever starts it next.
pub(crate) fn clean_up_locked(store: &Store, pod: &Pod) -> Result<(), PodError> {
    let noted = match &pod.up {
        Some(_) => Pod {
            up: None,
            ..pod.clone()
        }
        .save(store),
        None => Ok(()),
    };
    // A full disk is no reason to keep the rest.
    take_down(store, pod).and(noted.map_err(PodError::from))
}

/// Network, pins, shared memory and files. Goes on after a failure and returns the first.
pub(crate) fn take_down(store: &Store, pod: &Pod) -> Result<(), PodError> {
    let id = pod.id.as_str();
    let dir = store.pod(id);
    // It has the namespaces that go next.
    let holder = pod.up.as_ref().filter(|up| up.boot == store.stamp());
    let ended = holder.and_then(|up| up.holder).map_or(Ok(()), holder::end);
    let network = network::teardown(store, id).map_err(PodError::from);
    let mut first = ended.and(network).err();
    let mut keep = |result: Result<(), PodError>| {
        if let Err(error) = result {
            first.get_or_insert(error);
        }
    };
    if dir.exists() {
        for name in ["ipc", "uts", "user", holder::PIN] {
            keep(pin::remove(&dir.join(name)).map_err(Into::into));
        }
        keep(unmount(&dir.join("shm")));
        keep(remove(&dir));
    }
    first.map_or(Ok(()), Err)
}

fn unmount(place: &Path) -> Result<(), PodError> {
    if !place.exists() {
        return Ok(());
    }
    Ok(pin::on_the_host(place, || pin::unmount(place))?)
}

/// Nothing is mounted there any more on the host. In a mount namespace of a unit's own there may be copies, and the kernel removes
/// no directory that one sees a mount on.
fn remove(dir: &Path) -> Result<(), PodError> {
    Ok(pin::on_the_host(dir, || Ok(store::remove_tree(dir)))??)
}
