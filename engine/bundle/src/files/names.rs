//! What the files about names are made of.

use std::net::IpAddr;

use crate::ContainerOptions;

/// What is known about names on the network, for `/etc/hosts` and `/etc/resolv.conf`.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// What was asked for.
    pub options: &'a ContainerOptions,
    /// Whether the network is the host's.
    pub host_network: bool,
    /// Lines for `/etc/hosts` beside the defaults: address and names.
    pub hosts: &'a [(IpAddr, Vec<String>)],
    /// Name servers of the networks.
    pub dns_servers: &'a [IpAddr],
    /// Search domains of the networks.
    pub search_domains: &'a [String],
    /// The host's address as seen from inside.
    pub host_gateway: Option<IpAddr>,
}
