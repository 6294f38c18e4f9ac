//! Standing still and going on: all processes of a container, frozen by the kernel (cgroup.freeze, cgroups(7)).
//!
//! A unit is frozen by systemd, which knows of it then: `systemctl status` says so, and a stop lets the processes go on first, for
//! the commands of the stop are started in the very same group. Who writes the file himself freezes those as well. Only the group of
//! a container in the foreground is ours.
//!
//! Whether a container is paused is asked from the kernel alone: it makes no difference whether `unipod pause` or `systemctl freeze`
//! did it. One that is paused counts as running ([`Record::state`]) for all that is not concerned.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::limits::group_of;
use super::record::{Record, State};
use super::{ContainerError, group};
use unipod_systemd::manager;

const FREEZE: &str = "cgroup.freeze";
const EVENTS: &str = "cgroup.events";

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
/// It does not run, is paused, has no control group of its own, or systemd or the kernel refuses.
pub fn pause(record: &Record) -> Result<(), ContainerError> {
    if record.state() != State::Running {
        let state = record.state().as_str();
        return Err(ContainerError::Improper(format!(
            "{state:?} is not running, can't pause"
        )));
    }
    if record.is_paused() {
        return Err(ContainerError::Improper(format!(
            "{:?} is already paused",
            record.id.as_str()
        )));
    }
    set(record, true)
}

/// Lets all processes of a container go on.
///
/// # Errors
/// It is not paused, or systemd or the kernel refuses.
pub fn unpause(record: &Record) -> Result<(), ContainerError> {
    if !record.is_paused() {
        return Err(ContainerError::Improper(format!(
            "{:?} is not paused, can't unpause",
            record.id.as_str()
        )));
    }
    set(record, false)
}

fn set(record: &Record, frozen: bool) -> Result<(), ContainerError> {
    let group = group::of(record).ok_or_else(|| no_group(record))?;
    match &record.unit {
        Some(unit) if frozen => Ok(manager::freeze(&unit.name)?),
        Some(unit) => Ok(manager::thaw(&unit.name)?),
        None => write(&group, frozen).map_err(|source| ContainerError::Io {
            action: if frozen { "freeze" } else { "thaw" },
            path: group,
            source,
        }),
    }
}

fn no_group(record: &Record) -> ContainerError {
    ContainerError::Option {
        option: format!("container {}", record.name),
        reason: "it runs in its caller's control group, which would be frozen with it".to_owned(),
    }
}

fn write(group: &Path, frozen: bool) -> io::Result<()> {
    fs::write(group.join(FREEZE), if frozen { "1" } else { "0" })?;
    let deadline = Instant::now() + LIMIT;
    while is_frozen(group) != frozen {
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

/// What a paused container's SIGKILL leaves standing still: those who run for it (a relay, the commands with which its unit ends).
#[derive(Debug)]
pub(super) struct Frozen(Option<PathBuf>);

impl Frozen {
    /// To be asked before the signal: a process that is gone is in no group.
    pub(super) fn of(record: &Record) -> Self {
        Self(record.is_paused().then(|| group::of(record)).flatten())
    }

    /// Lets them go on. systemd would not, for a unit that ends by itself; it notices.
    pub(super) fn release(self) {
        let Some(group) = self.0 else { return };
        if let Err(error) = fs::write(group.join(FREEZE), "0") {
            tracing::warn!(
                "what is left of a paused container stays frozen in {}: {error}",
                group.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
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
}
