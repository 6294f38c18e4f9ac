//! A whole definition from what was asked for: every value checked, what was left open chosen.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::definition::{LeaseRange, Network, Subnet, fresh_id};
use super::mode::parse_interface;
use super::subnet::{Taken, free_bridge, interface_exists};
use super::wanted::{Wanted, WantedSubnet};
use super::{NetworkError, driver_options};

/// The whole definition. What was left open is taken over from the definition that exists, so that asking twice for the same
/// gives the same.
pub(super) fn complete(
    wanted: &Wanted,
    existing: Option<&Network>,
    others: &[Network],
) -> Result<Network, NetworkError> {
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
    let mut options = driver_options::checked(driver, options)?;
    let ipam = check_ipam(ipam_driver, driver, wanted)?;
    let bridge_name = options.remove("com.docker.network.bridge.name");
    let interface = interface.clone().or(bridge_name);
    let network_interface = match driver {
        "bridge" => Some(bridge(interface, existing, others, &options)?),
        _ => parent(interface, &mut options)?,
    };
    let dns_enabled = driver == "bridge" && ipam != "none" && !disable_dns;
    check_servers(dns, dns_enabled)?;
    let subnets = match ipam {
        "none" => Vec::new(),
        _ => subnets(wanted, existing, others, dns_enabled)?,
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

/// The bridge: the one that was asked for, else the one it had, else a new one.
fn bridge(
    asked: Option<String>,
    existing: Option<&Network>,
    others: &[Network],
    options: &BTreeMap<String, String>,
) -> Result<String, NetworkError> {
    if let Some(name) = asked {
        return check_bridge(&name, others, existing, options);
    }
    let before = existing.and_then(|network| network.network_interface.clone());
    Ok(before.unwrap_or_else(|| free_bridge(others)))
}

/// The interface of the host that macvlan and ipvlan sit on, as `--interface-name` or `-o parent=` has it.
fn parent(asked: Option<String>, options: &mut BTreeMap<String, String>) -> Result<Option<String>, NetworkError> {
    let parent = asked.or_else(|| options.remove("parent"));
    parent.map(check_parent).transpose()
}

/// Servers of names are of use only where names are served.
fn check_servers(servers: &[IpAddr], dns_enabled: bool) -> Result<(), NetworkError> {
    match servers.first() {
        Some(server) if !dns_enabled => {
            let why = "the network has no names to serve";
            Err(NetworkError::invalid("DNS server", server.to_string(), why))
        }
        _ => Ok(()),
    }
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
