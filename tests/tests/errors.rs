//! Mistakes and misfortunes: a clear word where one looks, and nothing lost.

use unipod_tests::setup;

const GOOD: &str = "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nExec=sleep infinity\n";

#[test]
fn a_unit_with_a_wrong_line_says_so_in_its_status() {
    let machine = setup::boot();
    machine.quadlet("good.container", GOOD);
    machine.quadlet("typo.container", &GOOD.replace("Network=", "Netwrok="));
    machine.quadlet("empty.container", "[Container]\nExec=true\n");
    machine.quadlet("broken.container", "[Container\nImage=x\n");
    machine.quadlet(
        "lost.container",
        &GOOD.replace("Network=none", "Network=nowhere.network"),
    );
    machine.reload();
    // One bad file never hides the others.
    machine.start(&["good"]);
    let cases = [
        ("typo", "Netwrok"),
        ("empty", "Image"),
        ("broken", "broken.container"),
        ("lost", "nowhere.network"),
    ];
    for (unit, says) in cases {
        let status = machine.start_refused(unit);
        assert!(
            status.contains(says),
            "`systemctl status {unit}` names {says}:\n{status}"
        );
    }
    machine.quadlet("typo.container", GOOD);
    machine.reload();
    machine.start(&["typo"]);
}

#[test]
fn options_that_cannot_work_are_refused_by_name() {
    let machine = setup::boot();
    let cases = [
        ("mount", "Volume=/no/such/directory:/data:ro", "/no/such/directory"),
        ("device", "AddDevice=/dev/no-such-device", "/dev/no-such-device"),
        ("user", "User=nobody-of-that-name", "nobody-of-that-name"),
        ("network", "Network=unheard-of", "unheard-of"),
        ("secret", "Secret=unheard-of", "unheard-of"),
        (
            "seccomp",
            "SeccompProfile=/no/such/profile.json",
            "/no/such/profile.json",
        ),
    ];
    for (name, line, _) in cases {
        let text = if name == "network" {
            GOOD.replace("Network=none", line)
        } else {
            format!("{GOOD}{line}\n")
        };
        machine.quadlet(&format!("no-{name}.container"), &text);
    }
    machine.reload();
    for (name, _, says) in cases {
        let status = machine.start_refused(&format!("no-{name}"));
        assert!(status.contains(says), "the status names {says}:\n{status}");
    }
    machine.nothing_remains();
}

/// The order that many take: the file is gone, and `systemctl stop` comes after `daemon-reload`.
#[test]
fn a_container_whose_file_is_gone_is_stopped_as_before() {
    let machine = setup::boot();
    let text = "[Container]\nImage=docker.io/library/busybox:latest\nPublishPort=8080:80\n\
                Exec=httpd -f -p 80 -h /etc\nStopSignal=SIGKILL\n[Install]\nWantedBy=multi-user.target\n";
    machine.quadlet("web.container", text);
    machine.quadlet("one@.container", &text.replace("PublishPort=8080:80\n", ""));
    machine.reload();
    machine.start(&["web", "one@1"]);
    machine.sh("rm /etc/containers/systemd/*.container").ok();
    machine.reload();
    machine.wait_for("curl -fsS localhost:8080/hostname");
    machine.stop(&["web", "one@1"]);
    machine.nothing_remains();
    machine.sh("curl -fsS --max-time 2 localhost:8080").refused();
    let status = machine.start_refused("web");
    assert!(status.contains("its unit file is gone"), "{status}");
    machine.reload();
    assert_eq!(machine.property("web", "LoadState"), "not-found");
}

#[test]
fn a_port_that_is_taken_is_named_and_given_back() {
    let machine = setup::boot();
    let text = "[Container]\nImage=docker.io/library/busybox:latest\nPublishPort=8080:80\n\
                Exec=httpd -f -p 80 -h /etc\nStopSignal=SIGKILL\n";
    machine.quadlet("first.container", text);
    machine.quadlet("second.container", text);
    machine.reload();
    machine.start(&["first"]);
    let status = machine.start_refused("second");
    assert!(status.contains("8080"), "{status}");
    machine.stop(&["first"]);
    machine.systemctl(&["reset-failed", "second"]).ok();
    machine.start(&["second"]);
    machine.wait_for("curl -fsS localhost:8080/passwd");
    machine.stop(&["second"]);
    machine.nothing_remains();
}

#[test]
fn a_full_disk_is_named_and_nothing_is_lost() {
    let machine = setup::boot();
    machine.sh("mount -t tmpfs -o size=16M tmpfs /var/lib/unipod").ok();
    machine.quadlet("good.container", GOOD);
    machine.quadlet(
        "big.container",
        &GOOD.replace("docker.io/library/busybox:latest", "registry.local:5000/big"),
    );
    machine.reload();
    machine.start(&["good"]);
    let status = machine.start_refused("big");
    assert!(
        status.contains("No space left on device") || status.contains("no space left"),
        "{status}"
    );
    assert!(machine.is_active("good"));
    machine.stop(&["good"]);
    machine.start(&["good"]);
    machine.sh("mount -o remount,size=200M /var/lib/unipod").ok();
    machine.systemctl(&["reset-failed", "big"]).ok();
    machine.start(&["big"]);
    machine.stop(&["good", "big"]);
    machine.nothing_remains();
}

#[test]
fn a_damaged_record_of_one_container_does_not_hurt_the_others() {
    let machine = setup::boot();
    machine.quadlet("one.container", GOOD);
    machine.quadlet("two.container", GOOD);
    machine.reload();
    machine.start(&["one", "two"]);
    let spoil = "file=$(grep -rl systemd-one /run/unipod/containers /var/lib/unipod/containers 2>/dev/null | head -n1); \
                 [ -n \"$file\" ] && echo '{' >\"$file\"";
    machine.sh(spoil).ok();
    assert!(
        machine
            .unipod(&["ps", "--format", "{{.Names}}"])
            .stdout
            .contains("systemd-two")
    );
    machine.stop(&["two"]);
    machine.systemctl(&["stop", "one"]);
    machine.systemctl(&["reset-failed"]).ok();
    machine.start(&["one", "two"]);
    machine.stop(&["one", "two"]);
}

#[test]
fn a_file_that_breaks_or_goes_while_its_container_runs() {
    let machine = setup::boot();
    let unit = |port: &str| {
        format!("[Container]\nImage=docker.io/library/busybox:latest\nPublishPort={port}:80\nExec=sleep infinity\n")
    };
    machine.quadlet("broken.container", &unit("7001"));
    machine.quadlet("gone.container", &unit("7002"));
    machine.quadlet("heir.container", &unit("7002"));
    machine.reload();
    machine.start(&["broken", "gone"]);

    machine.quadlet("broken.container", &format!("{}Imgae=typo\n", unit("7001")));
    machine.sh("rm /etc/containers/systemd/gone.container").ok();
    machine.reload();
    machine.stop(&["broken"]);
    assert_eq!(
        machine.unipod(&["ps", "-a", "--format", "{{.Names}}"]).ok(),
        "systemd-gone"
    );

    // Killed, it is not cleaned up by anybody; who needs its port does.
    machine.sh("systemctl kill -s KILL gone").ok();
    machine.wait_for("! systemctl is-active --quiet gone");
    machine.start(&["heir"]);
    machine.stop(&["heir"]);
    machine.nothing_remains();
}
