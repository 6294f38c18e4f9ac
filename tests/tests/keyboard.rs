//! `unipod unit`: what people at the keyboard see of unit files, and of services that failed.

use serde_json::Value;
use unipod_tests::machine::Machine;
use unipod_tests::setup;

/// A container of busybox without network that runs `exec`. Something wants the unit: systemd forgets how a unit has
/// ended that nothing refers to.
fn busybox(exec: &str, service: &str) -> String {
    format!("{}[Install]\nWantedBy=multi-user.target\n", unwanted(exec, service))
}

fn unwanted(exec: &str, service: &str) -> String {
    format!("[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nExec={exec}\n[Service]\n{service}\n")
}

/// What `unipod unit why` shows, once systemd and the journal know everything.
#[track_caller]
fn why(machine: &Machine, name: &str) -> String {
    machine.run(&["journalctl", "--sync"]).ok();
    machine.unipod(&["unit", "why", name]).ok()
}

/// Starts a unit and waits until it is down again.
#[track_caller]
fn run(machine: &Machine, unit: &str) {
    machine.systemctl(&["start", unit]);
    machine.wait_for(&format!(
        "systemctl show --value -p ActiveState {unit} | grep -Ex 'inactive|failed'"
    ));
}

#[track_caller]
fn shows(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

#[test]
fn why_a_container_failed() {
    let machine = setup::boot();
    let exec = "sh -c 'echo hello; echo trouble >&2; sleep 0.3; exit 7'";
    machine.quadlet("seven.container", &busybox(exec, "ExecStartPre=/bin/sleep 0.1"));
    machine.quadlet("absent.container", &busybox("/no/such/program", ""));
    machine.reload();
    run(&machine, "seven");
    for name in [
        "seven",
        "seven.container",
        "seven.service",
        "/etc/containers/systemd/seven.container",
    ] {
        let screen = why(&machine, name);
        shows(
            &screen,
            &[
                "× seven.service failed: the main process ended with exit code 7\n",
                "  File      /etc/containers/systemd/seven.container\n",
                ", ready after ",
                ", ran for ",
                "  ExecStartPre  sleep 0.1 ",
                "  ExecStart     unipod run ",
                "exit code 7\n",
                "  ExecStopPost  unipod rm ",
                " hello\n",
                " trouble\n",
                "  Next      nothing: it stays down until something starts it (Restart=no)\n",
                "it is started together with multi-user.target\n",
            ],
        );
        assert!(screen.lines().count() <= 24, "one screen:\n{screen}");
    }
    let json: Value = serde_json::from_str(&machine.unipod(&["unit", "why", "--format", "json", "seven"]).ok())
        .expect("`--format json` prints JSON");
    assert_eq!(json["verdict"]["state"], "failed");
    assert_eq!(json["facts"]["mainEnd"]["exited"], 7);
    assert_eq!(json["facts"]["invocation"], machine.property("seven", "InvocationID"));
    let steps = json["facts"]["steps"].as_array().expect("a list");
    let keys: Vec<&Value> = steps.iter().map(|step| &step["key"]).collect();
    assert_eq!(keys, ["ExecStartPre", "ExecStart", "ExecStopPost"]);

    run(&machine, "absent");
    let screen = why(&machine, "absent");
    shows(
        &screen,
        &[
            "× absent.service failed: the main process ended with exit code 127 (the command was not found)",
            "/no/such/program",
            "Exec= has to name a program that is in the image",
        ],
    );
}

#[test]
fn why_systemd_killed_or_gave_up() {
    let machine = setup::boot();
    machine.quadlet("killed.container", &busybox("sleep infinity", ""));
    let silent = busybox("sleep infinity", "TimeoutStartSec=1\nTimeoutStartFailureMode=kill");
    machine.quadlet(
        "silent.container",
        &silent.replace("Network=none", "Network=none\nNotify=true"),
    );
    machine.quadlet(
        "again.container",
        &busybox("sh -c 'exit 3'", "Restart=on-failure\nRestartSec=20ms"),
    );
    machine.quadlet(
        "later.container",
        &busybox("sh -c 'sleep 0.3; exit 3'", "Restart=on-failure\nRestartSec=600"),
    );
    machine.reload();

    machine.start(&["killed"]);
    machine
        .sh("kill -KILL $(systemctl show --value -p MainPID killed)")
        .ok();
    machine.wait_for("systemctl is-failed --quiet killed");
    shows(
        &why(&machine, "killed"),
        &[
            "× killed.service failed: the main process was killed by SIGKILL\n",
            "somebody killed it",
        ],
    );

    run(&machine, "silent");
    shows(
        &why(&machine, "silent"),
        &[
            "× silent.service failed: it was not ready within TimeoutStartSec= (1 s)\n",
            "never ready, over after ",
            "raise TimeoutStartSec=",
        ],
    );

    machine.systemctl(&["start", "again"]);
    machine.wait_for("systemctl is-failed --quiet again && [ $(systemctl show --value -p NRestarts again) = 5 ]");
    shows(
        &why(&machine, "again"),
        &[
            "exit code 3\n",
            "  Restarts  5\n",
            "systemd has given up: 5 starts within 10 s are the limit",
            "systemctl reset-failed again.service && systemctl start again.service",
        ],
    );

    machine.systemctl(&["start", "later"]);
    machine.wait_for("systemctl show --value -p SubState later | grep -x auto-restart");
    let screen = why(&machine, "later");
    shows(
        &screen,
        &[
            "● later.service failed: ",
            ", ready after ",
            ", ran for 3",
            "systemd starts it again in 9 min",
            "RestartSec=10 min",
        ],
    );
}

#[test]
fn why_of_stubs_dependencies_and_services_that_run() {
    let machine = setup::boot();
    machine.quadlet("stub.container", &busybox("true", "").replace("Exec=", "Exce="));
    machine.quadlet("bad.volume", "[Service]\nExecStartPre=/bin/false\n");
    machine.quadlet(
        "needs.container",
        &busybox("true", "").replace("Network=", "Volume=bad.volume:/x\nNetwork="),
    );
    machine.quadlet(
        "good.container",
        &busybox("sleep infinity", "Restart=on-failure\nRestartSec=5"),
    );
    machine.quadlet("brief.container", &unwanted("sh -c 'echo done; sleep 0.2'", ""));
    machine.reload();

    shows(
        &why(&machine, "good"),
        &[
            "○ good.service has not been started yet\n",
            "systemctl start good.service",
        ],
    );
    machine.start(&["good"]);
    shows(
        &why(&machine, "good"),
        &[
            "● good.service runs well\n",
            ", up for ",
            &format!("runs, PID {}\n", machine.property("good", "MainPID")),
            "when it fails, systemd starts it again after 5 s (Restart=on-failure)",
        ],
    );

    let message = "unknown key \"Exce\" in [Container]";
    machine.start_refused("stub");
    shows(
        &why(&machine, "stub"),
        &[
            &format!("× stub.service cannot be used: /etc/containers/systemd/stub.container:4: {message}"),
            &format!("error[unknown-key]: {message}\n"),
            "4 | Exce=true\n  | ^^^^\n",
            "help: did you mean \"Exec\"?",
            "mend /etc/containers/systemd/stub.container and run systemctl daemon-reload",
        ],
    );

    machine.systemctl(&["start", "needs"]);
    shows(
        &why(&machine, "needs"),
        &[
            "× needs.service was not started: it needs bad-volume.service, which failed\n",
            "unipod unit why bad-volume.service",
        ],
    );
    shows(
        &why(&machine, "bad.volume"),
        &["× bad-volume.service failed: ExecStartPre= ended with exit code 1\n"],
    );

    run(&machine, "brief");
    let screen = why(&machine, "brief");
    shows(&screen, &["○ brief.service ", " done\n"]);

    machine.quadlet("fresh.container", &busybox("true", ""));
    shows(
        &why(&machine, "fresh"),
        &[
            "× fresh.service is not known to systemd yet; it would be made from",
            "systemctl daemon-reload",
        ],
    );
    let refused = machine.unipod(&["unit", "why", "gooood"]).refused();
    assert!(refused.contains("did you mean good.container?"), "{refused}");
    shows(&why(&machine, "dbus.service"), &["● dbus.service runs well\n"]);
}

#[test]
fn files_and_what_becomes_of_them() {
    let machine = setup::boot();
    machine.quadlet("web.container", &busybox("sleep infinity", ""));
    machine.quadlet("stub.container", "[Container]\nImgae=x\n");
    machine.quadlet("job@.container", &unwanted("true", ""));
    machine.quadlet("data.volume", "[Volume]\n");
    machine.reload();
    machine.start(&["web"]);
    machine.quadlet("new.container", &busybox("true", ""));

    let table = machine.unipod(&["unit", "list"]).ok();
    assert!(table.starts_with("NAME "), "{table}");
    let format = "{{.Name}}: {{.Service}} {{.State}}, {{.Problems}}";
    let list = machine.unipod(&["unit", "ls", "--format", format]).ok();
    assert_eq!(
        list,
        "data.volume: data-volume.service inactive (dead), -\n\
         job@.container: job@.service template, -\n\
         new.container: new.service not loaded, -\n\
         stub.container: stub.service inactive (dead), 2 errors\n\
         web.container: web.service active (running), -"
    );
    let json: Value = serde_json::from_str(&machine.unipod(&["unit", "list", "--format", "json"]).ok())
        .expect("`--format json` prints JSON");
    assert_eq!(json[4]["ActiveState"], "active");
    assert_eq!(
        json[4]["UnitFileState"],
        machine.property("web", "UnitFileState").as_str()
    );
    assert_eq!(
        (&json[3]["Usable"], &json[3]["Errors"]),
        (&Value::Bool(false), &Value::from(2))
    );

    for unit in ["web", "stub", "data.volume"] {
        let same = machine.unipod(&["unit", "print", "--diff", unit]);
        assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{same}");
    }
    let path = "/etc/containers/systemd/web.container";
    machine.write(path, &busybox("sleep infinity", "Nice=7"));
    let changed = machine.unipod(&["unit", "print", "--diff", "web.service"]);
    assert_eq!(changed.code, 1, "{changed}");
    shows(
        &changed.stdout,
        &[
            &format!("--- {} (loaded)\n", machine.property("web", "FragmentPath")),
            &format!("+++ {path} (as it would be generated)\n"),
            "\n+Nice=7\n",
        ],
    );
    assert_eq!(
        changed.stdout.lines().filter(|line| line.starts_with('-')).count(),
        1,
        "{changed}"
    );
    let new = machine.unipod(&["unit", "print", "--diff", "new"]);
    assert!(new.code == 1 && new.stdout.starts_with("--- /dev/null\n"), "{new}");
    machine.reload();
    assert_eq!(machine.unipod(&["unit", "print", "--diff", "web"]).code, 0);

    let check = machine.unipod(&["unit", "check"]);
    assert_eq!(check.code, 1);
    shows(
        &check.stdout,
        &["help: did you mean \"Image\"?", "2 errors in 5 unit files"],
    );
    machine.write(
        "/etc/systemd/system/data-volume.service",
        "[Service]\nExecStart=/bin/true\n",
    );
    let check = machine.unipod(&["unit", "check"]);
    shows(
        &check.stdout,
        &["warning[name-clash]: data-volume.service is hidden by /etc/systemd/system/data-volume.service"],
    );
}

#[test]
fn users_ask_about_their_own() {
    let machine = setup::boot();
    machine.write(
        "/etc/systemd/user/bad.service",
        "[Service]\nExecStartPre=/bin/echo heard\nExecStart=/bin/sh -c 'exit 7'\n",
    );
    machine.write(
        "/root/.config/containers/systemd/mine.container",
        "[Container]\nFoo=1\n",
    );
    // systemd-logind, which is not in the machine, would say where this is.
    machine.write(
        "/etc/systemd/system/user@.service.d/runtime.conf",
        "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n",
    );
    machine.reload();
    machine.start(&["user@0.service"]);
    let user = |command: &str| {
        let script = format!("export XDG_RUNTIME_DIR=/run/user/0 HOME=/root; journalctl --sync; {command}");
        machine.sh(&script)
    };
    user("systemctl --user start bad; unipod unit why mine").refused();
    shows(
        &user("unipod unit why --user bad").ok(),
        &[
            "× bad.service failed: the main process ended with exit code 7\n",
            " heard\n",
            "journalctl --user -u bad.service",
        ],
    );
    shows(
        &user("unipod unit why --user mine").ok(),
        &["mine.service cannot be used: /root/.config/containers/systemd/mine.container:2: unknown key \"Foo\""],
    );
    let list = user("unipod unit list --user --format '{{.Name}} {{.State}} {{.Problems}}'").ok();
    assert_eq!(list, "mine.container inactive (dead) 2 errors");
}
