//! What the bottom of every root file system has: the places where each container gets something mounted.
//!
//! The OCI runtime makes a place that the image lacks, in the container's writable layer: six files and directories on
//! the disk for each start, to be removed after it. Below the image, one directory of the store has them for all.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use unipod_bundle::ContainerOptions;
use unipod_bundle::files;
use unipod_store::{Scratch, Store, StoreError, set_mode};

/// Where directories are mounted, or lie around files.
const DIRECTORIES: [&str; 5] = ["dev", "etc", "proc", "run", "sys"];

/// The directory to be the lowest layer; `None` for a container that leaves out one of the mounts, and would find an empty
/// file there.
///
/// It is on the file system of the layers: across two, overlayfs would show files with other device numbers than
/// directories (`st_dev`, Documentation/filesystems/overlayfs.rst).
///
/// # Errors
/// It is missing, and making it fails.
pub fn below_image(store: &Store, options: &ContainerOptions) -> Result<Option<PathBuf>, StoreError> {
    if !files::has_all(options) {
        return Ok(None);
    }
    let dir = store.mount_points();
    if !dir.exists() {
        let made = make(store, &dir);
        // Two first containers may both make it, and the second finds it done.
        if !dir.exists() {
            made?;
        }
    }
    Ok(Some(dir))
}

/// What is wrong with it, if it is there.
pub(super) fn damage(store: &Store) -> Option<(PathBuf, &'static str)> {
    let dir = store.mount_points();
    if fs::symlink_metadata(&dir).is_err() {
        return None;
    }
    let is = |path: &Path, kind: fn(&fs::Metadata) -> bool, mode| {
        fs::symlink_metadata(path).is_ok_and(|meta| kind(&meta) && meta.permissions().mode() & 0o7777 == mode)
    };
    let is_directory = |path: &PathBuf| is(path, fs::Metadata::is_dir, 0o755);
    let is_empty_file = |path: &PathBuf| is(path, |meta| meta.is_file() && meta.len() == 0, 0o644);
    let directories = DIRECTORIES.iter().map(|name| dir.join(name));
    let files = files::ALWAYS.iter().map(|name| dir.join(name.trim_start_matches('/')));
    let mut damaged = directories
        .filter(|path| !is_directory(path))
        .chain(files.filter(|path| !is_empty_file(path)));
    Some((damaged.next()?, "is not what every container finds there"))
}

/// Makes it anew, for nobody has it mounted.
///
/// # Errors
/// The store cannot be written.
pub(super) fn replace(store: &Store) -> Result<(), StoreError> {
    made(store)?.exchange(&store.mount_points())
}

fn make(store: &Store, target: &Path) -> Result<(), StoreError> {
    made(store)?.publish(target)
}

/// The directory, before it has its place.
fn made(store: &Store) -> Result<Scratch, StoreError> {
    let scratch = Scratch::dir(store)?;
    set_mode(scratch.path(), 0o755)?;
    for name in DIRECTORIES {
        let path = scratch.path().join(name);
        fs::create_dir(&path).map_err(StoreError::io("create", &path))?;
        set_mode(&path, 0o755)?;
    }
    for name in files::ALWAYS {
        let path = scratch.path().join(name.trim_start_matches('/'));
        File::create(&path).map_err(StoreError::io("create", &path))?;
        set_mode(&path, 0o644)?;
    }
    Ok(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_store::testing;

    #[test]
    fn they_are_made_once_and_whole() {
        let (_dir, store) = testing::store();
        let options = ContainerOptions::default();
        let first = below_image(&store, &options).unwrap().unwrap();
        for name in files::ALWAYS {
            let meta = fs::metadata(first.join(name.trim_start_matches('/'))).unwrap();
            assert_eq!((meta.len(), meta.permissions().mode() & 0o7777), (0, 0o644), "{name}");
        }
        for name in DIRECTORIES {
            let mode = fs::metadata(first.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o755, "{name}");
        }
        // Whoever comes second while the first is at it.
        assert!(make(&store, &first).is_err());
        assert_eq!(below_image(&store, &options).unwrap(), Some(first));
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_found_and_made_good() {
        let (_dir, store) = testing::store();
        assert_eq!(damage(&store), None);
        let dir = below_image(&store, &ContainerOptions::default()).unwrap().unwrap();
        for spoil in [
            (|dir: &Path| fs::write(dir.join("etc/hosts"), "x")) as fn(&Path) -> std::io::Result<()>,
            |dir| fs::remove_file(dir.join("etc/hosts")),
            |dir| fs::remove_dir(dir.join("proc")),
            |dir| fs::set_permissions(dir.join("run"), fs::Permissions::from_mode(0o700)),
        ] {
            assert_eq!(damage(&store), None);
            spoil(&dir).unwrap();
            assert!(damage(&store).is_some());
            replace(&store).unwrap();
        }
        assert_eq!(fs::read_dir(store.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn who_leaves_out_a_file_gets_none() {
        let (_dir, store) = testing::store();
        let without: [fn(&mut ContainerOptions); 4] = [
            |o| o.no_hosts = true,
            |o| o.no_hostname = true,
            |o| o.dns = vec!["none".into()],
            |o| o.uts = Some("container:other".into()),
        ];
        for change in without {
            let mut options = ContainerOptions::default();
            change(&mut options);
            assert_eq!(below_image(&store, &options).unwrap(), None);
        }
        assert!(!store.mount_points().exists());
    }
}
