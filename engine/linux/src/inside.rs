//! Opening what lies inside a directory that somebody else fills, whatever its symbolic links say (openat2(2)).

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// The kernel gives up where a name on the system, any at all, changes while it goes through a `..`. Nobody is that unlucky so often.
const TRIES: usize = 1000;

/// Opens `path` as if `root` were the root directory: no link leads out of it.
///
/// # Errors
/// Those of openat2(2), but not that it should be tried again.
pub fn open_in_root(root: impl AsFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open(root, path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// Opens `path` below `root`, no part of which is a link.
///
/// # Errors
/// As [`open_in_root`].
pub fn open_without_links(root: impl AsFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open(root, path, flags, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

fn open(root: impl AsFd, path: &Path, flags: OFlags, resolve: ResolveFlags) -> rustix::io::Result<OwnedFd> {
    let once = || openat2(root.as_fd(), path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
    let again = |result: &rustix::io::Result<OwnedFd>| matches!(result, Err(Errno::AGAIN | Errno::INTR));
    std::iter::repeat_with(once)
        .take(TRIES)
        .find(|result| !again(result))
        .unwrap_or(Err(Errno::AGAIN))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    #[test]
    fn renames_elsewhere_are_no_failure() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let (root, elsewhere) = (dir.path().join("root"), dir.path().join("elsewhere"));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        let winding = format!("{}a", "a/../".repeat(10));
        let handle = fs::File::open(&root).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let names = [elsewhere.join("x"), elsewhere.join("y")];
                fs::write(&names[0], "").unwrap();
                while !done.load(Relaxed) {
                    fs::rename(&names[0], &names[1]).unwrap();
                    fs::rename(&names[1], &names[0]).unwrap();
                }
            });
            let failed = (0..1000).find_map(|_| open_in_root(&handle, winding.as_ref(), OFlags::RDONLY).err());
            done.store(true, Relaxed);
            assert_eq!(failed, None);
        });
    }
}
