//! Unfinished work in `tmp/`: flocked by its maker, so that what a killed process left behind can be told and removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use rustix::fs::{CWD, RenameFlags};

use super::directory::{create_private, sync_dir};
use super::{Durability, Store, StoreError, id, remove_tree};

/// A directory that is being filled. Dropped means removed, unless it was published.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    lock: Flock<File>,
}

impl Scratch {
    /// A new empty directory in [`Store::tmp`].
    ///
    /// # Errors
    /// It cannot be created.
    pub fn dir(store: &Store) -> Result<Self, StoreError> {
        let tmp = ensure_tmp(store)?;
        loop {
            let path = tmp.join(id::random_hex(16));
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(StoreError::io("create", &path))?;
            // A sweep may have come between creation and lock.
            let file = match File::open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(StoreError::io("open", &path))?,
            };
            let lock = lock(file, &path)?;
            if names(&path, &lock) {
                return Ok(Self { path, lock });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory.
    pub fn handle(&self) -> &File {
        &self.lock
    }

    /// Syncs the file system once, and gives the directory its final name; on return both are on the disk.
    ///
    /// # Errors
    /// It cannot be synced or renamed; it is removed then.
    pub fn publish(self, target: &Path) -> Result<(), StoreError> {
        rustix::fs::syncfs(self.handle()).map_err(|e| StoreError::io("sync", &self.path)(e.into()))?;
        self.place(target, Durability::Synced)
    }

    /// Gives the directory, what is in which is on the disk already if it has to be, its final name.
    ///
    /// # Errors
    /// There is something of that name, or it cannot be renamed; it is removed then.
    pub fn place(self, target: &Path, durability: Durability) -> Result<(), StoreError> {
        let dir = target.parent().unwrap_or(Path::new("/"));
        create_private(dir, durability)?;
        fs::rename(&self.path, target).map_err(StoreError::io("place", target))?;
        sync_dir(dir, durability)
    }

    /// [`Self::publish`] in the place of a directory that is there and that nobody uses any more: it is removed.
    ///
    /// # Errors
    /// It cannot be synced or renamed; it is removed then.
    pub fn exchange(self, target: &Path) -> Result<(), StoreError> {
        rustix::fs::syncfs(self.handle()).map_err(|e| StoreError::io("sync", &self.path)(e.into()))?;
        rustix::fs::renameat_with(CWD, &self.path, CWD, target, RenameFlags::EXCHANGE)
            .map_err(|e| StoreError::io("replace", target)(e.into()))?;
        sync_dir(target.parent().unwrap_or(Path::new("/")), Durability::Synced)
    }

    /// Removes a tree that is in use as a whole or not at all: it is moved into `tmp/` in one step, then deleted.
    /// What is already gone is fine.
    ///
    /// # Errors
    /// It cannot be moved or deleted.
    pub fn discard(store: &Store, path: &Path) -> Result<(), StoreError> {
        let scratch = Self::dir(store)?;
        match fs::rename(path, scratch.path.join("discarded")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(e)),
            _ => remove_tree(&scratch.path),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Published: the name is gone. Failed: whatever stays is unlocked now, and the next sweep takes it.
        let _ = remove_tree(&self.path);
    }
}

/// How long a broken-off download waits to be resumed.
const RESUMABLE: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what killed processes left in `tmp/`, except downloads (`*.partial`) that can still be resumed. Returns how many entries were removed.
///
/// # Errors
/// `tmp/` cannot be read. An entry that cannot be removed is left for the next time.
pub fn sweep_tmp(store: &Store) -> Result<usize, StoreError> {
    let tmp = ensure_tmp(store)?;
    let entries = fs::read_dir(&tmp).map_err(StoreError::io("read", &tmp))?;
    let abandoned = entries.flatten().map(|entry| entry.path()).filter(|path| sweep(path));
    Ok(abandoned.count())
}

fn sweep(path: &Path) -> bool {
    if is_resumable(path) {
        return false;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else {
        return false;
    };
    let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
        return false;
    };
    names(path, &lock) && remove_tree(path).is_ok()
}

fn is_resumable(path: &Path) -> bool {
    let age = || fs::symlink_metadata(path).ok()?.modified().ok()?.elapsed().ok();
    // A time in the future has no age; it counts as recent.
    path.extension().is_some_and(|e| e == "partial") && age().is_none_or(|age| age < RESUMABLE)
}

/// Whether the path still names the open file; a sweep may have removed it before it was locked.
pub fn names(path: &Path, file: &File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

fn lock(file: File, path: &Path) -> Result<Flock<File>, StoreError> {
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| StoreError::io("lock", path)(e.into()))
}

fn ensure_tmp(store: &Store) -> Result<PathBuf, StoreError> {
    let tmp = store.tmp();
    create_private(&tmp, Durability::ThisBoot)?;
    Ok(tmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &Path) -> Store {
        Store::at(dir.join("data"), dir.join("run")).unwrap()
    }

    #[test]
    fn a_sweep_takes_what_nobody_holds() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let held = Scratch::dir(&store).unwrap();
        fs::write(held.path().join("work"), b"").unwrap();
        fs::create_dir_all(store.tmp().join("abandoned/deep")).unwrap();
        fs::write(store.tmp().join("file"), b"").unwrap();
        fs::write(store.tmp().join("new.partial"), b"").unwrap();
        let old = File::create(store.tmp().join("old.partial")).unwrap();
        old.set_modified(std::time::SystemTime::now() - 2 * RESUMABLE).unwrap();
        assert_eq!(sweep_tmp(&store).unwrap(), 3);
        assert!(held.path().join("work").exists() && store.tmp().join("new.partial").exists());
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 2);
    }

    #[test]
    fn published_work_is_moved_and_dropped_work_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let work = Scratch::dir(&store).unwrap();
        fs::write(work.path().join("f"), b"x").unwrap();
        let target = store.layers().join("target");
        work.publish(&target).unwrap();
        assert_eq!(fs::read(target.join("f")).unwrap(), b"x");
        assert_eq!(fs::metadata(store.layers()).unwrap().mode() & 0o777, 0o700);
        drop(Scratch::dir(&store).unwrap());
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
        Scratch::discard(&store, &target).unwrap();
        Scratch::discard(&store, &target).unwrap();
        assert!(!target.exists());
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }
}
