//! One lock per object, held briefly, released by the kernel if its holder dies. Readers take none.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use super::{Store, StoreError};

/// A lock on one object of the store; dropped means released.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Waits for the lock on the object `name` of `kind` ("container", "image", "network", …).
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn acquire(store: &Store, kind: &str, name: &str) -> Result<Self, StoreError> {
        let path = lock_path(store, kind, name);
        let file = open(&path)?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map(|file| Self { _file: file })
            .map_err(|(_, e)| StoreError::io("lock", &path)(e.into()))
    }

    /// Waits for a share of the lock: any number of holders may have one, but none beside an exclusive lock.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn acquire_shared(store: &Store, kind: &str, name: &str) -> Result<Self, StoreError> {
        let path = lock_path(store, kind, name);
        Flock::lock(open(&path)?, FlockArg::LockShared)
            .map(|file| Self { _file: file })
            .map_err(|(_, e)| StoreError::io("lock", &path)(e.into()))
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn try_acquire(store: &Store, kind: &str, name: &str) -> Result<Option<Self>, StoreError> {
        let path = lock_path(store, kind, name);
        match Flock::lock(open(&path)?, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Some(Self { _file: file })),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, e)) => Err(StoreError::io("lock", &path)(e.into())),
        }
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
            fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
            open()
        }
        other => other,
    }
    .map_err(StoreError::io("open", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

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
}
