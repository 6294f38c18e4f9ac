//! Resource limits given as options (`--memory`, `--pids-limit`, …), beside those that systemd sets on the unit.
//!
//! The unit's own control group belongs to systemd, but everything below it is delegated (`Delegate=yes`): the engine
//! moves itself into a child group, sets the limits there, and the container, started from it, inherits them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::ContainerError;
use super::process::Process;
use unipod_bundle::options::{ContainerOptions, PIDS, Resources};

const HIERARCHY: &str = "/sys/fs/cgroup";
/// The group below a unit's for what is limited or frozen.
pub(super) const GROUP: &str = "payload";
const PIDS_MAX: &str = "pids.max";

/// Puts this process and the container's `helpers`, and with them the container to be started, under the limits. Nothing
/// happens without limits.
///
/// # Errors
/// A controller is not there for us: the limit is refused by its option's name, for a container that was promised a
/// limit must not run without it.
pub fn apply(resources: &Resources, helpers: &[Process]) -> Result<(), ContainerError> {
    let settings = resources.settings()?;
    let Some(first) = settings.first() else { return Ok(()) };
    let refused = |reason: String| ContainerError::Option {
        option: first.option.to_owned(),
        reason,
    };
    let own = own_group().ok_or_else(|| refused(format!("no cgroup2 hierarchy is mounted at {HIERARCHY}")))?;
    let child = own.join(GROUP);
    fs::create_dir_all(&child).map_err(failed(&child))?;
    // The order matters: a group may hand controllers down only when no process is left in it.
    for pid in helpers.iter().map(|helper| helper.pid).chain([0]) {
        fs::write(child.join("cgroup.procs"), pid.to_string()).map_err(failed(&child))?;
    }
    enable(
        &own,
        &settings.iter().filter_map(|s| s.file.split('.').next()).collect(),
    )?;
    Ok(resources.apply(&child)?)
}

/// What is to be limited in a unit: what options say, and the number of processes that containers.conf says where the unit itself
/// lets more be.
pub fn in_unit(options: &ContainerOptions) -> Resources {
    let mut resources = options.resources.clone();
    if let (None, Some(number)) = (resources.pids, options.defaults.pids) {
        resources.pids = below_unit(options.pids_limit(), number);
    }
    resources
}

/// The limit, unless the unit's is as low; nothing where nobody counts.
fn below_unit(wanted: Option<i64>, said: i64) -> Option<i64> {
    let text = fs::read_to_string(own_group()?.join(PIDS_MAX)).ok()?;
    let unit: Option<i64> = text.trim().parse().ok();
    if let Some(unit) = unit.filter(|unit| is_in_the_way(wanted, *unit)) {
        tracing::warn!(
            "containers.conf: containers.pids_limit is {said}, but the unit has TasksMax={unit}: set TasksMax= in its [Service]"
        );
    }
    wanted.filter(|wanted| unit.is_none_or(|unit| *wanted < unit))
}

/// Whether a generated unit's own limit, or a lower one, keeps more processes away.
fn is_in_the_way(wanted: Option<i64>, unit: i64) -> bool {
    unit <= PIDS && wanted.is_none_or(|wanted| wanted > unit)
}

/// Limits the processes of a group of the container's own, if anybody counts.
pub(super) fn limit_processes(group: &Path, options: &ContainerOptions) {
    if let (None, Some(number)) = (options.resources.pids, options.pids_limit()) {
        // Without the controller there is no such file, and none can be made.
        let file = File::options().write(true).open(group.join(PIDS_MAX));
        let _ = file.and_then(|mut file| file.write_all(number.to_string().as_bytes()));
    }
}

/// Hands the controllers down to the child group, as far as the unit has them; what is missing is noticed, and named, when
/// the limit is set.
fn enable(own: &Path, wanted: &BTreeSet<&str>) -> Result<(), ContainerError> {
    let available = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
    let control = own.join("cgroup.subtree_control");
    for controller in available.split_whitespace().filter(|c| wanted.contains(c)) {
        fs::write(&control, format!("+{controller}")).map_err(failed(&control))?;
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> ContainerError + use<> {
    let path = path.to_owned();
    |source| ContainerError::Io {
        action: "set up the control group",
        path,
        source,
    }
}

/// The control group that we are in.
pub(super) fn own_group() -> Option<PathBuf> {
    group_of("self")
}

/// The control group that a process is in.
pub(super) fn group_of(process: &str) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = Path::new(HIERARCHY).join(path);
    group.join("cgroup.procs").exists().then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_allows_less_is_in_the_way() {
        for (wanted, unit, is) in [
            (Some(4096), 2048, true),
            (None, 2048, true),
            (Some(99), 2048, false),
            (Some(2048), 2048, false),
            // As much as systemd gives every unit.
            (None, 4915, false),
        ] {
            assert_eq!(is_in_the_way(wanted, unit), is, "{wanted:?} {unit}");
        }
    }

    #[test]
    fn processes_are_limited_where_somebody_counts() {
        let group = tempfile::tempdir().unwrap();
        let mut options = ContainerOptions::default();
        let file = group.path().join(PIDS_MAX);
        limit_processes(group.path(), &options);
        assert!(!file.exists(), "without the controller there is nothing to write to");
        let written = |options: &ContainerOptions| {
            fs::write(&file, "").unwrap();
            limit_processes(group.path(), options);
            fs::read_to_string(&file).unwrap()
        };
        assert_eq!(written(&options), "2048");
        options.defaults.pids = Some(99);
        assert_eq!(written(&options), "99");
        options.defaults.pids = Some(-1);
        assert_eq!(written(&options), "");
        // The option's own is a matter of the group below.
        options.resources.pids = Some(5);
        assert_eq!(written(&options), "");
    }
}
