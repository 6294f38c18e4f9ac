//! What `network create` is asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::definition::Route;

/// What `network create` asks for (podman-network-create(1)).
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The network's name.
    pub name: String,
    /// `bridge` (also if empty), `macvlan` or `ipvlan`.
    pub driver: String,
    /// `host-local` (also if empty) or `none`.
    pub ipam_driver: String,
    /// The bridge, or the parent interface; chosen if absent.
    pub interface: Option<String>,
    /// Subnets; one is chosen for every family that has none.
    pub subnets: Vec<WantedSubnet>,
    /// Where names are forwarded to.
    pub dns: Vec<IpAddr>,
    /// No names.
    pub disable_dns: bool,
    /// No way out.
    pub internal: bool,
    /// An IPv6 subnet as well.
    pub ipv6: bool,
    /// Driver options.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Static routes.
    pub routes: Vec<Route>,
}

impl Wanted {
    /// Whether any network of its name will do: nothing is said of it.
    pub(super) fn asks_for_nothing(&self) -> bool {
        let Self {
            name: _,
            driver,
            ipam_driver,
            interface,
            subnets,
            dns,
            disable_dns,
            internal,
            ipv6,
            options,
            labels,
            routes,
        } = self;
        let switches = *disable_dns || *internal || *ipv6;
        matches!(driver.as_str(), "" | "bridge")
            && ipam_driver.is_empty()
            && interface.is_none()
            && !switches
            && (subnets.is_empty() && dns.is_empty() && routes.is_empty())
            && (options.is_empty() && labels.is_empty())
    }
}

/// One subnet with what goes with it.
#[derive(Debug, Clone)]
pub struct WantedSubnet {
    /// In CIDR form.
    pub subnet: IpNet,
    /// The bridge's address; the first of the subnet if absent.
    pub gateway: Option<IpAddr>,
    /// What to lease, `FIRST-LAST` or in CIDR form; all of the subnet if absent.
    pub range: Option<String>,
}
