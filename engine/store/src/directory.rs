//! Directories that are made with the right mode from the start, and names that are on the disk.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::StoreError;

/// Whether a file must survive a power cut once the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Content and name are synced to the disk.
    Synced,
    /// The file lives in the run directory (memory): atomic, with nothing to sync.
    ThisBoot,
}

/// Creates a directory for its owner alone, unless it is there: set-user-id programs of old images are nothing that every
/// user of the host should reach (CVE-2021-41091).
///
/// # Errors
/// It cannot be created.
pub fn create_private(dir: &Path, durability: Durability) -> Result<(), StoreError> {
    create_dirs(dir, 0o700, durability)
}

/// Creates a directory and those above it, where they are missing. Each that must last is on the disk with its name.
///
/// # Errors
/// One cannot be created, or something else is there.
pub(super) fn create_dirs(dir: &Path, mode: u32, durability: Durability) -> Result<(), StoreError> {
    let create = || DirBuilder::new().mode(mode).create(dir);
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    let created = match (create(), above) {
        (Err(e), Some(above)) if e.kind() == io::ErrorKind::NotFound => {
            create_dirs(above, mode, durability)?;
            create()
        }
        (created, _) => created,
    };
    match created {
        Ok(()) => sync_dir(above.unwrap_or(Path::new(".")), durability),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(e) => Err(StoreError::io("create", dir)(e)),
    }
}

/// Sees to it that the names in a directory are on the disk.
pub(super) fn sync_dir(dir: &Path, durability: Durability) -> Result<(), StoreError> {
    if durability == Durability::ThisBoot {
        return Ok(());
    }
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(StoreError::io("sync", dir))
}
