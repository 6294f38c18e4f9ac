//! The image's content at the mount path becomes the content of a volume that is used for the first time.
//!
//! Before the copy a mark `populating` is written beside the data, after it `populated`. A copy that was killed is recognised
//! by the first without the second, cleared and made again; nobody has seen it, since everyone waits for the volume's lock.
//! The mark says where the copy went: a volume may be given another device, whose content is nobody's to clear. A copy that
//! fails is cleared at once, and forgotten: what is there at the next start was put there by somebody.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Stat, fstat, syncfs};
use rustix::io::Errno;

use super::copy::{Owner, copy_content, dress, is_empty, open_directory, own};
use super::{Volume, VolumeError};
use unipod_linux::inside::open_in_root;
use unipod_linux::mount;
use unipod_store::{Durability, Lock, Store, StoreError, remove_tree, write_atomic};

impl Volume {
    /// Whether a container makes it what it is: none has used it yet, or it lives in memory and starts empty every time.
    ///
    /// # Errors
    /// Its options mean nothing.
    pub fn is_fresh(&self, store: &Store) -> Result<bool, VolumeError> {
        let options = self.parsed_options()?;
        let forgets = matches!(options.fs_type.as_deref(), Some("tmpfs" | "ramfs"));
        let dir = self.directory(store);
        Ok(self.driver != "image" && (forgets || !Marks { dir }.done().exists()))
    }

    /// Copies what the image has at `destination` into the volume if it has never been used and is empty.
    ///
    /// `host` is what [`Volume::attach`] returned, `rootfs` the mounted root of the container, in which `destination` is
    /// resolved: no link in the image leads out of it. The volume's root gets owner and mode of the image's directory; where
    /// the image has none, `fallback` (the container's user) owns it. `owner` says whose a copy is. An owner given for the volume
    /// wins over all.
    pub fn populate(
        &self,
        store: &Store,
        host: &Path,
        rootfs: &Path,
        destination: &Path,
        fallback: Option<(u32, u32)>,
        owner: &Owner<'_>,
    ) -> Result<(), VolumeError> {
        if !self.is_fresh(store)? {
            return Ok(());
        }
        let _lock = Lock::acquire(store, "volume", &self.name)?;
        // Another container may have been first.
        if !self.is_fresh(store)? {
            return Ok(());
        }
        let options = self.parsed_options()?;
        let marks = Marks {
            dir: self.directory(store),
        };
        let fail = |path: PathBuf| {
            |source| VolumeError::Copy {
                name: self.name.clone(),
                path,
                source,
            }
        };
        let target = open_directory(host).map_err(fail(host.into()))?;
        let source = resolve(rootfs, destination).map_err(fail(destination.into()))?;
        let place = options.device.as_deref().unwrap_or_default();
        // All of it in the store; elsewhere others may have put files beside the copy since.
        let leavings = if options.is_mounted() {
            source.as_ref()
        } else {
            Some(&target)
        };
        if marks.has_begun(place)? {
            clear(host, leavings)?;
        }
        if !is_empty(target.as_fd()).map_err(fail(host.into()))? {
            return marks.set_done();
        }
        marks.set_begun(place)?;
        let filled = match &source {
            Some(source) => self
                .fill(source.as_fd(), target.as_fd(), owner, !options.nocopy)
                .map_err(|(at, e)| fail(at.map_or(host.into(), |at| destination.join(at)))(e)),
            None => self.own_root(target.as_fd(), fallback).map_err(fail(host.into())),
        };
        match filled {
            Ok(()) => marks.set_done(),
            Err(error) => {
                // If not even that works, the next start tries it again.
                if clear(host, leavings).is_ok() {
                    marks.forget_begun()?;
                }
                Err(error)
            }
        }
    }

    /// Makes `target`, an empty directory, what `source` is. An error comes with the path below `source`, if it is about one.
    fn fill(
        &self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        owner: &Owner<'_>,
        content: bool,
    ) -> Result<(), (Option<PathBuf>, io::Error)> {
        self.take_root(source, target, owner).map_err(|e| (None, e))?;
        if content {
            copy_content(source, target, owner).map_err(|(at, e)| (Some(at), e))?;
        }
        // The copy must be on the disk before the mark says so.
        syncfs(target).map_err(|e| (None, e.into()))
    }

    fn take_root(&self, source: BorrowedFd<'_>, target: BorrowedFd<'_>, owner: &Owner<'_>) -> io::Result<()> {
        let stat: Stat = fstat(source)?;
        dress(
            source,
            c".",
            &stat,
            target,
            self.owner_or(owner(stat.st_uid, stat.st_gid))?,
        )
    }

    fn owner_or(&self, (uid, gid): (u32, u32)) -> io::Result<(u32, u32)> {
        let wanted = self.owner().map_err(io::Error::other)?;
        Ok((wanted.0.unwrap_or(uid), wanted.1.unwrap_or(gid)))
    }

    /// The owner given for the volume, else `otherwise`.
    fn own_root(&self, target: BorrowedFd<'_>, otherwise: Option<(u32, u32)>) -> io::Result<()> {
        let now: Stat = fstat(target)?;
        own(target, self.owner_or(otherwise.unwrap_or((now.st_uid, now.st_gid)))?)
    }
}

struct Marks {
    dir: PathBuf,
}

impl Marks {
    fn begun(&self) -> PathBuf {
        self.dir.join("populating")
    }

    fn done(&self) -> PathBuf {
        self.dir.join("populated")
    }

    /// Whether a copy to `place` was begun and not finished.
    fn has_begun(&self, place: &str) -> Result<bool, VolumeError> {
        match fs::read(self.begun()) {
            Ok(begun) => Ok(begun == place.as_bytes()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(StoreError::io("read", &self.begun())(e).into()),
        }
    }

    fn set_begun(&self, place: &str) -> Result<(), VolumeError> {
        Ok(write_atomic(&self.begun(), place.as_bytes(), Durability::Synced)?)
    }

    fn forget_begun(&self) -> Result<(), VolumeError> {
        Ok(remove_tree(&self.begun())?)
    }

    fn set_done(&self) -> Result<(), VolumeError> {
        write_atomic(&self.done(), b"", Durability::Synced)?;
        self.forget_begun()
    }
}

/// The directory at `destination` inside `rootfs`; `None` if the image has none there.
fn resolve(rootfs: &Path, destination: &Path) -> io::Result<Option<OwnedFd>> {
    let root = open_directory(rootfs)?;
    match open_in_root(&root, destination, OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Removes from `host` what has the name of something in `leavings`.
fn clear(host: &Path, leavings: Option<&OwnedFd>) -> Result<(), VolumeError> {
    let Some(directory) = leavings.map(mount::fd_path) else {
        return Ok(());
    };
    let names = fs::read_dir(&directory).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    let names: Vec<OsString> = names.map_err(StoreError::io("list", host))?;
    for name in names.iter().filter(|name| *name != "lost+found") {
        remove_tree(&host.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::super::{Wanted, create};
    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        store: Store,
        rootfs: PathBuf,
        volume: Volume,
    }

    impl Place {
        fn new(wanted: Wanted) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
            let rootfs = dir.path().join("rootfs");
            fs::create_dir_all(rootfs.join("srv/data/sub")).unwrap();
            let volume = create(
                &store,
                &Wanted {
                    name: Some("v".into()),
                    ..wanted
                },
                false,
            )
            .unwrap()
            .volume();
            Self {
                _dir: dir,
                store,
                rootfs,
                volume,
            }
        }

        fn populate(&self, destination: &str) -> Result<(), VolumeError> {
            let host = self.volume.attach()?;
            self.volume.populate(
                &self.store,
                &host,
                &self.rootfs,
                Path::new(destination),
                Some((77, 78)),
                &|uid, gid| (uid, gid),
            )
        }

        fn source(&self, name: &str) -> PathBuf {
            self.rootfs.join("srv/data").join(name)
        }

        fn data(&self, name: &str) -> PathBuf {
            self.volume.mountpoint.join(name)
        }
    }

    #[test]
    fn the_images_content_is_copied_as_it_is_and_only_once() {
        let place = Place::new(Wanted::default());
        fs::write(place.source("file"), "content").unwrap();
        chown(place.source("file"), Some(12), Some(13)).unwrap();
        fs::set_permissions(place.source("file"), fs::Permissions::from_mode(0o4750)).unwrap();
        xattr::set(place.source("file"), "user.colour", b"red").unwrap();
        fs::hard_link(place.source("file"), place.source("sub/other")).unwrap();
        symlink("/etc/passwd", place.source("link")).unwrap();
        chown(place.source(""), Some(20), Some(21)).unwrap();
        fs::set_permissions(place.source(""), fs::Permissions::from_mode(0o1770)).unwrap();
        place.populate("/srv/data").unwrap();

        let file = fs::metadata(place.data("file")).unwrap();
        assert_eq!(
            (file.uid(), file.gid(), file.mode() & 0o7777, file.nlink()),
            (12, 13, 0o4750, 2)
        );
        assert_eq!(file.mtime(), fs::metadata(place.source("file")).unwrap().mtime());
        assert_eq!(file.ino(), fs::metadata(place.data("sub/other")).unwrap().ino());
        assert_eq!(xattr::get(place.data("file"), "user.colour").unwrap().unwrap(), b"red");
        assert_eq!(fs::read_link(place.data("link")).unwrap(), Path::new("/etc/passwd"));
        let root = fs::metadata(place.data("")).unwrap();
        assert_eq!((root.uid(), root.gid(), root.mode() & 0o7777), (20, 21, 0o1770));

        fs::remove_file(place.data("file")).unwrap();
        place.populate("/srv/data").unwrap();
        assert!(!place.data("file").exists(), "what the user removed does not come back");
    }

    #[test]
    fn a_copy_that_was_killed_is_made_again() {
        let place = Place::new(Wanted::default());
        fs::write(place.source("file"), "content").unwrap();
        fs::write(place.data("file"), "cont").unwrap();
        fs::write(place.store.volumes().join("v/populating"), "").unwrap();
        place.populate("/srv/data").unwrap();
        assert_eq!(fs::read_to_string(place.data("file")).unwrap(), "content");
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing_and_what_somebody_puts_there_then_stays() {
        let mut place = Place::new(Wanted::default());
        // Some files in there cannot be read.
        place.rootfs = format!("/proc/{}", std::process::id()).into();
        place.populate("/task").unwrap_err();
        assert_eq!(fs::read_dir(place.data("")).unwrap().count(), 0);
        fs::write(place.data("mine"), "user").unwrap();
        place.populate("/task").unwrap();
        assert!(place.data("mine").exists());
    }

    #[test]
    fn a_directory_of_the_host_is_not_cleared_of_what_others_have_put_there() {
        let other = tempfile::tempdir().unwrap();
        let device = other.path().to_str().unwrap().to_owned();
        let options = [("type", "none"), ("o", "bind"), ("device", &device)];
        let place = Place::new(Wanted {
            options: options.map(|(key, value)| (key.into(), value.into())).into(),
            ..Wanted::default()
        });
        fs::write(place.source("file"), "image").unwrap();
        let mark = place.store.volumes().join("v/populating");

        fs::write(&mark, &device).unwrap();
        fs::write(other.path().join("file"), "ima").unwrap();
        place.populate("/srv/data").unwrap();
        assert_eq!(fs::read_to_string(other.path().join("file")).unwrap(), "image");

        for copied_to in ["/srv/before", &device] {
            fs::remove_file(place.store.volumes().join("v/populated")).unwrap();
            fs::write(&mark, copied_to).unwrap();
            fs::write(other.path().join("mine"), "user").unwrap();
            place.populate("/srv/data").unwrap();
            assert!(other.path().join("mine").exists(), "the copy went to {copied_to}");
        }
    }

    #[test]
    fn a_volume_with_content_is_left_alone() {
        let place = Place::new(Wanted::default());
        fs::write(place.source("file"), "image").unwrap();
        fs::write(place.data("mine"), "user").unwrap();
        place.populate("/srv/data").unwrap();
        assert!(!place.data("file").exists() && place.data("mine").exists());
    }

    #[test]
    fn links_in_the_image_do_not_lead_out_of_it() {
        let place = Place::new(Wanted::default());
        symlink("../../../../../../../../etc", place.rootfs.join("srv/up")).unwrap();
        symlink("/etc", place.rootfs.join("srv/absolute")).unwrap();
        fs::create_dir(place.rootfs.join("etc")).unwrap();
        fs::write(place.rootfs.join("etc/inside"), "").unwrap();
        for (number, path) in ["/srv/up", "/srv/absolute"].into_iter().enumerate() {
            let name = Some(format!("v{number}"));
            let volume = create(
                &place.store,
                &Wanted {
                    name,
                    ..Wanted::default()
                },
                false,
            )
            .unwrap()
            .volume();
            volume
                .populate(
                    &place.store,
                    &volume.mountpoint,
                    &place.rootfs,
                    Path::new(path),
                    None,
                    &|uid, gid| (uid, gid),
                )
                .unwrap();
            let names: Vec<_> = fs::read_dir(&volume.mountpoint)
                .unwrap()
                .map(|e| e.unwrap().file_name())
                .collect();
            assert_eq!(names, ["inside"], "{path}");
        }
    }

    #[test]
    fn owners_come_from_the_volume_then_the_image_then_the_user() {
        let place = Place::new(Wanted::default());
        place.populate("/not/there").unwrap();
        assert_eq!(fs::metadata(place.data("")).unwrap().uid(), 77);
        let place = Place::new(Wanted {
            uid: Some(5),
            options: [("nocopy".into(), String::new())].into(),
            ..Wanted::default()
        });
        fs::write(place.source("file"), "").unwrap();
        place.populate("/srv/data").unwrap();
        let root = fs::metadata(place.data("")).unwrap();
        assert_eq!((root.uid(), root.gid()), (5, 0));
        assert!(!place.data("file").exists());
    }
}
