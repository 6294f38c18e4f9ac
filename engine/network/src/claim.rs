//! Claims on host ports: a port that is taken is refused by name, before netavark would shadow it silently.
//!
//! netavark forwards ports by firewall rules and never notices that another container, or a program on the host, has the port.
//! So each published mapping is a file `leases/.ports/PROTOCOL,FIRST,COUNT,ADDRESS` with the container's ID (no network can be
//! named `.ports`), and the ports are bound once to see that no program listens on them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;

use super::lease::{holder, names, release_in};
use super::state::alive;
use super::{NetworkError, PortMapping};
use unipod_store::{Durability, Lock, Store, remove_tree, write_atomic};

/// How often to look for another free range before giving up.
const ATTEMPTS: u32 = 100;

/// Claims the ports of the container `id`; returns them with the host ports chosen that were left open.
pub(super) fn acquire(store: &Store, id: &str, ports: &[PortMapping]) -> Result<Vec<PortMapping>, NetworkError> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = Lock::acquire(store, "network", ".ports")?;
    let mut claims = Claims::read(store, id)?;
    let mut claimed = without_repetitions(ports);
    // Those that are asked for by number go first, so that none of them is chosen for another.
    let (fixed, open): (Vec<_>, Vec<_>) = (0..claimed.len()).partition(|i| claimed[*i].host_port != 0);
    for index in fixed {
        claims.check_own(&claimed[index])?;
        check(&claimed[index], &claims)?;
        claims.add(&claimed[index])?;
    }
    for index in open {
        claimed[index] = choose(&claimed[index], &claims)?;
        claims.add(&claimed[index])?;
    }
    Ok(claimed)
}

/// What is said twice is meant once; open ports are as many as are asked for.
fn without_repetitions(ports: &[PortMapping]) -> Vec<PortMapping> {
    let mut once: Vec<PortMapping> = Vec::with_capacity(ports.len());
    for port in ports {
        if port.host_port == 0 || !once.contains(port) {
            once.push(port.clone());
        }
    }
    once
}

/// Gives back the claims of the container `id`.
pub(super) fn release(store: &Store, id: &str) -> Result<(), NetworkError> {
    release_in(&dir(store), id)
}

fn dir(store: &Store) -> PathBuf {
    store.leases(".ports")
}

struct Claims<'a> {
    store: &'a Store,
    id: &'a str,
    held: Vec<(PortMapping, String)>,
}

impl<'a> Claims<'a> {
    fn read(store: &'a Store, id: &'a str) -> Result<Self, NetworkError> {
        let mut held = Vec::new();
        for name in names(&dir(store))? {
            let path = dir(store).join(&name);
            let (Some(claim), Some(holder)) = (parse(&name), holder(&path)?) else {
                continue;
            };
            if holder == id || !alive(store, &holder) {
                remove_tree(&path)?;
            } else {
                held.push((claim, holder));
            }
        }
        Ok(Self { store, id, held })
    }

    fn add(&mut self, port: &PortMapping) -> Result<(), NetworkError> {
        let PortMapping {
            host_ip,
            host_port,
            container_port: _,
            range,
            protocol,
        } = port;
        let path = dir(self.store).join(format!("{protocol},{host_port},{range},{host_ip}"));
        write_atomic(&path, self.id.as_bytes(), Durability::ThisBoot)?;
        self.held.push((port.clone(), self.id.to_owned()));
        Ok(())
    }

    /// The first port of `wanted` that another container has, and the container. A container has its own ports: it may publish
    /// one on an address, and on all others as well.
    fn conflict(&self, wanted: &PortMapping) -> Option<(u16, String)> {
        let others = self.held.iter().filter(|(_, holder)| holder != self.id);
        others
            .filter(|(claim, _)| share_address(&claim.host_ip, &wanted.host_ip))
            .find_map(|(claim, holder)| Some((first_common(claim, wanted)?, holder.clone())))
    }

    /// One port of one address leads to one port of the container.
    fn check_own(&self, wanted: &PortMapping) -> Result<(), NetworkError> {
        let leads_to = |port: &PortMapping| i32::from(port.container_port) - i32::from(port.host_port);
        let own = self.held.iter().filter(|(_, holder)| holder == self.id);
        let other_way = own
            .filter(|(claim, _)| claim.host_ip == wanted.host_ip && leads_to(claim) != leads_to(wanted))
            .find_map(|(claim, _)| first_common(claim, wanted));
        other_way.map_or(Ok(()), |number| {
            Err(NetworkError::invalid(
                "published port",
                format!("{number}/{}", wanted.protocol),
                "this container publishes it twice, for different ports of its own",
            ))
        })
    }
}

fn parse(name: &str) -> Option<PortMapping> {
    let mut parts = name.split(',');
    let protocol = parts.next()?.to_owned();
    let host_port = parts.next()?.parse().ok()?;
    let range = parts.next()?.parse().ok()?;
    Some(PortMapping {
        host_ip: parts.next()?.to_owned(),
        host_port,
        container_port: 0,
        range,
        protocol,
    })
}

/// The first host port that both publish for one protocol.
fn first_common(one: &PortMapping, other: &PortMapping) -> Option<u16> {
    let ((first, last), (other_first, other_last)) = (span(one), span(other));
    let meet = one.protocol == other.protocol && first <= other_last && other_first <= last;
    meet.then(|| first.max(other_first))
}

fn span(port: &PortMapping) -> (u16, u16) {
    (
        port.host_port,
        port.host_port.saturating_add(port.range.saturating_sub(1)),
    )
}

/// Whether two host addresses take each other's ports; empty is every address of both families.
fn share_address(one: &str, other: &str) -> bool {
    let parse = |text: &str| text.parse::<IpAddr>().ok();
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) if one.is_unspecified() || other.is_unspecified() => one.is_ipv4() == other.is_ipv4(),
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn check(port: &PortMapping, claims: &Claims<'_>) -> Result<(), NetworkError> {
    let is_pod = |id: &String| claims.store.pod(id).exists();
    let taken = |number, by: Option<String>| NetworkError::PortTaken {
        port: number,
        protocol: port.protocol.clone(),
        address: if port.host_ip.is_empty() {
            "0.0.0.0".into()
        } else {
            port.host_ip.clone()
        },
        kind: if by.as_ref().is_some_and(is_pod) {
            "pod"
        } else {
            "container"
        },
        by,
    };
    if let Some((number, holder)) = claims.conflict(port) {
        return Err(taken(number, Some(holder)));
    }
    let (first, last) = span(port);
    match (first..=last).find(|number| is_bound(port, *number)) {
        Some(number) => Err(taken(number, None)),
        None => Ok(()),
    }
}

/// Whether a program of the host has this port. Only that: a port that this process may not bind, or an address that the
/// host does not have yet, is no obstacle to forwarding.
fn is_bound(port: &PortMapping, number: u16) -> bool {
    bind(port, number).is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse)
}

/// Binds a port and lets it go; returns its number, which the kernel chooses for 0.
fn bind(port: &PortMapping, number: u16) -> io::Result<u16> {
    let address = SocketAddr::new(port.host_ip.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into()), number);
    match port.protocol.as_str() {
        "tcp" => TcpListener::bind(address)?.local_addr().map(|a| a.port()),
        "udp" => UdpSocket::bind(address)?.local_addr().map(|a| a.port()),
        // The standard library has no SCTP; UDP's free ports serve to choose one.
        _ if number == 0 => UdpSocket::bind(address)?.local_addr().map(|a| a.port()),
        _ => Ok(number),
    }
}

fn choose(port: &PortMapping, claims: &Claims<'_>) -> Result<PortMapping, NetworkError> {
    for _ in 0..ATTEMPTS {
        let Ok(number) = bind(port, 0) else { break };
        let candidate = PortMapping {
            host_port: number,
            ..port.clone()
        };
        if number.checked_add(port.range - 1).is_some() && check(&candidate, claims).is_ok() {
            return Ok(candidate);
        }
    }
    let what = format!("{}/{}", port.container_port, port.protocol);
    Err(NetworkError::invalid(
        "published port",
        what,
        "no free port was found on the host",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::ports::parse_publish;
    use super::*;

    struct Place {
        _dir: tempfile::TempDir,
        store: Store,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
            std::fs::create_dir_all(store.netns("")).unwrap();
            Self { _dir: dir, store }
        }

        fn claim(&self, id: &str, ports: &[&str]) -> Result<Vec<PortMapping>, NetworkError> {
            std::fs::write(self.store.netns(id), "").unwrap();
            let ports: Vec<_> = ports.iter().map(|p| parse_publish(p).unwrap()).collect();
            acquire(&self.store, id, &ports)
        }
    }

    #[test]
    fn a_port_of_another_container_is_refused_until_it_is_given_back_or_its_holder_is_gone() {
        let place = Place::new();
        place.claim("a", &["127.0.0.1:20100-20110:100-110"]).unwrap();
        let error = place.claim("b", &["20105:80"]).unwrap_err().to_string();
        assert_eq!(error, "port 20105/tcp on 0.0.0.0 is already in use by container a");
        place
            .claim("b", &["20105:80/udp", "127.0.0.2:20105:80", "[::1]:20105:80"])
            .unwrap();
        release(&place.store, "a").unwrap();
        place.claim("c", &["127.0.0.1:20105:80"]).unwrap();
        std::fs::remove_file(place.store.netns("c")).unwrap();
        place.claim("d", &["127.0.0.1:20105:80"]).unwrap();
    }

    #[test]
    fn a_container_may_publish_a_port_on_several_addresses() {
        let place = Place::new();
        let all = [
            "20120:80",
            "[::]:20120:80",
            "127.0.0.1:20120:80",
            "20120:80",
            "20119-20121:79-81",
        ];
        assert_eq!(place.claim("a", &all).unwrap().len(), 4);
        let error = place
            .claim("b", &["20130:80", "20129-20131:80-82"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("20130/tcp") && error.contains("twice"), "{error}");
        assert!(place.claim("c", &["127.0.0.1:20120:80"]).is_err());
    }

    #[test]
    fn a_port_of_a_program_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = Place::new()
            .claim("a", &[&format!("127.0.0.1:{port}:80")])
            .unwrap_err()
            .to_string();
        assert_eq!(error, format!("port {port}/tcp on 127.0.0.1 is already in use"));
    }

    #[test]
    fn open_ports_are_chosen_and_never_twice() {
        let place = Place::new();
        let ports = place.claim("a", &["80", "80", "100-104/udp"]).unwrap();
        assert!(ports.iter().all(|p| p.host_port != 0), "{ports:?}");
        assert_ne!(ports[0].host_port, ports[1].host_port);
        let same = format!("{}:80", ports[0].host_port);
        assert!(matches!(
            place.claim("b", &[&same]),
            Err(NetworkError::PortTaken { by: Some(_), .. })
        ));
    }
}
