//! Addresses: one file per lease, `leases/NETWORK/ADDRESS`, whose content is the container's ID.
//!
//! A lease whose container has neither a pinned namespace nor a state file is stale, left behind by a crash, and is taken over
//! when its address is wanted; nobody has to repair anything. Addresses are given out next-fit, so that one that was just
//! given back is not reused at once while caches elsewhere (ARP, DNS) still know its last owner.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::NetworkError;
use super::definition::{Network, Subnet};
use super::state::alive;
use unipod_store::atomic::create_once;
use unipod_store::{Durability, Lock, Store, StoreError, names_in, remove_tree, write_atomic};

/// Leases one address in every subnet of `network` for the container `id`: those in `wanted`, else the next free ones.
///
/// The container's namespace must be pinned already, as that is what says it is alive.
pub(super) fn acquire(
    store: &Store,
    network: &Network,
    id: &str,
    wanted: &[IpAddr],
) -> Result<Vec<IpAddr>, NetworkError> {
    if let Some(stray) = wanted
        .iter()
        .find(|ip| !network.subnets.iter().any(|s| s.subnet.contains(*ip)))
    {
        let why = format!("it is in no subnet of network {}", network.name);
        return Err(NetworkError::invalid("address", stray.to_string(), why));
    }
    if network.subnets.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = Lock::acquire(store, "network", &network.name)?;
    let pool = Pool { store, network, id };
    let mut leased = Vec::new();
    for (index, subnet) in network.subnets.iter().enumerate() {
        match wanted.iter().find(|ip| subnet.subnet.contains(*ip)) {
            Some(ip) => leased.push(pool.claim(subnet, *ip)?),
            None => leased.push(pool.next(index, subnet)?),
        }
    }
    Ok(leased)
}

/// Gives back every lease that the container `id` holds on `network`.
pub(super) fn release(store: &Store, network: &str, id: &str) -> Result<(), NetworkError> {
    release_in(&store.leases(network), id)
}

/// Gives back every lease and every claim of the container `id`, wherever it is.
pub(super) fn release_all(store: &Store, id: &str) -> Result<(), NetworkError> {
    let root = store.leases("");
    for dir in names(&root)? {
        release_in(&root.join(dir), id)?;
    }
    Ok(())
}

/// Removes the files in `dir` that contain `id`.
pub(super) fn release_in(dir: &Path, id: &str) -> Result<(), NetworkError> {
    for name in names(dir)? {
        let path = dir.join(&name);
        // The holder is alive until after this, so nobody takes the lease over between the two steps.
        if holder(&path)?.as_deref() == Some(id) {
            remove_tree(&path)?;
        }
    }
    Ok(())
}

/// Who holds the lease at `path`. A damaged one is nobody's: it goes when it is in the way.
pub(super) fn holder(path: &Path) -> Result<Option<String>, NetworkError> {
    match fs::read(path) {
        Ok(id) => Ok(Some(String::from_utf8(id).unwrap_or_default())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => match StoreError::io("read", path)(e) {
            damage if damage.is_damage() => Ok(Some(String::new())),
            error => Err(error.into()),
        },
    }
}

/// The names of the leases in `dir`.
pub(super) fn names(dir: &Path) -> Result<HashSet<String>, NetworkError> {
    let all = match names_in(dir) {
        // What is there is no directory: nobody has a lease in it.
        Err(damage) if damage.is_damage() => Vec::new(),
        all => all?,
    };
    Ok(all
        .into_iter()
        .filter(|n| !n.starts_with(".last-") && !n.starts_with(".."))
        .collect())
}

struct Pool<'a> {
    store: &'a Store,
    network: &'a Network,
    id: &'a str,
}

impl Pool<'_> {
    /// Leases exactly `ip`.
    fn claim(&self, subnet: &Subnet, ip: IpAddr) -> Result<IpAddr, NetworkError> {
        if subnet.gateway == Some(ip) {
            return Err(NetworkError::invalid("address", ip.to_string(), "it is the gateway's"));
        }
        if self.take(ip)? {
            return Ok(ip);
        }
        let holder = holder(&self.path(ip))?.unwrap_or_default();
        Err(NetworkError::AddressTaken {
            address: ip,
            network: self.network.name.clone(),
            holder,
        })
    }

    /// Leases the next free address after the one leased last, going round once.
    fn next(&self, index: usize, subnet: &Subnet) -> Result<IpAddr, NetworkError> {
        let (first, last) = bounds(subnet);
        let memory = self.store.leases(&self.network.name).join(format!(".last-{index}"));
        let previous = fs::read_to_string(&memory)
            .ok()
            .and_then(|t| t.parse::<IpAddr>().ok())
            .map(number);
        let start = previous.filter(|p| (first..last).contains(p)).map_or(first, |p| p + 1);
        let family = subnet.subnet.addr();
        let round = || {
            (start..=last)
                .chain(first..start)
                .map(move |n| address(family, n))
                .filter(|ip| Some(*ip) != subnet.gateway)
        };
        let taken = names(&self.store.leases(&self.network.name))?;
        let free = round().find(|ip| !taken.contains(&ip.to_string()));
        // Only when nothing is free, look for leases that a crash has left behind.
        let mut candidates = free.into_iter().chain(round().take(taken.len() + 1));
        let found = candidates.find_map(|ip| match self.take(ip) {
            Ok(false) => None,
            Ok(true) => Some(Ok(ip)),
            Err(e) => Some(Err(e)),
        });
        let ip = found.unwrap_or_else(|| {
            let range = format!("{}-{}", address(family, first), address(family, last));
            Err(NetworkError::Exhausted {
                range,
                network: self.network.name.clone(),
            })
        })?;
        write_atomic(&memory, ip.to_string().as_bytes(), Durability::ThisBoot)?;
        Ok(ip)
    }

    /// Takes the lease of `ip` if it is free, stale, or this container's own.
    fn take(&self, ip: IpAddr) -> Result<bool, NetworkError> {
        let path = self.path(ip);
        match holder(&path)? {
            Some(holder) if holder == self.id => return Ok(true),
            Some(holder) if alive(self.store, &holder) => return Ok(false),
            Some(_) => remove_tree(&path)?,
            None => {}
        }
        Ok(create_once(&path, self.id.as_bytes())?)
    }

    fn path(&self, ip: IpAddr) -> std::path::PathBuf {
        self.store.leases(&self.network.name).join(ip.to_string())
    }
}

/// First and last address to give out: the lease range, else the subnet without its network and broadcast address.
fn bounds(subnet: &Subnet) -> (u128, u128) {
    let net = subnet.subnet;
    // Prefixes /31 and /127 have two usable addresses (RFC 3021, RFC 6164), /32 and /128 one.
    let spare = u128::from(net.max_prefix_len() - net.prefix_len() > 1);
    let broadcast = if net.addr().is_ipv4() { spare } else { 0 };
    let range = subnet.lease_range.as_ref();
    let first = range
        .and_then(|r| r.start_ip)
        .map_or(number(net.network()) + spare, number);
    let last = range
        .and_then(|r| r.end_ip)
        .map_or(number(net.broadcast()) - broadcast, number);
    (first, last)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The address with this number, of the family of `like`.
fn address(like: IpAddr, number: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::LeaseRange;
    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        store: Store,
        network: Network,
    }

    impl Place {
        fn new(subnets: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
            let subnet = |s: &&str| Subnet {
                subnet: s.parse().unwrap(),
                gateway: Some(address(
                    s.parse::<ipnet::IpNet>().unwrap().addr(),
                    number(s.parse::<ipnet::IpNet>().unwrap().network()) + 1,
                )),
                lease_range: None,
            };
            let subnets = subnets.iter().map(subnet).collect();
            let network = Network {
                name: "n".into(),
                subnets,
                ..Network::default_network()
            };
            Self {
                _dir: dir,
                store,
                network,
            }
        }

        fn live(&self, id: &str) {
            fs::create_dir_all(self.store.netns("")).unwrap();
            fs::write(self.store.netns(id), "").unwrap();
        }

        fn lease(&self, id: &str, wanted: &[&str]) -> Result<Vec<String>, NetworkError> {
            let wanted: Vec<IpAddr> = wanted.iter().map(|w| w.parse().unwrap()).collect();
            self.live(id);
            Ok(acquire(&self.store, &self.network, id, &wanted)?
                .iter()
                .map(ToString::to_string)
                .collect())
        }
    }

    #[test]
    fn addresses_go_round_and_are_not_reused_at_once() {
        let place = Place::new(&["10.1.0.0/29"]);
        for (id, ip) in [("a", "10.1.0.2"), ("b", "10.1.0.3")] {
            assert_eq!(place.lease(id, &[]).unwrap(), [ip]);
        }
        release(&place.store, "n", "b").unwrap();
        for (id, ip) in [
            ("c", "10.1.0.4"),
            ("d", "10.1.0.5"),
            ("e", "10.1.0.6"),
            ("f", "10.1.0.3"),
        ] {
            assert_eq!(place.lease(id, &[]).unwrap(), [ip], "{id}");
        }
        let full = place.lease("g", &[]).unwrap_err().to_string();
        assert_eq!(full, "no free address is left in 10.1.0.1-10.1.0.6 of network n");
    }

    #[test]
    fn a_lease_of_a_dead_container_is_taken_over_and_one_of_a_live_container_is_not() {
        let place = Place::new(&["10.1.0.0/30"]);
        assert_eq!(place.lease("a", &[]).unwrap(), ["10.1.0.2"]);
        let error = place.lease("b", &["10.1.0.2"]).unwrap_err().to_string();
        assert_eq!(error, "address 10.1.0.2 of network n is in use by container a");
        fs::remove_file(place.store.netns("a")).unwrap();
        assert_eq!(place.lease("b", &[]).unwrap(), ["10.1.0.2"]);
        release(&place.store, "n", "a").unwrap();
        assert!(
            place.lease("c", &[]).is_err(),
            "a late release by the former holder must not free the lease"
        );
    }

    #[test]
    fn every_subnet_gives_an_address_and_wanted_ones_are_honoured() {
        let place = Place::new(&["10.1.0.0/24", "fd00:1::/64"]);
        assert_eq!(place.lease("a", &["fd00:1::99"]).unwrap(), ["10.1.0.2", "fd00:1::99"]);
        assert_eq!(
            place.lease("a", &["fd00:1::99"]).unwrap()[1],
            "fd00:1::99",
            "asking twice is harmless"
        );
        assert!(
            place
                .lease("b", &["10.2.0.1"])
                .unwrap_err()
                .to_string()
                .contains("no subnet of network n")
        );
        assert!(
            place
                .lease("b", &["10.1.0.1"])
                .unwrap_err()
                .to_string()
                .contains("gateway")
        );
    }

    #[test]
    fn a_lease_range_bounds_what_is_given_out() {
        let mut place = Place::new(&["10.1.0.0/24"]);
        let ip = |n| Some(IpAddr::from([10, 1, 0, n]));
        place.network.subnets[0].lease_range = Some(LeaseRange {
            start_ip: ip(100),
            end_ip: ip(101),
        });
        assert_eq!(place.lease("a", &[]).unwrap(), ["10.1.0.100"]);
        assert_eq!(place.lease("b", &[]).unwrap(), ["10.1.0.101"]);
        assert!(place.lease("c", &[]).is_err());
        assert_eq!(
            place.lease("c", &["10.1.0.7"]).unwrap(),
            ["10.1.0.7"],
            "outside the range on request"
        );
    }
}
