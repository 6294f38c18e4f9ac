//! From entries of an archive to files, whiteouts turned into what overlayfs knows (Documentation/filesystems/overlayfs.rst,
//! "whiteouts and opaque directories"; OCI image specification, layer.md).

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::Crc;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::archive::{Archive, Entry, Kind};
use super::failure::{Failure, copy_failure, io, parent_failure};
use super::metadata::{set_metadata, set_xattrs, times};
use super::room::Room;
use super::root::{self, Root};
use super::sparse::Piece;
use super::stream::TarStream;
use unipod_linux::mount;

/// Marks a directory that hides what is below it.
pub(crate) const OPAQUE_TRUSTED: &str = "trusted.overlay.opaque";
/// The same for an overlay mounted with `userxattr` in a user namespace.
pub(crate) const OPAQUE_USER: &str = "user.overlay.opaque";

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE_MARK: &[u8] = b".wh..wh..opq";
/// What aufs keeps for itself.
const AUFS: &[u8] = b".wh..wh.";

/// Unpacks all entries into `dir`. Returns the bytes of the files, and the CRC-32 sums of most by inode number.
pub(super) fn extract(stream: &mut TarStream, dir: &File) -> Result<(u64, HashMap<u64, u32>), Failure> {
    let mut archive = Archive::new(stream);
    let mut unpacker = Unpacker {
        root: Root::new(dir).map_err(io("open"))?,
        directories: BTreeMap::new(),
        confined: mount::in_user_namespace(),
        room: Room::new(dir).map_err(io("make room for"))?,
        size: 0,
        sums: HashMap::new(),
    };
    // What the archive does not say about its root is as everywhere.
    rustix::fs::fchmod(dir, Mode::from_raw_mode(0o755)).map_err(io("set the mode of"))?;
    while let Some(entry) = archive.next_entry().map_err(Failure::Archive)? {
        let name = PathBuf::from(OsStr::from_bytes(&entry.path));
        unpacker
            .entry(&entry, &mut archive)
            .map_err(|e| Failure::At(name, Box::new(e)))?;
    }
    unpacker.set_directory_times();
    Ok((unpacker.size, unpacker.sums))
}

struct Unpacker {
    root: Root,
    /// Times of the directories that the archive lists; set last, as every file in them changes them.
    directories: BTreeMap<PathBuf, Timestamps>,
    /// In a user namespace there are no devices, and overlayfs takes its marks from `user.*`.
    confined: bool,
    room: Room,
    size: u64,
    sums: HashMap<u64, u32>,
}

/// What a directory takes the place of.
#[derive(Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Directory,
    Whiteout,
}

/// Where an entry goes.
struct Place<'a> {
    path: &'a Path,
    parent: Rc<OwnedFd>,
    name: &'a OsStr,
}

impl Unpacker {
    fn entry(&mut self, entry: &Entry, archive: &mut Archive<'_, TarStream>) -> Result<(), Failure> {
        self.room.take_entry().map_err(io("make room for"))?;
        let path = root::clean(&entry.path).map_err(Failure::Refused)?;
        let aufs = |part: &OsStr| part.as_bytes().starts_with(AUFS) && part.as_bytes() != OPAQUE_MARK;
        if path.iter().any(aufs) {
            return Ok(());
        }
        let Some((above, name)) = root::split(&path) else {
            return self.root_entry(entry);
        };
        let parent = self.root.directory(above).map_err(parent_failure)?;
        let place = Place {
            path: &path,
            parent,
            name,
        };
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
        let (mut offset, mut sum) = (0, Crc::new());
        for piece in entry.pieces.iter().filter(|piece| piece.length > 0) {
            offset = piece.offset;
            archive
                .copy(piece.length, |bytes| {
                    self.room.take(bytes.len() as u64)?;
                    file.write_all_at(bytes, offset)?;
                    sum.update(bytes);
                    offset += bytes.len() as u64;
                    Ok(())
                })
                .map_err(copy_failure)?;
            self.size += piece.length;
        }
        if offset != entry.size {
            file.set_len(entry.size).map_err(io("write"))?;
        }
        let inode = rustix::fs::fstat(&file).map_err(io("look at"))?.st_ino;
        // An inode number comes back when its file is gone. Of a sparse file, not all was seen here.
        self.sums.remove(&inode);
        if let [] | [Piece { offset: 0, .. }] = entry.pieces[..]
            && offset == entry.size
        {
            self.sums.insert(inode, sum.sum());
        }
        set_metadata(entry, &file)?;
        rustix::fs::futimens(&file, &times(entry)).map_err(io("set the time of"))
    }

    fn directory(&mut self, entry: &Entry, place: &Place) -> Result<(), Failure> {
        let before = self.make_directory(place)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(&place.parent, place.name, flags, Mode::empty()).map_err(io("open"))?;
        if before == Before::Whiteout {
            // The whiteout hid what is below; the directory that takes its place must go on hiding it.
            self.mark_opaque(&dir)?;
        }
        self.finish_directory(entry, place.path, &dir)
    }

    /// Sees to it that there is a directory. Returns what was there before.
    fn make_directory(&mut self, place: &Place) -> Result<Before, Failure> {
        let make = |place: &Place| rustix::fs::mkdirat(&place.parent, place.name, Mode::from_raw_mode(0o700));
        match make(place) {
            Ok(()) => return Ok(Before::Nothing),
            Err(Errno::EXIST) => {}
            Err(e) => return Err(io("create")(e)),
        }
        let stat = rustix::fs::statat(&place.parent, place.name, AtFlags::SYMLINK_NOFOLLOW).map_err(io("look at"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            // An earlier entry, or one below it, made it already.
            FileType::Directory => Ok(Before::Directory),
            other => {
                self.remove(place)?;
                make(place).map_err(io("create"))?;
                let whiteout = other == FileType::CharacterDevice && stat.st_rdev == 0;
                Ok(if whiteout { Before::Whiteout } else { Before::Nothing })
            }
        }
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
        self.replacing(place, |place| {
            rustix::fs::linkat(&from, name, &place.parent, place.name, AtFlags::empty())
        })
    }

    fn node(&mut self, entry: &Entry, place: &Place, file_type: FileType) -> Result<(), Failure> {
        let device = rustix::fs::makedev(entry.device.0, entry.device.1);
        let mode = Mode::from_raw_mode(0o600);
        self.special(entry, place, |place| {
            rustix::fs::mknodat(&place.parent, place.name, file_type, mode, device)
        })
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
        set_xattrs(entry, |key, value| {
            rustix::fs::lsetxattr(&path, key, value, XattrFlags::empty())
        })?;
        rustix::fs::utimensat(parent, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW).map_err(io("set the time of"))
    }

    /// Hides what layers below have under `name`. A whiteout speaks of lower layers only: what this layer has there stays.
    fn whiteout(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
        if matches!(name.as_bytes(), b"" | b"." | b"..") {
            return Err(Failure::Refused("a whiteout of nothing"));
        }
        // A character device 0/0 is the one device that user namespaces may make (Linux 5.8).
        match rustix::fs::mknodat(
            parent,
            name,
            FileType::CharacterDevice,
            Mode::empty(),
            rustix::fs::makedev(0, 0),
        ) {
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
        let gone: Vec<PathBuf> = below
            .map(|(p, _)| p)
            .take_while(|p| p.starts_with(place.path))
            .cloned()
            .collect();
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

/// A descriptor that can be written to, for one that only names a directory.
fn reopen(dir: &OwnedFd) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(dir, ".", flags, Mode::empty()).map_err(io("open"))
}
