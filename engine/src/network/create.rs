//! New networks: what was asked for, checked and completed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::definition::{self, DEFAULT_NETWORK, LeaseRange, Network, Route, Subnet, check_name, fresh_id};
use super::mode::parse_interface;
use super::state::users;
use super::subnet::{Taken, free_bridge, interface_exists};
use super::{NetworkError, definition::path};
use crate::store::{Lock, Store, remove_tree};

/// Names that `--network` gives a meaning of their own.
const RESERVED: [&str; 9] = [
    "bridge",
    "container",
    "default",
    "host",
    "none",
    "ns",
    "pasta",
    "private",
    "slirp4netns",
];

/// Options that netavark's bridge driver knows (netavark 1.17).
const BRIDGE_OPTIONS: [&str; 9] = [
    "mtu",
    "isolate",
    "metric",
    "mode",
    "vlan",
    "vrf",
    "no_default_route",
    "outbound_addr4",
    "outbound_addr6",
];

/// Options of the macvlan and ipvlan drivers.
const VLAN_OPTIONS: [&str; 7] = [
    "parent",
    "mode",
    "mtu",
    "metric",
    "no_default_route",
    "bclim",
    "shared_mac",
];

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

/// What came of [`create`].
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// The network was made.
    New,
    /// It was there already, just like this, or with `--ignore` under another definition that nothing used: replaced.
    Replaced,
    /// It was there already as it was asked for.
    Same,
    /// With `--ignore`: it is there under another definition, and these containers use it.
    KeptInUse(Vec<String>),
}

/// Makes a network. With `ignore`, one that exists is brought up to date if no container is on it.
pub fn create(store: &Store, wanted: &Wanted, ignore: bool) -> Result<Created, NetworkError> {
    check_name(&wanted.name)?;
    if RESERVED.contains(&wanted.name.as_str()) {
        return Err(NetworkError::invalid(
            "network name",
            &wanted.name,
            "it has a meaning of its own for --network",
        ));
    }
    // One at a time: two networks must not choose the same subnet. Then against leases on the network itself.
    let _all = Lock::acquire(store, "network", ".create")?;
    let _this = Lock::acquire(store, "network", &wanted.name)?;
    let networks = definition::list(store)?;
    let (mine, others): (Vec<Network>, Vec<Network>) = networks.into_iter().partition(|n| n.name == wanted.name);
    let existing = mine.into_iter().next();
    if existing.is_some() && !ignore {
        return Err(NetworkError::Exists(wanted.name.clone()));
    }
    if ignore && wanted.name == DEFAULT_NETWORK {
        return Ok(Created::Same);
    }
    let network = complete(wanted, existing.as_ref(), &others)?;
    let Some(existing) = existing else {
        network.save(store)?;
        return Ok(Created::New);
    };
    if network == existing {
        return Ok(Created::Same);
    }
    let users: Vec<String> = users(store, &wanted.name)?.into_iter().map(|u| u.name).collect();
    if !users.is_empty() {
        return Ok(Created::KeptInUse(users));
    }
    network.save(store)?;
    Ok(Created::Replaced)
}

/// Removes a network. Unless forced, not while a container is on it.
pub fn remove(store: &Store, name: &str, force: bool) -> Result<Network, NetworkError> {
    let network = definition::find(store, name)?;
    let name = &network.name;
    if name == DEFAULT_NETWORK {
        return Err(NetworkError::invalid(
            "network",
            name,
            "the default network cannot be removed",
        ));
    }
    let _lock = Lock::acquire(store, "network", name)?;
    let users: Vec<String> = users(store, name)?.into_iter().map(|u| u.name).collect();
    if !users.is_empty() && !force {
        return Err(NetworkError::InUse {
            name: name.clone(),
            users,
        });
    }
    remove_tree(&path(store, name))?;
    if users.is_empty() {
        remove_tree(&store.leases(name))?;
    }
    Ok(network)
}

/// The whole definition. What was left open is taken over from the definition that exists, so that asking twice for the same
/// gives the same.
fn complete(wanted: &Wanted, existing: Option<&Network>, others: &[Network]) -> Result<Network, NetworkError> {
    let Wanted {
        name,
        driver,
        ipam_driver,
        interface,
        subnets: _,
        dns,
        disable_dns,
        internal,
        ipv6,
        options,
        labels,
        routes,
    } = wanted;
    let driver = check_driver(driver)?;
    let mut options = known_options(driver, options)?;
    let bridge_name = options.remove("com.docker.network.bridge.name");
    let interface = interface.clone().or(bridge_name);
    let ipam = check_ipam(ipam_driver, driver, wanted)?;
    let bridge = driver == "bridge";
    let network_interface = match (interface, bridge) {
        (Some(name), true) => Some(check_bridge(&name, others, existing, &options)?),
        (Some(name), false) => Some(check_parent(name)?),
        (None, true) => existing
            .and_then(|e| e.network_interface.clone())
            .or_else(|| Some(free_bridge(others))),
        (None, false) => options.remove("parent").map(check_parent).transpose()?,
    };
    let dns_enabled = bridge && ipam != "none" && !disable_dns;
    if !dns.is_empty() && !dns_enabled {
        return Err(NetworkError::invalid(
            "DNS server",
            dns[0].to_string(),
            "the network has no names to serve",
        ));
    }
    let subnets = if ipam == "none" {
        Vec::new()
    } else {
        subnets(wanted, existing, others, dns_enabled)?
    };
    Ok(Network {
        name: name.clone(),
        id: existing.map_or_else(fresh_id, |e| e.id.clone()),
        driver: driver.into(),
        network_interface,
        created: existing.map_or_else(|| jiff::Timestamp::now().to_string(), |e| e.created.clone()),
        ipv6_enabled: *ipv6 || subnets.iter().any(|s| s.subnet.addr().is_ipv6()),
        subnets,
        routes: routes.clone(),
        internal: *internal,
        dns_enabled,
        network_dns_servers: dns.clone(),
        labels: labels.clone(),
        options,
        ipam_options: BTreeMap::from([("driver".into(), ipam.into())]),
    })
}

fn check_driver(driver: &str) -> Result<&str, NetworkError> {
    match driver {
        "" | "bridge" => Ok("bridge"),
        "macvlan" | "ipvlan" => Ok(driver),
        other => Err(NetworkError::Unsupported(format!(
            "unsupported driver {other}: known are bridge, macvlan and ipvlan"
        ))),
    }
}

/// Which IPAM driver to use. Addresses by DHCP need netavark's proxy, which is not driven from here.
fn check_ipam<'a>(ipam: &'a str, driver: &str, wanted: &Wanted) -> Result<&'a str, NetworkError> {
    match ipam {
        "" if driver != "bridge" && wanted.subnets.is_empty() => Err(NetworkError::Unsupported(format!(
            "a {driver} network needs --subnet or --ipam-driver none: addresses by dhcp are not supported"
        ))),
        "" | "host-local" => Ok("host-local"),
        "none" if wanted.subnets.is_empty() => Ok("none"),
        "none" => Err(NetworkError::Unsupported(
            "ipam driver none cannot be combined with subnets".into(),
        )),
        "dhcp" => Err(NetworkError::Unsupported(
            "ipam driver dhcp is not supported: it needs netavark's dhcp proxy; use host-local or none".into(),
        )),
        other => Err(NetworkError::Unsupported(format!(
            "unsupported ipam driver {other}: known are host-local and none"
        ))),
    }
}

/// Options under netavark's names; those of docker that mean the same are translated, unknown ones refused.
fn known_options(driver: &str, options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, NetworkError> {
    let known: &[&str] = if driver == "bridge" {
        &BRIDGE_OPTIONS
    } else {
        &VLAN_OPTIONS
    };
    let mut result = BTreeMap::new();
    for (key, value) in options {
        let key = match key.as_str() {
            "com.docker.network.driver.mtu" => "mtu",
            "com.docker.network.bridge.name" if driver == "bridge" => {
                result.insert(key.clone(), value.clone());
                continue;
            }
            key => key,
        };
        if !known.contains(&key) {
            let why = format!(
                "unsupported {driver} network option {key}: known are {}",
                known.join(", ")
            );
            return Err(NetworkError::Unsupported(why));
        }
        if matches!(key, "mtu" | "metric" | "vlan") && value.parse::<u32>().is_err() {
            return Err(NetworkError::invalid(
                "network option",
                format!("{key}={value}"),
                "the value is not a number",
            ));
        }
        result.insert(key.to_owned(), value.clone());
    }
    Ok(result)
}

fn check_bridge(
    name: &str,
    others: &[Network],
    existing: Option<&Network>,
    options: &BTreeMap<String, String>,
) -> Result<String, NetworkError> {
    let bad = |why: String| NetworkError::invalid("interface name", name, why);
    let name = parse_interface(name).map_err(bad)?;
    if let Some(other) = others.iter().find(|n| n.network_interface.as_ref() == Some(&name)) {
        return Err(bad(format!("it is the bridge of network {}", other.name)));
    }
    let own = existing.is_some_and(|e| e.network_interface.as_ref() == Some(&name));
    let unmanaged = options.get("mode").is_some_and(|m| m == "unmanaged");
    if !own && !unmanaged && interface_exists(&name) {
        return Err(bad("the host has an interface of this name".into()));
    }
    Ok(name)
}

/// macvlan and ipvlan sit on an interface that the host has; without one, netavark takes that of the default route.
fn check_parent(name: String) -> Result<String, NetworkError> {
    if interface_exists(&name) {
        return Ok(name);
    }
    Err(NetworkError::invalid(
        "parent interface",
        name,
        "the host has no such interface",
    ))
}

fn subnets(
    wanted: &Wanted,
    existing: Option<&Network>,
    others: &[Network],
    dns_enabled: bool,
) -> Result<Vec<Subnet>, NetworkError> {
    // An internal network has no way out, but names are served on the gateway's address.
    let gateways = !wanted.internal || dns_enabled;
    let taken = Taken::gather(others);
    let mut subnets = Vec::new();
    for subnet in &wanted.subnets {
        subnets.push(check_subnet(subnet, gateways, others)?);
    }
    let has = |subnets: &[Subnet], v6: bool| subnets.iter().any(|s| s.subnet.addr().is_ipv6() == v6);
    for v6 in [false, true] {
        // Podman adds an IPv4 subnet only when none is given at all, and an IPv6 one when it is asked for.
        let needed = if v6 {
            wanted.ipv6 && !has(&subnets, true)
        } else {
            wanted.subnets.is_empty()
        };
        if !needed {
            continue;
        }
        let before = existing
            .and_then(|e| e.subnets.iter().find(|s| s.subnet.addr().is_ipv6() == v6))
            .map(|s| s.subnet);
        let chosen = before.map_or_else(|| if v6 { taken.free_v6() } else { taken.free_v4() }, Ok)?;
        subnets.push(Subnet {
            subnet: chosen,
            gateway: gateways.then(|| first_host(&chosen)).flatten(),
            lease_range: None,
        });
    }
    Ok(subnets)
}

fn check_subnet(wanted: &WantedSubnet, gateways: bool, others: &[Network]) -> Result<Subnet, NetworkError> {
    let WantedSubnet { subnet, gateway, range } = wanted;
    let subnet = subnet.trunc();
    let clash = |n: &&Network| {
        n.subnets
            .iter()
            .any(|s| s.subnet.contains(&subnet) || subnet.contains(&s.subnet))
    };
    if let Some(other) = others.iter().find(clash) {
        let why = format!("it is already used by network {}", other.name);
        return Err(NetworkError::invalid("subnet", subnet.to_string(), why));
    }
    if let Some(stray) = gateway.filter(|g| !subnet.contains(g)) {
        return Err(NetworkError::invalid(
            "gateway",
            stray.to_string(),
            format!("it is not in subnet {subnet}"),
        ));
    }
    let lease_range = range.as_deref().map(|r| lease_range(r, &subnet)).transpose()?;
    Ok(Subnet {
        subnet,
        gateway: gateway.or_else(|| gateways.then(|| first_host(&subnet)).flatten()),
        lease_range,
    })
}

fn first_host(subnet: &IpNet) -> Option<IpAddr> {
    // `hosts` of an IPv6 subnet begins with the router anycast address (RFC 4291, 2.6.1).
    subnet
        .hosts()
        .find(|ip| *ip != subnet.network() || subnet.max_prefix_len() - subnet.prefix_len() < 2)
}

/// `--ip-range`, in CIDR form or as `FIRST-LAST`.
fn lease_range(text: &str, subnet: &IpNet) -> Result<LeaseRange, NetworkError> {
    let bad = |why: &str| NetworkError::invalid("IP range", text, why);
    let (first, last) = if let Some((first, last)) = text.split_once('-') {
        let address = |text: &str| {
            text.trim()
                .parse::<IpAddr>()
                .map_err(|_| bad("it is neither CIDR nor FIRST-LAST"))
        };
        (address(first)?, address(last)?)
    } else {
        let range: IpNet = text.parse().map_err(|_| bad("it is neither CIDR nor FIRST-LAST"))?;
        (first_host(&range).unwrap_or(range.network()), last_host(&range))
    };
    if !subnet.contains(&first) || !subnet.contains(&last) {
        return Err(bad(&format!("it is not in subnet {subnet}")));
    }
    if last < first {
        return Err(bad("it runs backwards"));
    }
    Ok(LeaseRange {
        start_ip: Some(first),
        end_ip: Some(last),
    })
}

fn last_host(range: &IpNet) -> IpAddr {
    match range.broadcast() {
        IpAddr::V4(ip) if range.prefix_len() < 31 => std::net::Ipv4Addr::from_bits(ip.to_bits() - 1).into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        (dir, store)
    }

    fn wanted(name: &str) -> Wanted {
        Wanted { name: name.into(), ..Wanted::default() }
    }

    fn on(name: &str, subnet: &str, gateway: Option<&str>, range: Option<&str>) -> Wanted {
        let subnet = WantedSubnet {
            subnet: subnet.parse().unwrap(),
            gateway: gateway.map(|g| g.parse().unwrap()),
            range: range.map(Into::into),
        };
        Wanted { subnets: vec![subnet], ..wanted(name) }
    }

    #[test]
    fn an_edited_definition_is_applied_unless_a_container_is_on_the_network() {
        let (_dir, store) = store();
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::New);
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::Same);
        assert!(matches!(create(&store, &wanted("n"), false), Err(NetworkError::Exists(_))));
        let before = definition::find(&store, "n").unwrap();
        let edited = Wanted { internal: true, ..wanted("n") };
        assert_eq!(create(&store, &edited, true).unwrap(), Created::Replaced);
        let after = definition::find(&store, "n").unwrap();
        assert!(after.internal);
        assert_eq!((after.id, after.subnets[0].subnet), (before.id, before.subnets[0].subnet));

        let state = r#"{"container_id":"1","container_name":"web","networks":{"n":{"interface_name":"eth0"}},"network_info":{}}"#;
        std::fs::create_dir_all(store.run().join("netstate")).unwrap();
        std::fs::write(store.run().join("netstate/1.json"), state).unwrap();
        assert_eq!(create(&store, &wanted("n"), true).unwrap(), Created::KeptInUse(vec!["web".into()]));
        assert!(matches!(remove(&store, "n", false), Err(NetworkError::InUse { .. })));
        remove(&store, "n", true).unwrap();
        assert!(definition::load(&store, "n").unwrap().is_none());
    }

    #[test]
    fn subnets_and_bridges_are_not_given_twice() {
        let (_dir, store) = store();
        for name in ["a", "b"] {
            create(&store, &wanted(name), false).unwrap();
        }
        let (a, b) = (definition::find(&store, "a").unwrap(), definition::find(&store, "b").unwrap());
        assert_ne!(a.subnets, b.subnets);
        assert_ne!(a.network_interface, b.network_interface);
    }

    #[test]
    fn options_become_podmans_definition() {
        let (_dir, store) = store();
        let options = [("com.docker.network.driver.mtu", "1400"), ("com.docker.network.bridge.name", "br-x")];
        let options = options.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let wanted = Wanted { ipv6: true, options, ..on("n", "10.3.0.0/24", None, Some("10.3.0.64/26")) };
        create(&store, &wanted, false).unwrap();
        let network = definition::find(&store, "n").unwrap();
        let range = network.subnets[0].lease_range.clone().unwrap();
        assert_eq!(range.start_ip.unwrap().to_string(), "10.3.0.65");
        assert_eq!(range.end_ip.unwrap().to_string(), "10.3.0.126");
        assert_eq!(network.subnets[0].gateway.unwrap().to_string(), "10.3.0.1");
        assert!(network.subnets[1].gateway.unwrap().to_string().ends_with("::1"));
        assert_eq!(network.options, BTreeMap::from([("mtu".into(), "1400".into())]));
        assert_eq!(network.network_interface.as_deref(), Some("br-x"));
        assert!(network.dns_enabled && network.ipv6_enabled);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let (_dir, store) = store();
        create(&store, &on("taken", "10.3.0.0/24", None, None), false).unwrap();
        let options = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let cases = [
            (wanted("host"), "meaning of its own"),
            (wanted("a/b"), "names must match"),
            (on("n", "10.3.0.128/25", None, None), "already used by network taken"),
            (on("n", "10.4.0.0/24", Some("10.5.0.1"), None), "not in subnet 10.4.0.0/24"),
            (on("n", "10.4.0.0/24", None, Some("10.4.0.9-10.4.0.2")), "runs backwards"),
            (on("n", "10.4.0.0/24", None, Some("10.4.1.0/24")), "not in subnet"),
            (on("n", "10.4.0.0/24", None, Some("some")), "neither CIDR nor FIRST-LAST"),
            (Wanted { driver: "overlay".into(), ..wanted("n") }, "unsupported driver overlay"),
            (Wanted { driver: "macvlan".into(), ..wanted("n") }, "needs --subnet"),
            (Wanted { ipam_driver: "dhcp".into(), ..wanted("n") }, "dhcp proxy"),
            (Wanted { options: options("colour", "red"), ..wanted("n") }, "network option colour"),
            (Wanted { options: options("mtu", "big"), ..wanted("n") }, "not a number"),
            (Wanted { interface: Some("lo".into()), ..wanted("n") }, "cannot name an interface"),
            (Wanted { interface: Some("podman0".into()), ..wanted("n") }, "bridge of network podman"),
            (Wanted { dns: vec!["9.9.9.9".parse().unwrap()], disable_dns: true, ..wanted("n") }, "no names to serve"),
        ];
        for (wanted, why) in cases {
            let error = create(&store, &wanted, false).unwrap_err().to_string();
            assert!(error.contains(why), "{error:?} should say {why:?}");
            assert!(definition::find(&store, "n").is_err());
        }
    }
}
