//! Files that are there whole or not at all: written without a name, synced, then named.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use serde::{Serialize, de::DeserializeOwned};

use unipod_linux::mount::fd_path;

use super::directory::{Durability, create_private, sync_dir};
use super::{StoreError, remove_tree};

/// Replaces `path` by `content` in one step. Missing parent directories are created.
///
/// A process that is killed in the middle leaves nothing behind when the file is new; when one is replaced, it can leave
/// the new one beside it, which the next one to replace it and [`remove_record`] take along.
///
/// # Errors
/// The directory cannot be written; the old file is then unchanged.
pub fn write_atomic(path: &Path, content: &[u8], durability: Durability) -> Result<(), StoreError> {
    loop {
        // A file that has lost the name it had can be given no other: linkat(2).
        let file = unnamed(path, content, durability)?;
        if file.name(path)? || replace(&file, path)? {
            break;
        }
    }
    sync_dir(directory(path), durability)
}

/// Puts a new file into the place of `path`. Returns whether it is there: another one that writes the same record at this moment
/// may have taken the name beside it.
fn replace(file: &Unnamed, path: &Path) -> Result<bool, StoreError> {
    let aside = aside(path);
    // What a process that was killed here has left.
    remove_tree(&aside)?;
    if !file.name(&aside)? {
        return Ok(false);
    }
    match fs::rename(&aside, path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        // A directory that is in the place of a record is damage, and what is in it nobody's.
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => remove_tree(path).map(|()| false),
        Err(e) => Err(StoreError::io("write", path)(e)),
    }
}

/// Creates `path` with `content` unless it exists; whoever comes first wins. Returns whether this call did.
///
/// # Errors
/// The directory cannot be written.
pub fn create_once(path: &Path, content: &[u8]) -> Result<bool, StoreError> {
    unnamed(path, content, Durability::ThisBoot)?.name(path)
}

/// Removes a record, and what a process that was killed while replacing it may have left beside it. One that is gone is fine.
///
/// # Errors
/// The directory cannot be written.
pub fn remove_record(path: &Path) -> Result<(), StoreError> {
    remove_tree(path)?;
    remove_tree(&aside(path))
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
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| StoreError::Damaged {
                path: path.into(),
                source,
            }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", path)(e)),
    }
}

/// A record is read for its name, and for lists; nobody wants to be told twice.
fn warn_once(message: String) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // Who panicked while it was held has left it as it was.
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&message) {
        tracing::warn!("{message}");
        said.insert(message);
    }
}

/// What was read, where a damaged record counts as none, with a warning that names it: it costs what it is about and nothing else.
/// Whoever makes that anew replaces the record, and whoever removes it removes it.
///
/// # Errors
/// Something else than the record keeps it from being read, see [`StoreError::is_damage`].
pub fn undamaged<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(damage) if damage.is_damage() => {
            let why = damage.source().map(|why| format!(" ({why})")).unwrap_or_default();
            warn_once(format!(
                "{damage}{why}: it is left out; make anew or remove what it is about"
            ));
            Ok(None)
        }
        other => other,
    }
}

/// The names of what is in a directory of the store, in order; none if it is not there. Names that are not UTF-8 are not ours.
///
/// # Errors
/// It cannot be read.
pub fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("list", dir))?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    let names: io::Result<Vec<_>> = names.collect();
    let mut names: Vec<String> = names
        .map_err(StoreError::io("list", dir))?
        .into_iter()
        .flatten()
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Reads all records of a directory, each `NAME.json`, in the order of their names. What cannot be read stands in the place
/// of its record: whether it counts is the caller's business.
///
/// # Errors
/// The directory cannot be read.
pub fn read_all<T: DeserializeOwned>(dir: &Path) -> Result<Vec<Result<T, StoreError>>, StoreError> {
    let paths = names_in(dir)?.into_iter().map(|name| dir.join(name));
    let records = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    // Gone in the meantime: not there.
    Ok(records.filter_map(|path| read_json(&path).transpose()).collect())
}

/// Gives a file or directory exactly these permissions, whatever the umask is.
///
/// # Errors
/// It is not there, or is somebody else's.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(StoreError::io("set the mode of", path))
}

/// A file with its content that has no name yet; without one it ends with the process.
struct Unnamed(File);

impl Unnamed {
    /// Gives it a name. Returns whether the name was free.
    fn name(&self, path: &Path) -> Result<bool, StoreError> {
        match linkat(CWD, fd_path(&self.0), CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(e) => Err(StoreError::io("create", path)(e.into())),
        }
    }
}

fn unnamed(path: &Path, content: &[u8], durability: Durability) -> Result<Unnamed, StoreError> {
    let dir = directory(path);
    let open = || {
        openat(
            CWD,
            dir,
            OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )
    };
    let file = match open() {
        Err(rustix::io::Errno::NOENT) => {
            create_private(dir, durability)?;
            open()
        }
        other => other,
    };
    let mut file = File::from(file.map_err(|e| StoreError::io("create a file in", dir)(e.into()))?);
    file.write_all(content).map_err(StoreError::io("write", path))?;
    if durability == Durability::Synced {
        file.sync_all().map_err(StoreError::io("sync", path))?;
    }
    Ok(Unnamed(file))
}

/// `.NAME.new` beside `NAME`.
fn aside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
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
    fn what_cannot_be_read_is_as_good_as_damaged_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.json");
        fs::create_dir_all(path.join("in/it")).unwrap();
        let read = || undamaged(read_json::<i32>(&path)).unwrap();
        assert_eq!(read(), None);
        write_json(&path, &1, Durability::Synced).unwrap();
        assert_eq!(read(), Some(1));
        let inside = undamaged(read_json::<i32>(&path.join("below.json"))).unwrap();
        assert_eq!(inside, None);
        let ours = StoreError::io("read", &path)(io::Error::from_raw_os_error(libc::EMFILE));
        assert!(!ours.is_damage());
    }

    #[test]
    fn a_record_takes_along_what_was_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.json");
        let left = dir.path().join(".web.json.new");
        fs::write(dir.path().join("web2.json"), "2").unwrap();
        for replaces in [true, false] {
            write_json(&path, &1, Durability::ThisBoot).unwrap();
            fs::write(&left, "{").unwrap();
            if replaces {
                write_json(&path, &2, Durability::ThisBoot).unwrap();
                assert_eq!(read_json::<i32>(&path).unwrap(), Some(2));
            } else {
                remove_record(&path).unwrap();
                assert!(!path.exists());
            }
            assert!(!left.exists());
        }
    }

    #[test]
    fn of_several_at_once_one_is_there_in_the_end_and_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.json");
        std::thread::scope(|scope| {
            for n in 0..4 {
                let path = &path;
                scope.spawn(move || (0..200).for_each(|_| write_json(path, &n, Durability::ThisBoot).unwrap()));
            }
        });
        assert!(read_json::<i32>(&path).unwrap().is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
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
