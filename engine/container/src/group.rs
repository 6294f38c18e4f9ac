//! A control group of its own for a container in the foreground. It would sit in its caller's: see who else is there, and,
//! privileged, kill them all (`cgroup.kill`).
//!
//! The engine goes into a new group below its own, starts the container from there, and goes back. A leaf of the hierarchy may
//! have such a child wherever it is, for no controller is enabled in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::limits::{limit_processes, own_group};
use super::record::Record;
use unipod_store::{Store, StoreError};

/// The engine's stay in the container's group; it ends when this is dropped.
#[derive(Debug)]
pub struct Stay {
    home: PathBuf,
}

/// Makes the group, which is in the record on disk before, and goes there. `None` where there can be none: no cgroup2, or a
/// hierarchy that we may not write.
///
/// # Errors
/// The record cannot be written.
pub fn enter(store: &Store, record: &mut Record) -> Result<Option<Stay>, StoreError> {
    let Some(home) = own_group() else { return Ok(None) };
    let own = home.join(format!("unipod-{}", record.id));
    record.cgroup = Some(own.clone());
    record.save(store)?;
    let there = fs::create_dir_all(&own).and_then(|()| join(&own));
    if there.is_ok() {
        limit_processes(&own, &record.options);
        return Ok(Some(Stay { home }));
    }
    remove(record);
    record.cgroup = None;
    Ok(None)
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Err(error) = join(&self.home) {
            tracing::warn!("the engine stays in the container's control group: {error}");
        }
    }
}

fn join(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

/// Removes the group with whoever is left in it. One that is gone is fine, and so is one that is busy: an empty group costs
/// nothing.
pub fn remove(record: &Record) {
    let Some(group) = &record.cgroup else { return };
    let inside = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    if !inside.lines().any(|pid| pid == std::process::id().to_string()) {
        // Kernels before 5.14 have no such file.
        let _ = fs::write(group.join("cgroup.kill"), "1");
    }
    for _ in 0..TRIES {
        match remove_with_children(group) {
            // A process that was killed leaves its group a moment later.
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => std::thread::sleep(PAUSE),
            _ => return,
        }
    }
}

/// Limits, and runtimes that insist on it, have made groups below. The files in a group go with it.
fn remove_with_children(group: &Path) -> io::Result<()> {
    for entry in fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_with_children(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

/// How long to wait for the last process of a group, on a busy machine: a second.
const TRIES: u32 = 500;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);
