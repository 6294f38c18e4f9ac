//! Files that are there whole or not at all: temporary name, sync, rename.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use super::StoreError;

/// Whether a file must survive a power cut once the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Content and name are synced to the disk.
    Synced,
    /// The file lives in the run directory (memory): atomic, with nothing to sync.
    ThisBoot,
}

/// Replaces `path` by `content` in one step. Missing parent directories are created.
///
/// # Errors
/// The directory cannot be written; the old file is then unchanged.
pub fn write_atomic(path: &Path, content: &[u8], durability: Durability) -> Result<(), StoreError> {
    let (file, dir) = prepare(path, content, durability)?;
    file.persist(path).map_err(|e| StoreError::io("write", path)(e.error))?;
    sync_dir(dir, durability)
}

/// Creates `path` with `content` unless it exists; whoever comes first wins. Returns whether this call did.
///
/// # Errors
/// The directory cannot be written.
pub fn create_once(path: &Path, content: &[u8]) -> Result<bool, StoreError> {
    let (file, _) = prepare(path, content, Durability::ThisBoot)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(StoreError::io("create", path)(e.error)),
    }
}

/// [`write_atomic`] of a record as JSON.
///
/// # Errors
/// As [`write_atomic`].
///
/// # Panics
/// The record cannot be expressed in JSON (a map whose keys are no strings), a defect of its type.
pub fn write_json<T: Serialize>(path: &Path, record: &T, durability: Durability) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(record).expect("records are plain data");
    write_atomic(path, &text, durability)
}

/// Reads a record; `None` if there is none.
///
/// # Errors
/// The file cannot be read, or is not what was written.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|source| StoreError::Damaged { path: path.into(), source })
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", path)(e)),
    }
}

/// Removes a file or a whole tree; what is already gone is fine.
///
/// # Errors
/// Something is there that cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), StoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(e)),
        _ => Ok(()),
    }
}

fn prepare<'a>(path: &'a Path, content: &[u8], durability: Durability) -> Result<(NamedTempFile, &'a Path), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = temporary_in(dir)?;
    file.write_all(content).map_err(StoreError::io("write", file.path()))?;
    if durability == Durability::Synced {
        file.as_file().sync_all().map_err(StoreError::io("sync", file.path()))?;
    }
    Ok((file, dir))
}

fn temporary_in(dir: &Path) -> Result<NamedTempFile, StoreError> {
    let create = || tempfile::Builder::new().prefix(".tmp-").tempfile_in(dir);
    match create() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
            create()
        }
        other => other,
    }
    .map_err(StoreError::io("create a file in", dir))
}

fn sync_dir(dir: &Path, durability: Durability) -> Result<(), StoreError> {
    if durability == Durability::ThisBoot {
        return Ok(());
    }
    File::open(dir).and_then(|d| d.sync_all()).map_err(StoreError::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_replaced_whole_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/record.json");
        for n in 0..3 {
            write_json(&path, &n, Durability::Synced).unwrap();
        }
        assert_eq!(read_json::<i32>(&path).unwrap(), Some(2));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_first_creation_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot");
        assert!(create_once(&path, b"a").unwrap());
        assert!(!create_once(&path, b"b").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"a");
    }

    #[test]
    fn a_damaged_record_names_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.json");
        fs::write(&path, b"{").unwrap();
        let error = read_json::<i32>(&path).unwrap_err().to_string();
        assert!(error.contains("r.json"), "{error}");
    }
}
