//! In which unit this process runs, as systemd.exec(5) "Environment variables set on the command" tells it.

use std::path::PathBuf;

/// The unit invocation that this process belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The unit's name.
    pub unit: String,
    /// `INVOCATION_ID`: one per start of a unit.
    pub id: Option<String>,
    /// Where readiness goes; gone for `ExecStop=` and others that do not notify.
    pub notify_socket: Option<PathBuf>,
    /// The main process, for a command of a generated unit that is run while that lives: `ExecStop=` for one. Such a
    /// unit has an `ExecStopPost=`, which comes after it.
    pub main: Option<u32>,
}

impl Invocation {
    /// The unit that this process is a command of. Generated units name themselves in `PODMAN_SYSTEMD_UNIT`; a
    /// `NOTIFY_SOCKET` alone is taken as well, the unit's name then comes from the control group.
    pub fn current() -> Option<Self> {
        let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let notify_socket = env("NOTIFY_SOCKET").map(PathBuf::from);
        let named = env("PODMAN_SYSTEMD_UNIT");
        if named.is_none() && notify_socket.is_none() {
            return None;
        }
        let main = named.is_some().then(|| env("MAINPID")?.parse().ok()).flatten();
        let unit = named.or_else(|| unit_of_cgroup(&std::fs::read_to_string("/proc/self/cgroup").ok()?))?;
        Some(Self {
            unit,
            id: env("INVOCATION_ID"),
            notify_socket,
            main,
        })
    }
}

impl Invocation {
    /// Whether this is one of the commands with which a unit ends, `ExecStop=` or `ExecStopPost=`: those alone are told how it
    /// went.
    pub fn is_stopping() -> bool {
        std::env::var_os("SERVICE_RESULT").is_some()
    }
}

/// The innermost `.service` of the `0::` line in `/proc/PID/cgroup`, cgroups(7).
fn unit_of_cgroup(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    path.rsplit('/')
        .find(|part| part.ends_with(".service"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_innermost_service() {
        for (text, unit) in [
            ("0::/system.slice/web.service\n", Some("web.service")),
            (
                "1:x:/a.service\n0::/user.slice/user@0.service/app.slice/b.service/payload\n",
                Some("b.service"),
            ),
            ("0::/init.scope\n", None),
        ] {
            assert_eq!(unit_of_cgroup(text).as_deref(), unit, "{text}");
        }
    }
}
