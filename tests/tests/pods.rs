//! Pods: of unit files and of the command line. No process of their own, shared namespaces, one life.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const IMAGE: &str = "docker.io/library/busybox:latest";

/// A member of the pod of `shop.pod`.
fn member(exec: &str, service: &str) -> String {
    format!("[Container]\nImage={IMAGE}\nPod=shop.pod\nExec={exec}\n[Service]\n{service}\n")
}

/// A pod with a web server, which shows what the application says.
fn shop(machine: &Machine, pod: &str) {
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.quadlet("shop.pod", pod);
    machine.quadlet(
        "web.container",
        &member(
            "sh -c 'mkdir -p /www; echo from the web >/www/index.html; exec httpd -f -p 80 -h /www'",
            "",
        ),
    );
    machine.quadlet(
        "app.container",
        &member(
            "sh -c 'mkdir -p /www; echo from the app >/www/index.html; exec httpd -f -p 81 -h /www'",
            "",
        ),
    );
    machine.reload();
}

#[test]
fn a_pod_of_a_unit_file() {
    let machine = setup::boot();
    shop(&machine, "[Pod]\nPublishPort=8080:80\n");
    machine.start(&["shop-pod"]);
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    assert_eq!(machine.property("shop-pod", "SubState"), "exited");
    assert_eq!(machine.property("shop-pod", "MainPID"), "0");
    assert_eq!(machine.property("shop-pod", "ControlGroup"), "");
    let app = "unipod exec systemd-web wget -qO- localhost:81 | grep 'from the app'";
    machine.wait_for(app);
    let said = machine.unipod(&["pod", "ps"]).ok();
    assert!(said.contains("systemd-shop") && said.contains("Running"), "{said}");

    machine.sh("systemctl kill -s KILL app").ok();
    machine.wait_for("! systemctl is-active -q app");
    assert_eq!(machine.property("web", "ActiveState"), "active");
    machine.start(&["app"]);
    machine.wait_for(app);
    machine.sh("systemctl restart shop-pod").ok();
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    machine.stop(&["shop-pod"]);
    for unit in ["web", "app"] {
        assert_eq!(machine.property(unit, "MainPID"), "0");
    }
    machine.nothing_remains();
}

#[test]
fn a_pod_of_the_command_line() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.sh("unipod pod create --name podtest").ok();
    for _ in 0..2 {
        machine
            .sh(&format!("unipod create --pod podtest -d {IMAGE} sleep 600"))
            .ok();
    }
    machine.sh("unipod pod start podtest").ok();
    let said = machine
        .sh("unipod pod inspect -f '{{.State}} {{.NumContainers}}' podtest")
        .ok();
    assert_eq!(said, "Running 2");
    machine
        .sh(&format!(
            "unipod run --rm --pod podtest {IMAGE} hostname | grep podtest"
        ))
        .ok();
    machine.sh("unipod pod stop podtest").ok();
    machine.sh("unipod pod rm podtest").ok();
    machine.nothing_remains();
}

/// Which pins, mounts, processes and control groups a pod has: `systemctl status` and the kernel are asked, not the engine.
#[test]
fn a_pod_has_no_process_and_shares_what_it_should() {
    let machine = setup::boot();
    shop(&machine, "[Pod]\nNetwork=none\n[Service]\nPrivateTmp=no\n");
    machine.quadlet("other.pod", "[Pod]\nNetwork=none\n");
    machine.quadlet(
        "stranger.container",
        &format!("[Container]\nImage={IMAGE}\nPod=other.pod\nExec=sleep infinity\n"),
    );
    machine.reload();
    // The pod starts its members, but waits for none.
    machine.start(&["shop-pod", "web", "app", "stranger"]);
    machine
        .sh("! test -e /sys/fs/cgroup/system.slice/shop-pod.service")
        .ok();
    for (namespace, shared) in [
        ("net", true),
        ("ipc", true),
        ("uts", true),
        ("pid", false),
        ("mnt", false),
    ] {
        let of = |unit: &str| {
            let pid = machine.property(unit, "MainPID");
            machine.sh(&format!("readlink /proc/{pid}/ns/{namespace}")).ok()
        };
        assert_eq!(of("web") == of("app"), shared, "{namespace}");
        assert_ne!(of("web"), of("stranger"), "{namespace}");
    }
    // Shared memory, the host name and /etc/hosts are the same files.
    machine
        .sh("unipod exec systemd-web sh -c 'echo hello >/dev/shm/note'")
        .ok();
    assert_eq!(machine.sh("unipod exec systemd-app cat /dev/shm/note").ok(), "hello");
    machine.sh("unipod exec systemd-stranger cat /dev/shm/note").refused();
    for member in ["systemd-web", "systemd-app"] {
        let said = machine
            .sh(&format!(
                "unipod exec {member} sh -c 'hostname; cat /etc/hostname; cat /etc/hosts'"
            ))
            .ok();
        assert!(said.starts_with("systemd-shop\nsystemd-shop\n"), "{said}");
        for line in ["127.0.0.1\tsystemd-web", "127.0.0.1\tsystemd-app"] {
            assert_eq!(said.matches(line).count(), 1, "{line} in {said}");
        }
    }
    machine.sh("systemctl restart app && systemctl restart web").ok();
    let hosts = machine.sh("unipod exec systemd-web cat /etc/hosts").ok();
    assert_eq!(hosts.matches("systemd-app").count(), 1, "{hosts}");
    machine
        .sh("unipod exec systemd-web sh -c 'mv /etc/hosts /etc/x 2>&1; echo 127.0.0.1 own >>/etc/hosts'")
        .ok();
    assert!(
        machine
            .sh("unipod exec systemd-app cat /etc/hosts")
            .ok()
            .contains("own")
    );
    machine.stop(&["shop-pod", "other-pod"]);
    machine.nothing_remains();
}

#[test]
fn the_last_member_ends_a_pod_unless_systemd_starts_it_again() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.quadlet("shop.pod", "[Pod]\nNetwork=none\n");
    // Crashes five times, each time after a moment.
    machine.quadlet(
        "web.container",
        &member(
            "sh -c 'echo run >>/count/runs; [ $(wc -l </count/runs) -gt 5 ] && exec sleep infinity; sleep 0.1; exit 1'",
            "Restart=always\nRestartSec=50ms\nStartLimitBurst=0",
        )
        .replace("[Service]", "Volume=/run/count:/count\n[Service]"),
    );
    machine.sh("mkdir -p /run/count").ok();
    machine.reload();
    machine.start(&["shop-pod"]);
    let pod = machine.property("shop-pod", "InvocationID");
    machine.wait_for("[ $(wc -l </run/count/runs) -eq 6 ] && systemctl is-active web");
    assert_eq!(
        machine.property("shop-pod", "InvocationID"),
        pod,
        "the pod has been there all the time"
    );
    // A restart is never cancelled.
    for unit in ["web", "shop-pod"] {
        machine.sh(&format!("systemctl restart {unit}")).ok();
        machine.wait_for("systemctl is-active web && systemctl is-active shop-pod");
    }
    machine.stop(&["web"]);
    machine.wait_for("[ $(systemctl show --value -p ActiveState shop-pod) = inactive ]");
    machine.nothing_remains();

    // Two members that end by themselves end it; with `continue` they do not.
    for (policy, active) in [("stop", false), ("continue", true)] {
        machine.quadlet("shop.pod", &format!("[Pod]\nNetwork=none\nExitPolicy={policy}\n"));
        machine.quadlet("web.container", &member("sleep 0.5", "Restart=no"));
        machine.quadlet("app.container", &member("sh -c 'sleep 1; exit 3'", "Restart=no"));
        machine.reload();
        machine.start(&["shop-pod"]);
        machine.wait_for("! systemctl is-active -q web && ! systemctl is-active -q app");
        if active {
            machine.sh("sleep 0.5").ok();
        } else {
            machine.wait_for("[ $(systemctl show --value -p ActiveState shop-pod) = inactive ]");
        }
        assert_eq!(machine.is_active("shop-pod"), active, "{policy}");
    }
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

/// Units with mount namespaces of their own: what one command of the pod makes, the others and the members find.
#[test]
fn a_pod_and_members_in_a_sandbox() {
    let machine = setup::boot();
    let sandbox = "PrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes";
    shop(&machine, &format!("[Pod]\nPublishPort=8080:80\n[Service]\n{sandbox}\n"));
    let web = "sh -c 'mkdir -p /www; echo from the web >/www/index.html; exec httpd -f -p 80 -h /www'";
    machine.quadlet("web.container", &member(web, sandbox));
    machine.quadlet("app.container", &member("sleep infinity", "MountFlags=private"));
    machine.reload();
    machine.start(&["shop-pod"]);
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    machine.sh("unipod exec systemd-web touch /dev/shm/there").ok();
    machine.sh("unipod exec systemd-app ls /dev/shm/there").ok();
    assert_eq!(
        machine.sh("unipod exec systemd-app wget -qO- localhost").ok(),
        "from the web"
    );
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

#[test]
fn a_pod_with_users_of_its_own() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    for file in ["/etc/subuid", "/etc/subgid"] {
        machine.write(file, "containers:2147483647:2147483648\n");
    }
    machine.sh("mkdir -p /srv/shared && chmod 777 /srv/shared").ok();
    machine
        .sh("unipod pod create --name shop --userns auto -v /srv/shared:/shared")
        .ok();
    for name in ["a", "b"] {
        machine
            .sh(&format!(
                "unipod run -d --name {name} --pod shop {IMAGE} sleep infinity"
            ))
            .ok();
        let may_ping = machine
            .sh(&format!(
                "unipod exec {name} sh -c 'touch /shared/{name} && cat /proc/sys/net/ipv4/ping_group_range'"
            ))
            .ok();
        assert_eq!(may_ping.split_whitespace().collect::<Vec<_>>(), ["0", "0"]);
    }
    let owners = machine.sh("stat -c %u /srv/shared/a /srv/shared/b | sort -u").ok();
    assert!(
        owners.parse::<u32>().is_ok_and(|uid| uid > 0),
        "one owner, not root: {owners}"
    );
    for name in ["a", "b"] {
        assert_eq!(
            machine
                .sh(&format!("unipod exec {name} stat -c %u /shared/a /shared/b"))
                .ok(),
            "0\n0"
        );
    }
    machine
        .sh("unipod exec a sh -c 'echo x >/dev/shm/x' && unipod exec b cat /dev/shm/x")
        .ok();
    machine.sh("unipod pod rm -f shop").ok();
    machine.nothing_remains();
}

#[test]
fn a_pods_limits_are_of_all_members_together() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine
        .sh("unipod pod create --name my-shop --network none --memory 64m --cpus 0.5 --pids-limit 40 --cpuset-cpus 0")
        .ok();
    machine
        .sh(&format!("unipod run -d --name a --pod my-shop {IMAGE} sleep infinity"))
        .ok();
    let slice = r"unipod-pod-my\x2dshop.slice";
    // What becomes of it in the kernel is systemd's business.
    let show = |property: &str| {
        machine
            .sh(&format!("systemctl show --value -p {property} '{slice}'"))
            .ok()
    };
    for again in [false, true] {
        assert_eq!(show("MemoryMax"), (64 << 20).to_string(), "{again}");
        assert_eq!(show("TasksMax"), "40");
        assert_eq!(show("CPUQuotaPerSecUSec"), "500ms");
        assert_eq!(show("AllowedCPUs"), "0");
        let tree = machine.sh(&format!("systemctl status '{slice}'")).ok();
        assert!(tree.contains("unipod-a.service"), "{tree}");
        machine.sh("unipod pod restart my-shop").ok();
    }
    machine.sh("unipod pod stop my-shop").ok();
    assert_eq!(show("ActiveState"), "inactive");
    machine.sh("unipod pod rm my-shop").ok();
    let refused = "[Pod]\nNetwork=none\nPodmanArgs=--memory 64m\n";
    machine.quadlet("shop.pod", refused);
    machine.reload();
    machine.start_refused("shop-pod");
    let said = machine.journal("shop-pod");
    assert!(said.contains("Slice=") && said.contains("--memory"), "{said}");
    machine.sh("systemctl stop shop-pod").ok();
    machine.nothing_remains();
}

#[test]
fn what_the_pod_has_is_no_members_to_say() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine.sh("unipod pod create shop").ok();
    let shared = "network cannot be configured when it is shared with a pod";
    let config = "invalid config provided: ";
    for (option, sentence) in [
        (
            "--hostname x",
            format!("{config}cannot set hostname when joining the pod UTS namespace: invalid configuration"),
        ),
        (
            "-p 80",
            format!("{config}published or exposed ports must be defined when the pod is created: {shared}"),
        ),
        (
            "--expose 80",
            format!("{config}published or exposed ports must be defined when the pod is created: {shared}"),
        ),
        (
            "--network x",
            format!("{config}networks must be defined when the pod is created: {shared}"),
        ),
        (
            "--mac-address 92:d0:c6:0a:29:33",
            format!("{config}networks must be defined when the pod is created: {shared}"),
        ),
        (
            "--add-host a:1.2.3.4",
            format!("{config}extra host entries must be specified on the pod: {shared}"),
        ),
        (
            "--userns auto",
            "cannot set user namespace mode when joining pod with infra container: invalid argument".to_owned(),
        ),
    ] {
        let said = machine
            .sh(&format!(
                "unipod create --pod shop {option} {IMAGE} true 2>&1; echo code=$?"
            ))
            .ok();
        assert!(
            said.contains(&format!("Error: {sentence}")) && said.contains("code=125"),
            "{option}: {said}"
        );
    }
    // Leaving a shared namespace is a member's to say.
    let own = format!("unipod run --rm --pod shop --network host --uts private --hostname own {IMAGE} hostname");
    assert_eq!(machine.sh(&own).ok(), "own");
    let said = machine
        .sh(&format!(
            "unipod run -d --pod new:second -p 8081:80 --hostname h --name w {IMAGE} httpd -f -p 80 -h /etc >/dev/null
             unipod exec w hostname"
        ))
        .ok();
    assert_eq!(said, "h");
    machine.wait_for("curl -fsS localhost:8081/hostname | grep h");
    machine
        .sh("unipod pod create --name third --pod-id-file /run/third >/dev/null")
        .ok();
    machine
        .sh(&format!(
            "unipod run --rm --pod-id-file /run/third {IMAGE} hostname | grep third"
        ))
        .ok();
    machine.sh("unipod pod rm -f shop second third").ok();
    machine.nothing_remains();
}

/// What else knows of containers knows of pods: networks and volumes in use, `inspect`, `system check`.
#[test]
fn a_pod_is_among_what_uses_a_network() {
    let machine = setup::boot();
    for file in ["/etc/subuid", "/etc/subgid"] {
        machine.write(file, "containers:2147483647:2147483648\n");
    }
    machine.quadlet("n.network", "[Network]\n");
    shop(
        &machine,
        "[Pod]\nUserNS=auto\nNetwork=n.network\nPublishPort=8080:80\nVolume=data:/data\n",
    );
    machine.start(&["shop-pod", "web", "app"]);
    machine.wait_for("curl -fsS localhost:8080 | grep 'from the web'");
    // Nobody but the pod's own root gets in.
    assert_eq!(
        machine.sh("stat -c %a /run/unipod/pods /run/unipod/pods/*/").ok(),
        "711\n710"
    );
    machine
        .sh("unipod exec systemd-web touch /data/note && unipod exec systemd-app ls /data/note")
        .ok();
    machine.sh("unipod system check").ok();
    let said = machine.sh("unipod network rm systemd-n").refused();
    assert!(said.contains("is being used by systemd-shop"), "{said}");
    machine
        .sh("unipod network prune -f && unipod network exists systemd-n")
        .ok();
    assert_eq!(
        machine.sh("unipod inspect -f '{{.Name}}' systemd-shop").ok(),
        "systemd-shop"
    );
    machine.sh("unipod network rm -f systemd-n").ok();
    assert!(!machine.is_active("shop-pod"), "it went with its network");
    machine.nothing_remains();
}
