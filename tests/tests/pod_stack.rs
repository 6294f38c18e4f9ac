//! The shop of `examples/pod`: web server, application and database in one pod, dropped in as it is, and everything that
//! happens to such a thing: it is killed, restarted, rebooted, upgraded, stopped, removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use unipod_tests::machine::Machine;
use unipod_tests::quadlet::UNIT_DIR;
use unipod_tests::setup::{self, GENERATOR};

const MEMBERS: [&str; 3] = ["web", "app", "db"];

/// A database that is made, and an interpreter that is loaded, take their time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine with the unit files and the secret.
fn machine() -> Machine {
    let machine = setup::boot();
    drop_in(&machine, "");
    machine
        .sh("printf %s 'a good password' | unipod secret create shop-db -")
        .ok();
    machine
}

/// Copies a folder of the example, and those in it.
fn drop_in(machine: &Machine, folder: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/pod")
        .join(folder);
    for entry in fs::read_dir(from).expect("the example is readable") {
        let path = entry.expect("the example is readable").path();
        let name = path.file_name().expect("it has a name").to_string_lossy();
        if path.is_dir() {
            drop_in(machine, &format!("{folder}{name}/"));
        } else {
            let text = fs::read_to_string(&path).expect("the example is readable");
            machine.write(&format!("{UNIT_DIR}/shop/{folder}{name}"), &text);
        }
    }
}

/// The whole way: published port, web server, application, database.
fn sells(machine: &Machine, item: &str) {
    sells_at(machine, 8080, item);
}

fn sells_at(machine: &Machine, port: u16, item: &str) {
    let probe = format!("curl -fsS localhost:{port} | grep -x '{item}'");
    machine.wait_until(&probe, PATIENCE, || machine.sh(&probe).success());
}

/// What shows that units are the same starts as before.
fn invocations(machine: &Machine, units: &[&str]) -> BTreeMap<String, String> {
    let invocation = |unit: &&str| ((*unit).to_owned(), machine.property(unit, "InvocationID"));
    units.iter().map(invocation).collect()
}

fn version(machine: &Machine) -> String {
    machine.sh("curl -fsS localhost:8080/version").ok()
}

/// Beside what no container leaves: nothing that a pod has.
fn nothing_remains(machine: &Machine) {
    for unit in ["shop-pod", "web", "app", "db"] {
        assert_eq!(
            machine.property(unit, "ActiveState"),
            "inactive",
            "{}",
            machine.status(&[unit])
        );
    }
    machine.nothing_remains();
    let left = machine
        .sh("unipod pod ps -q
             unipod ps -aq
             ls -d /run/unipod/pods/* /var/lib/unipod/pods/* 2>/dev/null
             find /run/unipod/leases -mindepth 2 ! -name '.last-*' 2>/dev/null
             { nft list ruleset; iptables-save; } 2>/dev/null | grep -E 'dport 8080|10\\.88\\.'
             grep -E ' nsfs | /run/unipod/' /proc/1/mounts
             ss -Hltn 'sport = :8080'
             pgrep -a 'unipod|crun|nginx|python|postgres|aardvark|netavark'
             find /sys/fs/cgroup -name '*shop*'")
        .stdout;
    assert!(left.is_empty(), "this is left:\n{left}");
}

fn through_its_life(mut machine: Machine) {
    machine.sh("systemctl daemon-reload && systemctl start shop-pod").ok();
    sells(&machine, "tea 4");
    machine.sh("curl -fsS -d 'name=coffee&price=5' localhost:8080").ok();
    sells(&machine, "coffee 5");
    let listed = machine.sh("unipod pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'");
    assert_eq!(listed.ok(), "systemd-shop Running 3");

    // One member is killed: it comes back, and nobody else has noticed.
    let others = ["shop-pod", "web", "db"];
    let before = invocations(&machine, &others);
    let killed = machine.property("app", "InvocationID");
    machine.sh("systemctl kill -s KILL app").ok();
    machine.wait_until("app is started again", PATIENCE, || {
        machine.property("app", "InvocationID") != killed && machine.is_active("app")
    });
    sells(&machine, "coffee 5");
    assert_eq!(invocations(&machine, &others), before);

    // The database is restarted: it keeps what it has, and the others keep running.
    let others = ["shop-pod", "web", "app"];
    let before = invocations(&machine, &others);
    machine.systemctl(&["restart", "db"]).ok();
    sells(&machine, "coffee 5");
    assert_eq!(invocations(&machine, &others), before);

    machine.reboot();
    sells(&machine, "coffee 5");

    // Another image for one member.
    let others = ["shop-pod", "web", "db"];
    let before = invocations(&machine, &others);
    assert_eq!(version(&machine), "1");
    machine
        .sh(&format!(
            "sed -i s/shop-app:1/shop-app:2/ {UNIT_DIR}/shop/app.container"
        ))
        .ok();
    machine.sh("systemctl daemon-reload && systemctl restart app").ok();
    assert_eq!(version(&machine), "2");
    sells(&machine, "coffee 5");
    assert_eq!(invocations(&machine, &others), before);

    // What the whole pod has takes a restart of the whole.
    machine
        .sh(&format!("sed -i s/8080:80/8090:80/ {UNIT_DIR}/shop/shop.pod"))
        .ok();
    machine.sh("systemctl daemon-reload && systemctl restart shop-pod").ok();
    sells_at(&machine, 8090, "coffee 5");
    machine.sh("curl -fsS localhost:8080").refused();
    for member in MEMBERS {
        assert!(machine.is_active(member), "{}", machine.status(&[member]));
    }

    machine.stop(&["shop-pod"]);
    nothing_remains(&machine);
}

#[test]
fn a_shop_of_three_tiers_is_a_pod() {
    let machine = machine();
    machine.reload();
    machine.start(&["shop-pod"]);
    // A pod is namespaces: it has no process, and so no control group.
    assert_eq!(machine.property("shop-pod", "SubState"), "exited");
    assert_eq!(machine.property("shop-pod", "MainPID"), "0");
    assert_eq!(machine.property("shop-pod", "ControlGroup"), "");
    through_its_life(machine);
}

/// The files go before the services are stopped, as when a package is removed.
#[test]
fn a_shop_whose_files_are_gone_can_still_be_stopped() {
    let machine = machine();
    machine.reload();
    machine.start(&["shop-pod"]);
    sells(&machine, "tea 4");
    machine
        .sh(&format!("rm -r {UNIT_DIR}/shop && systemctl daemon-reload"))
        .ok();
    sells(&machine, "tea 4");
    machine.stop(&["shop-pod"]);
    nothing_remains(&machine);
}

/// Each command of such a service has a mount namespace of its own.
#[test]
fn a_shop_of_sandboxed_services_works_and_leaves_nothing() {
    let machine = machine();
    let sandbox = "[Service]\nPrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes\n";
    for unit_type in ["pod", "container"] {
        machine.write(&format!("{UNIT_DIR}/{unit_type}.d/sandbox.conf"), sandbox);
    }
    machine.reload();
    machine.start(&["shop-pod"]);
    sells(&machine, "tea 4");
    machine.systemctl(&["restart", "app"]).ok();
    sells(&machine, "tea 4");
    machine.stop(&["shop-pod"]);
    nothing_remains(&machine);
}
/// Who generates with Podman and runs with unipod has a pod with a first process.
#[test]
fn the_service_that_podman_would_write_makes_the_same_shop() {
    let machine = machine();
    machine
        .sh(&format!(
            "ln -s /usr/bin/unipod /usr/local/bin/podman
             mkdir -p /usr/lib/unipod && mv {GENERATOR} /usr/lib/unipod/generator &&
             printf '#!/bin/sh\\nPODMAN=/usr/local/bin/podman exec /usr/lib/unipod/generator \"$@\"\\n' >{GENERATOR} &&
             chmod +x {GENERATOR}"
        ))
        .ok();
    machine.reload();
    machine.start(&["shop-pod"]);
    assert_eq!(machine.property("shop-pod", "Type"), "forking");
    assert_eq!(machine.property("shop-pod", "SubState"), "running");
    assert_ne!(machine.property("shop-pod", "MainPID"), "0");
    through_its_life(machine);
}
