//! One lock per object, held briefly, released by the kernel if its holder dies. Readers take none.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use super::directory::create_private;
use super::scratch::names;
use super::{Durability, Store, StoreError, remove_tree};

/// A lock on one object of the store; dropped means released.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock on the object `name` of `kind` ("container", "image", "network", …).
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn acquire(store: &Store, kind: &str, name: &str) -> Result<Self, StoreError> {
        take(&lock_path(store, kind, name), FlockArg::LockExclusive)
    }

    /// Waits for a share of the lock: any number of holders may have one, but none beside an exclusive lock.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn acquire_shared(store: &Store, kind: &str, name: &str) -> Result<Self, StoreError> {
        take(&lock_path(store, kind, name), FlockArg::LockShared)
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn try_acquire(store: &Store, kind: &str, name: &str) -> Result<Option<Self>, StoreError> {
        match take(&lock_path(store, kind, name), FlockArg::LockExclusiveNonblock) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => Ok(None),
            other => other.map(Some),
        }
    }

    /// Whether somebody holds the lock, as its only holder. Nothing is made for the answer.
    ///
    /// # Errors
    /// The lock file is there and cannot be opened.
    pub fn is_held(store: &Store, kind: &str, name: &str) -> Result<bool, StoreError> {
        // A share: those who only ask are not in each other's way.
        is_refused(&lock_path(store, kind, name), FlockArg::LockSharedNonblock)
    }

    /// Whether anybody holds the lock or a share of it. Nothing is made for the answer.
    ///
    /// # Errors
    /// The lock file is there and cannot be opened.
    pub fn is_shared(store: &Store, kind: &str, name: &str) -> Result<bool, StoreError> {
        is_refused(&lock_path(store, kind, name), FlockArg::LockExclusiveNonblock)
    }

    /// Releases the lock of an object that is gone for good, and removes its file. For an exclusive lock.
    ///
    /// # Errors
    /// The run directory cannot be written.
    pub fn retire(self) -> Result<(), StoreError> {
        remove_tree(&self.path)
    }
}

fn take(path: &Path, how: FlockArg) -> Result<Lock, StoreError> {
    loop {
        let file = Flock::lock(open(path)?, how).map_err(|(_, e)| StoreError::io("lock", path)(e.into()))?;
        // Otherwise the holder before has retired it.
        if names(path, &file) {
            let path = path.to_owned();
            return Ok(Lock { _file: file, path });
        }
    }
}

fn is_refused(path: &Path, how: FlockArg) -> Result<bool, StoreError> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(StoreError::io("open", path))?,
    };
    match Flock::lock(file, how) {
        Ok(_) => Ok(false),
        Err((_, Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, e)) => Err(StoreError::io("lock", path)(e.into())),
    }
}

fn lock_path(store: &Store, kind: &str, name: &str) -> PathBuf {
    store.locks().join(format!("{kind}-{}", file_name(name)))
}

/// A name may hold slashes and be long (image references, volumes); a file's may not.
fn file_name(name: &str) -> String {
    const LONGEST: usize = 200;
    let whole = name.replace('%', "%25").replace('/', "%2f");
    if whole.len() <= LONGEST {
        whole
    } else {
        hex::encode(Sha256::digest(name))
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let open = || {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
    };
    match open() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let dir = path.parent().unwrap_or(Path::new("/"));
            create_private(dir, Durability::ThisBoot)?;
            open()
        }
        other => other,
    }
    .map_err(StoreError::io("open", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn names_of_any_length_have_locks_of_their_own() {
        let (_dir, store) = testing::store();
        let long = format!("localhost/{}", "a".repeat(300));
        let other = format!("{long}b");
        let _lock = Lock::acquire(&store, "pull", &long).unwrap();
        assert!(Lock::try_acquire(&store, "pull", &long).unwrap().is_none());
        assert!(Lock::try_acquire(&store, "pull", &other).unwrap().is_some());
        assert!(Lock::try_acquire(&store, "pull", "a/b%c").unwrap().is_some());
    }

    #[test]
    fn asking_whether_a_lock_is_held_takes_and_makes_nothing() {
        let (_dir, store) = testing::store();
        let held = || Lock::is_held(&store, "restart", "web").unwrap();
        assert!(!held() && !lock_path(&store, "restart", "web").exists());
        let lock = Lock::acquire(&store, "restart", "web").unwrap();
        assert!(held() && held());
        drop(lock);
        assert!(!held());
        let share = Lock::acquire_shared(&store, "restart", "web").unwrap();
        assert!(!held() && Lock::is_shared(&store, "restart", "web").unwrap());
        drop(share);
        assert!(!Lock::is_shared(&store, "restart", "web").unwrap());
    }

    #[test]
    fn a_lock_that_is_retired_leaves_no_file_and_those_who_wait_lock_the_next_one() {
        let (_dir, store) = testing::store();
        let first = Lock::acquire(&store, "volume", "v").unwrap();
        let path = first.path.clone();
        let waiting = std::thread::spawn({
            let store = store.clone();
            move || Lock::acquire(&store, "volume", "v").unwrap()
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        first.retire().unwrap();
        let second = waiting.join().unwrap();
        assert!(Lock::try_acquire(&store, "volume", "v").unwrap().is_none());
        second.retire().unwrap();
        assert!(!path.exists());
    }
}
