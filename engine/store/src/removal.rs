//! Removing trees, however deep they are: what a container writes, or an image brings, decides that. The standard library
//! keeps a descriptor and a frame of the stack for each level, and ends with `EMFILE` where a service may have 1024.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::{StoreError, id};

/// Directories below this level are moved up before they are removed. Each level takes two descriptors.
const DEEPEST: usize = 64;

/// How often a directory is tried again to which something is added meanwhile, and how long to wait before.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Removes a file or a whole tree; what is already gone is fine.
///
/// # Errors
/// Something is there that cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), StoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => remove_directory(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match result {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// [`remove_tree`] of a directory that is there. Others may be writing to it yet, or removing it, too.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    let top = open(CWD, path)?;
    let mut tries = 0;
    loop {
        match remove_once(top.as_fd(), path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries < TRIES => tries += 1,
            result => return result,
        }
        thread::sleep(PAUSE);
    }
}

fn remove_once(top: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    while empty(top, top, 0)? > 0 {}
    fs::remove_dir(path)
}

/// Removes what is in `dir`, which lies `depth` levels below `top`. Returns how many directories that were too deep were
/// moved to `top`.
fn empty(top: BorrowedFd<'_>, dir: BorrowedFd<'_>, depth: usize) -> io::Result<usize> {
    let mut raised = 0;
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let removed = match entry.file_type() {
            FileType::Directory => Err(Errno::ISDIR),
            _ => unlinkat(dir, name, AtFlags::empty()),
        };
        match removed {
            Err(Errno::ISDIR) if depth == DEEPEST => {
                gone(raise(top, dir, name))?;
                raised += 1;
            }
            Err(Errno::ISDIR) => {
                raised += below(top, dir, name, depth)?;
            }
            other => gone(other.map_err(Into::into))?,
        }
    }
    Ok(raised)
}

fn below(top: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr, depth: usize) -> io::Result<usize> {
    let inner = match open(dir, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        inner => inner?,
    };
    let raised = empty(top, inner.as_fd(), depth + 1)?;
    gone(unlinkat(dir, name, AtFlags::REMOVEDIR).map_err(Into::into))?;
    Ok(raised)
}

/// What somebody else has removed is gone, too.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn raise(top: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    Ok(renameat(dir, name, top, format!(".deep-{}", id::random_hex(8)))?)
}

fn open(dir: BorrowedFd<'_>, name: impl Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_goes_with_all_that_is_in_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, other) = (dir.path().join("tree"), dir.path().join("other"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("file"), "").unwrap();
        fs::write(tree.join("a/file"), "").unwrap();
        symlink(&other, tree.join("a/b/link")).unwrap();
        symlink(&other, dir.path().join("link")).unwrap();
        remove_tree(&tree).unwrap();
        remove_tree(&tree).unwrap();
        remove_tree(&dir.path().join("link")).unwrap();
        assert!(!tree.exists() && other.join("file").exists());
    }

    #[test]
    fn others_write_and_remove_meanwhile() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        for _ in 0..20 {
            let tree = dir.path().join("tree");
            for number in 0..300 {
                fs::create_dir_all(tree.join(format!("a{number}/b/c"))).unwrap();
            }
            thread::scope(|scope| {
                scope.spawn(|| {
                    for number in 0..100 {
                        let _ = fs::create_dir(tree.join(format!("late{number}")));
                    }
                });
                scope.spawn(|| remove_tree(&tree).unwrap());
                remove_tree(&tree).unwrap();
            });
            remove_tree(&tree).unwrap();
            assert!(!tree.exists());
        }
    }

    #[test]
    fn a_tree_may_be_deeper_than_there_are_descriptors() {
        // In memory: disks take seconds for this.
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut at = open(CWD, &tree).unwrap();
        // More than a service may open, and more than fits on a stack.
        for _ in 0..30_000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&at, "e", Mode::RWXU).unwrap();
            at = open(at.as_fd(), "d").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
