//! Floor 2: networks. Definitions on disk, network namespaces, and netavark, which does the work in the kernel.
//!
//! | module | what it does |
//! |---|---|
//! | [`definition`] | networks on disk, in podman's JSON form |
//! | [`create`], `wanted`, `complete`, [`subnet`] | new networks: options checked, free subnets and bridges found |
//! | `mode`, `ports` | `--network` and `--publish` values |
//! | `setup` | a container's network from nothing to netavark's answer, and back |
//! | `driver_options` | `--opt` values of the drivers |
//! | `error` | what can go wrong with networks |
//! | [`verify`] | whether networks can be read, and whether anything is left of their containers |
//! | `bridge` | its hardware address stays |
//! | `lease`, `claim` | addresses and host ports in use |
//! | [`netns`] | network namespaces without a process |
//! | `netavark`, `dns`, [`pasta`], `program` | the helper programs |
//! | `turn` | which runs of netavark may go on at the same time |
//! | [`state`] | what teardown needs to know, on disk before anything is set up |
//!
//! It must not know what a container is: it is given an ID, a namespace, and what was asked for.
//!
//! ```
//! use unipod_network::parse_publish;
//!
//! let port = parse_publish("127.0.0.1:8080:80/tcp")?;
//! assert_eq!((port.host_port, port.container_port), (8080, 80));
//! # Ok::<(), unipod_network::NetworkError>(())
//! ```

mod bridge;
mod claim;
mod complete;
pub mod create;
pub mod definition;
mod dns;
mod driver_options;
mod error;
mod lease;
#[cfg(test)]
mod live;
mod mode;
mod netavark;
pub mod netns;
pub mod pasta;
mod ports;
mod program;
mod setup;
pub mod state;
pub mod subnet;
mod turn;
pub mod verify;
mod wanted;

pub use definition::Network;
pub use error::NetworkError;
pub use mode::{parse_interface, parse_mac, parse_modes};
pub use ports::{parse_publish, published};
pub use setup::{Pending, begin_setup, teardown};

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use unipod_linux::UserNamespace;

/// Where netavark is, if it is installed.
pub fn netavark_program() -> Option<PathBuf> {
    program::find("netavark").ok()
}

/// The address that the host is known by: the one that it would speak from to the world. `None` if it has no way there.
pub fn host_address() -> Option<std::net::IpAddr> {
    // Nothing is sent: connecting a datagram socket only asks for the route (udp(7)). The addresses are for documentation.
    let from = |own: &str, other: &str| {
        let socket = std::net::UdpSocket::bind((own, 0)).ok()?;
        socket.connect((other, 9)).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    from("0.0.0.0", "192.0.2.1").or_else(|| from("::", "2001:db8::1"))
}

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

/// What came of a setup; kept in the container's record for `inspect` and for `resolv.conf` and `hosts`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    /// The pinned namespace.
    pub netns: PathBuf,
    /// Per network: its name and what the container got on it.
    pub networks: Vec<Endpoint>,
    /// Name servers for `resolv.conf`; empty leaves the host's.
    pub dns_servers: Vec<IpAddr>,
    /// Search domains for `resolv.conf`.
    pub search_domains: Vec<String>,
    /// Ports as published, host ports chosen.
    pub ports: Vec<PortMapping>,
}

/// A container's end on one network.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// The network's name.
    pub network: String,
    /// Interface name inside the container.
    pub interface: String,
    /// Hardware address.
    pub mac: String,
    /// Addresses with prefix length, `10.89.0.2/24`.
    pub addresses: Vec<String>,
    /// Gateways.
    pub gateways: Vec<IpAddr>,
    /// Aliases.
    pub aliases: Vec<String>,
}
