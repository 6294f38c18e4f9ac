//! The engine killed at each stage of a start and of a stop: `systemctl start` works afterwards, with nothing repaired by
//! hand, and nothing is left of what was interrupted.

use unipod_tests::machine::Machine;
use unipod_tests::saboteur::{self, Stage};
use unipod_tests::setup;

/// At most this many stages of each run, spread evenly: a kill and its aftermath take about a second.
const STAGES: usize = 60;

const UNIT: &str = "[Container]
Image=docker.io/library/busybox:latest
PublishPort=8080:80
Volume=kept:/kept
Exec=sh -c 'echo x >>/kept/starts; exec httpd -f -p 80 -h /etc'
[Service]
TimeoutStartSec=20
TimeoutStopSec=20
Restart=no
";

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "docker.io/library/busybox:latest"]).ok();
    machine.quadlet("web.container", UNIT);
    machine.reload();
    saboteur::hire(&machine);
    machine
}

/// The stages to strike at: all, or as many as there is time for, the first and the last among them.
fn chosen(stages: &[Stage]) -> Vec<&Stage> {
    let step = stages.len().div_ceil(STAGES).max(1);
    let mut chosen: Vec<&Stage> = stages.iter().step_by(step).collect();
    chosen.extend(stages.last().filter(|last| !chosen.contains(last)));
    chosen
}

/// The unit works as if nothing had happened, and leaves nothing.
#[track_caller]
fn works(machine: &Machine, after: &Stage) {
    saboteur::dismiss(machine);
    // A failed unit may be started at any time; only systemd's own rate limit is lifted here.
    machine.systemctl(&["reset-failed", "web"]);
    let started = machine.systemctl(&["start", "web"]);
    assert!(
        started.success(),
        "killed at {after:?}, it does not start again:\n{}",
        machine.status(&["web"])
    );
    machine.wait_for("curl -fsS --max-time 2 localhost:8080/hostname");
    machine.stop(&["web"]);
    let remains = machine.remains();
    assert!(
        remains.is_empty(),
        "killed at {after:?}, this is left:\n{remains}\n{}",
        machine.status(&["web"])
    );
}

fn killed_while_starting(part: usize) {
    let machine = machine();
    let stages = saboteur::observe(&machine, "run", || machine.start(&["web"]));
    machine.stop(&["web"]);
    machine.nothing_remains();
    let chosen = chosen(&stages);
    for stage in chosen.iter().skip(part).step_by(2) {
        saboteur::strike(&machine, "run", stage);
        // It fails, or was ready before the blow: then it serves.
        machine.systemctl(&["start", "web"]);
        if machine.is_active("web") {
            machine.wait_for("curl -fsS --max-time 2 localhost:8080/hostname");
            machine.stop(&["web"]);
        }
        works(&machine, stage);
    }
    let starts = machine
        .sh("wc -l <$(unipod volume inspect -f '{{.Mountpoint}}' kept)/starts")
        .ok();
    assert!(
        starts.parse::<usize>().is_ok_and(|count| count > chosen.len() / 2),
        "the volume has seen every start: {starts}"
    );
}

#[test]
fn killed_at_each_stage_of_a_start_one() {
    killed_while_starting(0);
}

#[test]
fn killed_at_each_stage_of_a_start_two() {
    killed_while_starting(1);
}

#[test]
fn killed_at_each_stage_of_a_stop() {
    let machine = machine();
    machine.start(&["web"]);
    // ExecStop= and ExecStopPost= both run it, and both are killed.
    let stages = saboteur::observe(&machine, "rm", || machine.stop(&["web"]));
    for stage in chosen(&stages) {
        machine.start(&["web"]);
        saboteur::strike(&machine, "rm", stage);
        machine.systemctl(&["stop", "web"]);
        works(&machine, stage);
    }
}

/// systemd may reap the engine before it reads the engine's last notification: it looks for both in one round, but not
/// at one instant. Whoever exits after READY=1 has to wait until systemd has read it (`sd_notify_barrier(3)`).
#[test]
fn a_busy_systemd_misses_no_notification() {
    let machine = setup::boot();
    machine.quadlet(
        "quick.container",
        "[Unit]\nStartLimitIntervalSec=0\n[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\n\
         StopSignal=SIGKILL\nExec=sleep infinity\n",
    );
    machine.reload();
    machine.start(&["quick"]);
    machine.stop(&["quick"]);
    // Orphans to reap all the time, and every look at what has happened takes five milliseconds longer.
    machine
        .sh("systemd-run -q --unit=orphans sh -c 'while :; do (sleep 0.01 &); sleep 0.05; done'")
        .ok();
    let trace = "strace -p 1 -q -o /dev/null -e trace=epoll_wait -e inject=epoll_wait:delay_exit=5000";
    machine.sh(&format!("systemd-run -q --unit=slowdown {trace}")).ok();
    for round in 0..20 {
        let started = machine.systemctl(&["start", "quick"]);
        let result = machine.property("quick", "Result");
        machine.systemctl(&["stop", "quick"]);
        if !started.success() {
            machine.systemctl(&["stop", "slowdown", "orphans"]).ok();
            panic!("round {round}: {result}\n{started}\n{}", machine.status(&["quick"]));
        }
    }
    machine.systemctl(&["stop", "slowdown", "orphans"]).ok();
}

#[test]
fn the_payload_and_everything_of_the_unit_killed_at_once() {
    let machine = machine();
    for _ in 0..3 {
        machine.start(&["web"]);
        machine
            .systemctl(&["kill", "--kill-whom=all", "--signal=KILL", "web"])
            .ok();
        machine.wait_for("[ $(systemctl show --value -p ActiveState web) = failed ]");
        machine.nothing_remains();
    }
}
