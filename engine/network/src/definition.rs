//! Network definitions, one file `networks/NAME.json` each, in the JSON form that podman and netavark use.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::NetworkError;
use unipod_config::shared;
use unipod_store::{Durability, Store, id, read_all, read_json, undamaged, write_json};

/// The network that containers join when nothing else is said; it exists without a file.
const DEFAULT_NETWORK: &str = "podman";

/// Its subnet.
const DEFAULT_SUBNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 88, 0, 0), 16);

/// The name of the network that containers are on where none is named (containers.conf(5), `default_network`).
pub fn default_name() -> &'static str {
    shared().default_network.as_deref().unwrap_or(DEFAULT_NETWORK)
}

/// A network, as it is stored and as netavark reads it (`network_info`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// `bridge`, `macvlan` or `ipvlan`.
    pub driver: String,
    /// The bridge; the parent interface for macvlan and ipvlan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interface: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created: String,
    /// Subnets; none with IPAM driver `none`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    /// Static routes for the containers (netavark 1.7 and later).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Whether there is an IPv6 subnet.
    #[serde(default)]
    pub ipv6_enabled: bool,
    /// No way out of this network.
    #[serde(default)]
    pub internal: bool,
    /// Containers find each other by name, through aardvark-dns.
    #[serde(default)]
    pub dns_enabled: bool,
    /// Where aardvark-dns forwards to; empty means the host's servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_dns_servers: Vec<IpAddr>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Driver options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// IPAM options; `driver` is `host-local` or `none`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ipam_options: BTreeMap<String, String>,
}

/// One subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// In CIDR form.
    pub subnet: IpNet,
    /// The bridge's address in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// The part that containers get addresses from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_range: Option<LeaseRange>,
}

/// First and last address to lease, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRange {
    /// First.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ip: Option<IpAddr>,
    /// Last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ip: Option<IpAddr>,
}

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: IpNet,
    /// Through which address.
    pub gateway: IpAddr,
    /// Its metric; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
}

impl Network {
    /// The network `podman` as podman itself defines it: 10.88.0.0/16 on bridge `podman0`, without names.
    pub fn default_network() -> Self {
        let name = default_name();
        let subnet = shared().default_subnet.unwrap_or(DEFAULT_SUBNET);
        Self {
            name: name.into(),
            // As podman gives its default network.
            id: hex::encode(Sha256::digest(name)),
            driver: "bridge".into(),
            network_interface: Some("podman0".into()),
            created: "1970-01-01T00:00:00Z".into(),
            subnets: vec![Subnet {
                subnet: subnet.trunc().into(),
                gateway: subnet.hosts().next().map(IpAddr::V4),
                lease_range: None,
            }],
            routes: Vec::new(),
            ipv6_enabled: false,
            internal: false,
            dns_enabled: false,
            network_dns_servers: Vec::new(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
            ipam_options: BTreeMap::from([("driver".into(), "host-local".into())]),
        }
    }

    /// The IPAM driver.
    pub fn ipam_driver(&self) -> &str {
        self.ipam_options.get("driver").map_or("host-local", String::as_str)
    }

    /// The bridge that netavark makes and deletes for this network.
    pub(crate) fn managed_bridge(&self) -> Option<&str> {
        let managed = self.driver == "bridge" && self.options.get("mode").is_none_or(|m| m != "unmanaged");
        self.network_interface.as_deref().filter(|_| managed)
    }

    /// Writes the definition.
    pub fn save(&self, store: &Store) -> Result<(), NetworkError> {
        Ok(write_json(&path(store, &self.name), self, Durability::Synced)?)
    }
}

/// A fresh network ID.
pub(super) fn fresh_id() -> String {
    id::random_hex(32)
}

/// Where the definition of `name` is.
pub(super) fn path(store: &Store, name: &str) -> PathBuf {
    store.networks().join(format!("{name}.json"))
}

/// The network `name`; `None` if there is none.
pub fn load(store: &Store, name: &str) -> Result<Option<Network>, NetworkError> {
    check_name(name)?;
    let stored = undamaged(read_json(&path(store, name)))?;
    Ok(stored.or_else(|| (name == default_name()).then(Network::default_network)))
}

/// The network with this name or unique start of an ID.
pub fn find(store: &Store, name: &str) -> Result<Network, NetworkError> {
    if let Some(network) = load(store, name)? {
        return Ok(network);
    }
    let mut matching = list(store)?.into_iter().filter(|n| n.id.starts_with(name));
    match (matching.next(), matching.next()) {
        (Some(network), None) => Ok(network),
        (Some(_), Some(_)) => Err(NetworkError::invalid(
            "network ID",
            name,
            "more than one network has it",
        )),
        (None, _) => Err(NetworkError::NotFound(name.into())),
    }
}

/// All networks by name, the default one included.
pub fn list(store: &Store) -> Result<Vec<Network>, NetworkError> {
    let mut networks = BTreeMap::from([(default_name().to_owned(), Network::default_network())]);
    for network in read_all::<Network>(&store.networks())? {
        if let Some(network) = undamaged(network.map(Some))? {
            networks.insert(network.name.clone(), network);
        }
    }
    Ok(networks.into_values().collect())
}

/// Names of networks become file names: podman's rule `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub fn check_name(name: &str) -> Result<(), NetworkError> {
    if id::is_name(name, 200) {
        return Ok(());
    }
    Err(NetworkError::invalid(
        "network name",
        name,
        "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_store::testing::store;

    #[test]
    fn the_default_network_is_there_without_a_file_and_a_file_overrides_it() {
        let (_dir, store) = store();
        assert_eq!(load(&store, "podman").unwrap(), Some(Network::default_network()));
        let mut changed = Network::default_network();
        changed.dns_enabled = true;
        changed.save(&store).unwrap();
        assert_eq!(list(&store).unwrap(), [changed]);
    }

    #[test]
    fn networks_are_found_by_name_and_by_the_start_of_their_id() {
        let (_dir, store) = store();
        let network = Network {
            name: "web".into(),
            id: "abc123".into(),
            ..Network::default_network()
        };
        network.save(&store).unwrap();
        assert_eq!(find(&store, "web").unwrap().name, "web");
        assert_eq!(find(&store, "abc").unwrap().name, "web");
        assert!(matches!(find(&store, "nothere"), Err(NetworkError::NotFound(_))));
    }

    #[test]
    fn names_cannot_leave_their_directory() {
        for bad in ["", "../x", ".hidden", "a/b", "a b", "-x"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for good in ["a", "systemd-web", "A.b_c-1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn podmans_own_file_is_read() {
        let text = r#"{"name":"n","id":"1","driver":"bridge","network_interface":"podman1","created":"2026-01-01T00:00:00Z",
            "subnets":[{"subnet":"10.89.0.0/24","gateway":"10.89.0.1","lease_range":{"start_ip":"10.89.0.10","end_ip":"10.89.0.20"}}],
            "ipv6_enabled":false,"internal":false,"dns_enabled":true,"ipam_options":{"driver":"host-local"}}"#;
        let network: Network = serde_json::from_str(text).unwrap();
        assert_eq!(
            network.subnets[0].lease_range.as_ref().unwrap().end_ip,
            Some(IpAddr::from([10, 89, 0, 20]))
        );
    }
}
