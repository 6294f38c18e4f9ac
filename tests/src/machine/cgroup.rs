//! The machine's place in the host's cgroup tree: made before a boot, killed and removed after it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wait;

/// How long the kernel may take to reap killed processes before a cgroup counts as stuck.
const REAP: Duration = Duration::from_secs(10);

/// The directory of this process in the host's cgroup2 tree (also where version 1 stands beside it).
///
/// # Errors
/// The host has no cgroup2 mount, or `/proc` cannot be read.
pub fn own() -> io::Result<PathBuf> {
    let mount = mount_point(&fs::read_to_string("/proc/self/mountinfo")?)
        .ok_or_else(|| io::Error::other("no cgroup2 file system is mounted on this host"))?;
    let table = fs::read_to_string("/proc/self/cgroup")?;
    let path = table
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or_default();
    Ok(mount.join(path))
}

/// Finds the mount point of the cgroup2 hierarchy in a `mountinfo` table (proc(5)).
fn mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        (after.split(' ').next()? == "cgroup2").then(|| before.split(' ').nth(4).map(PathBuf::from))?
    })
}

/// Moves the calling process into the cgroup at `dir`, creating it where it is missing.
///
/// # Errors
/// The directory cannot be made or the kernel refuses the move.
pub fn enter(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("cgroup.procs"), "0")
}

/// Kills every process in the cgroup and below it. One that is gone already is no error.
pub fn kill(dir: &Path) {
    // The only failure is a cgroup that has been removed, that is, one without processes.
    let _ = fs::write(dir.join("cgroup.kill"), "1");
}

/// Kills what is left in the cgroup and removes it with everything below it.
///
/// # Errors
/// Processes could not be reaped in time, or a directory cannot be removed.
pub fn remove(dir: &Path) -> io::Result<()> {
    kill(dir);
    let empty = || fs::read_to_string(dir.join("cgroup.events")).is_ok_and(|events| events.contains("populated 0"));
    if dir.exists() && !wait::until(REAP, empty) {
        return Err(io::Error::other(format!("processes in {} do not die", dir.display())));
    }
    remove_tree(dir)
}

fn remove_tree(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup2_mount_is_found_beside_version_one() {
        let table = "30 29 0:24 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                     31 29 0:25 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(mount_point(table), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(mount_point("1 0 8:1 / / rw - ext4 /dev/vda rw"), None);
    }
}
