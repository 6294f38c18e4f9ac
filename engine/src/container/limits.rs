//! Resource limits given as options (`--memory`, `--pids-limit`, …), beside those that systemd sets on the unit.
//!
//! The unit's own control group belongs to systemd, but everything below it is delegated (`Delegate=yes`): the engine
//! moves itself into a child group, sets the limits there, and the container, started from it, inherits them.

use std::fs;
use std::path::{Path, PathBuf};

use super::ContainerError;
use super::process::Process;
use crate::runtime::options::Resources;

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

/// Puts this process and the container's `helpers`, and with them the container to be started, under the limits. Nothing
/// happens without limits.
///
/// # Errors
/// A controller is not there for us: the limit is refused by name, for a container that was promised a limit must
/// not run without it.
pub fn apply(limits: &[Limit], helpers: &[Process]) -> Result<(), ContainerError> {
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
    for pid in helpers.iter().map(|helper| helper.pid).chain([0]) {
        fs::write(child.join("cgroup.procs"), pid.to_string()).map_err(failed(&child))?;
    }
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

/// The limits that options ask for, in cgroup-v2's terms.
///
/// # Errors
/// A limit that cgroup-v2 does not have.
pub fn of(resources: &Resources) -> Result<Vec<Limit>, ContainerError> {
    let Resources {
        memory,
        memory_swap,
        memory_reservation,
        memory_swappiness,
        oom_kill_disable,
        pids,
        cpus,
        cpu_shares,
        cpu_period,
        cpu_quota,
        cpuset_cpus,
        cpuset_mems,
        blkio_weight,
        unified,
    } = resources;
    let gone = |option: &str| ContainerError::Option { option: option.to_owned(), reason: "cgroup-v2 has no such limit".to_owned() };
    if memory_swappiness.is_some() {
        return Err(gone("--memory-swappiness"));
    }
    if *oom_kill_disable {
        return Err(gone("--oom-kill-disable"));
    }
    let swap = memory_swap.map(|total| if total < 0 { total } else { total - memory.unwrap_or(0) });
    let limit = |option, controller, file, value: Option<String>| value.map(|value| Limit { option, controller, file, value });
    let mut limits: Vec<Limit> = [
        limit("--memory", "memory", "memory.max", memory.map(or_max)),
        limit("--memory-swap", "memory", "memory.swap.max", swap.map(or_max)),
        limit("--memory-reservation", "memory", "memory.low", memory_reservation.map(or_max)),
        limit("--pids-limit", "pids", "pids.max", pids.map(or_max)),
        limit("--cpus", "cpu", "cpu.max", cpu_max(*cpus, *cpu_period, *cpu_quota)),
        limit("--cpu-shares", "cpu", "cpu.weight", cpu_shares.map(|shares| weight(shares).to_string())),
        limit("--cpuset-cpus", "cpuset", "cpuset.cpus", cpuset_cpus.clone()),
        limit("--cpuset-mems", "cpuset", "cpuset.mems", cpuset_mems.clone()),
        limit("--blkio-weight", "io", "io.weight", blkio_weight.map(|w| format!("default {w}"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some((file, _)) = unified.first_key_value() {
        return Err(ContainerError::Option { option: format!("--cgroup-conf {file}"), reason: "not supported yet".to_owned() });
    }
    limits.retain(|limit| !limit.value.is_empty());
    Ok(limits)
}

fn or_max(value: i64) -> String {
    if value <= 0 { "max".to_owned() } else { value.to_string() }
}

/// `QUOTA PERIOD` in microseconds.
fn cpu_max(cpus: Option<f64>, period: Option<u64>, quota: Option<i64>) -> Option<String> {
    const PERIOD: u64 = 100_000;
    match (cpus, quota) {
        // Five significant digits of a processor are more than the scheduler keeps.
        (Some(cpus), _) if cpus > 0.0 => Some(format!("{:.0} {PERIOD}", cpus * 100_000.0)),
        (_, Some(quota)) => Some(format!("{} {}", or_max(quota), period.unwrap_or(PERIOD))),
        _ => None,
    }
}

/// Docker's shares (2 to 262144) on cgroup-v2's scale (1 to 10000), as the OCI runtimes convert them.
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_the_terms_of_cgroup_v2() {
        let resources = Resources {
            memory: Some(1 << 20),
            memory_swap: Some(3 << 20),
            pids: Some(-1),
            cpus: Some(0.5),
            cpu_shares: Some(1024),
            ..Resources::default()
        };
        let limits: Vec<_> = of(&resources).unwrap().into_iter().map(|l| (l.file, l.value)).collect();
        let expected = [
            ("memory.max", "1048576"),
            ("memory.swap.max", "2097152"),
            ("pids.max", "max"),
            ("cpu.max", "50000 100000"),
            ("cpu.weight", "39"),
        ];
        assert_eq!(limits, expected.map(|(file, value)| (file, value.to_owned())));
        assert!(of(&Resources { oom_kill_disable: true, ..Resources::default() }).is_err());
    }
}
