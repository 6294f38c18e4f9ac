//! Copies a tree with everything that makes it what it is: owners, modes, times, extended attributes, links of both kinds.
//!
//! Both sides are held by descriptors and no name is ever followed, so that a hostile image, or a container that has the
//! volume already, cannot lead the copy elsewhere.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmod, chownat, fstat, linkat,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};

use unipod_linux::inside::open_without_links;
use unipod_linux::mount::fd_path;

const OPEN_DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Whose the copy is of what belongs to a user and a group.
pub type Owner<'a> = dyn Fn(u32, u32) -> (u32, u32) + 'a;

/// Copies what is in `from` into the empty directory `to`. `to` itself is left alone.
///
/// An error comes with the path at which it happened, relative to the two.
pub(super) fn copy_content(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    owner: &Owner<'_>,
) -> Result<(), (PathBuf, io::Error)> {
    let mut copy = Copy {
        owner,
        links: HashMap::new(),
        target: to,
        at: PathBuf::new(),
    };
    let copied = pair_of(from, to).and_then(|top| copy.tree(top));
    copied.map_err(|e| (copy.at, e))
}

fn pair_of(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<Pair> {
    Ok(Pair {
        from: from.try_clone_to_owned()?,
        to: to.try_clone_to_owned()?,
    })
}

/// Gives a copy, which is open, the owner, the extended attributes, the mode and the times of its original, which is `name` in
/// `from`. A name in the copy may be somebody else's by now; a descriptor stays what it is.
///
/// The owner comes first: a change of owner drops file capabilities and set-id bits.
pub(super) fn dress(
    from: BorrowedFd<'_>,
    name: &CStr,
    stat: &Stat,
    copy: BorrowedFd<'_>,
    owner: (u32, u32),
) -> io::Result<()> {
    let path = fd_path(copy);
    own(copy, owner)?;
    copy_xattrs(&path_of(from, name), &path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        chmod(&path, Mode::from_raw_mode(stat.st_mode))?;
    }
    Ok(utimensat(CWD, &path, &times(stat), AtFlags::empty())?)
}

/// Gives what is open an owner.
pub(super) fn own(copy: BorrowedFd<'_>, (uid, gid): (u32, u32)) -> io::Result<()> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    Ok(chownat(copy, c"", uid, gid, AtFlags::EMPTY_PATH)?)
}

struct Copy<'a> {
    /// Files with more than one name: device and inode to the first copy.
    links: HashMap<(u64, u64), Linked>,
    target: BorrowedFd<'a>,
    owner: &'a Owner<'a>,
    /// The path of what is being copied.
    at: PathBuf,
}

/// The copy of a file that has further names.
struct Linked {
    /// Its first name, relative to the top.
    path: PathBuf,
    /// Its device and inode.
    identity: (u64, u64),
}

/// A directory and its copy.
struct Pair {
    from: OwnedFd,
    to: OwnedFd,
}

/// A directory that is being copied, seen from the one above.
struct Level {
    above: [(u64, u64); 2],
    /// Directories beside it whose turn comes next.
    beside: Vec<CString>,
}

impl Copy<'_> {
    /// Images have deeper trees than there are descriptors: only the directories in which the copy is are open.
    fn tree(&mut self, top: Pair) -> io::Result<()> {
        let (mut here, mut levels) = (top, Vec::<Level>::new());
        let mut directories = self.files(&here)?;
        loop {
            if let Some(name) = directories.pop() {
                self.at.push(os_string(&name));
                mkdirat(&here.to, &name, Mode::RWXU)?;
                let (above, inner) = (here.identity()?, here.open(&name)?);
                here = inner;
                levels.push(Level {
                    above,
                    beside: std::mem::replace(&mut directories, self.files(&here)?),
                });
            } else if let Some(level) = levels.pop() {
                let stat = fstat(&here.from)?;
                dress(
                    here.from.as_fd(),
                    c".",
                    &stat,
                    here.to.as_fd(),
                    (self.owner)(stat.st_uid, stat.st_gid),
                )?;
                here = here.above(level.above)?;
                directories = level.beside;
                self.at.pop();
            } else {
                return Ok(());
            }
        }
    }

    /// Copies what is in a directory, except the directories, which are returned.
    fn files(&mut self, here: &Pair) -> io::Result<Vec<CString>> {
        let mut directories = Vec::new();
        for entry in Dir::read_from(&here.from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.at.push(os_string(name));
            let stat = statat(&here.from, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                directories.push(name.to_owned());
            } else {
                self.file(here, name, &stat)?;
            }
            self.at.pop();
        }
        Ok(directories)
    }

    fn file(&mut self, here: &Pair, name: &CStr, stat: &Stat) -> io::Result<()> {
        let inode = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.links.get(&inode) {
            return self.link(first, here, name);
        }
        let made = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => copy_file(here, name)?,
            // A socket without its server is of no use.
            FileType::Socket => return Ok(()),
            FileType::Symlink => {
                symlinkat(readlinkat(&here.from, name, Vec::new())?, &here.to, name)?;
                made(here, name, stat)?
            }
            kind => {
                mknodat(&here.to, name, kind, Mode::from_raw_mode(0o600), stat.st_rdev)?;
                made(here, name, stat)?
            }
        };
        if stat.st_nlink > 1 {
            let path = self.at.clone();
            let identity = identity(&made)?;
            self.links.insert(inode, Linked { path, identity });
        }
        dress(
            here.from.as_fd(),
            name,
            stat,
            made.as_fd(),
            (self.owner)(stat.st_uid, stat.st_gid),
        )
    }

    /// Another name for what was copied already: for that file itself, whatever its first name stands for by now.
    fn link(&self, first: &Linked, here: &Pair, name: &CStr) -> io::Result<()> {
        let held = open_without_links(self.target, &first.path, OFlags::PATH | OFlags::NOFOLLOW)?;
        if identity(&held)? != first.identity {
            return Err(io::Error::other("somebody has put something else there meanwhile"));
        }
        Ok(linkat(&held, c"", &here.to, name, AtFlags::EMPTY_PATH)?)
    }
}

fn identity(file: &OwnedFd) -> io::Result<(u64, u64)> {
    Ok(fstat(file).map(|stat| (stat.st_dev, stat.st_ino))?)
}

impl Pair {
    fn open(&self, name: &CStr) -> io::Result<Self> {
        let open = |dir: &OwnedFd| openat(dir, name, OPEN_DIR, Mode::empty());
        let (from, to) = (open(&self.from)?, open(&self.to)?);
        Ok(Self { from, to })
    }

    fn identity(&self) -> io::Result<[(u64, u64); 2]> {
        Ok([identity(&self.from)?, identity(&self.to)?])
    }

    /// The directories above, which are those that it came from.
    fn above(&self, identity: [(u64, u64); 2]) -> io::Result<Self> {
        let above = self.open(c"..")?;
        if above.identity()? == identity {
            Ok(above)
        } else {
            Err(io::Error::other("somebody has moved it meanwhile"))
        }
    }
}

/// What was made a moment ago under a name, held without being opened: a device or FIFO would act or block.
fn made(here: &Pair, name: &CStr, original: &Stat) -> io::Result<OwnedFd> {
    let held = openat(
        &here.to,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let stat = fstat(&held)?;
    let is_it = FileType::from_raw_mode(stat.st_mode) == FileType::from_raw_mode(original.st_mode)
        && stat.st_rdev == original.st_rdev
        && stat.st_nlink == 1;
    if is_it {
        Ok(held)
    } else {
        Err(io::Error::other("somebody has put something else there meanwhile"))
    }
}

fn copy_file(here: &Pair, name: &CStr) -> io::Result<OwnedFd> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut source = File::from(openat(&here.from, name, read, Mode::empty())?);
    let mut target = File::from(openat(&here.to, name, write, Mode::RUSR | Mode::WUSR)?);
    io::copy(&mut source, &mut target)?;
    Ok(target.into())
}

/// A path whose directory is fixed by a descriptor; only calls that do not follow the last name may use it.
fn path_of(dir: BorrowedFd<'_>, name: &CStr) -> PathBuf {
    Path::new("/proc/self/fd")
        .join(dir.as_raw_fd().to_string())
        .join(os_string(name))
}

fn os_string(name: &CStr) -> OsString {
    OsString::from_vec(name.to_bytes().to_vec())
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
            xattr::set_deref(to, &name, &value)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_store::remove_tree;

    /// A container that has the volume already puts links to a file of the host where the copy is at work.
    #[test]
    fn whoever_renames_meanwhile_leads_nowhere() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        use std::sync::atomic::{AtomicBool, Ordering};

        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let (from, to, victim) = (
            dir.path().join("from"),
            dir.path().join("to"),
            dir.path().join("victim"),
        );
        std::fs::create_dir(&from).unwrap();
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(victim.join("b"), "").unwrap();
        std::fs::set_permissions(victim.join("b"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let before = std::fs::metadata(victim.join("b")).unwrap();
        std::fs::create_dir(from.join("d")).unwrap();
        for name in ["a", "b", "d/a", "d/b"] {
            std::fs::write(from.join(name), "x").unwrap();
            std::os::unix::fs::chown(from.join(name), Some(4711), Some(4711)).unwrap();
            std::fs::set_permissions(from.join(name), std::fs::Permissions::from_mode(0o4755)).unwrap();
        }
        std::fs::hard_link(from.join("d/b"), from.join("z")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // None of it need work out: the directory comes and goes.
                    let link = to.join("link");
                    for (target, name) in [(victim.join("b"), "b"), (victim.clone(), "d")] {
                        let _ = symlink(target, &link);
                        let _ = std::fs::rename(&link, to.join(name));
                    }
                }
            });
            for _ in 0..30 {
                std::fs::create_dir(&to).unwrap();
                // An error is a good answer.
                let _ = copy_content(
                    open_directory(&from).unwrap().as_fd(),
                    open_directory(&to).unwrap().as_fd(),
                    &|uid, gid| (uid, gid),
                );
                remove_tree(&to).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let after = std::fs::metadata(victim.join("b")).unwrap();
        assert_eq!(
            (before.mode(), before.uid(), before.nlink()),
            (after.mode(), after.uid(), after.nlink())
        );
        assert_eq!(std::fs::read(victim.join("b")).unwrap(), b"");
    }

    #[test]
    fn a_tree_may_be_deeper_than_there_are_descriptors() {
        const LEVELS: usize = 30_000;
        // In memory: disks take seconds for this.
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        for path in [&from, &to] {
            std::fs::create_dir(path).unwrap();
        }
        let mut at = open_directory(&from).unwrap();
        for _ in 0..LEVELS {
            mkdirat(&at, "d", Mode::RWXU).unwrap();
            mkdirat(&at, "e", Mode::RUSR).unwrap();
            at = openat(&at, "d", OPEN_DIR, Mode::empty()).unwrap();
        }
        mknodat(&at, "end", FileType::RegularFile, Mode::RUSR, 0).unwrap();
        copy_content(
            open_directory(&from).unwrap().as_fd(),
            open_directory(&to).unwrap().as_fd(),
            &|uid, gid| (uid, gid),
        )
        .unwrap();
        let mut at = open_directory(&to).unwrap();
        for _ in 0..LEVELS {
            at = openat(&at, "d", OPEN_DIR, Mode::empty()).unwrap();
        }
        statat(&at, "end", AtFlags::empty()).unwrap();
        for path in [&from, &to] {
            remove_tree(path).unwrap();
        }
    }
}
