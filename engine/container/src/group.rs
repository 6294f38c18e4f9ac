//! A control group of its own for a container in the foreground. It would sit in its caller's: see who else is there, and,
//! privileged, kill them all (`cgroup.kill`).
//!
//! The engine goes into a new group below its own, starts the container from there, and goes back. A leaf of the hierarchy may
//! have such a child wherever it is, for no controller is enabled in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::limits::{group_of, limit_processes, own_group};
use super::process::Process;
use super::record::Record;
use super::stop_signal::is_first;
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

/// The control group that has all processes of a running container, and none but what runs for it: in the foreground the one of
/// its own, in a unit the unit's. (Its init may be further below: under limits, or because it is a systemd.) `None` for one that
/// runs among its caller's processes.
pub(super) fn of(record: &Record) -> Option<PathBuf> {
    let init = record.running().ok()?;
    let group = group_of(&init.pid.to_string())?;
    top(&group, record).map(Path::to_owned)
}

fn top<'a>(group: &'a Path, record: &Record) -> Option<&'a Path> {
    // systemd puts `_` before a name that the kernel would take for a file of the group's.
    let is_units = |dir: &Path| {
        let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let unit = record.unit.as_ref().map(|unit| unit.name.as_str());
        Some(name) == unit || name.strip_prefix('_').is_some_and(|name| Some(name) == unit)
    };
    let is_own = |dir: &Path| record.cgroup.as_deref() == Some(dir) || is_units(dir);
    group.ancestors().find(|dir| is_own(dir))
}

/// The numbers of all processes in a group and below it, but for the commands of a unit that systemd runs beside the container.
pub(super) fn processes(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut found: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != OF_SYSTEMD {
            found.extend(processes(&entry.path()));
        }
    }
    found
}

/// Where systemd starts the commands of a unit that has groups of its own (`DELEGATE_CGROUP` in its sources).
pub(super) const OF_SYSTEMD: &str = ".control";

/// What a container may leave behind: where its init is not PID 1 of its PID namespace (a pod shares one), the kernel ends nobody
/// with it.
#[derive(Debug)]
pub struct Rest {
    group: PathBuf,
    namespace: PathBuf,
}

impl Rest {
    /// What would be left of a container that runs. `None` where the kernel sees to that, or where nobody can tell its processes
    /// from others.
    pub fn of(record: &Record) -> Option<Self> {
        let init = record.running().ok().filter(|init| !is_first(*init))?;
        let namespace = namespace(&init.pid.to_string())?;
        let group = of(record).filter(|_| self::namespace("self").as_ref() != Some(&namespace))?;
        Some(Self { group, namespace })
    }

    /// Ends it. Who passes output on is of no such namespace, and stays.
    pub fn end(&self) {
        let its = || {
            let all = processes(&self.group).into_iter().filter_map(Process::with_pid);
            all.filter(|process| namespace(&process.pid.to_string()).as_ref() == Some(&self.namespace))
        };
        for _ in 0..TRIES {
            let mut left = its().filter_map(Process::open).peekable();
            if left.peek().is_none() {
                return;
            }
            for process in left {
                // It cannot be killed only if it is gone.
                let _ = process.signal(libc::SIGKILL);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn namespace(pid: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
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

#[cfg(test)]
mod tests {
    use super::super::record::UnitUse;
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn a_container_is_all_that_is_below_its_units_group() {
        let mut web = record("web");
        let found = |group: &str, web: &Record| top(Path::new(group), web).map(|dir| dir.display().to_string());
        assert_eq!(found("/sys/fs/cgroup/a/b", &web), None);
        web.cgroup = Some("/sys/fs/cgroup/a".into());
        assert_eq!(found("/sys/fs/cgroup/a/b", &web).as_deref(), Some("/sys/fs/cgroup/a"));
        web.cgroup = None;
        web.unit = Some(UnitUse {
            name: "web.service".into(),
            invocation: None,
        });
        for (group, expected) in [
            ("/s/web.service", Some("/s/web.service")),
            ("/s/web.service/payload/x", Some("/s/web.service")),
            ("/s/_web.service/init.scope", Some("/s/_web.service")),
            ("/s/web.services", None),
        ] {
            assert_eq!(found(group, &web).as_deref(), expected, "{group}");
        }
    }
}
