//! Which runs of netavark may go on at the same time.
//!
//! netavark makes the bridge and the firewall chains with the first container and deletes the bridge with the last one, each
//! time looking first and acting later, so that runs at the same time fail or take the bridge away from under each other.
//! Runs that find a bridge in place and leave one in place do not meet, and are most: these share the network's lock, the
//! first and the last have it alone. (Thirty containers that stop at once would otherwise queue for three seconds.)

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::netavark::config_dir;
use super::state::{Input, is_anyone_staying, leave};
use super::subnet::interface_exists;
use super::{Network, NetworkError};
use unipod_store::{Durability, Lock, Store, StoreError, create_private};

/// The right to run netavark now. Given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _locks: Vec<Held>,
}

impl Turn {
    /// For a setup: alone on networks whose bridge is not there, and alone on the host for the first of this boot, and
    /// the first that publishes ports: chains for those are made then.
    pub fn to_set_up(store: &Store, input: &Input) -> Result<Self, NetworkError> {
        let ready = mark(store, has_ports(input));
        let mut locks = vec![lock(store, "netavark", || ready.exists())?];
        // Sorted by name, so that two containers on the same two networks do not wait for each other.
        for network in input.network_info.values() {
            locks.push(lock(store, &lock_name(network), || is_up(network))?);
        }
        Ok(Self { _locks: locks })
    }

    /// For a teardown: alone on networks that no other container stays on.
    pub fn to_tear_down(store: &Store, input: &Input) -> Result<Self, NetworkError> {
        let id = &input.container_id;
        let mut locks = Vec::new();
        for network in input.network_info.values() {
            // One after the other: of two last containers that leave at once, the second sees that nobody stays.
            let leaving = Lock::acquire(store, "network-leaving", &network.name)?;
            leave(store, id)?;
            let others = is_anyone_staying(store, &network.name, id)?;
            drop(leaving);
            locks.push(lock(store, &lock_name(network), || others)?);
        }
        Ok(Self { _locks: locks })
    }

    /// After such a setup, the firewall's chains are there.
    pub fn done(store: &Store, input: &Input) -> Result<(), NetworkError> {
        let marks = [false, true].into_iter().filter(|ports| !ports || has_ports(input));
        for ready in marks.map(|ports| mark(store, ports)).filter(|ready| !ready.exists()) {
            File::create(&ready).map_err(StoreError::io("create", &ready))?;
        }
        Ok(())
    }
}

/// Says that the chains are there that every setup needs, or those for ports as well.
fn mark(store: &Store, ports: bool) -> PathBuf {
    config_dir(store).join(if ports { "ready-for-ports" } else { "ready" })
}

fn has_ports(input: &Input) -> bool {
    !input.port_mappings.is_empty()
}

fn lock_name(network: &Network) -> String {
    format!("netavark-{}", network.name)
}

fn is_up(network: &Network) -> bool {
    network.managed_bridge().is_none_or(interface_exists)
}

/// Takes the lock `name`: shared with others as long as `may_share` says so, else exclusively.
pub(super) fn lock(store: &Store, name: &str, may_share: impl Fn() -> bool) -> Result<Held, NetworkError> {
    loop {
        let shared = flock(store, name, FlockArg::LockShared)?;
        if may_share() {
            return Ok(Held {
                _lock: shared,
                _gate: None,
            });
        }
        drop(shared);
        // Those who need it alone queue at a gate of their own, which is kept to the end: as soon as the first of them has
        // done what was missing, all the others share, and none still waits for the lock alone until those are done.
        let gate = flock(store, &format!("{name}-alone"), FlockArg::LockExclusive)?;
        if !may_share() {
            return Ok(Held {
                _lock: flock(store, name, FlockArg::LockExclusive)?,
                _gate: Some(gate),
            });
        }
    }
}

/// A lock taken by [`lock`].
#[derive(Debug)]
pub(super) struct Held {
    _lock: Flock<File>,
    _gate: Option<Flock<File>>,
}

fn flock(store: &Store, name: &str, how: FlockArg) -> Result<Flock<File>, NetworkError> {
    let path = store.locks().join(name);
    Flock::lock(open(&path)?, how).map_err(|(_, e)| StoreError::io("lock", &path)(e.into()).into())
}

fn open(path: &Path) -> Result<File, NetworkError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    create_private(dir, Durability::ThisBoot)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path);
    Ok(file.map_err(StoreError::io("open", path))?)
}
