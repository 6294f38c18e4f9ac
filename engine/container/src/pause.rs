//! Standing still and going on: all processes of a container, frozen by the kernel (cgroup.freeze, cgroups(7)).
//!
//! Of a unit it is not the whole control group that is frozen: systemd starts the commands of a stop in it, and they would stand
//! still as well. Nor is it asked to freeze the unit: from version 256 on it refuses to stop one that is frozen, and takes one that
//! is killed meanwhile for frozen ever after. So the container's processes are put into a group of their own below the unit's, where
//! they are under limits anyway, and that group is frozen, with whatever groups the container has made beside it.
//!
//! Whether a container is paused is asked from the kernel alone, so `systemctl freeze` counts as well. One that is paused counts as
//! running ([`Record::state`]) for all that is not concerned.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::limits::{self, group_of};
use super::record::{Record, State};
use super::{ContainerError, group};
use unipod_systemd::manager;

const FREEZE: &str = "cgroup.freeze";
const EVENTS: &str = "cgroup.events";
const PROCESSES: &str = "cgroup.procs";

/// How long processes may take to stand still; one that waits for a disk does not before it has what it waits for.
const LIMIT: Duration = Duration::from_secs(30);
/// The time between two looks at what changes in a moment.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

impl Record {
    /// Whether its processes stand still: it runs, and is paused.
    pub fn is_paused(&self) -> bool {
        let init = self.running().ok();
        let group = init.and_then(|init| group_of(&init.pid.to_string()));
        group.is_some_and(|group| is_frozen(&group))
    }

    /// podman's word for what it does now: one of [`State`], or `paused`.
    pub fn status(&self) -> &'static str {
        if self.is_paused() {
            "paused"
        } else {
            self.state().as_str()
        }
    }
}

/// Freezes all processes of a container, and returns once none of them runs.
///
/// # Errors
/// It does not run, is paused, has no control group of its own, or the kernel refuses; nothing is frozen then.
pub fn pause(record: &Record) -> Result<(), ContainerError> {
    if record.state() != State::Running {
        let state = record.state().as_str();
        return Err(ContainerError::Improper(format!(
            "{state:?} is not running, can't pause"
        )));
    }
    if record.is_paused() {
        let id = record.id.as_str();
        return Err(ContainerError::Improper(format!("{id:?} is already paused")));
    }
    let top = group::of(record).ok_or_else(|| ContainerError::Option {
        option: format!("container {}", record.name),
        reason: "it runs in its caller's control group, which would be frozen with it".to_owned(),
    })?;
    let frozen = set_apart(record, &top).and_then(|()| set(&groups(record, &top)?, true));
    frozen.map_err(|source| {
        // Best effort: what is not frozen cannot be thawed.
        let _ = groups(record, &top).and_then(|groups| set(&groups, false));
        failed("freeze", &top)(source)
    })
}

/// Lets all processes of a container go on.
///
/// # Errors
/// It is not paused, or the kernel or systemd refuses.
pub fn unpause(record: &Record) -> Result<(), ContainerError> {
    if !record.is_paused() {
        let id = record.id.as_str();
        return Err(ContainerError::Improper(format!("{id:?} is not paused, can't unpause")));
    }
    thaw(record)
}

/// [`unpause`] of one that may as well run.
pub(super) fn thaw(record: &Record) -> Result<(), ContainerError> {
    let Some(top) = group::of(record).filter(|_| record.is_paused()) else {
        return Ok(());
    };
    groups(record, &top)
        .and_then(|groups| set(&groups, false))
        .map_err(failed("thaw", &top))?;
    leave_to_us(record)
}

/// Has systemd thaw a unit that it was told to freeze. Whatever becomes of the container then, the unit can end.
pub(super) fn leave_to_us(record: &Record) -> Result<(), ContainerError> {
    let Some(unit) = record.unit.as_ref().filter(|_| record.is_paused()) else {
        return Ok(());
    };
    let top = group::of(record).map(|top| fs::read_to_string(top.join(FREEZE)));
    match top {
        Some(Ok(text)) if text.trim() == "1" => Ok(manager::thaw(&unit.name)?),
        _ => Ok(()),
    }
}

/// Puts those processes of the container that are in the unit's own group into the one below it.
fn set_apart(record: &Record, top: &Path) -> io::Result<()> {
    let (Some(_), Ok(init)) = (&record.unit, record.running()) else {
        return Ok(());
    };
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = namespace(&init.pid.to_string());
    // Without a namespace of its own, whoever is there is taken for one of it, but for those who pass its output on.
    let relays: BTreeSet<String> = record.relays.iter().map(|relay| relay.pid.to_string()).collect();
    let is_its = |pid: &&str| !relays.contains(*pid) && namespace(pid) == own;
    let apart = top.join(limits::GROUP);
    let deadline = Instant::now() + LIMIT;
    // They have children meanwhile.
    loop {
        let inside = fs::read_to_string(top.join(PROCESSES))?;
        let mut its = inside.lines().filter(is_its).peekable();
        if its.peek().is_none() {
            return Ok(());
        }
        fs::create_dir_all(&apart)?;
        for pid in its {
            match fs::write(apart.join(PROCESSES), pid) {
                // It has just ended.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                other => other?,
            }
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// The groups that have all of the container's processes once they are set apart.
fn groups(record: &Record, top: &Path) -> io::Result<Vec<PathBuf>> {
    if record.unit.is_none() {
        return Ok(vec![top.to_owned()]);
    }
    let mut groups = Vec::new();
    for entry in fs::read_dir(top)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != group::OF_SYSTEMD {
            groups.push(entry.path());
        }
    }
    Ok(groups)
}

fn set(groups: &[PathBuf], frozen: bool) -> io::Result<()> {
    for group in groups {
        fs::write(group.join(FREEZE), if frozen { "1" } else { "0" })?;
    }
    let deadline = Instant::now() + LIMIT;
    while frozen && !groups.iter().all(|group| is_frozen(group)) {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

fn is_frozen(group: &Path) -> bool {
    let events = fs::read_to_string(group.join(EVENTS)).unwrap_or_default();
    events.lines().any(|line| line == "frozen 1")
}

fn failed(action: &'static str, group: &Path) -> impl FnOnce(io::Error) -> ContainerError {
    let path = group.to_owned();
    move |source| ContainerError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
    use super::super::record::UnitUse;
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn only_what_runs_is_paused_and_only_what_is_paused_goes_on() {
        let mut web = record("web");
        let said = |result: Result<(), ContainerError>| result.unwrap_err().to_string();
        assert_eq!(
            said(pause(&web)),
            "\"created\" is not running, can't pause: container state improper"
        );
        web.process = Process::with_pid(std::process::id());
        assert!(said(unpause(&web)).ends_with("is not paused, can't unpause: container state improper"));
        assert!(said(pause(&web)).contains("its caller's control group"));
        assert_eq!(web.status(), "running");
    }

    #[test]
    fn the_kernel_says_what_is_frozen() {
        let group = tempfile::tempdir().unwrap();
        assert!(!is_frozen(group.path()));
        fs::write(group.path().join(EVENTS), "populated 1\nfrozen 1\n").unwrap();
        assert!(is_frozen(group.path()));
        fs::write(group.path().join(EVENTS), "populated 1\nfrozen 0\n").unwrap();
        assert!(!is_frozen(group.path()));
    }

    #[test]
    fn the_commands_of_a_stop_are_never_frozen() {
        let top = tempfile::tempdir().unwrap();
        for name in [".control", "payload", "init.scope"] {
            fs::create_dir(top.path().join(name)).unwrap();
        }
        fs::write(top.path().join(PROCESSES), "").unwrap();
        let mut web = record("web");
        assert_eq!(groups(&web, top.path()).unwrap(), [top.path()]);
        web.unit = Some(UnitUse {
            name: "web.service".into(),
            invocation: None,
        });
        let mut found = groups(&web, top.path()).unwrap();
        found.sort();
        assert_eq!(found, [top.path().join("init.scope"), top.path().join("payload")]);
    }
}
