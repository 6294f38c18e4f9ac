//! The engine's own command line, beside what units do with it.

use std::time::{Duration, Instant};

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const BUSYBOX: &str = "docker.io/library/busybox:latest";

/// A machine with the unit `box` running.
fn machine() -> Machine {
    let machine = setup::boot();
    machine.quadlet(
        "box.container",
        &format!("[Container]\nImage={BUSYBOX}\nContainerName=box\nExec=sh -c 'echo out; echo err >&2; exec sleep infinity'\n"),
    );
    machine.reload();
    machine.start(&["box"]);
    machine
}

#[test]
fn a_units_container_is_seen_and_handled_like_any_other() {
    let machine = machine();
    let id = machine.unipod(&["ps", "-q", "--no-trunc"]).ok();
    assert_eq!(id.len(), 64, "a full id: {id}");
    let row = machine
        .unipod(&["ps", "--format", "{{.Names}} {{.Image}} {{.State}}"])
        .ok();
    assert_eq!(row, format!("box {BUSYBOX} running"));
    let named = machine.unipod(&["ps", "-q", "--format", "{{.Names}}"]).ok();
    assert_eq!(named, "box", "a format counts for more, as in podman");
    let table = machine.unipod(&["ps"]).ok();
    assert!(table.starts_with("CONTAINER ID"), "{table}");
    let json = machine.unipod(&["ps", "--format", "json"]).ok();
    let list: serde_json::Value = serde_json::from_str(&json).expect("`ps --format json` prints JSON");
    assert_eq!(list[0]["Id"], id.as_str());
    assert_eq!(list[0]["Names"][0], "box");

    let inspect: serde_json::Value =
        serde_json::from_str(&machine.unipod(&["inspect", "box"]).ok()).expect("`inspect` prints JSON");
    assert_eq!(inspect[0]["Name"], "box");
    assert_eq!(inspect[0]["State"]["Running"], true);
    assert_eq!(
        inspect[0]["State"]["Pid"].to_string(),
        machine.property("box", "MainPID")
    );
    assert_eq!(
        machine
            .unipod(&["inspect", "--format", "{{.State.Status}}", "box"])
            .ok(),
        "running"
    );

    assert_eq!(machine.unipod(&["exec", "box", "cat", "/proc/1/comm"]).ok(), "sleep");
    assert_eq!(machine.unipod(&["exec", "box", "sh", "-c", "exit 9"]).code, 9);
    assert_eq!(
        machine
            .unipod(&["exec", "-e", "A=b", "-w", "/etc", "box", "sh", "-c", "echo $A $PWD"])
            .ok(),
        "b /etc"
    );
    assert_eq!(machine.unipod(&["exec", "-u", "1000", "box", "id", "-u"]).ok(), "1000");
    assert_eq!(machine.sh("echo typed | unipod exec -i box cat").ok(), "typed");
    let logs = machine.unipod(&["logs", "box"]);
    assert!(logs.stdout.contains("out"), "{logs}");
    assert!(logs.stdout.contains("err") || logs.stderr.contains("err"), "{logs}");

    // A name is used again; what another container of it has written stays the other's.
    machine
        .unipod(&["run", "-d", "--name", "again", "busybox", "echo", "first"])
        .ok();
    machine.wait_for("[ \"$(unipod logs again)\" = first ]");
    machine
        .unipod(&["run", "-d", "--replace", "--name", "again", "busybox", "echo", "second"])
        .ok();
    machine.wait_for("[ \"$(unipod logs again)\" = second ]");
    machine.unipod(&["rm", "-f", "again"]).ok();

    machine.unipod(&["stop", "box"]).ok();
    machine.wait_for("! systemctl is-active --quiet box");
    machine.start(&["box"]);
    machine.unipod(&["kill", "box"]).ok();
    machine.wait_for("! systemctl is-active --quiet box");
    machine.systemctl(&["reset-failed", "box"]);
    machine.start(&["box"]);
    machine.unipod(&["rm", "box"]).refused();
    machine.unipod(&["rm", "-f", "box"]).ok();
    machine.wait_for("! systemctl is-active --quiet box");
    machine.nothing_remains();
    for command in ["inspect", "exec", "logs", "stop", "kill"] {
        let refused = machine
            .unipod(&[command, "nobody", "true"][..if command == "exec" { 3 } else { 2 }])
            .refused();
        assert!(refused.contains("nobody"), "{command}: {refused}");
    }
}

#[test]
fn run_in_the_foreground_and_in_the_background() {
    let machine = setup::boot();
    let run = |arguments: &[&str]| machine.unipod(&[&["run", "--rm", "--network=none"], arguments].concat());
    assert_eq!(run(&[BUSYBOX, "echo", "hello"]).ok(), "hello");
    assert_eq!(run(&[BUSYBOX, "sh", "-c", "exit 7"]).code, 7);
    assert_eq!(
        run(&[BUSYBOX, "sh", "-c", "kill -9 $$; sleep 0.1; exit 4"]).code,
        4,
        "PID 1 is deaf to its own SIGKILL"
    );
    assert_eq!(run(&[BUSYBOX, "/no/such/program"]).code, 127);
    assert_eq!(run(&[BUSYBOX, "/etc/passwd"]).code, 126);
    assert_eq!(run(&["--no-such-option", BUSYBOX]).code, 125);
    assert_eq!(
        run(&[
            "-e",
            "A=1",
            "-e",
            "B",
            "-w",
            "/tmp",
            "--hostname",
            "h",
            BUSYBOX,
            "sh",
            "-c",
            "echo $A $PWD $(hostname)"
        ])
        .ok(),
        "1 /tmp h"
    );
    assert_eq!(
        machine
            .sh(&format!("echo typed | unipod run --rm -i --network=none {BUSYBOX} cat"))
            .ok(),
        "typed"
    );
    assert_eq!(run(&["--entrypoint", "echo", BUSYBOX, "as", "told"]).ok(), "as told");

    let id = machine
        .unipod(&[
            "run",
            "-d",
            "--name",
            "back",
            "--network=none",
            BUSYBOX,
            "sleep",
            "infinity",
        ])
        .ok();
    assert_eq!(id.len(), 64, "{id}");
    machine
        .unipod(&["run", "-d", "--name", "back", "--network=none", BUSYBOX, "true"])
        .refused();
    machine
        .unipod(&[
            "run",
            "-d",
            "--replace",
            "--name",
            "back",
            "--network=none",
            BUSYBOX,
            "sleep",
            "infinity",
        ])
        .ok();
    let begin = Instant::now();
    machine.unipod(&["stop", "back"]).ok();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "a deaf payload stops at once: {:?}",
        begin.elapsed()
    );
    machine.unipod(&["rm", "-f", "--ignore", "back", "nobody"]).ok();
    machine.nothing_remains();
}

#[test]
fn a_name_is_free_again_at_once() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", BUSYBOX]).ok();
    let run = format!("unipod run -d --name again --network=none {BUSYBOX} sleep infinity");
    // systemd may still be busy with the unit that has just ended.
    machine
        .sh(&format!(
            "set -e; {run}; for i in 1 2 3 4 5 6; do unipod kill again; {replace}; done
             for i in 1 2 3 4 5 6; do unipod kill again; unipod start again; done
             for i in 1 2 3 4 5 6; do unipod kill again; unipod rm -f again; {run}; done; unipod rm -f again",
            replace = run.replace("-d", "-d --replace")
        ))
        .ok();
    let short = format!("run -d --rm --name short --network=none {BUSYBOX} true");
    let failures = machine
        .sh(&format!(
            "for i in 1 2 3 4 5 6 7 8; do unipod {short} 2>&1 >/dev/null; sleep 0.0$i; done"
        ))
        .stdout;
    for line in failures.lines() {
        assert!(
            line.contains("already in use"),
            "only the container itself may be in the way: {failures}"
        );
    }
    machine.wait_for("[ -z \"$(unipod ps -aq)\" ]");
    machine.nothing_remains();
}

#[test]
fn rm_has_podmans_exit_codes() {
    let machine = machine();
    for (words, code) in [
        (&["rm", "nobody"][..], 1),
        (&["rm", "box"], 2),
        (&["rm", "box", "nobody"], 2),
        (&["rm", "-f", "nobody"], 0),
        (&["rmi", "nobody"], 1),
        (&["rmi", "-f", "nobody"], 0),
        (&["stop", "nobody"], 125),
    ] {
        assert_eq!(machine.unipod(words).code, code, "{words:?}");
    }
}

#[test]
fn exec_has_podmans_exit_codes() {
    let machine = machine();
    machine.unipod(&["create", "--name=still", BUSYBOX, "true"]).ok();
    for (words, code) in [
        (&["box", "sh", "-c", "exit 7"][..], 7),
        (&["box", "nosuch"], 127),
        (&["box", "/etc"], 126),
        (&["-w", "/missing", "box", "true"], 127),
        (&["-u", "nobody-of-that-name", "box", "true"], 255),
        (&["-d", "box", "nosuch"], 125),
        (&["still", "true"], 255),
        (&["nobody", "true"], 125),
    ] {
        assert_eq!(machine.unipod(&[&["exec"], words].concat()).code, code, "{words:?}");
    }
}

#[test]
fn why_a_container_in_the_background_did_not_start_is_said_at_once() {
    let machine = setup::boot();
    for keep in [&["--rm"][..], &[]] {
        let options = ["--network=none", BUSYBOX, "nosuch"];
        let output = machine.unipod(&[&["run", "-d"], keep, &options].concat());
        assert!(output.code == 127 && output.stderr.contains("nosuch"), "{output:?}");
    }
    assert_eq!(
        machine.unipod(&["ps", "-aq"]).ok().lines().count(),
        1,
        "with --rm it is gone"
    );
    machine.sh("! ls /run/unipod/locks | grep start").ok();
}

#[test]
fn what_could_never_become_ready_is_refused_at_once() {
    let machine = setup::boot();
    for command in [&["run", "-d"][..], &["run"], &["create"]] {
        let options = ["--name=never", "--sdnotify=healthy", "--network=none", BUSYBOX, "true"];
        let output = machine.unipod(&[command, &options].concat());
        assert!(
            output.code == 125 && output.stderr.contains("health check"),
            "{command:?}: {output:?}"
        );
    }
    assert_eq!(machine.unipod(&["ps", "-aq"]).ok(), "");
}

#[test]
fn an_image_that_is_mounted_somewhere_is_in_use() {
    let machine = machine();
    let other = "docker.io/library/nginx:latest";
    machine.unipod(&["pull", "-q", other]).ok();
    machine
        .unipod(&[
            "volume",
            "create",
            "-d",
            "image",
            "-o",
            &format!("image={other}"),
            "pages",
        ])
        .ok();
    for mount in [
        format!("type=image,source={other},target=/m"),
        "type=volume,source=pages,target=/m".into(),
    ] {
        let run = [
            "run",
            "-d",
            "--rm",
            "--name=user",
            "--network=none",
            "--mount",
            &mount,
            BUSYBOX,
        ];
        machine.unipod(&[&run[..], &["sleep", "infinity"]].concat()).ok();
        assert_eq!(machine.unipod(&["rmi", other]).code, 2, "{mount}");
        machine.unipod(&["exec", "user", "test", "-d", "/m/etc"]).ok();
        machine.unipod(&["rm", "-f", "user"]).ok();
    }
    machine.unipod(&["rmi", other]).ok();
}

#[test]
fn images_volumes_and_networks_are_listed_and_removed() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", BUSYBOX]).ok();
    machine.unipod(&["tag", BUSYBOX, "localhost/mine:1"]).ok();
    let images = machine.unipod(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).ok();
    for name in [BUSYBOX, "localhost/mine:1"] {
        assert!(images.contains(name), "{name} in {images}");
    }
    machine.unipod(&["rmi", BUSYBOX]).ok();
    assert_eq!(
        machine
            .unipod(&["run", "--rm", "--network=none", "localhost/mine:1", "echo", "still"])
            .ok(),
        "still"
    );
    machine.unipod(&["rmi", "localhost/mine:1"]).ok();
    assert_eq!(machine.unipod(&["images", "-q"]).ok(), "");
    let layers = machine
        .sh("ls /var/lib/unipod/layers | wc -l; ls /var/lib/unipod/blobs/sha256 | wc -l")
        .ok();
    assert_eq!(layers, "0\n0", "what no image names is gone");

    machine.unipod(&["volume", "create", "box"]).ok();
    assert!(machine.unipod(&["volume", "ls"]).ok().contains("box"));
    machine.unipod(&["volume", "rm", "box"]).ok();
    machine
        .unipod(&["network", "create", "--subnet", "10.70.0.0/24", "net"])
        .ok();
    assert!(
        machine
            .unipod(&["network", "inspect", "net"])
            .ok()
            .contains("10.70.0.0/24")
    );
    machine.unipod(&["network", "rm", "net"]).ok();
    machine.unipod(&["version"]).ok();
    machine.unipod(&["info"]).ok();
}

#[test]
fn the_umask_of_a_unit_changes_no_permissions_in_the_store() {
    let machine = setup::boot();
    let own = "unipod --root /var/lib/unipod/own --runroot /run/own";
    machine
        .sh(&format!("umask 0; {own} network create n && {own} volume create v"))
        .ok();
    let open_to_all = machine.sh("find /var/lib/unipod/own /run/own -perm -o+w").ok();
    assert_eq!(open_to_all, "");
    machine.sh("rm -r /var/lib/unipod/own /run/own").ok();
    // The container's root has another ID on the host, and finds its way all the same.
    let ids = "echo containers:2147483647:2147483648 | tee -a /etc/subuid >>/etc/subgid";
    machine.sh(ids).ok();
    let run = machine.sh(&format!("umask 077; {own} run -q --rm --userns=auto {BUSYBOX} id -u"));
    assert_eq!(run.ok(), "0");
}

#[test]
fn nothing_depends_on_a_standard_error_that_can_be_written() {
    let machine = setup::boot();
    // Its warning about the port cannot be written.
    let run = format!("unipod run -q --rm --network=host -p 80:80 {BUSYBOX} echo done 2>/dev/full");
    assert_eq!(machine.sh(&run).ok(), "done");
    assert_eq!(machine.sh("unipod run --pull=never nobody 2>/dev/full").code, 125);
    assert_eq!(machine.sh("unipod volume create v >/dev/full 2>/dev/full").code, 0);
    machine.nothing_remains();
}
