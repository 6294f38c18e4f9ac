//! The holder: one small process for what no pin can do. It is PID 1 of a PID namespace that members share, and the main process of
//! a unit that insists on one.
//!
//! It lives in the control group of the pod's unit, and the pod does not outlive it. Members see it as PID 1, so it is no looser than a
//! container: see [`process`].

pub mod process;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use unipod_bundle::security::seccomp::{self, cache::FilterCache};
use unipod_container::process::Process;
use unipod_linux::mount::fd_path;
use unipod_linux::pin;
use unipod_linux::{child, spawn, tree};
use unipod_store::{Store, named};
use unipod_systemd::{Invocation, notify};

use crate::PodError;
use crate::options::has_own;
use crate::record::{Pod, Up};
use process::Orders;

pub use process::{COMMAND, main};

/// How long it may take until it holds what it is to hold.
const START: Duration = Duration::from_secs(10);

/// How long it may take to end: the kernel ends all processes of its namespace first.
const END: Duration = Duration::from_secs(10);

/// The pin of the PID namespace, in the pod's directory. Its number could be another process's when a member joins.
pub const PIN: &str = "pid";

/// Whether members share a PID namespace that is not the host's or somebody else's.
pub fn has_processes(pod: &Pod) -> bool {
    pod.options.shared().pid && has_own(pod.options.common.pid.as_deref())
}

/// Whether the pod that we bring up has a holder: a unit that we cannot tell what is going on waits for a file with the number of a
/// process.
fn is_needed(pod: &Pod) -> bool {
    has_processes(pod) || pid_file(pod).is_some()
}

/// The file that a unit waits for. One that listens is told.
fn pid_file(pod: &Pod) -> Option<&Path> {
    let listens = Invocation::current().is_some_and(|own| own.notify_socket.is_some());
    pod.options.infra.pid_file.as_deref().filter(|_| !listens)
}

/// Starts it, if the pod needs one, once everything else of the pod is there.
///
/// # Errors
/// The kernel refuses a part of it, or it does not get there in time; then it is gone.
pub fn start(store: &Store, pod: &Pod, up: &Up) -> Result<Option<Process>, PodError> {
    if !is_needed(pod) {
        return Ok(None);
    }
    let orders = serde_json::to_vec(&orders(store, pod, up)).map_err(|error| PodError::Holder(error.into()))?;
    let filter = seccomp::for_ourselves(&FilterCache::new(&store.run().join("seccomp")))?;
    if filter.is_none() {
        tracing::warn!("the pod's process has no system call filter: libseccomp is missing");
    }
    let input = [&orders[..], b"\n", &filter.unwrap_or_default()].concat();
    let process = launch(&input).map_err(PodError::Holder)?;
    if has_processes(pod) {
        let namespace = PathBuf::from(format!("/proc/{}/ns/pid", process.pid));
        pin::create_of(&store.pod(pod.id.as_str()).join(PIN), &namespace).inspect_err(|_| {
            if let Err(problem) = end(process) {
                tracing::warn!("while cleaning up after a failed start: {problem}");
            }
        })?;
    }
    Ok(Some(process))
}

/// Tells systemd that the pod is up, with its holder as the main process, in the way that its unit waits for.
///
/// # Errors
/// The file for its number cannot be written.
pub fn announce(pod: &Pod, holder: Option<Process>) -> Result<(), PodError> {
    let Some(holder) = holder else {
        notify::ready();
        return Ok(());
    };
    notify::main_pid_and_ready(holder.pid);
    if let Some(file) = pid_file(pod) {
        let written = named::write(file, &format!("{}\n", holder.pid));
        written.map_err(|source| PodError::PidFile(file.to_owned(), source))?;
    }
    Ok(())
}

/// Ends it, and with it every process of its namespace. One that is gone is fine.
///
/// # Errors
/// It may not be signalled.
pub fn end(holder: Process) -> Result<(), PodError> {
    let Some(handle) = holder.open() else { return Ok(()) };
    for signal in [nix::libc::SIGTERM, nix::libc::SIGKILL] {
        handle.signal(signal).map_err(PodError::Holder)?;
        if handle.wait(END).map_err(PodError::Holder)? {
            return Ok(());
        }
    }
    Err(PodError::Holder(std::io::ErrorKind::TimedOut.into()))
}

/// It has the namespaces of the pod, as an infra container would, and where the pod has none, empty ones of its own.
fn orders(store: &Store, pod: &Pod, up: &Up) -> Orders {
    let (id, share) = (pod.id.as_str(), pod.options.shared());
    let dir = store.pod(id);
    let pinned = |pin: PathBuf| pin.exists().then(|| pin::name_for_programs(&pin));
    let [ipc, uts] = ["ipc", "uts"].map(|name| pinned(dir.join(name)));
    let network = up.joined_network.clone().or_else(|| pinned(store.netns(id)));
    Orders {
        has_processes: has_processes(pod),
        own_network: network.is_none() && !share.network,
        own_ipc: ipc.is_none(),
        own_uts: uts.is_none(),
        join: [network, ipc, uts].into_iter().flatten().collect(),
        users: pinned(dir.join("user")),
    }
}

/// Executes our own program through a read-only view, so that no member can write to it by `/proc/1/exe` (CVE-2019-5736).
fn launch(input: &[u8]) -> std::io::Result<Process> {
    let view = tree::read_only(Path::new("/proc/self/exe"))?;
    let mut command = Command::new(fd_path(&view));
    spawn::outliving_us(&mut command);
    command.arg0("unipod").arg(COMMAND).env_clear();
    let said = child::output(&mut command, input, START)?;
    let pid = String::from_utf8_lossy(&said.stdout).trim().parse().ok();
    let process = pid.filter(|_| said.status.success()).and_then(Process::with_pid);
    process.ok_or_else(|| std::io::Error::other(child::words(&said.stderr)))
}
