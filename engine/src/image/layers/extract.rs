//! From entries of an archive to files, whiteouts turned into what overlayfs knows (Documentation/filesystems/overlayfs.rst,
//! "whiteouts and opaque directories"; OCI image specification, layer.md).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::LayerError;
use super::archive::{Archive, CopyError, Entry, Kind};
use super::root::{self, Root};
use super::stream::TarStream;
use crate::store::mount;

/// Marks a directory that hides what is below it.
pub(crate) const OPAQUE_TRUSTED: &str = "trusted.overlay.opaque";
/// The same for an overlay mounted with `userxattr` in a user namespace.
pub(crate) const OPAQUE_USER: &str = "user.overlay.opaque";

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE_MARK: &[u8] = b".wh..wh..opq";
/// What aufs keeps for itself.
const AUFS: &[u8] = b".wh..wh.";

/// Why an archive could not be unpacked; the entry's name is added where it is known.
#[derive(Debug)]
pub(super) enum Failure {
    Archive(io::Error),
    Refused(&'static str),
    Io(&'static str, io::Error),
    At(PathBuf, Box<Failure>),
}

impl Failure {
    pub(super) fn into_layer_error(self, place: &Path, diff_id: &str) -> LayerError {
        let (entry, failure) = match self {
            Self::At(path, failure) => (path.display().to_string(), *failure),
            other => (String::new(), other),
        };
        match failure {
            Self::Io(_, e) if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                LayerError::DiskFull { place: place.into(), entry }
            }
            Self::Io(action, source) => LayerError::Entry { action, entry, source },
            Self::Refused(reason) => LayerError::Refused { entry, reason },
            Self::Archive(source) => LayerError::Archive { diff_id: diff_id.into(), source },
            Self::At(_, inner) => inner.into_layer_error(place, diff_id),
        }
    }
}

/// For `map_err`.
fn io<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Failure {
    move |e| Failure::Io(action, e.into())
}

/// Unpacks all entries into `dir`. Returns the bytes of the files.
pub(super) fn extract(stream: &mut TarStream, dir: &File) -> Result<u64, Failure> {
    let mut archive = Archive::new(stream);
    let mut unpacker = Unpacker {
        root: Root::new(dir).map_err(io("open"))?,
        directories: BTreeMap::new(),
        confined: mount::in_user_namespace(),
        size: 0,
    };
    // What the archive does not say about its root is as everywhere.
    rustix::fs::fchmod(dir, Mode::from_raw_mode(0o755)).map_err(io("set the mode of"))?;
    while let Some(entry) = archive.next_entry().map_err(Failure::Archive)? {
        let name = PathBuf::from(OsStr::from_bytes(&entry.path));
        unpacker.entry(&entry, &mut archive).map_err(|e| Failure::At(name, Box::new(e)))?;
    }
    unpacker.set_directory_times();
    Ok(unpacker.size)
}

struct Unpacker {
    root: Root,
    /// Times of the directories that the archive lists; set last, as every file in them changes them.
    directories: BTreeMap<PathBuf, Timestamps>,
    /// In a user namespace there are no devices, and overlayfs takes its marks from `user.*`.
    confined: bool,
    size: u64,
}

/// Where an entry goes.
struct Place<'a> {
    path: &'a Path,
    parent: Rc<OwnedFd>,
    name: &'a OsStr,
}

impl Unpacker {
    fn entry(&mut self, entry: &Entry, archive: &mut Archive<'_, TarStream>) -> Result<(), Failure> {
        let path = root::clean(&entry.path).map_err(Failure::Refused)?;
        if path.components().any(|c| c.as_os_str().as_bytes().starts_with(AUFS) && c.as_os_str() != OsStr::from_bytes(OPAQUE_MARK)) {
            return Ok(());
        }
        let Some((above, name)) = root::split(&path) else {
            return self.root_entry(entry);
        };
        let parent = self.root.directory(above).map_err(parent_failure)?;
        let place = Place { path: &path, parent, name };
        match name.as_bytes().strip_prefix(WHITEOUT) {
            Some(_) if name.as_bytes() == OPAQUE_MARK => self.mark_opaque(&place.parent),
            Some(hidden) => self.whiteout(&place.parent, OsStr::from_bytes(hidden)),
            None => self.place(entry, &place, archive),
        }
    }

    fn root_entry(&mut self, entry: &Entry) -> Result<(), Failure> {
        if entry.kind != Kind::Directory {
            return Err(Failure::Refused("only a directory can be the root"));
        }
        let root = self.root.directory(Path::new("")).map_err(io("open"))?;
        self.finish_directory(entry, Path::new(""), &reopen(&root)?)
    }

    fn place(&mut self, entry: &Entry, place: &Place, archive: &mut Archive<'_, TarStream>) -> Result<(), Failure> {
        match entry.kind {
            Kind::File => self.file(entry, place, archive),
            Kind::Directory => self.directory(entry, place),
            Kind::HardLink => self.hard_link(entry, place),
            Kind::Symlink => self.special(entry, place, |place| {
                rustix::fs::symlinkat(OsStr::from_bytes(&entry.link), &place.parent, place.name)
            }),
            Kind::Fifo => self.node(entry, place, FileType::Fifo),
            // Only the real root can make devices; engines agree to leave them out otherwise.
            Kind::CharDevice | Kind::BlockDevice if self.confined => Ok(()),
            Kind::CharDevice => self.node(entry, place, FileType::CharacterDevice),
            Kind::BlockDevice => self.node(entry, place, FileType::BlockDevice),
        }
    }

    fn file(&mut self, entry: &Entry, place: &Place, archive: &mut Archive<'_, TarStream>) -> Result<(), Failure> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = self.replacing(place, |place| {
            rustix::fs::openat(&place.parent, place.name, flags, Mode::from_raw_mode(0o600))
        })?;
        let file = File::from(file);
        let mut offset = 0;
        for piece in entry.pieces.iter().filter(|piece| piece.length > 0) {
            offset = piece.offset;
            archive
                .copy(piece.length, |bytes| {
                    file.write_all_at(bytes, offset)?;
                    offset += bytes.len() as u64;
                    Ok(())
                })
                .map_err(copy_failure)?;
            self.size += piece.length;
        }
        if offset != entry.size {
            file.set_len(entry.size).map_err(io("write"))?;
        }
        set_metadata(entry, &file)?;
        rustix::fs::futimens(&file, &times(entry)).map_err(io("set the time of"))
    }

    fn directory(&mut self, entry: &Entry, place: &Place) -> Result<(), Failure> {
        let mut was_whiteout = false;
        match rustix::fs::mkdirat(&place.parent, place.name, Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            Err(Errno::EXIST) => match self.existing(place)? {
                // An earlier entry, or one below it, made the directory already.
                Some(FileType::Directory) => {}
                other => {
                    was_whiteout = other == Some(FileType::CharacterDevice) && self.is_whiteout(place)?;
                    self.remove(place)?;
                    rustix::fs::mkdirat(&place.parent, place.name, Mode::from_raw_mode(0o700)).map_err(io("create"))?;
                }
            },
            Err(e) => return Err(io("create")(e)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(&place.parent, place.name, flags, Mode::empty()).map_err(io("open"))?;
        if was_whiteout {
            // The whiteout hid what is below; the directory that takes its place must go on hiding it.
            self.mark_opaque(&dir)?;
        }
        self.finish_directory(entry, place.path, &dir)
    }

    fn finish_directory(&mut self, entry: &Entry, path: &Path, dir: &OwnedFd) -> Result<(), Failure> {
        set_metadata(entry, dir)?;
        self.directories.insert(path.to_owned(), times(entry));
        Ok(())
    }

    /// The link's target is looked up inside the layer; owner and mode came with the target's own entry.
    fn hard_link(&mut self, entry: &Entry, place: &Place) -> Result<(), Failure> {
        let target = root::clean(&entry.link).map_err(|_| Failure::Refused("its target leaves the layer"))?;
        let (above, name) = root::split(&target).ok_or(Failure::Refused("a hard link to the root"))?;
        let from = self.root.open(above).map_err(io("find the target of"))?;
        let stat = rustix::fs::statat(&from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io("find the target of"))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return Err(Failure::Refused("a hard link to a directory"));
        }
        if let Ok(there) = rustix::fs::statat(&place.parent, place.name, AtFlags::SYMLINK_NOFOLLOW)
            && (there.st_ino, there.st_dev) == (stat.st_ino, stat.st_dev)
        {
            return Ok(());
        }
        self.replacing(place, |place| rustix::fs::linkat(&from, name, &place.parent, place.name, AtFlags::empty()))
    }

    fn node(&mut self, entry: &Entry, place: &Place, file_type: FileType) -> Result<(), Failure> {
        let device = rustix::fs::makedev(entry.device.0, entry.device.1);
        let mode = Mode::from_raw_mode(0o600);
        self.special(entry, place, |place| rustix::fs::mknodat(&place.parent, place.name, file_type, mode, device))
    }

    /// What has no content, and cannot be opened without effect: everything is set by name.
    fn special(
        &mut self,
        entry: &Entry,
        place: &Place,
        create: impl Fn(&Place) -> rustix::io::Result<()>,
    ) -> Result<(), Failure> {
        self.replacing(place, create)?;
        let (parent, name) = (&place.parent, place.name);
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io("set the owner of"))?;
        if entry.kind != Kind::Symlink {
            rustix::fs::chmodat(parent, name, Mode::from_raw_mode(entry.mode), AtFlags::empty())
                .map_err(io("set the mode of"))?;
        }
        let path = mount::fd_path(parent).join(name);
        set_xattrs(entry, |key, value| rustix::fs::lsetxattr(&path, key, value, XattrFlags::empty()))?;
        rustix::fs::utimensat(parent, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW).map_err(io("set the time of"))
    }

    /// Hides what layers below have under `name`. A whiteout speaks of lower layers only: what this layer has there stays.
    fn whiteout(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
        if matches!(name.as_bytes(), b"" | b"." | b"..") {
            return Err(Failure::Refused("a whiteout of nothing"));
        }
        // A character device 0/0 is the one device that user namespaces may make (Linux 5.8).
        match rustix::fs::mknodat(parent, name, FileType::CharacterDevice, Mode::empty(), rustix::fs::makedev(0, 0)) {
            Err(Errno::EXIST) => {}
            other => return other.map_err(io("create")),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(dir) => self.mark_opaque(&dir),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(e) => Err(io("open")(e)),
        }
    }

    fn mark_opaque(&self, dir: &OwnedFd) -> Result<(), Failure> {
        let key = if self.confined { OPAQUE_USER } else { OPAQUE_TRUSTED };
        rustix::fs::setxattr(mount::fd_path(dir.as_fd()), key, b"y", XattrFlags::empty()).map_err(io("make opaque"))
    }

    fn is_whiteout(&self, place: &Place) -> Result<bool, Failure> {
        let stat = rustix::fs::statat(&place.parent, place.name, AtFlags::SYMLINK_NOFOLLOW).map_err(io("look at"))?;
        Ok(stat.st_rdev == 0)
    }

    fn existing(&self, place: &Place) -> Result<Option<FileType>, Failure> {
        match rustix::fs::statat(&place.parent, place.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(io("look at")(e)),
        }
    }

    /// Creates something; a later entry replaces an earlier one.
    fn replacing<T>(&mut self, place: &Place, create: impl Fn(&Place) -> rustix::io::Result<T>) -> Result<T, Failure> {
        match create(place) {
            Err(Errno::EXIST) => {
                self.remove(place)?;
                create(place).map_err(io("create"))
            }
            other => other.map_err(io("create")),
        }
    }

    fn remove(&mut self, place: &Place) -> Result<(), Failure> {
        root::remove(place.parent.as_fd(), place.name).map_err(io("replace"))?;
        self.root.forget();
        let below = self.directories.range(place.path.to_owned()..);
        let gone: Vec<PathBuf> = below.map(|(p, _)| p).take_while(|p| p.starts_with(place.path)).cloned().collect();
        for path in &gone {
            self.directories.remove(path);
        }
        Ok(())
    }

    fn set_directory_times(&self) {
        for (path, times) in &self.directories {
            // The time of a directory is worth no failure.
            if let Ok(dir) = self.root.open(path) {
                let _ = rustix::fs::utimensat(rustix::fs::CWD, mount::fd_path(dir.as_fd()), times, AtFlags::empty());
            }
        }
    }
}

fn set_metadata(entry: &Entry, file: impl AsFd) -> Result<(), Failure> {
    let file = file.as_fd();
    // In this order: a change of owner clears the set-user-id bit and the file's capabilities.
    rustix::fs::fchown(file, Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)))
        .map_err(io("set the owner of"))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode)).map_err(io("set the mode of"))?;
    set_xattrs(entry, |key, value| rustix::fs::fsetxattr(file, key, value, XattrFlags::empty()))
}

/// Sets extended attributes, except the host's labels and what would speak to overlayfs in the archive's name.
/// What the file system or a user namespace does not allow is left out, as all engines do.
fn set_xattrs(entry: &Entry, set: impl Fn(&OsStr, &[u8]) -> rustix::io::Result<()>) -> Result<(), Failure> {
    for (key, value) in &entry.xattrs {
        let ours = [b"trusted.overlay.".as_slice(), b"user.overlay.", b"security.selinux", b"security.ima", b"security.evm"];
        if ours.iter().any(|prefix| key.starts_with(prefix)) {
            continue;
        }
        match set(OsStr::from_bytes(key), value) {
            Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
            Err(e) => return Err(io("set an extended attribute of")(e)),
        }
    }
    Ok(())
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec { tv_sec: entry.mtime.0, tv_nsec: entry.mtime.1.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// A descriptor that can be written to, for one that only names a directory.
fn reopen(dir: &OwnedFd) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    debug_assert!(dir.as_raw_fd() >= 0);
    rustix::fs::openat(dir, ".", flags, Mode::empty()).map_err(io("open"))
}

fn copy_failure(error: CopyError) -> Failure {
    match error {
        CopyError::Read(e) => Failure::Archive(e),
        CopyError::Write(e) => Failure::Io("write", e),
    }
}

fn parent_failure(error: Errno) -> Failure {
    match error {
        Errno::EXIST => Failure::Refused("its directory is a symbolic link to nothing"),
        Errno::NOTDIR => Failure::Refused("its directory is a file"),
        Errno::LOOP => Failure::Refused("its directory is a loop of symbolic links"),
        e => io("create the directory of")(e),
    }
}
