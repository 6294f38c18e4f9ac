//! Subnets and bridges that are free: in no other network's and no route or address of the host's way.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::NetworkError;
use super::definition::Network;
use unipod_config::{SubnetPool, shared};

/// Podman's `default_subnet_pools`, containers.conf(5): 10.89.0.0 to 10.255.255.0, a /24 each.
const POOLS: [SubnetPool; 5] = [
    pool([10, 89, 0, 0], 16),
    pool([10, 90, 0, 0], 15),
    pool([10, 92, 0, 0], 14),
    pool([10, 96, 0, 0], 11),
    pool([10, 128, 0, 0], 9),
];

const fn pool([a, b, c, d]: [u8; 4], prefix: u8) -> SubnetPool {
    SubnetPool {
        base: Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix),
        size: 24,
    }
}

/// What is in use already.
#[derive(Debug, Default)]
pub struct Taken {
    subnets: Vec<IpNet>,
}

impl Taken {
    /// Of the networks given and of the host this runs on.
    pub fn gather(networks: &[Network]) -> Self {
        let mut subnets: Vec<IpNet> = networks
            .iter()
            .flat_map(|n| n.subnets.iter().map(|s| s.subnet))
            .collect();
        subnets.extend(addresses());
        subnets.extend(
            fs::read_to_string("/proc/thread-self/net/route")
                .iter()
                .flat_map(|t| routes_v4(t)),
        );
        subnets.extend(
            fs::read_to_string("/proc/thread-self/net/ipv6_route")
                .iter()
                .flat_map(|t| routes_v6(t)),
        );
        Self { subnets }
    }

    /// What of it shares addresses with `subnet`.
    pub(crate) fn conflict(&self, subnet: &IpNet) -> Option<IpNet> {
        self.subnets
            .iter()
            .find(|taken| taken.contains(subnet) || subnet.contains(*taken))
            .copied()
    }

    /// The first free subnet of the pools.
    pub(crate) fn free_v4(&self) -> Result<IpNet, NetworkError> {
        let pools = shared().subnet_pools.as_deref().unwrap_or(&POOLS);
        pools
            .iter()
            .filter_map(|pool| pool.base.subnets(pool.size).ok())
            .flatten()
            .map(IpNet::V4)
            .find(|subnet| self.conflict(subnet).is_none())
            .ok_or(NetworkError::NoSubnet)
    }

    /// A random unique local /64 (RFC 4193).
    pub(crate) fn free_v6(&self) -> Result<IpNet, NetworkError> {
        for _ in 0..100 {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes[1..8]).map_err(|_| NetworkError::NoSubnet)?;
            bytes[0] = 0xfd;
            let subnet = Ipv6Net::new(Ipv6Addr::from(bytes), 64)
                .map(IpNet::V6)
                .map_err(|_| NetworkError::NoSubnet)?;
            if self.conflict(&subnet).is_none() {
                return Ok(subnet);
            }
        }
        Err(NetworkError::NoSubnet)
    }
}

/// The first bridge name `podmanN` that neither a network nor an interface of the host has.
pub fn free_bridge(networks: &[Network]) -> String {
    let taken =
        |name: &String| networks.iter().any(|n| n.network_interface.as_ref() == Some(name)) || interface_exists(name);
    // podman0 is the default network's.
    // One more than there can be interfaces and networks with such a name.
    (1..=u16::MAX)
        .map(|n| format!("podman{n}"))
        .find(|name| !taken(name))
        .unwrap_or_default()
}

/// Whether the host has an interface of this name.
pub(crate) fn interface_exists(name: &str) -> bool {
    nix::net::if_::if_nametoindex(name).is_ok()
}

fn addresses() -> Vec<IpNet> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let net = |entry: nix::ifaddrs::InterfaceAddress| {
        let (address, mask) = (entry.address?, entry.netmask?);
        if let (Some(ip), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) {
            return IpNet::with_netmask(ip.ip().into(), mask.ip().into()).ok();
        }
        let (ip, mask) = (address.as_sockaddr_in6()?, mask.as_sockaddr_in6()?);
        IpNet::with_netmask(ip.ip().into(), IpAddr::V6(mask.ip())).ok()
    };
    all.filter_map(net).map(|n| n.trunc()).collect()
}

/// proc(5) `/proc/net/route`: destination and mask are columns 2 and 8, as numbers in the byte order of the machine.
fn routes_v4(text: &str) -> Vec<IpNet> {
    let number = |text: &str| {
        u32::from_str_radix(text, 16)
            .ok()
            .map(|n| Ipv4Addr::from(n.to_ne_bytes()))
    };
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (destination, mask) = (number(columns.get(1)?)?, number(columns.get(7)?)?);
        IpNet::with_netmask(destination.into(), mask.into()).ok()
    };
    // The default route is in nobody's way.
    text.lines()
        .skip(1)
        .filter_map(route)
        .filter(|n| n.prefix_len() > 0)
        .collect()
}

/// proc(5) `/proc/net/ipv6_route`: destination and prefix length are the first columns, in hexadecimal digits.
fn routes_v6(text: &str) -> Vec<IpNet> {
    let route = |line: &str| {
        let mut columns = line.split_whitespace();
        let destination = u128::from_str_radix(columns.next()?, 16).ok()?;
        let prefix = u8::from_str_radix(columns.next()?, 16).ok()?;
        IpNet::new(Ipv6Addr::from_bits(destination).into(), prefix).ok()
    };
    text.lines().filter_map(route).filter(|n| n.prefix_len() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(subnets: &[&str]) -> Taken {
        Taken {
            subnets: subnets.iter().map(|s| s.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn the_first_subnet_that_shares_nothing_is_free() {
        let cases: &[(&[&str], &str)] = &[
            (&[], "10.89.0.0/24"),
            (&["10.89.0.0/24"], "10.89.1.0/24"),
            (&["10.89.0.128/25", "10.89.1.7/32"], "10.89.2.0/24"),
            (&["10.0.0.0/9"], "10.128.0.0/24"),
        ];
        for (subnets, free) in cases {
            assert_eq!(taken(subnets).free_v4().unwrap().to_string(), *free, "{subnets:?}");
        }
        assert!(matches!(taken(&["10.0.0.0/8"]).free_v4(), Err(NetworkError::NoSubnet)));
    }

    #[test]
    fn free_ipv6_subnets_are_unique_local() {
        let subnet = taken(&[]).free_v6().unwrap();
        assert_eq!(subnet.prefix_len(), 64);
        assert_eq!(subnet.trunc(), subnet);
        assert!("fd00::/8".parse::<IpNet>().unwrap().contains(&subnet));
    }

    #[test]
    fn routes_of_the_host_are_read() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                  eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                  eth0\t0000590A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(routes_v4(v4), ["10.89.0.0/16".parse().unwrap()]);
        let v6 = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 0 100 1 0 1 eth0\n\
                  00000000000000000000000000000000 00 00000000000000000000000000000000 00 0 ffffffff 1 0 200200 lo\n";
        assert_eq!(routes_v6(v6), ["fd00::/64".parse().unwrap()]);
    }

    #[test]
    fn the_hosts_own_addresses_are_seen() {
        assert!(Taken::gather(&[]).conflict(&"127.0.0.0/24".parse().unwrap()).is_some());
        assert!(interface_exists("lo"));
    }
}
