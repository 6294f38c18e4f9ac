//! Containers on networks: names, ports, and the modes without one.

use unipod_tests::setup;

fn server(options: &str) -> String {
    format!(
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=httpd -f -p 80 -h /etc\nStopSignal=SIGKILL\n{options}\n"
    )
}

#[test]
fn containers_of_a_network_find_each_other_by_name() {
    let machine = setup::boot();
    machine.quadlet("inner.network", "[Network]\nSubnet=10.50.0.0/24\nGateway=10.50.0.1\n");
    machine.quadlet("outer.network", "[Network]\n");
    machine.quadlet(
        "store.container",
        &server("Network=inner.network\nContainerName=store\nNetworkAlias=shelf\nHostName=store-host"),
    );
    machine.quadlet(
        "front.container",
        &server("Network=inner.network\nNetwork=outer.network\nContainerName=front\nPublishPort=8080:80"),
    );
    machine.quadlet(
        "stranger.container",
        &server("Network=outer.network\nContainerName=stranger"),
    );
    machine.reload();
    machine.start(&["store", "front", "stranger"]);
    let ask = |from: &str, name: &str| {
        machine.unipod(&[
            "exec",
            from,
            "timeout",
            "5",
            "wget",
            "-q",
            "-O",
            "-",
            &format!("http://{name}/hostname"),
        ])
    };
    assert_eq!(ask("front", "store").ok(), "store-host");
    assert_eq!(ask("front", "shelf").ok(), "store-host");
    ask("front", "stranger").ok();
    ask("stranger", "store").refused();
    machine.wait_for("curl -fsS localhost:8080/hostname");
    let address = machine
        .unipod(&["exec", "store", "ip", "-o", "-4", "addr", "show", "eth0"])
        .ok();
    assert!(address.contains("10.50.0."), "{address}");
    assert!(machine.unipod(&["network", "ls"]).ok().contains("systemd-inner"));

    // A new address after a restart is known to the others. aardvark-dns 1.4 drops one query after each change.
    machine.systemctl(&["restart", "store"]).ok();
    machine.wait_for("unipod exec front timeout 2 wget -q -O - http://store/hostname | grep store-host");
    machine.stop(&["store", "front", "stranger"]);
    machine.nothing_remains();
    machine.unipod(&["network", "rm", "systemd-outer"]).ok();
}

/// netavark keeps the names of an internal network in a file of another name since it forwards no questions from there.
#[test]
fn names_of_an_internal_network_go_with_their_containers() {
    let machine = setup::boot();
    machine.quadlet("inner.network", "[Network]\nInternal=true\n");
    for name in ["one", "two"] {
        machine.quadlet(
            &format!("{name}.container"),
            &server(&format!("Network=inner.network\nContainerName={name}")),
        );
    }
    machine.reload();
    machine.start(&["one", "two"]);
    machine.wait_for("unipod exec one timeout 2 nslookup two");
    machine.stop(&["two"]);
    machine.sh("grep -rw two /run/unipod/networks/aardvark-dns").refused();
    machine.wait_for("unipod exec one timeout 2 nslookup one && ! unipod exec one timeout 2 nslookup two");
    machine.stop(&["one"]);
    machine.nothing_remains();
}

#[test]
fn host_none_and_another_containers_network() {
    let machine = setup::boot();
    machine.quadlet("hosted.container", &server("Network=host").replace("-p 80", "-p 8085"));
    // As in podman, ports of a container without a network of its own are no error.
    machine.quadlet("alone.container", &server("Network=none\nPublishPort=8086:80"));
    machine.quadlet("owner.container", &server("ContainerName=owner"));
    machine.quadlet(
        "guest.container",
        &server("Network=owner.container").replace("-p 80", "-p 81"),
    );
    machine.reload();
    machine.start(&["hosted", "alone", "owner", "guest"]);
    machine.wait_for("curl -fsS localhost:8085/hostname");
    let links = machine.unipod(&["exec", "systemd-alone", "ip", "-o", "link"]).ok();
    assert_eq!(links.lines().count(), 1, "only loopback: {links}");
    assert_eq!(
        machine
            .unipod(&["exec", "owner", "wget", "-q", "-O", "-", "http://127.0.0.1:81/hostname"])
            .ok(),
        machine.unipod(&["exec", "systemd-guest", "hostname"]).ok()
    );
    let said = machine.journal("alone");
    assert!(
        said.contains("--publish 8086:80 does nothing with --network none"),
        "{said}"
    );
    machine.stop(&["guest", "owner", "alone", "hosted"]);
    machine.nothing_remains();
}

#[test]
fn ports_are_published_as_they_are_written() {
    let machine = setup::boot();
    machine
        .sh("ip link add out0 type bridge && ip addr add 10.9.9.9/24 dev out0 && ip link set out0 up")
        .ok();
    machine.quadlet(
        "ports.container",
        &server("PublishPort=8080:80\nPublishPort=127.0.0.1:8081:80/tcp\nPublishPort=8090-8092:80-82\nPublishPort=80"),
    );
    machine.reload();
    machine.start(&["ports"]);
    for port in ["8080", "8081", "8090"] {
        machine.wait_for(&format!("curl -fsS --max-time 2 127.0.0.1:{port}/hostname"));
    }
    machine.sh("curl -fsS --max-time 2 10.9.9.9:8080/hostname").ok();
    machine.sh("curl -fsS --max-time 1 10.9.9.9:8081/hostname").refused();
    let listed = machine.unipod(&["ps", "--format", "{{.Ports}}"]).ok();
    for port in ["0.0.0.0:8080->80/tcp", "127.0.0.1:8081->80/tcp"] {
        assert!(listed.contains(port), "{port} in {listed}");
    }
    machine.stop(&["ports"]);
    machine.nothing_remains();
}

/// The OCI runtime waits for its bundle meanwhile; nobody wants to read that it never came.
#[test]
fn a_start_that_is_stopped_while_its_network_is_slow_leaves_no_complaint() {
    let machine = setup::boot();
    machine.sh(SLOW_NETAVARK).ok();
    machine.quadlet("slow.container", &server(""));
    machine.reload();
    for end in ["systemctl stop slow", "systemctl kill --kill-whom=main slow"] {
        machine.systemctl(&["start", "--no-block", "slow"]).ok();
        machine.wait_for("grep -q lease /proc/$(pidof crun)/wchan");
        machine.sh(end).ok();
        machine.wait_for("! systemctl is-active slow | grep activating");
        machine.systemctl(&["reset-failed"]).ok();
    }
    let journal = machine.journal("slow");
    assert!(!journal.contains("config.json"), "{journal}");
    machine.nothing_remains();
}

const SLOW_NETAVARK: &str = r#"
for netavark in /usr/lib/podman/netavark /usr/libexec/podman/netavark; do
    [ -e $netavark ] || continue
    mv $netavark $netavark.real
    printf '#!/bin/sh\n[ $9 != setup ] || sleep 20\nexec %s.real "$@"\n' $netavark >$netavark
    chmod 755 $netavark
done"#;

/// What netavark made for one command of a unit is found by the next, whatever mount namespace systemd gives each.
#[test]
fn units_with_mount_sandboxing_leave_nothing_of_their_network() {
    const SANDBOXES: [&str; 6] = [
        "PrivateTmp=yes",
        "ProtectSystem=strict",
        "ProtectSystem=full\nProtectHome=yes",
        "MountFlags=private",
        "ProtectProc=invisible",
        "ReadOnlyPaths=/etc /var",
    ];
    let machine = setup::boot();
    let names: Vec<String> = (0..SANDBOXES.len()).map(|number| format!("boxed{number}")).collect();
    for (number, (name, sandbox)) in names.iter().zip(SANDBOXES).enumerate() {
        let unit = server(&format!("PublishPort=809{number}:80\n[Service]\n{sandbox}"));
        machine.quadlet(&format!("{name}.container"), &unit);
    }
    machine.reload();
    let rules = "{ nft list ruleset; iptables-save; } 2>/dev/null | grep -c 'port 809'";
    for (number, name) in names.iter().enumerate() {
        machine.start(&[name]);
        machine.wait_for(&format!("curl -fsS localhost:809{number}/hostname"));
        machine.sh(&format!("test $({rules}) -gt 0")).ok();
        // The namespace is there for the whole host.
        machine.sh("stat -f -c %T /run/unipod/netns/* | grep nsfs").ok();
        machine.stop(&[name]);
        let journal = machine.sh(&format!("journalctl -o cat -u {name}")).ok();
        assert!(
            !journal.contains("netavark") && !journal.contains("Error"),
            "{name}: {journal}"
        );
        assert_eq!(machine.sh(rules).stdout.trim(), "0", "{name}: {journal}");
        assert_eq!(machine.sh("ls /run/unipod/netns").ok(), "", "{name}");
    }
    machine.nothing_remains();

    // What forbids namespaces is named, and leaves nothing either.
    for (name, forbidding) in [
        ("bare", "CapabilityBoundingSet=CAP_NET_ADMIN"),
        ("few", "RestrictNamespaces=yes"),
    ] {
        let unit = server(&format!("PublishPort=8099:80\n[Service]\nRestart=no\n{forbidding}"));
        machine.quadlet(&format!("{name}.container"), &unit);
        machine.reload();
        machine.systemctl(&["start", name]).refused();
        let key = forbidding.split('=').next().unwrap_or_default();
        machine.wait_for(&format!(
            "journalctl -o cat -u {name} | grep 'network namespace.*{key}='"
        ));
        assert_eq!(machine.sh("ls /run/unipod/netns").ok(), "", "{name}");
    }
}
