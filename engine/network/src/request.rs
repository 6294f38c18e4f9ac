//! What a container asks of the network.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use unipod_linux::UserNamespace;

/// What `--network` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkMode {
    /// The host's own network.
    Host,
    /// A namespace with nothing but loopback.
    None,
    /// A namespace made by the OCI runtime, as `none`, but meant to be configured by others (`private` without network).
    Private,
    /// `container:NAME`: join that container's namespace.
    Container(String),
    /// `ns:PATH`: join a namespace by path.
    Path(PathBuf),
    /// `pasta[:OPTIONS]`.
    Pasta(Vec<String>),
    /// One or more networks with their per-network options.
    Bridge(Vec<Attachment>),
}

/// One network that a container joins, `NAME[:ip=…,mac=…,alias=…,interface_name=…]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// Addresses asked for.
    pub ips: Vec<IpAddr>,
    /// Hardware address asked for.
    pub mac: Option<String>,
    /// Interface name inside the container; `ethN` if not given.
    pub interface: Option<String>,
    /// Names that other containers find this one under.
    pub aliases: Vec<String>,
}

/// One published port or range, as `--publish` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Address on the host; empty for all.
    pub host_ip: String,
    /// First port on the host; 0 lets the engine choose a free one.
    pub host_port: u16,
    /// First port in the container.
    pub container_port: u16,
    /// How many consecutive ports.
    pub range: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// What a container needs of the network, resolved enough to be set up.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The user namespace that the network is to belong to; `None` for the host's.
    pub owner: Option<&'a UserNamespace>,
    /// Container ID.
    pub id: &'a str,
    /// Container name, a DNS name on its networks.
    pub name: &'a str,
    /// The host name asked for, a DNS name as well.
    pub hostname: Option<&'a str>,
    /// The networks to join.
    pub attachments: &'a [Attachment],
    /// Ports to publish.
    pub ports: &'a [PortMapping],
    /// Name servers asked for with `--dns`.
    pub dns: &'a [IpAddr],
}
