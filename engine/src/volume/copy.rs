//! Copies a tree with everything that makes it what it is: owners, modes, times, extended attributes, links of both kinds.
//!
//! Both sides are held by descriptors and no name is ever followed, so that a hostile image, or a container that has the
//! volume already, cannot lead the copy elsewhere.

use std::collections::HashMap;
use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat, linkat, mkdirat,
    mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};

const OPEN_DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Copies what is in `from` into the empty directory `to`. `to` itself is left alone.
///
/// An error comes with the path at which it happened, relative to the two.
pub(super) fn copy_content(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), (PathBuf, io::Error)> {
    let mut copy = Copy {
        links: HashMap::new(),
        target: to,
        at: PathBuf::new(),
    };
    copy.directory(from, to).map_err(|e| (copy.at, e))
}

/// Gives a copy the mode, the extended attributes and the times of its original; see [`own`] for the owner.
pub(super) fn dress(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> io::Result<()> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::Symlink {
        chmodat(to, name, Mode::from_raw_mode(stat.st_mode), AtFlags::empty())?;
    }
    copy_xattrs(&path_of(from, name), &path_of(to, name))?;
    utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

/// Gives `name` the owner of its original.
pub(super) fn own(to: BorrowedFd<'_>, name: &CStr, uid: u32, gid: u32) -> io::Result<()> {
    Ok(chownat(
        to,
        name,
        Some(Uid::from_raw(uid)),
        Some(Gid::from_raw(gid)),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

struct Copy<'a> {
    /// Files with more than one name: device and inode to the first name, relative to `target`.
    links: HashMap<(u64, u64), PathBuf>,
    target: BorrowedFd<'a>,
    /// The path of what is being copied.
    at: PathBuf,
}

impl Copy<'_> {
    fn directory(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
        for entry in Dir::read_from(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.at.push(OsString::from_vec(name.to_bytes().to_vec()));
            self.entry(from, to, name)?;
            self.at.pop();
        }
        Ok(())
    }

    fn entry(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::Directory && stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&inode) {
                return Ok(linkat(self.target, first, to, name, AtFlags::empty())?);
            }
            self.links.insert(inode, self.at.clone());
        }
        match kind {
            FileType::Directory => self.subdirectory(from, to, name)?,
            FileType::RegularFile => copy_file(from, to, name)?,
            FileType::Symlink => symlinkat(readlinkat(from, name, Vec::new())?, to, name)?,
            // A socket without its server is of no use.
            FileType::Socket => return Ok(()),
            _ => mknodat(to, name, kind, Mode::from_raw_mode(0o600), stat.st_rdev)?,
        }
        // The owner first: a change of owner drops file capabilities and set-id bits.
        own(to, name, stat.st_uid, stat.st_gid)?;
        dress(from, to, name, &stat)
    }

    fn subdirectory(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        mkdirat(to, name, Mode::RWXU)?;
        let open = |dir| openat(dir, name, OPEN_DIR, Mode::empty());
        let (from, to) = (open(from)?, open(to)?);
        self.directory(from.as_fd(), to.as_fd())
    }
}

fn copy_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut source = File::from(openat(from, name, read, Mode::empty())?);
    let mut target = File::from(openat(to, name, write, Mode::RUSR | Mode::WUSR)?);
    io::copy(&mut source, &mut target).map(drop)
}

/// A path whose directory is fixed by a descriptor; only calls that do not follow the last name may use it.
fn path_of(dir: BorrowedFd<'_>, name: &CStr) -> PathBuf {
    let name = OsString::from_vec(name.to_bytes().to_vec());
    Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name)
}

fn copy_xattrs(from: &Path, to: &Path) -> io::Result<()> {
    let names = match xattr::list(from) {
        // A file system without extended attributes has none to copy.
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(()),
        names => names?,
    };
    for name in names {
        // Labels of the security module belong to the place, and overlay marks to the layer.
        let text = name.to_string_lossy();
        if text == "security.selinux" || text.starts_with("trusted.overlay.") || text.starts_with("user.overlay.") {
            continue;
        }
        if let Some(value) = xattr::get(from, &name)? {
            xattr::set(to, &name, &value)?;
        }
    }
    Ok(())
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.cast_signed(),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// Opens a directory that the engine itself owns.
pub(super) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OPEN_DIR, Mode::empty())?)
}

/// Whether a directory has no entries.
pub(super) fn is_empty(dir: BorrowedFd<'_>) -> io::Result<bool> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        // A fresh ext4 file system has this one directory.
        if ![c".", c"..", c"lost+found"].contains(&entry.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}
