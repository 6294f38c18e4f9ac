//! A further process in a running container.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::output::{self, Output};
use super::process as container;
use super::record::Record;
use super::streams::Shown;
use super::{ContainerError, group, limits, stop_signal};
use unipod_bundle::process::exec::{self, ExecOptions, Process};
use unipod_runtime::OciRuntime;
use unipod_runtime::oci::{self, ExecRequest};
use unipod_store::Store;

/// How the process is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecMode {
    /// Do not wait for it.
    pub detach: bool,
    /// Hand on our standard input.
    pub interactive: bool,
    /// How many descriptors from 3 on are passed to it.
    pub preserve_fds: u32,
}

/// Starts a process in the container with our standard streams and waits for it. Returns its exit code.
///
/// # Errors
/// The container does not run, or the command cannot be started.
pub fn exec(store: &Store, record: &Record, options: &ExecOptions, mode: ExecMode) -> Result<i32, ContainerError> {
    let process = record.running()?;
    // Where the kernel does not end it with the container's init, systemd does, with the rest of the unit.
    let of_init = || limits::group_of(&process.pid.to_string()).filter(|_| group::of(record).is_some());
    let group = (!stop_signal::is_first(process)).then(of_init).flatten();
    if record.is_paused() {
        let reason = "can only create exec sessions on running containers";
        return Err(ContainerError::Improper(reason.to_owned()));
    }
    let bundle = store.bundle(record.id.as_str());
    let config = bundle.join("config.json");
    let first = Process::first(&config).map_err(|source| ContainerError::Io {
        action: "read",
        path: config,
        source,
    })?;
    let root = PathBuf::from(format!("/proc/{}/root", process.pid));
    let process = exec::process(first, &root, options)?;
    let scratch = scratch(&bundle)?;
    let runtime = OciRuntime::find(record.runtime.to_str())?;
    if record.id_mappings.is_some() && !runtime.enters_user_namespace() {
        return Err(ContainerError::Option {
            option: format!("--runtime {}", runtime.path().display()),
            reason: "its exec does not enter the container's user namespace: the process would have the rights of the host's \
                     users; run the container with crun or runc"
                .to_owned(),
        });
    }
    let Output {
        stdin,
        stdout,
        stderr,
        copies,
        relays: _,
    } = streams(options.tty, mode)?;
    let copying = output::begin_copying(copies, Shown::ALL)?;
    let status = runtime.exec(&ExecRequest {
        id: record.id.as_str(),
        state_root: &store.runtime_state(record.id.as_str()),
        scratch: scratch.path(),
        process: &process,
        detach: mode.detach,
        preserve_fds: mode.preserve_fds,
        console_socket: None,
        // Nobody would copy what a detached process reads, and ours is not its own.
        stdin: mode.interactive && !mode.detach,
        stdin_from: stdin.as_ref().map(AsFd::as_fd),
        stdout: stdout.as_ref().map(AsFd::as_fd),
        stderr: stderr.as_ref().map(AsFd::as_fd),
        group: group.as_deref(),
    })?;
    drop((stdin, stdout, stderr));
    if let Some(copying) = copying {
        copying.drain();
    }
    Ok(oci::exit_code(status))
}

/// The OCI runtime hands on a terminal by itself; nobody reads what a detached process writes.
fn streams(tty: bool, mode: ExecMode) -> Result<Output, ContainerError> {
    let output = if tty {
        Ok(Output::default())
    } else if mode.detach {
        output::nowhere(false)
    } else {
        output::copied(mode.interactive)
    };
    output.map_err(output::failed("a pipe"))
}

/// A directory for what the OCI runtime is told, named by us. Those of engines that were killed go.
fn scratch(bundle: &Path) -> Result<TempDir, ContainerError> {
    let failed = |source| ContainerError::Io {
        action: "make a directory in",
        path: bundle.to_owned(),
        source,
    };
    for entry in fs::read_dir(bundle).map_err(failed)?.flatten() {
        let name = entry.file_name();
        if name.to_str().and_then(maker).is_some_and(|maker| !maker.is_alive()) {
            unipod_store::remove_tree(&entry.path())?;
        }
    }
    let own = container::Process::with_pid(std::process::id()).unwrap_or(container::Process { pid: 0, started: 0 });
    tempfile::Builder::new()
        .prefix(&format!("exec-{}-{}-", own.pid, own.started))
        .tempdir_in(bundle)
        .map_err(failed)
}

/// Whose directory this is, by its name.
fn maker(name: &str) -> Option<container::Process> {
    let mut parts = name.strip_prefix("exec-")?.split('-');
    Some(container::Process {
        pid: parts.next()?.parse().ok()?,
        started: parts.next()?.parse().ok()?,
    })
}
