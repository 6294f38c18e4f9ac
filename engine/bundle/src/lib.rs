//! Floor 2: what a container is asked to be, and the OCI bundle that says so in the language of the OCI runtime specification.
//!
//! It owns the meaning of podman's options once the command line has read them: mounts, devices, rights, namespaces, limits, the
//! files in `/etc`. It must not start anything, and must not know where images, volumes or networks come from: they are resolved
//! before, and stand in the [`BundleRequest`].
//!
//! | module | job |
//! |---|---|
//! | [`check`](mod@check) | options checked before anything is pulled, mounted or started: as far as words go (`check`), and against this machine (`check_here`) |
//! | [`devices`] | `--device`, and all of the host's devices for `--privileged` |
//! | [`error`] | what can be wrong with a request for a bundle |
//! | [`files`] | files written for a container into its bundle and mounted over what the image has: `hosts`, `resolv.conf` … |
//! | [`health`] | health checks: the options over what the image says |
//! | [`limits`] | limits: ulimits of processes, and what the control group is asked to keep |
//! | [`mounts`] | the mounts of a container: what every container has, and what was asked for |
//! | [`namespaces`] | `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--userns`: which namespaces are the container's own |
//! | [`options`] | what a container is asked to be: the options of `run`, read but not yet resolved against image or host |
//! | [`process`] | the first process: its words, user, directory, environment; its capabilities and limits are decided in [`security`] and [`limits`] |
//! | [`root`] | reading inside a root file system that nobody trusts: symbolic links never lead out of it |
//! | [`security`] | capabilities, the system call filter, and what `--security-opt` says |
//! | [`spec`] | from a request to a bundle: the container as the OCI runtime wants to be told, and the files that belong to it |
//! | [`values`] | values as podman's options write them: durations, sizes, signals |
//!
//! ```
//! use unipod_bundle::values::{duration, signal, size};
//! use unipod_bundle::{ContainerOptions, check};
//!
//! assert_eq!(signal::parse("SIGTERM"), Some(15));
//! assert_eq!(size::parse("64m"), Some(64 << 20));
//! assert_eq!(duration::parse("1m30s").map(|time| time.as_secs()), Some(90));
//!
//! let options = ContainerOptions {
//!     pid: Some("neighbour".to_owned()),
//!     ..ContainerOptions::default()
//! };
//! assert!(check(&options).is_err());
//! ```

use std::path::PathBuf;

pub mod check;
pub mod devices;
pub mod error;
pub mod files;
pub mod health;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod options;
pub mod process;
pub mod root;
pub mod security;
pub mod spec;
pub mod values;

pub use check::{check, check_here};
pub use error::BundleError;
pub use options::ContainerOptions;
pub use spec::{Bundle, write_bundle};

use serde::{Deserialize, Serialize};

/// Everything that is known once image, volumes and network are resolved; from it the bundle is written.
#[derive(Debug)]
pub struct BundleRequest<'a> {
    /// Container ID.
    pub id: &'a str,
    /// What the user asked for.
    pub options: &'a ContainerOptions,
    /// The image's configuration; `None` with `--rootfs`.
    pub image: Option<&'a oci_spec::image::ImageConfiguration>,
    /// The mounted root file system (in this process's mount namespace).
    pub rootfs: PathBuf,
    /// The bundle directory: `config.json`, `hosts`, `resolv.conf`, `hostname` … are written here.
    pub bundle: PathBuf,
    /// The network namespace.
    pub network: Namespace,
    /// Lines for `/etc/hosts` beside the defaults: address and names.
    pub hosts: Vec<(std::net::IpAddr, Vec<String>)>,
    /// Name servers for `resolv.conf` from the networks, used unless `--dns` says otherwise.
    pub dns_servers: Vec<std::net::IpAddr>,
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
    /// The host as seen from the container: `host.containers.internal` and `host-gateway`. `None` leaves the names out.
    pub host_gateway: Option<std::net::IpAddr>,
    /// Whether the control group that it will be in is its own: another's is read-only even for `--privileged`.
    pub own_cgroup: bool,
    /// Whether the runtime fills a tmpfs, see `OciRuntime::copies_up`.
    pub copies_up: bool,
    /// Compiled system call filters, see `OciRuntime::filter_cache`.
    pub filter_cache: Option<security::seccomp::cache::FilterCache>,
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
