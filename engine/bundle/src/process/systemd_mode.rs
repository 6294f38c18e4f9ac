//! `--systemd`: a container whose first process is systemd finds what systemd needs.

use oci_spec::runtime::Mount;

use crate::mounts::oci::mount;
use crate::process::command::command;
use crate::{BundleError, BundleRequest};

/// The signal that asks systemd to shut down (systemd(1), `SIGRTMIN+3`), for containers that name none.
pub const STOP_SIGNAL: &str = "SIGRTMIN+3";

/// Whether the container is to be prepared for systemd: always, never, or if the command is one that is systemd.
pub fn wanted(request: &BundleRequest<'_>) -> Result<bool, BundleError> {
    match request.options.systemd.as_deref().unwrap_or_default() {
        "always" => Ok(true),
        "false" => Ok(false),
        "" | "true" => Ok(command(request).first().is_some_and(|program| is_systemd(program))),
        other => Err(BundleError::invalid(
            "--systemd",
            other,
            "expected true, false or always",
        )),
    }
}

/// As podman-run(1), `--systemd`, has it.
fn is_systemd(program: &str) -> bool {
    matches!(program, "/sbin/init" | "/usr/sbin/init" | "/usr/local/sbin/init")
        || program.rsplit('/').next().is_some_and(|name| name == "systemd")
}

/// Memory where systemd writes at its start, and the cgroups that it has to manage.
pub fn mounts() -> Vec<Mount> {
    let tmpfs = |destination, mode: &str| {
        mount(
            destination,
            "tmpfs",
            "tmpfs",
            &["rw", "rprivate", "nosuid", "nodev", "tmpcopyup", mode],
        )
    };
    vec![
        tmpfs("/run", "mode=755"),
        tmpfs("/run/lock", "mode=755"),
        tmpfs("/tmp", "mode=1777"),
        tmpfs("/var/log/journal", "mode=755"),
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["rprivate", "nosuid", "noexec", "nodev", "relatime", "rw"],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs() {
        for (program, expected) in [
            ("/sbin/init", true),
            ("/usr/lib/systemd/systemd", true),
            ("systemd", true),
            ("/init", false),
            ("/usr/bin/nginx", false),
        ] {
            assert_eq!(is_systemd(program), expected, "{program}");
        }
    }
}
