//! What is known of a container once image, volumes and network are resolved.

use std::net::IpAddr;
use std::path::PathBuf;

use oci_spec::image::ImageConfiguration;
use serde::{Deserialize, Serialize};

use crate::ContainerOptions;
use crate::security::seccomp::cache::FilterCache;

/// Everything that is known once image, volumes and network are resolved; from it the bundle is written.
#[derive(Debug)]
pub struct BundleRequest<'a> {
    /// Container ID.
    pub id: &'a str,
    /// What the user asked for.
    pub options: &'a ContainerOptions,
    /// The image's configuration; `None` with `--rootfs`.
    pub image: Option<&'a ImageConfiguration>,
    /// The mounted root file system (in this process's mount namespace).
    pub rootfs: PathBuf,
    /// The bundle directory: `config.json`, `hosts`, `resolv.conf`, `hostname` … are written here.
    pub bundle: PathBuf,
    /// The network namespace.
    pub network: Namespace,
    /// Lines for `/etc/hosts` beside the defaults: address and names.
    pub hosts: Vec<(IpAddr, Vec<String>)>,
    /// Name servers for `resolv.conf` from the networks, used unless `--dns` says otherwise.
    pub dns_servers: Vec<IpAddr>,
    /// Search domains from the networks.
    pub search_domains: Vec<String>,
    /// Mounts whose sources are resolved to host paths: named volumes, secrets, image mounts.
    pub mounts: Vec<HostMount>,
    /// Secrets given as environment variables, name and value.
    pub secret_env: Vec<(String, String)>,
    /// `NOTIFY_SOCKET` to pass on, for `--sdnotify=container`.
    pub notify_socket: Option<PathBuf>,
    /// Number of socket-activation descriptors to pass on (3, 4, …), and their names.
    pub listen_fds: Option<(u32, Option<String>)>,
    /// User namespace mappings; `None` for the host's.
    pub id_mappings: Option<IdMappings>,
    /// Namespaces of other containers or of a pod, where `--pid`, `--ipc`, … name them; they win over the options.
    pub joined: JoinedNamespaces,
    /// What the members of a pod have in common; they have it instead of files of their own.
    pub shared_files: SharedFiles,
    /// The host as seen from the container: `host.containers.internal` and `host-gateway`. `None` leaves the names out.
    pub host_gateway: Option<IpAddr>,
    /// Whether the control group that it will be in is its own: another's is read-only even for `--privileged`.
    pub own_cgroup: bool,
    /// Whether the runtime fills a tmpfs, see `OciRuntime::copies_up`.
    pub copies_up: bool,
    /// Compiled system call filters, see `OciRuntime::filter_cache`.
    pub filter_cache: Option<FilterCache>,
}

/// Files of `/etc` that exist already, and the host name that goes with a UTS namespace that is joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedFiles {
    /// `/etc/hosts`.
    pub hosts: Option<PathBuf>,
    /// `/etc/resolv.conf`.
    pub resolv_conf: Option<PathBuf>,
    /// `/etc/hostname`.
    pub hostname: Option<PathBuf>,
    /// What is in that.
    pub name: Option<String>,
}

/// Namespaces to join instead of what the options say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinedNamespaces {
    /// For `--pid=container:NAME` and pods.
    pub pid: Option<PathBuf>,
    /// For `--ipc=container:NAME` and pods.
    pub ipc: Option<PathBuf>,
    /// What that container has at `/dev/shm`, attached where the runtime finds it.
    pub shm: Option<PathBuf>,
    /// For `--uts=container:NAME` and pods.
    pub uts: Option<PathBuf>,
    /// For `--cgroupns=container:NAME` and pods.
    pub cgroup: Option<PathBuf>,
    /// For `--userns=container:NAME` and pods.
    pub user: Option<PathBuf>,
}

/// A namespace of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// The host's.
    Host,
    /// A new one, made by the runtime.
    New,
    /// An existing one.
    Path(PathBuf),
}

/// A host path to be mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMount {
    /// On the host.
    pub source: PathBuf,
    /// In the container.
    pub destination: PathBuf,
    /// As in `-v`: `ro`, `Z`, `U`, `rslave`, `noexec` …
    pub options: Vec<String>,
}

/// User and group mappings of a user namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdMappings {
    /// Container ID, host ID, size.
    pub uids: Vec<(u32, u32, u32)>,
    /// Container ID, host ID, size.
    pub gids: Vec<(u32, u32, u32)>,
}
