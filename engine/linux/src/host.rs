//! The host's mount namespace, seen from a unit with one of its own.
//!
//! systemd gives each command of a unit with mount sandboxing (`PrivateTmp=`, `ProtectSystem=` …, systemd.exec(5)) a mount namespace
//! of its own, which gets the host's mounts and gives none back. What is mounted there for later commands has to be mounted by
//! whoever stands in the host's, which is PID 1's.

use std::fs::{self, File};
use std::io;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, setns, unshare};

/// PID 1 in proc(5).
const INIT: &str = "/proc/1";

/// PID 1's mount namespace, which is not ours.
#[derive(Debug)]
pub struct HostMounts(File);

impl HostMounts {
    /// PID 1's mount namespace, if ours is another one and both have the same directory `dir`; else, and for callers who may not
    /// look into PID 1's, `None`: then what is mounted in `dir` belongs into ours.
    pub fn beside(dir: &Path) -> Option<Self> {
        Self::of(Path::new(INIT), dir)
    }

    /// The same for the process `init`, by its directory in proc(5).
    fn of(init: &Path, dir: &Path) -> Option<Self> {
        let namespace = init.join("ns/mnt");
        if fs::read_link("/proc/thread-self/ns/mnt").ok()? == fs::read_link(&namespace).ok()? {
            return None;
        }
        let place = |path: &Path| fs::metadata(path).map(|m| (m.st_dev(), m.st_ino())).ok();
        if place(dir)? != place(&below_root(init, dir))? {
            return None;
        }
        File::open(namespace).ok().map(Self)
    }

    /// The name by which a program in our namespace finds `path` of the host's.
    pub fn path(path: &Path) -> PathBuf {
        below_root(Path::new(INIT), path)
    }

    /// Moves the calling thread there, for good. Its working directory and umask are its own from then on.
    ///
    /// # Errors
    /// The caller lacks `CAP_SYS_ADMIN` or `CAP_SYS_CHROOT`, or its unit has `RestrictNamespaces=`.
    pub fn enter(&self) -> io::Result<()> {
        unshare(CloneFlags::CLONE_FS)?;
        setns(&self.0, CloneFlags::CLONE_NEWNS)?;
        Ok(())
    }
}

/// `path` as the process `init` sees it.
fn below_root(init: &Path, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    init.join("root").join(inside)
}

#[cfg(test)]
mod tests {
    use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

    use super::*;

    /// On a thread of its own, in a mount namespace that gives and gets nothing.
    fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        let thread = || {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            work()
        };
        std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
    }

    /// The process itself stays where it is, whatever its threads do: it stands for PID 1, into which no test may mount.
    fn process() -> &'static Path {
        Path::new("/proc/self")
    }

    #[test]
    fn what_is_mounted_there_is_there_for_the_host_alone() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        fs::create_dir(&place).unwrap();
        assert!(HostMounts::of(process(), &place).is_none(), "we are there");
        apart(|| {
            let host = HostMounts::of(process(), &place).expect("it is another one");
            std::thread::scope(|scope| {
                let there = scope.spawn(|| {
                    host.enter().unwrap();
                    mount("tmpfs", &place, "tmpfs", MountFlags::empty(), None).unwrap();
                });
                there.join().unwrap();
            });
            fs::write(below_root(process(), &place).join("file"), "").unwrap();
            assert!(!place.join("file").exists());
        });
        assert!(place.join("file").exists());
        unmount(&place, UnmountFlags::DETACH).unwrap();
    }

    #[test]
    fn a_directory_that_the_host_does_not_have_is_ours() {
        let dir = tempfile::tempdir().unwrap();
        apart(|| {
            assert!(HostMounts::of(process(), dir.path()).is_some());
            mount("tmpfs", dir.path(), "tmpfs", MountFlags::empty(), None).unwrap();
            assert!(HostMounts::of(process(), dir.path()).is_none());
        });
    }
}
