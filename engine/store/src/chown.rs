//! Giving a whole tree to somebody, while a container may be changing it: no name is followed, and only the directory in which
//! the change is at work is open, for trees are deeper than there are descriptors.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, fchown, fstat, openat, statat};
use rustix::io::Errno;

const OPEN_DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Gives a file, or a directory with all that is in it, to a user and a group. The top comes last, so that a change that was
/// interrupted is taken up again, and one that was finished is seen at the top. What goes away meanwhile is fine.
///
/// # Errors
/// Something cannot be read or given away, or a directory was moved meanwhile.
pub fn chown_tree(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let owner = (Uid::from_raw(uid), Gid::from_raw(gid));
    let top = openat(
        CWD,
        path,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let stat = fstat(&top)?;
    if (stat.st_uid, stat.st_gid) == (uid, gid) {
        return Ok(());
    }
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        content(openat(&top, c".", OPEN_DIR, Mode::empty())?, owner)?;
    }
    Ok(chownat(&top, c"", Some(owner.0), Some(owner.1), AtFlags::EMPTY_PATH)?)
}

/// A directory above the one at work.
struct Level {
    identity: (u64, u64),
    /// Directories in it whose turn comes next.
    next: Vec<CString>,
}

fn content(top: OwnedFd, owner: (Uid, Gid)) -> io::Result<()> {
    let mut next = files(top.as_fd(), owner)?;
    let (mut here, mut above) = (top, Vec::<Level>::new());
    loop {
        if let Some(name) = next.pop() {
            let inner = match openat(&here, &name, OPEN_DIR, Mode::empty()) {
                // Somebody has removed it, or put something else in its place.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                inner => inner?,
            };
            let identity = identity(&here)?;
            let below = files(inner.as_fd(), owner)?;
            above.push(Level {
                identity,
                next: std::mem::replace(&mut next, below),
            });
            here = inner;
        } else if let Some(level) = above.pop() {
            fchown(&here, Some(owner.0), Some(owner.1))?;
            here = openat(&here, c"..", OPEN_DIR, Mode::empty())?;
            if identity(&here)? != level.identity {
                return Err(io::Error::other("somebody has moved a directory meanwhile"));
            }
            next = level.next;
        } else {
            return Ok(());
        }
    }
}

fn identity(dir: &OwnedFd) -> io::Result<(u64, u64)> {
    Ok(fstat(dir).map(|stat| (stat.st_dev, stat.st_ino))?)
}

/// Gives away what is in a directory, except the directories, which are returned.
fn files(dir: BorrowedFd<'_>, (uid, gid): (Uid, Gid)) -> io::Result<Vec<CString>> {
    let mut directories = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                stat => FileType::from_raw_mode(stat?.st_mode),
            },
            kind => kind,
        };
        if kind == FileType::Directory {
            directories.push(name.to_owned());
            continue;
        }
        match chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            given => given?,
        }
    }
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    #[test]
    fn everything_is_given_and_nothing_beyond_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("victim"), "").unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        chown_tree(&tree, 4711, 4712).unwrap();
        for path in ["", "a", "a/b", "a/b/file", "a/link"] {
            assert_eq!(owner(&tree.join(path)), 4711, "{path}");
        }
        chown_tree(&tree.join("a/link"), 4713, 4713).unwrap();
        assert_eq!((owner(&outside), owner(&outside.join("victim"))), (0, 0));
    }

    /// A container swaps a directory for a link to one of the host.
    #[test]
    fn a_directory_that_becomes_a_link_leads_nowhere() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("d")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("victim"), "").unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for (from, to) in [("d", "x"), ("link", "d"), ("d", "link"), ("x", "d")] {
                        fs::rename(tree.join(from), tree.join(to)).unwrap();
                    }
                }
            });
            for round in 0..2000 {
                // It may be told that something was moved; what counts is where it went.
                let _ = chown_tree(&tree, 4711 + round, 4711);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!((owner(&outside), owner(&outside.join("victim"))), (0, 0));
    }

    #[test]
    fn a_tree_may_be_deeper_than_there_are_descriptors() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut at = openat(CWD, dir.path(), OPEN_DIR, Mode::empty()).unwrap();
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = openat(&at, "d", OPEN_DIR, Mode::empty()).unwrap();
        }
        chown_tree(dir.path(), 4711, 4711).unwrap();
        assert_eq!(fstat(&at).unwrap().st_uid, 4711);
        super::super::remove_tree(dir.path()).unwrap();
    }
}
