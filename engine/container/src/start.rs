//! Starting a container: everything between its record and its first instruction.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};

use oci_spec::runtime::Spec;

use super::networking::Networking;
use super::output::{self, Attendance, Output};
use super::pod::Shared;
use super::process::Process;
use super::record::{Record, SdNotify};
use super::streams::Copies;
use super::userns::Users;
use super::{ContainerError, bundle, group, health, limits, networking, remove, rootfs, storage, userns};
use unipod_bundle::options::Resources;
use unipod_image::Image;
use unipod_linux::mount;
use unipod_network::Pending;
use unipod_runtime::oci::RunRequest;
use unipod_runtime::{ConsoleSocket, Creation, OciRuntime, Release, Supplied};
use unipod_store::Store;
use unipod_systemd::{activation, notify};

/// A container that is ready to run: its init waits for [`Started::release`].
#[derive(Debug)]
pub struct Started {
    /// Its init.
    pub process: Process,
    release: Release,
    /// What the engine copies if it stays.
    pub(super) copies: Option<Copies>,
    /// The container's terminal, which the engine attaches to its own if it stays.
    pub(super) terminal: Option<OwnedFd>,
}

/// Makes a container ready to run, one of a pod with what the pod has for it: whoever is to be told of it can be told before it can
/// end. Its record then names its init.
///
/// # Errors
/// Any part cannot be prepared, or the OCI runtime refuses. A start that fails leaves nothing behind but the record.
pub fn start(
    store: &Store,
    record: &mut Record,
    image: Option<&Image>,
    engine: Attendance,
    pod: Option<&Shared>,
) -> Result<Started, ContainerError> {
    let runtime = OciRuntime::find(record.runtime.to_str())?;
    let create = |record: &mut Record, supplied: Supplied<'_>, console: Option<&ConsoleSocket>| {
        let process = of_pid(supplied.finish()?);
        let terminal = console.map(ConsoleSocket::receive).transpose()?;
        process.wait_for_heir(&[std::process::id(), std::os::unix::process::parent_id(), 1]);
        has_started(store, record, process)?;
        // Loaded while systemd reads who the init is. (While the container is made, it would be in the way of that.)
        let id = record.id.as_str();
        let release = Release::begin(&runtime, &store.bundle(id), &store.runtime_state(id), id)?;
        let started = Started {
            process,
            release,
            copies: None,
            terminal: None,
        };
        Ok((started, terminal))
    };
    undone_on_failure(store, record, |record| {
        let ((mut started, terminal), copies) = bring_up(
            store,
            record,
            &Parts {
                image,
                pod,
                runtime: &runtime,
            },
            engine,
            create,
        )?;
        started.copies = copies;
        if engine == Attendance::Stays && io::stdin().is_terminal() {
            started.terminal = terminal;
        } else if let Some(terminal) = terminal {
            record.relays.push(output::of_terminal(record, terminal)?);
            record.save(store)?;
        }
        Ok(started)
    })
}

impl Started {
    /// Lets the init execute the container's program.
    ///
    /// # Errors
    /// It is gone already, or the OCI runtime fails.
    pub fn release(self) -> Result<(), ContainerError> {
        Ok(self.release.finish()?)
    }
}

/// What a container is made of.
struct Parts<'a> {
    image: Option<&'a Image>,
    pod: Option<&'a Shared>,
    runtime: &'a OciRuntime,
}

fn undone_on_failure<T>(
    store: &Store,
    record: &mut Record,
    start: impl FnOnce(&mut Record) -> Result<T, ContainerError>,
) -> Result<T, ContainerError> {
    let started = start(record);
    if started.is_err() {
        if let Some(init) = record.process.take().and_then(Process::open) {
            // It waits to be released. It cannot be killed only if it is gone.
            let _ = init.signal(libc::SIGKILL);
        }
        for problem in remove::tear_down(store, record) {
            tracing::warn!("while cleaning up after a failed start: {problem}");
        }
    }
    started
}

/// Everything that the OCI runtime needs, and `launch`, which waits for what it does. If there is a terminal, `launch` gets the
/// socket that it comes from.
fn bring_up<T>(
    store: &Store,
    record: &mut Record,
    parts: &Parts<'_>,
    engine: Attendance,
    launch: impl FnOnce(&mut Record, Supplied<'_>, Option<&ConsoleSocket>) -> Result<T, ContainerError>,
) -> Result<(T, Option<Copies>), ContainerError> {
    let Parts { image, pod, runtime } = *parts;
    remove::make_way(store, record)?;
    let users = userns::prepare(store, record, image, pod)?;
    bundle::make_directory(store, record, users.as_ref())?;
    let networking = networking::of_container(store, record, image, users.as_ref(), pod)?;
    // Outside of the namespace below: a relay holds none of the container's mounts.
    let Output {
        stdin,
        stdout,
        stderr,
        relays,
        copies,
    } = output::prepare(record, image, users.as_ref(), engine)?;
    let own_group = engine == Attendance::Stays && record.unit.is_none() && !record.lifecycle.no_cgroup;
    let stay = own_group.then(|| group::enter(store, record)).transpose()?.flatten();
    // Mounts go into a namespace that only the container will hold; everything else is done for everybody to see.
    let launched = mount::in_private_namespace(|| {
        limits::apply(&limits(record), &relays)?;
        (record.relays, record.boot) = (relays, Some(store.stamp().to_owned()));
        let (id, bundle) = (record.id.clone(), store.bundle(record.id.as_str()));
        let console = record.options.tty.then(|| ConsoleSocket::listen(&bundle)).transpose()?;
        let request = RunRequest {
            id: id.as_str(),
            bundle: &bundle,
            state_root: &store.runtime_state(id.as_str()),
            preserve_fds: activation::listen_fds().map_or(0, |fds| fds.count),
            console_socket: console.as_ref().map(ConsoleSocket::path),
            stdin: record.options.interactive || record.options.tty,
            stdin_from: stdin.as_ref().map(AsFd::as_fd),
            stdout: stdout.as_ref().map(AsFd::as_fd),
            stderr: stderr.as_ref().map(AsFd::as_fd),
        };
        let creation = Creation::begin(runtime, &request)?;
        let spec = furnish(store, record, parts, users.as_ref(), networking)?;
        launch(record, creation.supply(&spec)?, console.as_ref())
    })??;
    drop(stay);
    Ok((launched, copies))
}

fn limits(record: &Record) -> Resources {
    if record.unit.is_some() {
        limits::in_unit(&record.options)
    } else {
        record.options.resources.clone()
    }
}

/// The container's mounts, its network and its bundle.
fn furnish(
    store: &Store,
    record: &mut Record,
    parts: &Parts<'_>,
    users: Option<&Users>,
    networking: Networking,
) -> Result<Spec, ContainerError> {
    let Networking {
        namespace,
        pending,
        shared_with,
        status,
    } = networking;
    let Parts { image, pod, runtime } = *parts;
    let rootfs = rootfs::mount(store, record, image, users)?;
    let storage = storage::resolve(store, record, image, users, &rootfs)?;
    record.network = pending.map(Pending::finish).transpose()?.or(status);
    let parts = bundle::Parts {
        image,
        rootfs,
        storage,
        namespace,
        users,
        shared_with: shared_with.as_deref(),
        pod,
        runtime,
    };
    bundle::write(store, record, parts)
}

fn of_pid(pid: u32) -> Process {
    // One that has ended already is a process nevertheless: the waiting parent learns how it ended.
    Process::with_pid(pid).unwrap_or(Process { pid, started: 0 })
}

fn has_started(store: &Store, record: &mut Record, process: Process) -> Result<(), ContainerError> {
    record.process = Some(process);
    record.started = Some(jiff::Timestamp::now());
    Ok(record.save(store)?)
}

/// Leaves the container to systemd: its init becomes the unit's main process, and only then it may run. The caller exits
/// then.
///
/// A container that is ready as soon as it runs is announced as such before its first instruction: one that ends at once
/// has ended well or badly, but systemd does not take it for a service that never got ready.
///
/// # Errors
/// The init cannot be released, or the prober of a container with a health check cannot be started. The init is killed,
/// for nobody looks at the caller's exit code any more.
pub fn hand_over(store: &Store, record: &Record, started: Started) -> Result<(), ContainerError> {
    let process = started.process;
    match record.lifecycle.sdnotify {
        SdNotify::Conmon => notify::main_pid_and_ready(process.pid),
        SdNotify::Container | SdNotify::Healthy => notify::main_pid(process.pid),
        SdNotify::Ignore => {}
    }
    let going = started.release().and_then(|()| health::start_prober(store, record));
    if let (Err(_), Some(init)) = (&going, process.open()) {
        // It cannot be killed only if it is gone.
        let _ = init.signal(libc::SIGKILL);
    }
    going
}
