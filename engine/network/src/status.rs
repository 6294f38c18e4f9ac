//! What came of a setup.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::PortMapping;

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
