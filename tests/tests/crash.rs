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
        // It fails, or was ready before the blow; which of the two is the engine's business.
        machine.systemctl(&["start", "web"]);
        if machine.is_active("web") {
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
