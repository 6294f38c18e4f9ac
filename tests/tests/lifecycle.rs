//! Containers of the command line between `create` and `rm`.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
}

/// Nobody has asked the payload to say that it is ready.
#[test]
fn what_was_made_starts_whatever_is_to_be_notified() {
    let machine = machine();
    for option in ["", "--sdnotify=ignore", "--sdnotify=container", "--sdnotify=conmon"] {
        let up = "[ \"$(unipod ps -q | wc -l)\" = 1 ]";
        machine
            .sh(&format!(
                "unipod create {option} --name a busybox sleep 1000 && unipod start a && {up} && unipod rm -f -t 0 a"
            ))
            .ok();
        machine
            .sh(&format!(
                "unipod run -d {option} --name a busybox sleep 1000 && {up} && unipod rm -f -t 0 a"
            ))
            .ok();
    }
}

#[test]
fn what_is_refused_is_not_made_and_replaces_nothing() {
    let machine = machine();
    machine.sh("unipod run -d --name kept busybox sleep 1000").ok();
    for options in [
        "-p 1-3:5",
        "--network missing",
        "--network container:missing",
        "--secret missing",
        "--device /dev/missing",
        "--tz No/Where",
        "--cap-add MISSING",
        "--sysctl kernel.missing=1",
        "--security-opt seccomp=/missing",
        "--security-opt apparmor=missing",
        "-v /missing:/x",
        "-v bad@name:/x",
        "--mount type=bind,src=/missing,dst=/x",
        "--cidfile /missing/cid",
    ] {
        for command in ["create", "run -d", "run"] {
            let refused = machine.sh(&format!("unipod {command} --name new {options} busybox true"));
            assert_eq!(refused.code, 125, "{refused}");
            machine
                .sh(&format!(
                    "unipod {command} --replace --name kept {options} busybox true"
                ))
                .refused();
        }
        let names = machine.unipod(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]).ok();
        assert_eq!(names, "kept running", "after {options}");
    }
    // Without the inside of the engine.
    let mount = "--mount type=volume,src=v,dst=/m,subpath=missing";
    let refused = machine.sh(&format!("unipod run --rm {mount} busybox true")).refused();
    assert!(
        refused.contains("/v/_data/missing: No such file") && !refused.contains("openat"),
        "{refused}"
    );
}

#[test]
fn the_pid_is_written_where_it_was_asked_for() {
    let machine = machine();
    machine
        .sh(
            "unipod run -d --name a --pidfile /tmp/a --conmon-pidfile /tmp/b busybox sleep 1000
             pid=$(unipod inspect -f '{{.State.Pid}}' a)
             [ \"$(cat /tmp/a)\" = $pid ] && [ \"$(cat /tmp/b)\" = $pid ]",
        )
        .ok();
    let refused = machine.sh("unipod create --pidfile /tmp/c busybox true").refused();
    assert!(refused.contains("--pidfile"), "{refused}");
    // The file with the ID goes with the container, and not another one's.
    machine
        .sh("set -e; cd /tmp
             unipod run -d --rm --name d --cidfile d.id busybox sleep 1000; [ $(cat d.id) = $(unipod inspect -f '{{.Id}}' d) ]
             unipod rm -f -t 0 d; [ ! -e d.id ]
             unipod create --name e --cidfile e.id busybox true >e.said; [ $(cat e.id) = $(cat e.said) ]
             unipod rm e; [ ! -e e.id ]
             unipod create --name e --cidfile e.id busybox true; echo another >e.id; unipod rm e; [ -e e.id ]
             unipod run --rm --cidfile f.id busybox true; [ ! -e f.id ]
             [ \"$(unipod run --rm --attach stdout busybox sh -c 'echo out; echo err >&2' 2>&1)\" = out ]
             [ \"$(unipod run --rm -a STDERR busybox sh -c 'echo out; echo err >&2' 2>&1)\" = err ]
             [ \"$(unipod run --rm -a stdin,stdout -a stderr busybox sh -c 'echo out; echo err >&2' 2>&1 | sort)\" = \"$(printf 'err\\nout')\" ]")
        .ok();
}

/// Its unit goes when the container does: systemd may not know it any more when it is to be stopped.
#[test]
fn stopping_many_at_once_does_not_complain_of_units_that_are_gone() {
    let machine = machine();
    machine
        .sh(
            "for n in $(seq 12); do unipod run -d --name s$n busybox sleep 1000 & done; wait
             for n in $(seq 12); do { unipod stop -t 2 s$n || touch /tmp/failed; } & done; wait
             [ ! -e /tmp/failed ] && [ -z \"$(unipod ps -q)\" ]",
        )
        .ok();
}

#[test]
fn a_port_may_be_published_on_several_addresses() {
    let machine = machine();
    machine
        .sh(
            "unipod run -d --name a -p 8080:80 -p [::]:8080:80 -p 127.0.0.1:8080:80 -p 8080:80 \
             -p 8079-8081:79-81 -p [::]:8079-8081:79-81 busybox httpd -f -p 80 -h /etc",
        )
        .ok();
    machine.wait_for("curl -fsS --max-time 2 localhost:8080/hostname");
}

/// An engine in the foreground is killed before it could write down who the container's first process is, or while that waits to
/// be released: nobody needs a name or port of it.
#[test]
fn a_killed_foreground_engine_keeps_neither_name_nor_port() {
    let machine = machine();
    for call in ["write", "renameat2", "waitid", "ppoll"] {
        for number in (1..40).step_by(9) {
            machine.sh(&format!(
                "strace -D -q -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={number} \
                 unipod run --rm --name x -p 8081:80 busybox true"
            ));
            // A payload that was released ends by itself.
            machine.wait_for("[ -z \"$(unipod ps -q)\" ]");
            machine.sh("unipod run --rm --name x -p 8081:80 busybox true").ok();
            machine.sh("unipod run --rm -p 8081:80 busybox true").ok();
        }
    }
    machine.nothing_remains();
}

/// The record names the unit that starts it: an engine that is not named there would have its own unit started, and wait for it.
#[test]
fn what_ran_in_the_foreground_starts_in_a_unit() {
    machine()
        .sh(
            "unipod run --name a busybox sh -c '[ ! -e /again ] && touch /again || exec sleep 1000'
             timeout 60 unipod start a && systemctl is-active unipod-a && unipod rm -f -t 0 a",
        )
        .ok();
}

/// What the engine blocks is its own affair: a DNS server that it has started hears systemd and netavark.
#[test]
fn names_are_served_whoever_started_the_server() {
    let machine = machine();
    machine
        .sh(
            "unipod network create a && nice -n 5 unipod run --rm --network a busybox true
             unipod run -d --name d --network a busybox sleep 1000
             unipod run --rm --network a busybox nslookup d
             for server in $(pgrep aardvark-dns); do
                 grep -q '^SigBlk:.0*$' /proc/$server/status && [ $(ps -o ni= -p $server) = 0 ] || exit 1
             done",
        )
        .ok();
}

/// The first unit's last words come when the second one's container has the name.
#[test]
fn a_unit_that_ends_leaves_the_container_that_replaced_its_own() {
    let machine = machine();
    for name in ["a1", "a2"] {
        machine.quadlet(
            &format!("{name}.container"),
            "[Container]\nImage=docker.io/library/busybox:latest\nContainerName=same\nExec=sleep infinity\n",
        );
    }
    machine.quadlet(
        "words.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=echo one ; two\n",
    );
    machine.reload();
    for _ in 0..3 {
        machine.start(&["a1"]);
        machine.start(&["a2"]);
        machine.wait_for("! systemctl is-active --quiet a1");
        assert!(machine.is_active("a2"), "{}", machine.status(&["a1", "a2"]));
        assert_eq!(machine.unipod(&["ps", "--format", "{{.Names}}"]).ok(), "same");
        machine.stop(&["a2"]);
        machine.systemctl(&["reset-failed"]).ok();
    }
    // Whoever asks for the container of another unit in the same words is told.
    machine.quadlet(
        "cleaner.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=true\n[Service]\nExecStopPost=unipod rm -f -v -i same\n",
    );
    machine.reload();
    machine.start(&["a2"]);
    machine.systemctl(&["start", "cleaner"]);
    machine.wait_for(
        "journalctl --sync; journalctl -u cleaner -o cat | grep 'same is left alone: it is the container of a2.service'",
    );
    assert!(machine.is_active("a2"));
    machine.systemctl(&["start", "words"]);
    machine.wait_for("journalctl --sync; journalctl -u words -o cat | grep -qx 'one ; two'");
}

/// It is no init, and would end from the signal.
#[test]
fn a_payload_in_the_hosts_pid_namespace_is_asked_before_it_is_killed() {
    let machine = machine();
    machine
        .sh("unipod run --name a --pid=host busybox sleep 1000 & 
             until unipod ps -q | grep -q .; do sleep 0.05; done
             unipod stop a; wait; [ \"$(unipod inspect -f '{{.State.ExitCode}}' a)\" = 143 ]")
        .ok();
}
