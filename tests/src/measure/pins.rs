//! The floor of a pod: its namespaces and shared memory, held by mounts, made by the fewest calls there are. No network, no
//! record, nothing that could fail halfway.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// The namespaces, as in `/proc/self/ns`.
pub const NAMESPACES: [&str; 3] = ["net", "ipc", "uts"];

/// The shared memory.
pub const SHM: &str = "shm";

/// Moves this process to new namespaces and pins them in `dir`, with a host name and shared memory.
///
/// # Errors
/// The kernel refuses.
pub fn make(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir.join(SHM))?;
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS)?;
    nix::unistd::sethostname("pod")?;
    for name in NAMESPACES {
        let pin = dir.join(name);
        File::create(&pin)?;
        let namespace = Path::new("/proc/self/ns").join(name);
        mount(Some(&namespace), &pin, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(
        Some(SHM),
        &dir.join(SHM),
        Some("tmpfs"),
        flags,
        Some("mode=1777"),
    )?)
}

/// Takes away what [`make`] has made.
///
/// # Errors
/// The kernel refuses.
pub fn remove(dir: &Path) -> io::Result<()> {
    for name in NAMESPACES.into_iter().chain([SHM]) {
        umount2(&dir.join(name), MntFlags::MNT_DETACH)?;
    }
    fs::remove_dir_all(dir)
}
