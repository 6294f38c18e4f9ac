//! aardvark-dns, which netavark starts and tells what to answer.
//!
//! netavark rewrites a network's name file at teardown without a lock (up to 1.5), starts a second server when two first
//! containers come at once, and cannot see that a server it signals is about to end because its last name has gone. So runs of
//! netavark that touch names take one lock: shared while they only add names to a server that runs, exclusive otherwise.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use super::NetworkError;
use super::netavark::config_dir;
use crate::store::{Store, StoreError};

/// How long a server without names may take to end. It needs a few milliseconds.
const ENDING: Duration = Duration::from_millis(500);

/// Held while netavark touches names.
#[derive(Debug)]
pub(super) struct Guard {
    _lock: Flock<File>,
}

impl Guard {
    /// For a setup: others may add names at the same time once a server runs.
    pub fn adding(store: &Store) -> Result<Self, NetworkError> {
        let lock = lock(store, FlockArg::LockShared)?;
        if server(store).is_none() {
            let path = lock_path(store);
            lock.relock(FlockArg::LockExclusive).map_err(|e| StoreError::io("lock", &path)(e.into()))?;
            if server(store).is_some() {
                lock.relock(FlockArg::LockShared).map_err(|e| StoreError::io("lock", &path)(e.into()))?;
            }
        }
        Ok(Self { _lock: lock })
    }

    /// For a teardown: nobody else touches names meanwhile.
    pub fn removing(store: &Store) -> Result<Self, NetworkError> {
        Ok(Self { _lock: lock(store, FlockArg::LockExclusive)? })
    }

    /// After a teardown: a server without names ends by itself; waits for it, so that nobody signals one that is ending.
    pub fn settle(&self, store: &Store) {
        if has_names(&directory(store)) {
            return;
        }
        let deadline = Instant::now() + ENDING;
        while server(store).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The process of the running server.
fn server(store: &Store) -> Option<u32> {
    let pid: u32 = fs::read_to_string(directory(store).join("aardvark.pid")).ok()?.trim().parse().ok()?;
    // The PID may be another program's by now; the kernel cuts `comm` at 15 bytes, which this name is not longer than.
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (comm.trim_end() == "aardvark-dns").then_some(pid)
}

fn has_names(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(|e| e.file_name() != "aardvark.pid"))
}

fn directory(store: &Store) -> PathBuf {
    config_dir(store).join("aardvark-dns")
}

fn lock_path(store: &Store) -> PathBuf {
    store.locks().join("aardvark-dns")
}

fn lock(store: &Store, how: FlockArg) -> Result<Flock<File>, NetworkError> {
    let path = lock_path(store);
    fs::create_dir_all(store.locks()).map_err(StoreError::io("create", &store.locks()))?;
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = open.map_err(StoreError::io("open", &path))?;
    Flock::lock(file, how).map_err(|(_, e)| StoreError::io("lock", &path)(e.into()).into())
}
