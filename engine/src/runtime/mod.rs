//! Floor 2: the OCI runtime. What a container is asked to be ([`options`]), the bundle that says so in the
//! runtime's own language ([`spec`] and its neighbours), and the runtime program itself ([`oci`]).

use std::path::PathBuf;

pub mod options;

pub use options::ContainerOptions;

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
