//! Containers whose root is nobody on the host: `UserNS=`, `UIDMap=` and their kin.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// The line that podman-run(1) tells administrators to add.
const RANGE: &str = "containers:2147483647:2147483648\n";

fn boot_with_ranges() -> Machine {
    let machine = setup::boot();
    machine.write("/etc/subuid", RANGE);
    machine.write("/etc/subgid", RANGE);
    machine
}

/// A container of busybox that runs until it is stopped.
fn busybox(options: &str) -> String {
    format!("[Container]\nImage=docker.io/library/busybox:latest\nExec=sleep infinity\n{options}\n")
}

/// The mapping of a unit's main process: first ID inside, first outside, how many.
fn uid_map(machine: &Machine, unit: &str) -> Vec<[u64; 3]> {
    let map = machine.read(&format!("/proc/{}/uid_map", machine.property(unit, "MainPID")));
    let numbers: Vec<u64> = map.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    numbers
        .chunks(3)
        .map(|n| n.try_into().expect("three numbers a line"))
        .collect()
}

#[test]
fn an_automatic_range_serves_a_page() {
    let machine = boot_with_ranges();
    let web = "Image=registry.local:5000/web:latest\nUserNS=auto\nPublishPort=8080:80\nVolume=data:/www";
    machine.quadlet("web.container", &format!("[Container]\n{web}\n"));
    machine.quadlet("other.container", &busybox("UserNS=auto:size=2000"));
    machine.reload();
    machine.start(&["web", "other"]);
    machine.wait_for("curl -fsS localhost:8080/about.txt | grep 'from the image'");

    let (web, other) = (uid_map(&machine, "web"), uid_map(&machine, "other"));
    let ([[0, start, size]], [[0, second, 2000]]) = (&web[..], &other[..]) else {
        panic!("{web:?} {other:?}")
    };
    assert!(
        start + size <= *second || second + 2000 <= *start,
        "disjoint: {web:?} {other:?}"
    );
    let pid = machine.property("web", "MainPID");
    assert!(
        machine
            .read(&format!("/proc/{pid}/status"))
            .contains(&format!("Uid:\t{start}\t"))
    );

    let inside = "stat -c %u:%g / /bin /www /www/about.txt /etc/hosts && touch /new /www/new && stat -c %u:%g /new";
    let owners = machine.unipod(&["exec", "systemd-web", "sh", "-c", inside]).ok();
    assert_eq!(owners.split_whitespace().collect::<Vec<_>>(), ["0:0"; 6]);
    let upper = "stat -c %u:%g /var/lib/unipod/ephemeral/*/*/upper/new /var/lib/unipod/volumes/data/_data/new";
    let on_disk = machine.sh(upper).ok();
    let mapped = format!("{start}:{start}");
    assert_eq!(on_disk.split_whitespace().collect::<Vec<_>>(), [&mapped; 2]);
    let pings = machine
        .unipod(&["exec", "systemd-web", "cat", "/proc/sys/net/ipv4/ping_group_range"])
        .ok();
    assert_eq!(
        pings.split_whitespace().collect::<Vec<_>>(),
        ["0", "0"],
        "group 0 may send pings, as elsewhere"
    );

    machine.systemctl(&["restart", "web"]).ok();
    machine.wait_for("curl -fsS localhost:8080/about.txt | grep 'from the image'");
    assert_eq!(
        uid_map(&machine, "web"),
        web,
        "the range was free again, and the volume's content is still its own"
    );
    machine.stop(&["web", "other"]);
    machine.nothing_remains();
}

#[test]
fn mappings_by_hand_and_joined() {
    let machine = boot_with_ranges();
    machine
        .sh("printf 'top secret' >/key && unipod secret create key /key")
        .ok();
    let options = "ContainerName=mapped\nNetwork=none\nUIDMap=0:100000:5000\nUIDMap=9000:7:1\nGIDMap=0:200000:5000\nSecret=key,uid=33,mode=0400";
    machine.quadlet("mapped.container", &busybox(options));
    machine.quadlet("named.container", &busybox("Network=none\nSubUIDMap=containers"));
    machine.quadlet(
        "joined.container",
        &busybox("Network=none\nUserNS=container:mapped\n[Unit]\nAfter=mapped.service"),
    );
    machine.reload();
    machine.start(&["mapped", "named", "joined"]);
    let expected = [[0, 100_000, 5000], [9000, 7, 1]];
    assert_eq!(uid_map(&machine, "mapped"), expected);
    assert_eq!(uid_map(&machine, "joined"), expected);
    assert_eq!(uid_map(&machine, "named"), [[0, 2_147_483_647, 2_147_483_648]]);
    let inside = |script| machine.unipod(&["exec", "mapped", "sh", "-c", script]).ok();
    assert_eq!(
        inside("stat -c %u:%g /run/secrets/key && cat /run/secrets/key"),
        "33:0\ntop secret"
    );
    let pid = machine.property("mapped", "MainPID");
    assert_eq!(
        machine
            .sh(&format!("stat -c %u:%g /proc/{pid}/root/run/secrets/key"))
            .ok(),
        "100033:200000"
    );
    machine.stop(&["joined", "named", "mapped"]);
    machine.nothing_remains();
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let machine = setup::boot();
    let none = busybox("Network=none\nUserNS=auto");
    machine.quadlet("none.container", &none);
    for (name, options) in [
        ("keep", "UserNS=keep-id"),
        ("nomap", "UserNS=nomap"),
        ("odd", "UserNS=elsewhere"),
        ("twice", "UIDMap=0:5:10\nUIDMap=3:30:10"),
    ] {
        machine.quadlet(
            &format!("{name}.container"),
            &busybox(&format!("Network=none\n{options}")),
        );
    }
    machine.reload();
    for (unit, words) in [
        ("none", "containers:2147483647:2147483648"),
        ("keep", "without root"),
        ("nomap", "without root"),
        ("odd", "expected auto"),
        ("twice", "0:5:10 3:30:10"),
    ] {
        let status = machine.start_refused(unit);
        assert!(status.contains(words), "{words} in\n{status}");
    }
    machine.nothing_remains();
}
