//! Starting a container: everything between its record and its first instruction.

use std::os::fd::AsFd;
use std::path::Path;

use super::bundle::Parts;
use super::networking::Networking;
use super::output::{self, Output};
use super::process::Process;
use super::record::{Record, SdNotify};
use super::{ContainerError, bundle, health, limits, networking, remove, rootfs, storage, userns};
use crate::image::Image;
use crate::network::Pending;
use crate::runtime::OciRuntime;
use crate::runtime::oci::RunRequest;
use crate::store::{Store, mount};
use crate::systemd::{Invocation, activation, notify};

/// Starts a container and returns once its init runs. Its record then says so.
///
/// # Errors
/// Any part cannot be prepared, or the OCI runtime refuses. A start that fails leaves nothing behind but the record.
pub fn start(store: &Store, record: &mut Record, image: Option<&Image>) -> Result<Process, ContainerError> {
    let started = bring_up(store, record, image);
    if started.is_err() {
        for problem in remove::tear_down(store, record) {
            tracing::warn!("while cleaning up after a failed start: {problem}");
        }
    }
    started
}

fn bring_up(store: &Store, record: &mut Record, image: Option<&Image>) -> Result<Process, ContainerError> {
    let users = userns::prepare(store, record, image)?;
    let users = users.as_ref();
    bundle::make_directory(store, record, users)?;
    let Networking { namespace, pending, shared_with } = networking::begin(store, record, image, users)?;
    // Outside of the namespace below: a relay holds none of the container's mounts.
    let output = output::prepare(record, image, users)?;
    // Mounts go into a namespace that only the container will hold; everything else is done for everybody to see.
    mount::in_private_namespace(|| {
        let rootfs = rootfs::mount(store, record, image, users)?;
        let storage = storage::resolve(store, record, image, users, &rootfs)?;
        record.network = pending.map(Pending::finish).transpose()?;
        let runtime = OciRuntime::find(record.runtime.to_str())?;
        let shared_with = shared_with.as_deref();
        let parts = Parts { image, rootfs, storage, namespace, users, shared_with, runtime: &runtime };
        let filter = bundle::write(store, record, parts)?;
        run(store, record, &runtime, filter.as_deref(), output)
    })?
}

/// One exec of the OCI runtime; its child is the container's init.
fn run(
    store: &Store,
    record: &mut Record,
    runtime: &OciRuntime,
    keep_filter: Option<&Path>,
    output: Output,
) -> Result<Process, ContainerError> {
    let Output { stdout, stderr, relays } = output;
    limits::apply(&record.options.resources, &relays)?;
    let bundle = store.bundle(record.id.as_str());
    let pid = runtime.run_detached(&RunRequest {
        id: record.id.as_str(),
        bundle: &bundle,
        state_root: &bundle.join("runtime"),
        preserve_fds: activation::listen_fds().map_or(0, |fds| fds.count),
        console_socket: None,
        stdin: record.options.interactive,
        keep_filter,
        stdout: stdout.as_ref().map(AsFd::as_fd),
        stderr: stderr.as_ref().map(AsFd::as_fd),
    })?;
    // A payload that has ended already is a process nevertheless: systemd or the waiting parent learns how it ended.
    let process = Process::with_pid(pid).unwrap_or(Process { pid, started: 0 });
    process.wait_for_heir(&[std::process::id(), std::os::unix::process::parent_id(), 1]);
    record.process = Some(process);
    record.relays = relays;
    record.started = Some(jiff::Timestamp::now());
    record.save(store)?;
    Ok(process)
}

/// Refuses early what could never become ready.
///
/// # Errors
/// `--sdnotify=healthy` without a health check.
pub fn check_readiness(store: &Store, record: &Record) -> Result<(), ContainerError> {
    if record.lifecycle.sdnotify == SdNotify::Healthy && health::check_of(store, record)?.is_none() {
        return Err(ContainerError::Option {
            option: "--sdnotify=healthy (Notify=healthy)".to_owned(),
            reason: "neither the options nor the image have a health check that could say so".to_owned(),
        });
    }
    Ok(())
}

/// Leaves the container to systemd: its init becomes the unit's main process, and whoever is to say that it is ready can
/// do so. The caller exits then.
///
/// # Errors
/// The prober of a container with a health check cannot be started.
pub fn hand_over(store: &Store, record: &Record, process: Process) -> Result<(), ContainerError> {
    health::start_prober(store, record)?;
    let notified = Invocation::current().is_some_and(|unit| unit.notify_socket.is_some());
    match record.lifecycle.sdnotify {
        _ if !notified => {}
        SdNotify::Conmon => notify::main_pid_and_ready(process.pid),
        SdNotify::Container | SdNotify::Healthy => notify::main_pid(process.pid),
        SdNotify::Ignore => {}
    }
    Ok(())
}
