//! Everything that was found out about a container, put before `unipod-bundle`, which writes it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;

use super::ContainerError;
use super::pod::Shared;
use super::record::{self, Record, SdNotify};
use super::storage::Storage;
use super::userns::Users;
use unipod_bundle as bundle;
use unipod_bundle::namespaces::sysctl;
use unipod_bundle::{BundleRequest, JoinedNamespaces, Namespace, SharedFiles};
use unipod_image::Image;
use unipod_linux::mount;
use unipod_network::{self as network, Status};
use unipod_runtime::OciRuntime;
use unipod_store::{Store, StoreError};
use unipod_systemd::{Invocation, activation};

/// Makes the bundle's directory, readable by nobody else: secrets pass through it. The root of a container with a user
/// namespace finds its way through.
///
/// # Errors
/// The run directory cannot be written.
pub fn make_directory(store: &Store, record: &Record, users: Option<&Users>) -> Result<(), ContainerError> {
    let dir = store.bundle(record.id.as_str());
    let create = |dir: &Path, mode| {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(dir)
            .map_err(StoreError::io("create", dir))
    };
    create(dir.parent().unwrap_or(&dir), 0o711)?;
    create(&dir, 0o700)?;
    users.map_or(Ok(()), |users| users.let_through(&dir))
}

/// What was made ready for a container.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Its image; `None` with `--rootfs`.
    pub image: Option<&'a Image>,
    /// Its mounted root file system.
    pub rootfs: PathBuf,
    /// Its volumes, images and secrets.
    pub storage: Storage,
    /// Its network namespace.
    pub namespace: Namespace,
    /// Its user namespace; `None` for the host's.
    pub users: Option<&'a Users>,
    /// The container whose network it shares: its addresses are in `/etc/hosts`, with the names of that one.
    pub shared_with: Option<&'a Record>,
    /// The pod that it is in.
    pub pod: Option<&'a Shared>,
    /// What will run it.
    pub runtime: &'a OciRuntime,
}

/// Writes the bundle, and returns what its `config.json` is to say. What was left out because the machine lacks it is said
/// in the log.
///
/// # Errors
/// An option means nothing, or asks for what this machine cannot grant.
pub fn write(store: &Store, record: &Record, parts: Parts<'_>) -> Result<Spec, ContainerError> {
    let Parts {
        image,
        rootfs,
        storage: Storage { mounts, secret_env },
        namespace,
        users,
        shared_with,
        pod,
        runtime,
    } = parts;
    let host = shared_with.unwrap_or(record);
    let status = host.network.as_ref();
    let mut options = record.options.clone();
    let of_pod = pod.is_some_and(|pod| pod.network.is_some()) && namespace != Namespace::Host;
    if users.is_some() && shared_with.is_none() && (status.is_some() || of_pod || namespace == Namespace::New) {
        // The network belongs to the user namespace, so that its root may let group 0 send pings, as in every other container.
        let pings = sysctl::defaults(&options).remove_entry(sysctl::PINGS.0);
        if let Some((name, value)) = pings {
            options.sysctls.entry(name).or_insert(value);
        }
    }
    let gateway = match (options.defaults.host_address.as_deref(), &namespace) {
        (Some(address), _) => address.parse().ok(),
        // It is the host: what it reaches itself by is right in any case.
        (None, Namespace::Host) => network::host_address().or(Some(Ipv4Addr::LOCALHOST.into())),
        _ => status.and_then(|s| s.networks.iter().flat_map(|n| &n.gateways).next().copied()),
    };
    let bundle = bundle::write_bundle(&BundleRequest {
        id: record.id.as_str(),
        options: &options,
        image: image.map(|image| &image.config),
        rootfs,
        bundle: store.bundle(record.id.as_str()),
        network: namespace,
        hosts: status.map(|s| own_addresses(host, s)).unwrap_or_default(),
        dns_servers: status.map(|s| s.dns_servers.clone()).unwrap_or_default(),
        search_domains: status.map(|s| s.search_domains.clone()).unwrap_or_default(),
        mounts,
        secret_env,
        notify_socket: notify_socket(record),
        listen_fds: activation::listen_fds().map(|fds| (fds.count, fds.names)),
        id_mappings: users.map(|users| users.mappings.clone()),
        joined: joined(store, record, users, pod)?,
        shared_files: shared_files(record, pod),
        copies_up: runtime.copies_up(),
        filter_cache: runtime.filter_cache(&store.run().join("seccomp")),
        host_gateway: gateway,
        own_cgroup: record.unit.is_some() || record.cgroup.is_some(),
    })?;
    for note in bundle.notes {
        tracing::warn!("{note}");
    }
    Ok(bundle.spec)
}

fn notify_socket(record: &Record) -> Option<PathBuf> {
    (record.lifecycle.sdnotify == SdNotify::Container)
        .then(Invocation::current)??
        .notify_socket
}

fn hostname(record: &Record) -> String {
    record
        .options
        .hostname
        .clone()
        .unwrap_or_else(|| record.id.short().to_owned())
}

/// The container's own lines of `/etc/hosts`.
fn own_addresses(record: &Record, status: &Status) -> Vec<(IpAddr, Vec<String>)> {
    let names = vec![hostname(record), record.name.clone()];
    let addresses = status.networks.iter().flat_map(|endpoint| &endpoint.addresses);
    addresses
        .filter_map(|a| a.split('/').next()?.parse().ok())
        .map(|ip| (ip, names.clone()))
        .collect()
}

/// `--pid=container:NAME` and the like.
fn joined(
    store: &Store,
    record: &Record,
    users: Option<&Users>,
    pod: Option<&Shared>,
) -> Result<JoinedNamespaces, ContainerError> {
    let options = &record.options;
    let of = |option: &Option<String>, namespace: &str, of_pod: fn(&Shared) -> Option<&PathBuf>| {
        if is_of_pod(option.as_deref()) {
            return Ok(pod.and_then(of_pod).cloned());
        }
        let Some(name) = option.as_deref().and_then(|o| o.strip_prefix("container:")) else {
            return Ok(None);
        };
        let (_, process) = record::running(store, name)?;
        Ok::<_, ContainerError>(Some(format!("/proc/{}/ns/{namespace}", process.pid).into()))
    };
    Ok(JoinedNamespaces {
        pid: of(&options.pid, "pid", |pod| pod.pid.as_ref())?,
        ipc: of(&options.ipc, "ipc", |pod| pod.ipc.as_ref())?,
        shm: shared_memory(store, record, pod)?,
        uts: of(&options.uts, "uts", |pod| pod.uts.as_ref())?,
        cgroup: of(&options.cgroupns, "cgroup", |_| None)?,
        user: users.map(|users| users.namespace.path()),
    })
}

/// Whether a member of a pod has this namespace from the pod, if the pod shares it.
fn is_of_pod(option: Option<&str>) -> bool {
    matches!(option, None | Some("" | "pod"))
}

/// A member that asks for names in its own way has files of its own.
fn shared_files(record: &Record, pod: Option<&Shared>) -> SharedFiles {
    let options = &record.options;
    let mut files = pod.map(|pod| pod.files.clone()).unwrap_or_default();
    if !options.dns.is_empty() || !options.dns_search.is_empty() || !options.dns_options.is_empty() {
        files.resolv_conf = None;
    }
    if !is_of_pod(options.uts.as_deref()) {
        (files.hostname, files.name) = (None, None);
    }
    if !options.networks.is_empty() {
        (files.hosts, files.resolv_conf) = (None, None);
    }
    files
}

/// The shared memory of the container or pod whose IPC namespace is joined: attached in the bundle, in the mount namespace of this
/// start.
fn shared_memory(store: &Store, record: &Record, pod: Option<&Shared>) -> Result<Option<PathBuf>, ContainerError> {
    let option = record.options.ipc.as_deref().unwrap_or_default();
    let target = store.bundle(record.id.as_str()).join("shm");
    if let Some(of_pod) = pod
        .and_then(|pod| pod.shm.as_deref())
        .filter(|_| is_of_pod(Some(option)))
    {
        mount::attach_from_host(of_pod, &target)?;
        return Ok(Some(target));
    }
    let Some(name) = option.strip_prefix("container:") else {
        return Ok(None);
    };
    let (other, process) = record::running(store, name)?;
    if let Some(mode @ ("private" | "none")) = other.options.ipc.as_deref() {
        return Err(ContainerError::Option {
            option: format!("--ipc {option}"),
            reason: format!(
                "{} shares nothing, it was made with --ipc={mode}; make it with shareable",
                other.name
            ),
        });
    }
    mount::attach_from_process(process.pid, Path::new("/dev/shm"), &target)?;
    Ok(Some(target))
}
