//! The real netavark and aardvark-dns, in a network and mount namespace of the test's own. They need root.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::create::{Wanted, create};
use super::*;
use unipod_linux::pin;
use unipod_store::Store;

const TIMEOUT: Duration = Duration::from_secs(5);

struct Host {
    dir: tempfile::TempDir,
    store: Store,
}

impl Host {
    /// Moves the test's thread, and with it all that it starts, to a host of its own.
    fn new(networks: &[&str]) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "this test makes network namespaces and needs root"
        );
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        mount(Some("sys"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>).unwrap();
        netns::loopback_up().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        std::fs::create_dir(&run).unwrap();
        mount(Some("run"), &run, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
        let store = Store::at(dir.path().join("data"), run).unwrap();
        let host = Self { dir, store };
        for name in networks {
            host.network(&Wanted {
                name: (*name).into(),
                ..Wanted::default()
            });
        }
        host
    }

    fn network(&self, wanted: &Wanted) -> Network {
        create(&self.store, wanted, false).unwrap();
        definition::find(&self.store, &wanted.name).unwrap()
    }

    fn begin(&self, name: &str, networks: &[&str], ports: &[&str]) -> Result<Pending, NetworkError> {
        let values: Vec<String> = networks.iter().map(|n| (*n).to_owned()).collect();
        let NetworkMode::Bridge(attachments) = parse_modes(&values, false).unwrap() else {
            panic!("not a network")
        };
        let ports: Vec<_> = ports.iter().map(|p| parse_publish(p).unwrap()).collect();
        begin_setup(
            &self.store,
            &Request {
                owner: None,
                id: &id(name),
                name,
                hostname: None,
                attachments: &attachments,
                ports: &ports,
                dns: &[],
            },
        )
    }

    fn up(&self, name: &str, networks: &[&str], ports: &[&str]) -> Status {
        self.begin(name, networks, ports).unwrap().finish().unwrap()
    }

    fn down(&self, name: &str) {
        teardown(&self.store, &id(name)).unwrap();
    }

    /// What is left of containers: rules that name one, interfaces, leases, claims, pins, states.
    fn leftovers(&self) -> Vec<String> {
        let rules = Command::new("iptables-save").output().unwrap().stdout;
        let rules = String::from_utf8(rules).unwrap();
        let mut left: Vec<String> = rules
            .lines()
            .filter(|l| l.contains("DNAT --to") || l.contains("id: "))
            .map(Into::into)
            .collect();
        let interfaces = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
        left.extend(
            interfaces
                .lines()
                .filter(|l| l.contains("veth") || l.contains("podman"))
                .map(Into::into),
        );
        for dir in ["netns", "netstate", "leases/.ports", "networks/aardvark-dns"] {
            left.extend(
                files(&self.store.run().join(dir))
                    .into_iter()
                    .filter(|f| f != "aardvark.pid"),
            );
        }
        for network in files(&self.store.leases("")).into_iter().filter(|n| n != ".ports") {
            left.extend(
                files(&self.store.leases(&network))
                    .into_iter()
                    .filter(|f| !f.starts_with(".last-")),
            );
        }
        left
    }
}

/// A server that still runs would outlive the test; the namespaces go with its thread.
impl Drop for Host {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.store.run().join("networks/aardvark-dns/aardvark.pid"));
        if let Some(pid) = pid.ok().and_then(|p| p.trim().parse().ok()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL);
        }
        for pin in files(&self.store.netns("")) {
            let _ = pin::remove(&self.store.netns(&pin));
        }
        let run = self.dir.path().join("run");
        let _ = nix::mount::umount2(&run, nix::mount::MntFlags::MNT_DETACH);
    }
}

fn id(name: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(name))
}

fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Runs `work` inside a container's namespace.
fn inside<T: Send>(status: &Status, work: impl FnOnce() -> T + Send) -> T {
    let netns = std::fs::File::open(&status.netns).unwrap();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            setns(netns, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

fn ip(status: &Status, index: usize) -> IpAddr {
    status.networks[0].addresses[index]
        .parse::<ipnet::IpNet>()
        .unwrap()
        .addr()
}

/// Serves one connection on `port` in the container and says `word` there.
fn serve(status: &Status, port: u16, word: &'static str) -> thread::JoinHandle<()> {
    let any: IpAddr = if status.networks.iter().any(|n| n.addresses.len() > 1) {
        [0u16; 8].into()
    } else {
        [0u8; 4].into()
    };
    let listener = inside(status, || TcpListener::bind((any, port)).unwrap());
    thread::spawn(move || listener.accept().unwrap().0.write_all(word.as_bytes()).unwrap())
}

fn read(address: impl Into<SocketAddr>) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address.into(), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The IPv4 addresses that `server` knows for `name` (RFC 1035, 4.1): none if it does not know the name, or asks servers
/// about it that are not there.
fn lookup(server: IpAddr, name: &str) -> Vec<IpAddr> {
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // As every resolver does: a server that is reading its files anew drops a question now and then.
    socket.set_read_timeout(Some(TIMEOUT / 10)).unwrap();
    let mut answer = [0; 512];
    let ask = |_| {
        socket.send_to(&query, (server, 53)).unwrap();
        socket.recv(&mut answer).ok()
    };
    let length = (0..10).find_map(ask).unwrap_or(query.len());
    let records = &answer[query.len()..length];
    // Each record: name (here a pointer or the labels again), type, class, time to live, length, address.
    let mut addresses = Vec::new();
    for window in records.windows(14) {
        if window[..4] == [0, 1, 0, 1] && window[8..10] == [0, 4] {
            addresses.push([window[10], window[11], window[12], window[13]].into());
        }
    }
    addresses
}

#[test]
fn two_containers_talk_find_each_other_and_publish_a_port() {
    let host = Host::new(&["net"]);
    let web = host.up("web", &["net:alias=www"], &["18080:80"]);
    let client = host.up("client", &["net"], &[]);
    assert_eq!(web.networks[0].addresses, ["10.89.0.2/24"]);
    assert_eq!(web.networks[0].interface, "eth0");
    assert_eq!(web.dns_servers, web.networks[0].gateways);
    assert_eq!(web.search_domains, ["dns.podman"]);

    let server = serve(&web, 80, "from web");
    let said = inside(&client, || read((ip(&web, 0), 80))).unwrap();
    assert_eq!(said, "from web");
    server.join().unwrap();

    let server = serve(&web, 80, "published");
    assert_eq!(read(([127, 0, 0, 1], 18080)).unwrap(), "published");
    server.join().unwrap();

    for name in ["web", "www", "web.dns.podman", &id("web")[..12]] {
        assert_eq!(
            inside(&client, || lookup(client.dns_servers[0], name)),
            [ip(&web, 0)],
            "{name}"
        );
    }
    assert_eq!(state::users(&host.store, "net").unwrap().len(), 2);

    host.down("web");
    assert!(inside(&client, || lookup(client.dns_servers[0], "web")).is_empty());
    host.down("web");
    host.down("client");
    assert_eq!(host.leftovers(), [""; 0]);
}

#[test]
fn both_families_static_addresses_and_several_networks() {
    let host = Host::new(&[]);
    let six = host.network(&Wanted {
        name: "six".into(),
        ipv6: true,
        ..Wanted::default()
    });
    host.network(&Wanted {
        name: "inner".into(),
        internal: true,
        ..Wanted::default()
    });
    assert_eq!(six.subnets.len(), 2);
    let status = host.up("a", &["six:ip=10.89.0.77,mac=02:00:00:00:00:07", "inner"], &[]);
    assert_eq!(status.networks.len(), 2);
    assert_eq!(
        (ip(&status, 0).to_string(), status.networks[0].mac.as_str()),
        ("10.89.0.77".into(), "02:00:00:00:00:07")
    );
    assert!(ip(&status, 1).is_ipv6());
    assert_eq!(status.networks[1].interface, "eth1");
    let other = host.up("b", &["six"], &[]);
    let server = serve(&status, 80, "six");
    // The kernel first makes sure that nobody else has the address; a try that comes too early takes all of its time.
    let deadline = Instant::now() + 6 * TIMEOUT;
    let said = loop {
        match inside(&other, || read((ip(&status, 1), 80))) {
            Err(e) if Instant::now() < deadline => eprintln!("not yet: {e}"),
            said => break said.unwrap(),
        }
    };
    assert_eq!(said, "six");
    server.join().unwrap();
    let error = host.begin("c", &["six:ip=10.89.0.77"], &[]).unwrap_err().to_string();
    assert!(error.contains(&format!("in use by container {}", id("a"))), "{error}");
    host.down("a");
    host.down("b");
    assert_eq!(host.leftovers(), [""; 0]);
}

#[test]
fn thirty_at_once_on_a_network_with_names() {
    thirty_at_once("net");
}

#[test]
fn thirty_at_once_on_the_default_network() {
    thirty_at_once("podman");
}

fn thirty_at_once(network: &str) {
    const COUNT: usize = 30;
    let host = Host::new(&["net"]);
    let barrier = Barrier::new(COUNT);
    let names: Vec<String> = (0..COUNT).map(|n| format!("c{n}")).collect();
    let ports: Vec<String> = (0..COUNT).map(|n| format!("{}:80", 19000 + n)).collect();
    let start = Instant::now();
    let up: Vec<Status> = thread::scope(|scope| {
        let up = |n: usize| {
            let (host, names, ports, barrier) = (&host, &names, &ports, &barrier);
            move || {
                barrier.wait();
                host.up(&names[n], &[network], &[&ports[n]])
            }
        };
        let threads: Vec<_> = (0..COUNT).map(|n| scope.spawn(up(n))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    println!("{COUNT} setups in {:?}", start.elapsed());
    for (name, status) in names.iter().zip(&up).filter(|(_, s)| !s.dns_servers.is_empty()) {
        assert_eq!(
            inside(&up[0], || lookup(up[0].dns_servers[0], name)),
            [ip(status, 0)],
            "{name}"
        );
    }
    let servers: Vec<_> = up.iter().map(|s| serve(s, 80, "here")).collect();
    for n in 0..COUNT {
        assert_eq!(
            read(([127, 0, 0, 1], 19000 + u16::try_from(n).unwrap())).unwrap(),
            "here"
        );
    }
    for server in servers {
        server.join().unwrap();
    }
    let start = Instant::now();
    thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| host.down(name));
        }
    });
    println!("{COUNT} teardowns in {:?}", start.elapsed());
    assert_eq!(host.leftovers(), [""; 0]);
}

#[test]
fn a_setup_killed_at_any_point_is_undone_from_disk() {
    let host = Host::new(&["net"]);
    for milliseconds in [0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 100] {
        let pending = host.begin("a", &["net"], &["18081:80"]).unwrap();
        // The point of the kill is what is varied here; there is nothing to wait for.
        thread::sleep(Duration::from_millis(milliseconds));
        pending.crash();
        host.down("a");
        assert_eq!(host.leftovers(), [""; 0], "killed after {milliseconds} ms");
    }
    let status = host.up("a", &["net"], &["18081:80"]);
    let server = serve(&status, 80, "alive");
    assert_eq!(read(([127, 0, 0, 1], 18081)).unwrap(), "alive");
    server.join().unwrap();
    host.down("a");
}

#[test]
fn a_teardown_killed_at_any_point_is_finished_by_the_next() {
    let host = Host::new(&["net"]);
    for milliseconds in [0, 2, 4, 8, 12, 16, 24, 32, 64, 96, 128, 192, 256] {
        host.up("a", &["net"], &["18083:80"]);
        let id = id("a");
        let input = state::read_input(&host.store, &id).unwrap().unwrap();
        state::leave(&host.store, &id).unwrap();
        let mut run = netavark::start(&host.store, netavark::Action::Teardown, &input).unwrap();
        // The point of the kill is what is varied here; there is nothing to wait for.
        thread::sleep(Duration::from_millis(milliseconds));
        run.kill();
        host.down("a");
        assert_eq!(host.leftovers(), [""; 0], "killed after {milliseconds} ms");
    }
}

#[test]
fn a_failed_setup_says_why_and_leaves_nothing() {
    let host = Host::new(&["net"]);
    assert!(matches!(
        host.begin("a", &["nothere"], &[]),
        Err(NetworkError::NotFound(_))
    ));
    let taken = TcpListener::bind("0.0.0.0:18082").unwrap();
    let error = host.begin("a", &["net"], &["18082:80"]).unwrap_err().to_string();
    assert_eq!(error, "port 18082/tcp on 0.0.0.0 is already in use");
    drop(taken);
    // A bridge of another kind is in the way.
    let made = Command::new("ip")
        .args(["link", "add", "podman1", "type", "veth", "peer", "other"])
        .status()
        .unwrap();
    assert!(made.success());
    let error = host
        .begin("a", &["net"], &[])
        .and_then(Pending::finish)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("netavark setup failed: ") && error.contains("podman1"),
        "{error}"
    );
    assert!(
        Command::new("ip")
            .args(["link", "del", "podman1"])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(host.leftovers(), [""; 0]);
}
