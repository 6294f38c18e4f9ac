//! A dropped unit file is a service like any other: it starts, fails, restarts and stops as systemd says.

use std::time::{Duration, Instant};

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const WEB: &str = r#"[Unit]
Description=A web page
[Container]
Image=registry.local:5000/web:latest
PublishPort=8080:80
Volume=web-data.volume:/www
Environment=GREETING="hello world"
[Install]
WantedBy=multi-user.target
"#;

/// A container of busybox without network that runs `exec`. Something wants the unit: systemd forgets how a unit has
/// ended that nothing refers to.
fn busybox(exec: &str, service: &str) -> String {
    format!(
        "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nExec={exec}\n\
         [Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n"
    )
}

/// Processes in a unit's cgroup that are not in its main process's PID namespace.
fn strangers(machine: &Machine, unit: &str) -> String {
    machine
        .sh(&format!(
            "inside=$(readlink /proc/$(systemctl show --value -p MainPID {unit})/ns/pid)
             for pid in $(find /sys/fs/cgroup$(systemctl show --value -p ControlGroup {unit}) -name cgroup.procs \
                          -exec cat {{}} +); do
                 [ \"$(readlink /proc/$pid/ns/pid)\" = \"$inside\" ] || tr '\\0' ' ' </proc/$pid/cmdline
             done"
        ))
        .ok()
}

#[test]
fn the_main_scenario() {
    let machine = setup::boot();
    machine.quadlet("web.container", WEB);
    machine.quadlet("web-data.volume", "[Volume]\n");
    machine.reload();
    machine.start(&["web"]);
    machine.wait_for("curl -fsS localhost:8080 | grep 'hello world'");
    let address = machine.sh("hostname -I | cut -d' ' -f1").ok();
    machine
        .sh(&format!(
            "curl -fsS http://{address}:8080/about.txt | grep 'from the image'"
        ))
        .ok();

    let pid = machine.property("web", "MainPID");
    let ids = machine.sh(&format!("grep NSpid /proc/{pid}/status")).ok();
    assert!(ids.ends_with("\t1"), "main PID {pid} is the container's init: {ids}");
    assert_eq!(
        strangers(&machine, "web"),
        "",
        "the cgroup holds the container's processes and no other"
    );
    assert!(machine.status(&["web"]).contains("Main PID"));
    let journal = machine.journal("web");
    for line in ["web: greeting is 'hello world'", "web: ready on port 80"] {
        assert!(journal.contains(line), "{line} in\n{journal}");
    }
    let errors = machine.sh("journalctl --no-pager -o cat -u web -p err").ok();
    assert_eq!(errors, "", "standard error is not an error");

    machine.stop(&["web"]);
    assert_eq!(
        machine.property("web", "ExecMainCode"),
        "1",
        "exited, not killed\n{}",
        machine.status(&["web"])
    );
    assert_eq!(machine.property("web", "ExecMainStatus"), "0");
    assert_eq!(machine.property("web", "Result"), "success");
    machine.nothing_remains();
    machine.sh("curl -fsS --max-time 2 localhost:8080").refused();
    assert!(
        machine
            .unipod(&["volume", "ls", "-q"])
            .ok()
            .contains("systemd-web-data"),
        "the volume stays"
    );

    machine.start(&["web"]);
    machine.wait_for("curl -fsS localhost:8080/about.txt | grep 'from the image'");
    machine.systemctl(&["restart", "web"]).ok();
    machine.wait_for("curl -fsS localhost:8080 | grep 'hello world'");
}

/// `ExecStop=` and `ExecStopPost=` are the same command. The first only stops; a network, which takes its time, is left to
/// the second. From a shell, one is enough.
#[test]
fn a_stop_removes_nothing_before_exec_stop_post() {
    let machine = setup::boot();
    let look = "[Service]\nExecStopPost=\nExecStopPost=/bin/sh -c 'unipod ps -a --format {{.Names}}={{.State}} >/run/left'\n\
         ExecStopPost=unipod rm -v -f -i systemd-web\n";
    machine.quadlet("web.container", &(busybox("sleep infinity", "") + look));
    machine.reload();
    machine.start(&["web"]);
    machine.stop(&["web"]);
    assert_eq!(machine.read("/run/left").trim(), "systemd-web=exited");
    machine.nothing_remains();
    machine.start(&["web"]);
    machine.unipod(&["rm", "-f", "systemd-web"]).ok();
    machine.nothing_remains();
}

#[test]
fn exit_codes_and_signals_are_the_payloads_own() {
    let machine = setup::boot();
    let cases = [
        ("zero", "true", "0"),
        ("seven", "sh -c 'exit 7'", "7"),
        ("odd", "sh -c 'exit 137'", "137"),
    ];
    for (name, exec, _) in cases {
        // What another unit wants stays loaded, and with it what systemd knows of its end.
        let unit = busybox(exec, "") + "[Install]\nWantedBy=multi-user.target\n";
        machine.quadlet(&format!("{name}.container"), &unit);
    }
    machine.quadlet("killed.container", &busybox("sleep infinity", ""));
    machine.quadlet("job.container", &busybox("sh -c 'echo done; exit 3'", "Type=oneshot"));
    machine.quadlet("missing.container", &busybox("/no/such/program", ""));
    machine.reload();
    for (name, _, code) in cases {
        // A payload may be over before systemd has heard that it began: both verdicts are true.
        machine.systemctl(&["start", name]);
        // Not before its ExecStopPost= is through.
        machine.wait_for(&format!(
            "systemctl show --value -p ActiveState {name} | grep -Ex 'inactive|failed'"
        ));
        let show = machine
            .systemctl(&["show", name, "-p", "ExecMainCode,ExecMainStatus,Result"])
            .ok();
        let result = if code == "0" {
            "Result=success"
        } else {
            "Result=exit-code"
        };
        for line in ["ExecMainCode=1", &format!("ExecMainStatus={code}"), result] {
            assert!(
                show.lines().any(|found| found == line),
                "{name}: {line} in\n{show}\n{}",
                machine.status(&[name])
            );
        }
    }
    machine.start(&["killed"]);
    machine
        .sh("kill -KILL $(systemctl show --value -p MainPID killed)")
        .ok();
    machine.wait_for("systemctl is-failed --quiet killed");
    assert_eq!(machine.property("killed", "ExecMainCode"), "2", "killed");
    assert_eq!(
        machine.property("killed", "ExecMainStatus"),
        "9",
        "by SIGKILL, as the OOM killer does"
    );
    assert_eq!(machine.property("killed", "Result"), "signal");

    machine.start_refused("job");
    assert_eq!(machine.property("job", "ExecMainStatus"), "3");
    assert!(machine.journal("job").contains("done"));

    let status = machine.start_refused("missing");
    assert!(status.contains("/no/such/program"), "{status}");
    machine.nothing_remains();
}

#[test]
fn systemd_restarts_what_fails() {
    let machine = setup::boot();
    let count = "sh -c 'echo x >>/state/starts; [ $(wc -l </state/starts) -ge 3 ] || exit 1; exec sleep infinity'";
    let text =
        busybox(count, "Restart=on-failure\nRestartSec=0").replace("Network=none", "Network=none\nVolume=state:/state");
    machine.quadlet("flaky.container", &text);
    machine.reload();
    machine.systemctl(&["start", "flaky"]);
    machine.wait_for("[ $(systemctl show --value -p NRestarts flaky) = 2 ] && systemctl is-active --quiet flaky");
    machine.sh("kill -KILL $(systemctl show --value -p MainPID flaky)").ok();
    machine.wait_for("[ $(systemctl show --value -p NRestarts flaky) = 3 ] && systemctl is-active --quiet flaky");
    machine.stop(&["flaky"]);
    machine.nothing_remains();
}

#[test]
fn a_payload_deaf_to_sigterm_stops_at_once() {
    let machine = setup::boot();
    machine.quadlet("default.container", &busybox("sleep infinity", ""));
    machine.quadlet(
        "ignoring.container",
        &busybox(r#"sh -c "trap '' TERM; while :; do sleep 1; done""#, ""),
    );
    let polite = r#"sh -c "trap 'echo farewell; sleep 0.3; exit 5' TERM; while :; do sleep 0.1; done""#;
    machine.quadlet("polite.container", &busybox(polite, "SuccessExitStatus=5"));
    machine.reload();
    machine.start(&["default", "ignoring", "polite"]);
    for unit in ["default", "ignoring"] {
        let begin = Instant::now();
        machine.stop(&[unit]);
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{unit} took {:?}",
            begin.elapsed()
        );
    }
    machine.stop(&["polite"]);
    assert_eq!(
        machine.property("polite", "ExecMainStatus"),
        "5",
        "{}",
        machine.status(&["polite"])
    );
    assert!(machine.journal("polite").contains("farewell"));
    machine.nothing_remains();
}

#[test]
fn the_keys_of_service_apply_to_the_payload() {
    let machine = setup::boot();
    let exec = "sh -c 'nice; ulimit -n; umask; trap \"exit 0\" TERM; while :; do sleep 0.1; done'";
    machine.quadlet("keys.container", &busybox(exec, "Nice=7\nLimitNOFILE=123"));
    machine.reload();
    machine.start(&["keys"]);
    let pid = machine.property("keys", "MainPID");
    let limits = machine.read(&format!("/proc/{pid}/limits"));
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap_or_default();
    assert_eq!(files.split_whitespace().nth(3), Some("123"), "{files}");
    let stat = machine.read(&format!("/proc/{pid}/stat"));
    assert_eq!(
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(16)),
        Some("7"),
        "nice in {stat}"
    );
    let group = machine.read(&format!("/proc/{pid}/cgroup"));
    assert!(group.contains("/system.slice/keys.service"), "{group}");
}

#[test]
fn a_start_writes_nothing_to_the_disk_for_the_container() {
    let machine = setup::boot();
    machine.quadlet("a.container", &busybox("sleep infinity", ""));
    let bare = busybox("sleep infinity", "").replace("Network=none", "Network=none\nPodmanArgs=--no-hosts");
    machine.quadlet("bare.container", &bare);
    machine.reload();
    let upper = |unit: &str| {
        let name = format!("systemd-{unit}");
        let inspect = ["inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", &name];
        machine.unipod(&inspect).ok()
    };
    machine.start(&["a"]);
    machine.sh("unipod exec systemd-a test -s /etc/hosts").ok();
    assert_eq!(machine.sh(&format!("find {} -mindepth 1", upper("a"))).ok(), "");
    // What the container writes is its own, and the next one starts with what the image has.
    machine
        .sh("unipod exec systemd-a sh -c 'echo x >/etc/new && rm /etc/mine || touch /etc/mine'")
        .ok();
    let written = machine.sh(&format!("cd {} && find . -type f", upper("a"))).ok();
    assert!(
        written.contains("./etc/new") && written.contains("./etc/mine"),
        "{written}"
    );
    machine.systemctl(&["restart", "a"]).ok();
    let left = machine.sh("unipod exec systemd-a ls -a /etc /run").ok();
    assert!(!left.contains("new") && !left.contains("mine"), "{left}");

    // A place for a mount that this container does not have would be an empty file in it.
    machine.start(&["bare"]);
    let files = machine.sh("unipod exec systemd-bare ls -a /etc /run").ok();
    assert!(!files.contains("hosts") && files.contains(".containerenv"), "{files}");
}
