//! The process of a pod, where there has to be one: PID 1 of shared process IDs, and the main process of a unit that insists on one.

use unipod_tests::machine::Machine;
use unipod_tests::saboteur::{self, Stage};
use unipod_tests::setup;

const IMAGE: &str = "docker.io/library/busybox:latest";

/// Nobody can write to the engine through it, nor see the host's files. Prints nothing but `held` then.
const PROBE: &str = r#"
    if touch -c /proc/1/exe 2>/dev/null || true >>/proc/1/exe; then echo the program can be written; fi 2>/dev/null
    for name in /proc/1/root/* /proc/1/root/.[!.]* /proc/1/cwd/*; do [ ! -e "$name" ] || echo "$name"; done
    touch /proc/1/root/new 2>/dev/null && echo the root can be written
    chmod 666 /proc/1/fd/0 2>/dev/null && echo /dev/null can be changed
    tr '\0' ' ' </proc/1/cmdline | grep -v '^unipod hold-pod *$'
    echo held"#;

fn boot() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine
}

fn member(exec: &str, more: &str) -> String {
    format!("[Container]\nImage={IMAGE}\nPod=shop.pod\nExec={exec}\n{more}\n")
}

/// The number of a pod's process, which is its unit's main process, in that unit's control group.
fn holder(machine: &Machine, unit: &str) -> String {
    let pid = machine.property(unit, "MainPID");
    let group = machine.read(&format!("/proc/{pid}/cgroup"));
    assert!(group.contains(unit), "{group}");
    pid
}

/// A pod of unit files whose members share process IDs.
fn shop(machine: &Machine, pod: &str) {
    machine.quadlet("shop.pod", pod);
    machine.quadlet("web.container", &member("sh -c 'sleep 7771 & exec sleep 7772'", ""));
    machine.quadlet(
        "app.container",
        &member("sh -c 'trap exit TERM; sleep 7773 & wait'", "PodmanArgs=--privileged"),
    );
    machine.reload();
    machine.start(&["shop-pod"]);
    machine.wait_for("systemctl is-active web app");
}

fn processes(machine: &Machine, container: &str) -> String {
    machine.unipod(&["exec", container, "ps", "-o", "pid,args"]).ok()
}

/// As they are in the kernel: what is closed, dropped, refused.
fn is_no_looser_than_a_container(machine: &Machine, pid: &str) {
    let status = machine.read(&format!("/proc/{pid}/status"));
    for line in [
        "CapPrm:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Threads:\t1",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let open = machine
        .sh(&format!(
            "ls /proc/{pid}/fd; stat -L -c %t:%T /proc/{pid}/fd/*; ls -A /proc/{pid}/root"
        ))
        .ok();
    assert_eq!(
        open.split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2", "1:3", "1:3", "1:3"]
    );
    let session = machine.sh(&format!("cut -d' ' -f6 /proc/{pid}/stat")).ok();
    assert!(status.contains(&format!("NSsid:\t{session}")), "{status}");
    for kind in ["mnt", "net", "ipc", "uts", "cgroup"] {
        let same = machine.sh(&format!("[ /proc/{pid}/ns/{kind} -ef /proc/1/ns/{kind} ]"));
        assert!(!same.success(), "{kind}");
    }
}

#[test]
fn members_of_unit_files_share_processes() {
    let machine = boot();
    shop(&machine, "[Pod]\nPodmanArgs=--share=+pid\n");
    let pid = holder(&machine, "shop-pod.service");
    assert_eq!(machine.property("shop-pod", "SubState"), "running");
    is_no_looser_than_a_container(&machine, &pid);
    let seen = processes(&machine, "systemd-web");
    for process in ["hold-pod", "sleep 7771", "sleep 7772", "sleep 7773"] {
        assert!(seen.contains(process), "{seen}");
    }
    for container in ["systemd-web", "systemd-app"] {
        assert_eq!(machine.unipod(&["exec", container, "sh", "-c", PROBE]).ok(), "held");
    }
    // Who may trace everybody sees that there is nothing.
    let traced = "ls -A /proc/1/root /proc/1/cwd && touch -c /proc/1/exe";
    let said = machine.unipod(&["exec", "systemd-app", "sh", "-c", traced]);
    assert_eq!(said.stdout.trim(), "/proc/1/cwd:\n\n/proc/1/root:", "{said}");
    assert!(said.stderr.contains("Read-only file system"), "{said}");
    // An orphan goes to the pod's process, which reaps it.
    let orphan = "sh -c 'sleep 0.2 & echo $!' >/tmp/pid; sleep 0.5; [ ! -e /proc/$(cat /tmp/pid) ] && echo reaped";
    assert_eq!(
        machine.unipod(&["exec", "systemd-web", "sh", "-c", orphan]).ok(),
        "reaped"
    );

    // A member ends with its children, and nobody else does.
    let begun = std::time::Instant::now();
    machine.sh("systemctl kill --kill-whom=main -s KILL web").ok();
    machine.wait_for("! systemctl is-active -q web");
    let seen = processes(&machine, "systemd-app");
    assert!(!seen.contains("sleep 7771") && seen.contains("sleep 7773"), "{seen}");
    machine.start(&["web"]);
    assert_eq!(machine.property("shop-pod", "MainPID"), pid);
    machine.stop(&["web"]);
    assert!(!processes(&machine, "systemd-app").contains("sleep 777[12]"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    machine.start(&["web"]);

    machine.sh("systemctl restart shop-pod").ok();
    machine.wait_for("systemctl is-active web app");
    assert_ne!(machine.property("shop-pod", "MainPID"), pid);
    assert!(processes(&machine, "systemd-web").contains("sleep 7773"));
    machine.stop(&["shop-pod"]);
    assert_eq!(machine.property("shop-pod", "Result"), "success");
    machine.sh("! pgrep -f '[h]old-pod|[s]leep 777'").ok();
    machine.nothing_remains();
}

#[test]
fn a_pod_does_not_outlive_its_process() {
    let machine = boot();
    shop(&machine, "[Pod]\nPodmanArgs=--share=+pid\n[Service]\nRestart=no\n");
    for (signal, result, status) in [
        ("-KILL", "signal", "9"),
        ("-TERM", "success", "0"),
        ("-USR1 --queue 7", "exit-code", "7"),
    ] {
        let pid = holder(&machine, "shop-pod.service");
        machine.sh(&format!("/bin/kill {signal} {pid}")).ok();
        machine.wait_for(
            "! systemctl is-active -q shop-pod && ! systemctl is-active -q web && ! systemctl is-active -q app",
        );
        machine.wait_for("! systemctl show -p ActiveState shop-pod web app | grep deactivating");
        assert_eq!(machine.property("shop-pod", "Result"), result, "{signal}");
        assert_eq!(machine.property("shop-pod", "ExecMainStatus"), status, "{signal}");
        machine.sh("! pgrep -f '[h]old-pod|[s]leep 777'").ok();
        machine.nothing_remains();
        machine.sh("systemctl reset-failed; systemctl start shop-pod").ok();
        machine.wait_for("systemctl is-active web app");
    }
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

#[test]
fn members_in_a_sandbox_share_processes() {
    let machine = boot();
    let sandbox = "[Service]\nPrivateTmp=yes\nProtectSystem=strict\nProtectHome=yes\nProtectProc=invisible\n";
    machine.quadlet("shop.pod", &format!("[Pod]\nPodmanArgs=--share=+pid\n{sandbox}"));
    // It leaves a child behind that has its output, which a relay passes on.
    let speaking = "sh -c 'trap exit TERM; sleep 7771 & echo up >/dev/stderr; wait'";
    machine.quadlet("web.container", &member(speaking, sandbox));
    machine.quadlet("app.container", &member("sleep 7772", sandbox));
    machine.reload();
    machine.start(&["shop-pod"]);
    machine.wait_for("systemctl is-active web app");
    is_no_looser_than_a_container(&machine, &holder(&machine, "shop-pod.service"));
    assert!(processes(&machine, "systemd-web").contains("sleep 7772"));
    assert_eq!(machine.unipod(&["exec", "systemd-app", "sh", "-c", PROBE]).ok(), "held");
    let took = machine
        .sh("begun=$(date +%s%N); systemctl stop web; echo $((($(date +%s%N) - begun) / 1000000))")
        .ok();
    assert!(took.parse::<u32>().expect("milliseconds") < 1000, "{took}");
    assert!(machine.journal("web").contains("up"));
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

#[test]
fn members_of_the_command_line_share_processes() {
    let machine = boot();
    machine.sh("unipod pod create --name duo --share +pid").ok();
    machine
        .sh(&format!("unipod run -d --name one --pod duo {IMAGE} sleep 7771"))
        .ok();
    machine
        .sh(&format!(
            "unipod run -d --name two --pod duo --health-cmd 'ps | grep [s]leep.7771' --health-interval 1s {IMAGE} sh -c 'sleep 7772 & sleep 7773'"
        ))
        .ok();
    let pid = holder(&machine, "unipod-pod-duo.service");
    is_no_looser_than_a_container(&machine, &pid);
    machine.wait_for("unipod inspect -f '{{.State.Health.Status}}' two | grep -x healthy");
    let foreground = format!("unipod run --rm --pod duo {IMAGE} sh -c 'ps -o args; sleep 7774 & exit 3'");
    let said = machine.sh(&foreground);
    assert!(said.stdout.contains("sleep 7773") && said.code == 3, "{said}");
    machine.sh("! pgrep -f '[s]leep 7774'").ok();
    let privileged = format!("unipod run --rm --privileged --pod duo {IMAGE} sh -c \"$0\"");
    let said = machine.run(&["sh", "-c", &privileged, PROBE]).ok();
    assert_eq!(said, "held");
    // A member that leaves.
    let alone = machine
        .sh(&format!("unipod run --rm --pod duo --pid private {IMAGE} ps -o args"))
        .ok();
    assert!(!alone.contains("hold-pod"), "{alone}");
    machine.sh("unipod exec -d one sleep 7775; unipod stop one").ok();
    machine.wait_for("! pgrep -f '[s]leep 777[15]'");
    machine.sh("unipod start one").ok();
    machine.sh("unipod pod stop duo").ok();
    machine.sh("! pgrep -f '[h]old-pod|[s]leep 777'").ok();
    machine.sh("unipod pod start duo").ok();
    assert!(processes(&machine, "one").contains("sleep 7773"));
    let pid = holder(&machine, "unipod-pod-duo.service");
    machine.sh(&format!("kill -KILL {pid}")).ok();
    machine.wait_for("unipod pod inspect -f '{{.State}}' duo | grep Exited");
    machine.sh("unipod pod rm -f duo").ok();
    machine.nothing_remains();
}

/// At most this many stages of each command, spread evenly.
const STAGES: usize = 12;

/// The pod works as if nothing had happened, and leaves nothing.
#[track_caller]
fn works(machine: &Machine, after: &Stage) {
    saboteur::dismiss(machine);
    machine.systemctl(&["reset-failed"]).ok();
    let started = machine.systemctl(&["start", "web"]);
    let status = || machine.status(&["shop-pod", "web"]);
    assert!(started.success(), "killed at {after:?}: {started}\n{}", status());
    holder(machine, "shop-pod.service");
    assert!(processes(machine, "systemd-web").contains("hold-pod"), "{after:?}");
    machine.stop(&["shop-pod"]);
    let left = machine.sh("pgrep -f '[h]old-pod|[s]leep 777'").stdout + &machine.remains();
    assert!(
        left.is_empty(),
        "killed at {after:?}, this is left:\n{left}\n{}",
        status()
    );
}

#[test]
fn the_engine_killed_at_each_stage_leaves_no_process() {
    let machine = boot();
    machine.quadlet(
        "shop.pod",
        "[Pod]\nNetwork=none\nPodmanArgs=--share=+pid\n[Service]\nRestart=no\nTimeoutStartSec=20\nTimeoutStopSec=20\n",
    );
    machine.quadlet(
        "web.container",
        &member("sh -c 'trap exit TERM; sleep 7771 & wait'", ""),
    );
    machine.reload();
    saboteur::hire(&machine);
    let starts = saboteur::observe(&machine, "pod", || machine.start(&["web"]));
    let stops = saboteur::observe(&machine, "pod", || machine.stop(&["shop-pod"]));
    for stage in starts.iter().step_by(starts.len().div_ceil(STAGES)) {
        saboteur::strike(&machine, "pod", stage);
        machine.systemctl(&["start", "web"]);
        works(&machine, stage);
    }
    for stage in stops.iter().step_by(stops.len().div_ceil(STAGES)) {
        machine.start(&["web"]);
        saboteur::strike(&machine, "pod", stage);
        machine.systemctl(&["stop", "shop-pod"]);
        works(&machine, stage);
    }
}

#[test]
fn process_ids_belong_to_the_pods_users() {
    let machine = boot();
    for file in ["/etc/subuid", "/etc/subgid"] {
        machine.write(file, "containers:2147483647:2147483648\n");
    }
    machine
        .sh("unipod pod create --name duo --share +pid --userns auto")
        .ok();
    machine
        .sh(&format!("unipod run -d --name one --pod duo {IMAGE} sleep 7771"))
        .ok();
    machine
        .sh(&format!(
            "unipod run -d --name two --privileged --pod duo {IMAGE} sleep 7772"
        ))
        .ok();
    let pid = holder(&machine, "unipod-pod-duo.service");
    is_no_looser_than_a_container(&machine, &pid);
    let root = machine
        .sh(&format!(
            "awk '{{ print $2 }}' /proc/{pid}/uid_map; stat -c %u /proc/{pid}"
        ))
        .ok();
    assert!(!root.starts_with("0\n"), "{root}");
    let owner = format!("lsns -rn -t pid -p {pid} -o ONS; lsns -rn -t user -p {pid} -o NS");
    let owner = machine.sh(&owner).ok();
    let [of_processes, users] = owner.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{owner}")
    };
    assert_eq!(of_processes, users);
    for container in ["one", "two"] {
        assert!(processes(&machine, container).contains("sleep 7772"));
        assert_eq!(machine.unipod(&["exec", container, "sh", "-c", PROBE]).ok(), "held");
    }
    machine.sh("unipod pod rm -f duo").ok();
    machine.nothing_remains();
}

#[test]
fn the_hosts_process_ids() {
    let machine = boot();
    machine.sh("unipod pod create --name open --share +pid --pid host").ok();
    let init = "tr '\\0' ' ' </proc/1/cmdline";
    let of_host = machine.sh(init).ok();
    let run = |pod: &str| {
        machine
            .run(&["unipod", "run", "--rm", "--pod", pod, IMAGE, "sh", "-c", init])
            .ok()
    };
    assert_eq!(run("open"), of_host);
    assert_eq!(machine.property("unipod-pod-open", "MainPID"), "0");
    // What is not shared is each member's own.
    machine.sh("unipod pod create --name shut --pid host").ok();
    assert_ne!(run("shut"), of_host);
    machine.sh("unipod pod rm -f open shut").ok();
    machine.nothing_remains();
}

/// The services as Podman 5.8's generator writes them for a pod with two members, with our engine in its place.
const OF_PODMAN: [(&str, &str); 3] = [
    (
        "shop-pod.service",
        "[X-Pod]
PublishPort=8080:80

[Unit]
Wants=network-online.target
After=network-online.target
SourcePath=/etc/containers/systemd/shop.pod
RequiresMountsFor=%t/containers
Wants=app.service
Before=app.service
Wants=web.service
Before=web.service

[Service]
SyslogIdentifier=%N
ExecStart=/usr/bin/unipod pod start systemd-shop
ExecStop=/usr/bin/unipod pod stop --ignore --time=10 systemd-shop
ExecStopPost=/usr/bin/unipod pod rm --ignore --force systemd-shop
ExecStartPre=/usr/bin/unipod pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --publish 8080:80 --infra-name systemd-shop-infra --name systemd-shop
Environment=PODMAN_SYSTEMD_UNIT=%n
Type=forking
Restart=on-failure
PIDFile=%t/%N.pid
",
    ),
    (
        "web.service",
        "[X-Container]
Image=docker.io/library/busybox:latest
Pod=shop.pod
Exec=httpd -f -p 80 -h /etc

[Unit]
Wants=network-online.target
After=network-online.target
SourcePath=/etc/containers/systemd/web.container
RequiresMountsFor=%t/containers
BindsTo=shop-pod.service
After=shop-pod.service

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
KillMode=mixed
ExecStop=/usr/bin/unipod rm -v -f -i systemd-%N
ExecStopPost=-/usr/bin/unipod rm -v -f -i systemd-%N
Delegate=yes
Type=notify
NotifyAccess=all
SyslogIdentifier=%N
ExecStart=/usr/bin/unipod run --name systemd-%N --replace --rm --cgroups=split --sdnotify=conmon -d --pod systemd-shop docker.io/library/busybox:latest httpd -f -p 80 -h /etc
",
    ),
    (
        "app.service",
        "[X-Container]
Image=docker.io/library/busybox:latest
Pod=shop.pod
Exec=sleep 7771

[Unit]
Wants=network-online.target
After=network-online.target
SourcePath=/etc/containers/systemd/app.container
RequiresMountsFor=%t/containers
BindsTo=shop-pod.service
After=shop-pod.service

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
KillMode=mixed
ExecStop=/usr/bin/unipod rm -v -f -i systemd-%N
ExecStopPost=-/usr/bin/unipod rm -v -f -i systemd-%N
Delegate=yes
Type=notify
NotifyAccess=all
SyslogIdentifier=%N
ExecStart=/usr/bin/unipod run --name systemd-%N --replace --rm --cgroups=split --sdnotify=conmon -d --pod systemd-shop docker.io/library/busybox:latest sleep 7771
",
    ),
];

#[test]
fn the_units_of_podmans_generator() {
    of_podman(str::to_owned);
}

#[test]
fn the_units_of_podmans_generator_with_shared_processes() {
    of_podman(|text| text.replace("pod create ", "pod create --share=+pid "));
}

fn of_podman(change: impl Fn(&str) -> String) {
    let machine = boot();
    for (name, text) in OF_PODMAN {
        machine.write(&format!("/etc/systemd/system/{name}"), &change(text));
    }
    machine.reload();
    machine.start(&["shop-pod"]);
    machine.wait_for("systemctl is-active web app");
    machine.wait_for("curl -fsS localhost:8080/hosts | grep shop-infra");
    assert_eq!(machine.property("shop-pod", "SubState"), "running");
    let pid = holder(&machine, "shop-pod.service");
    assert_eq!(machine.read("/run/shop-pod.pid").trim(), pid);
    is_no_looser_than_a_container(&machine, &pid);

    machine.sh("systemctl kill -s KILL app").ok();
    machine.wait_for("! systemctl is-active -q app");
    assert_eq!(machine.property("web", "ActiveState"), "active");
    assert_eq!(machine.property("shop-pod", "MainPID"), pid);
    machine.start(&["app"]);
    machine.sh("systemctl restart shop-pod").ok();
    machine.wait_for("systemctl is-active web app && curl -fsS localhost:8080/hosts");
    assert_ne!(machine.property("shop-pod", "MainPID"), pid);
    // Its process killed: systemd has the pod again, and with it the members.
    let pid = holder(&machine, "shop-pod.service");
    machine.sh(&format!("kill -KILL {pid}")).ok();
    machine.wait_for("systemctl is-active shop-pod web app && curl -fsS localhost:8080/hosts");
    assert_ne!(holder(&machine, "shop-pod.service"), pid);
    machine.stop(&["shop-pod"]);
    assert_eq!(machine.property("shop-pod", "Result"), "success");
    machine.sh("! systemctl is-active web app").ok();
    machine
        .sh("! pgrep -f '[h]old-pod|[s]leep 7771' && [ ! -e /run/shop-pod.pid ]")
        .ok();
    machine.nothing_remains();
}
