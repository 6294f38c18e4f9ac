//! Resource limits given as options (`--memory`, `--pids-limit`, …), beside those that systemd sets on the unit.
//!
//! The unit's own control group belongs to systemd, but everything below it is delegated (`Delegate=yes`): the engine
//! moves itself into a child group, sets the limits there, and the container, started from it, inherits them.

use std::fs;
use std::path::{Path, PathBuf};

use super::ContainerError;

const HIERARCHY: &str = "/sys/fs/cgroup";
const GROUP: &str = "payload";

/// One limit: the file of cgroup-v2 and what is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The option as the user knows it.
    pub option: &'static str,
    /// `memory`, `pids`, `cpu`, `cpuset`, `io`.
    pub controller: &'static str,
    /// For example `memory.max`.
    pub file: &'static str,
    /// The value in the file's own syntax.
    pub value: String,
}

/// Puts this process, and with it the container to be started, under the limits. Nothing happens without limits.
///
/// # Errors
/// A controller is not there for us: the limit is refused by name, for a container that was promised a limit must
/// not run without it.
pub fn apply(limits: &[Limit]) -> Result<(), ContainerError> {
    let Some(first) = limits.first() else { return Ok(()) };
    let own = own_group().ok_or_else(|| refuse(first, "this system has no cgroup2 hierarchy at /sys/fs/cgroup"))?;
    check_controllers(&own, limits)?;
    let child = own.join(GROUP);
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ContainerError::Io { action: "set up the control group", path, source }
    };
    fs::create_dir_all(&child).map_err(failed(&child))?;
    // The order matters: a group may hand controllers down only when no process is left in it.
    fs::write(child.join("cgroup.procs"), "0").map_err(failed(&child))?;
    for limit in limits {
        let control = own.join("cgroup.subtree_control");
        fs::write(&control, format!("+{}", limit.controller)).map_err(failed(&control))?;
        let file = child.join(limit.file);
        fs::write(&file, &limit.value).map_err(|e| refuse(limit, &format!("{} = {}: {e}", limit.file, limit.value)))?;
    }
    Ok(())
}

fn check_controllers(own: &Path, limits: &[Limit]) -> Result<(), ContainerError> {
    let available = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
    let missing = limits.iter().find(|limit| !available.split_whitespace().any(|c| c == limit.controller));
    missing.map_or(Ok(()), |limit| {
        Err(refuse(limit, &format!("the {} controller is not available in {}", limit.controller, own.display())))
    })
}

fn refuse(limit: &Limit, reason: &str) -> ContainerError {
    ContainerError::Option { option: limit.option.to_owned(), reason: reason.to_owned() }
}

fn own_group() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = Path::new(HIERARCHY).join(path);
    group.join("cgroup.procs").exists().then_some(group)
}
