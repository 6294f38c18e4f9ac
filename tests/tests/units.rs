//! The other unit types, templates, drop-ins, and what the keys of a container do to it.

use unipod_tests::setup;

#[test]
fn volumes_images_and_networks_are_units_of_their_own() {
    let machine = setup::boot();
    machine.quadlet("base.image", "[Image]\nImage=registry.local:5000/web\n");
    machine.quadlet("pages.volume", "[Volume]\nVolumeName=pages\nLabel=app=web\n");
    machine.quadlet(
        "lan.network",
        "[Network]\nNetworkName=lan\nSubnet=10.60.0.0/24\nLabel=app=web\n",
    );
    machine.quadlet(
        "site.container",
        "[Container]\nImage=base.image\nVolume=pages.volume:/www\nNetwork=lan.network\nPublishPort=8080:80\n",
    );
    machine.reload();
    machine.start(&["site"]);
    for unit in ["base-image", "pages-volume", "lan-network"] {
        assert!(machine.is_active(unit), "{}", machine.status(&[unit]));
    }
    // The volume was empty: it has what the image has at that place.
    machine.wait_for("curl -fsS localhost:8080/about.txt | grep 'from the image'");
    let volume = machine.unipod(&["volume", "inspect", "pages"]).ok();
    assert!(volume.contains("\"app\": \"web\""), "{volume}");
    let network = machine.unipod(&["network", "inspect", "lan"]).ok();
    assert!(network.contains("10.60.0.0/24"), "{network}");
    machine.unipod(&["volume", "rm", "pages"]).refused();
    machine
        .sh("echo changed >$(unipod volume inspect -f '{{.Mountpoint}}' pages)/about.txt")
        .ok();
    machine.systemctl(&["restart", "site"]).ok();
    machine.wait_for("curl -fsS localhost:8080/about.txt | grep changed");
    machine.stop(&["site", "pages-volume", "lan-network", "base-image"]);
    machine.nothing_remains();
    machine.unipod(&["volume", "rm", "pages"]).ok();
}

#[test]
fn templates_and_drop_ins() {
    let machine = setup::boot();
    let exec = "Exec=sh -c 'echo I am $NAME in $MOOD; exec sleep infinity'";
    machine.quadlet(
        "worker@.container",
        &format!(
            "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nEnvironment=NAME=%i MOOD=good\n{exec}\n"
        ),
    );
    machine.quadlet("worker@.container.d/mood.conf", "[Container]\nEnvironment=MOOD=haste\n");
    machine.quadlet("container.d/label.conf", "[Container]\nLabel=everywhere=yes\n");
    machine.reload();
    machine.start(&["worker@one", "worker@two"]);
    for name in ["one", "two"] {
        machine.wait_for(&format!(
            "journalctl -o cat -u worker@{name} | grep 'I am {name} in haste'"
        ));
    }
    assert_eq!(
        machine
            .unipod(&["ps", "-q", "--filter", "label=everywhere=yes"])
            .ok()
            .lines()
            .count(),
        2
    );
    machine.stop(&["worker@one", "worker@two"]);
    machine.nothing_remains();
}

#[test]
fn the_keys_of_a_container_do_what_they_say() {
    let machine = setup::boot();
    machine.write("/etc/containers/systemd/words.env", "FROM_FILE=a file's word\n");
    machine.sh("mkdir -p /srv/data && echo precious >/srv/data/file").ok();
    machine.unipod(&["network", "ls"]).ok();
    machine.quadlet(
        "keys.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nContainerName=keys\nHostName=keyhole\nNetwork=none\n\
         Environment=ONE=1 \"TWO=two words\"\nEnvironmentFile=./words.env\nUser=1000:1000\nWorkingDir=/srv\n\
         Volume=/srv/data:/data:ro\nTmpfs=/scratch:size=1M,mode=1777\nReadOnly=true\nDropCapability=all\n\
         NoNewPrivileges=true\nSysctl=net.ipv4.ip_unprivileged_port_start=7\nUlimit=nofile=99:99\nAddHost=far:192.0.2.7\n\
         Label=key=value\nAnnotation=note=worthy\nMask=/proc/uptime\nPidsLimit=-1\nTimezone=UTC\nShmSize=2m\n\
         StopSignal=SIGKILL\nExec=sleep infinity\n",
    );
    machine.reload();
    machine.start(&["keys"]);
    let inside = |script: &str| machine.unipod(&["exec", "keys", "sh", "-c", script]);
    let cases = [
        ("hostname", "keyhole"),
        ("echo $ONE $TWO", "1 two words"),
        ("echo $FROM_FILE", "a file's word"),
        ("id -u; id -g", "1000\n1000"),
        ("pwd", "/srv"),
        ("cat /data/file", "precious"),
        ("echo x >/scratch/x && cat /scratch/x", "x"),
        ("grep CapEff /proc/1/status", "CapEff:\t0000000000000000"),
        ("grep NoNewPrivs /proc/1/status", "NoNewPrivs:\t1"),
        ("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "7"),
        (
            "grep 'open files' /proc/1/limits | tr -s ' ' | cut -d' ' -f4,5",
            "99 99",
        ),
        ("grep far /etc/hosts | tr '\\t' ' '", "192.0.2.7 far"),
        ("wc -c </proc/uptime", "0"),
        ("df -m /dev/shm | tail -n1 | tr -s ' ' | cut -d' ' -f2", "2"),
        ("cat /proc/1/comm", "sleep"),
    ];
    for (script, says) in cases {
        assert_eq!(inside(script).ok(), says, "{script}");
    }
    for script in [
        "echo x >/data/file",
        "echo x >/srv/x",
        "echo x >/etc/x",
        "mount -t tmpfs tmpfs /mnt",
    ] {
        inside(script).refused();
    }
    let label = machine
        .unipod(&["inspect", "-f", "{{index .Config.Labels \"key\"}}", "keys"])
        .ok();
    assert_eq!(label, "value");
    machine.stop(&["keys"]);
    machine.nothing_remains();
}

#[test]
fn secrets_reach_the_payload_and_nobody_else() {
    let machine = setup::boot();
    machine.sh("printf 'hush hush' | unipod secret create token -").ok();
    machine.quadlet(
        "trusted.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nContainerName=trusted\nNetwork=none\nExec=sleep infinity\n\
         Secret=token\nSecret=token,type=env,target=TOKEN\n",
    );
    machine.reload();
    machine.start(&["trusted"]);
    assert_eq!(
        machine.unipod(&["exec", "trusted", "cat", "/run/secrets/token"]).ok(),
        "hush hush"
    );
    assert_eq!(
        machine.unipod(&["exec", "trusted", "sh", "-c", "echo $TOKEN"]).ok(),
        "hush hush"
    );
    let seen =
        machine.sh("systemctl cat trusted; systemctl show trusted; journalctl -u trusted; unipod inspect trusted");
    assert!(!seen.ok().contains("hush hush"), "the secret shows");
    machine.stop(&["trusted"]);
    machine.nothing_remains();
}
