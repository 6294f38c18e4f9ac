//! Runs one command inside a machine, as from a root shell there.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use super::cgroup;

/// The namespaces of a machine; the mount namespace last, for it takes the host's `/proc` away.
const NAMESPACES: [(&str, CloneFlags); 6] = [
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("net", CloneFlags::CLONE_NEWNET),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// Enters the machine whose first process is `init` and runs `argv` there, in the cgroup given by its host path.
/// Returns what a shell would: the exit code, or 128 and the signal's number.
///
/// # Errors
/// The machine is gone, or the command cannot be started.
pub fn enter(init: &str, cgroup: &Path, argv: &[String]) -> io::Result<i32> {
    let open = |(name, flag): (&str, CloneFlags)| Ok((File::open(format!("/proc/{init}/ns/{name}"))?, flag));
    let namespaces = NAMESPACES.into_iter().map(open).collect::<io::Result<Vec<_>>>()?;
    cgroup::enter(cgroup)?;
    for (namespace, flag) in namespaces {
        setns(namespace, flag)?;
    }
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::other("no command to run in the machine"));
    };
    let status = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "TERM" || name == "NO_COLOR"))
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8")
        .env("SYSTEMD_PAGER", "")
        .env("SYSTEMD_COLORS", "0")
        .current_dir("/root")
        .status()
        .map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
}
