//! The commands of the command line, killed at each stage: what the user does next works, and nothing is left for good.
//!
//! `make crash` strikes at every stage; otherwise a spread of them ([`STAGES`] for each command).

use std::fmt::Write;

use unipod_tests::machine::Machine;
use unipod_tests::saboteur::{self, Stage};
use unipod_tests::setup;

/// At most this many stages of each command: a kill and its aftermath take about half a second.
const STAGES: usize = 10;

/// One command that is killed.
struct Act {
    /// What has to be there before it.
    before: &'static str,
    /// The engine's first word where it is killed; another than the command's own where that has a unit started.
    verb: &'static str,
    /// The command.
    command: &'static str,
    /// What a user does next. It has to work whatever the blow has left.
    next: &'static str,
    /// Ordinary commands that remove what the others made.
    after: &'static str,
}

/// A payload that has begun may end before anybody says again what was said before the blow.
const RUN: &str = "unipod run --rm --name x --network cut -p 8081:80 -v /anonymous -v named:/named busybox true";
const RUN_AGAIN: &str = "until [ -z \"$(unipod ps -q)\" ]; do sleep 0.05; done
    unipod run --rm --name x --network cut -p 8081:80 -v /anonymous -v named:/named busybox true";
const RUN_DETACHED: &str = "unipod run -d --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000";
const CREATE: &str = "unipod create --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000";

const CONTAINERS: &[Act] = &[
    Act {
        before: "",
        verb: "run",
        command: RUN,
        next: RUN_AGAIN,
        after: "unipod volume rm named",
    },
    Act {
        before: "",
        verb: "create",
        command: CREATE,
        next: "unipod rm -f -i -v x && unipod create --name x -p 8081:80 -v /anonymous busybox sleep 1000 && unipod start x",
        after: "unipod rm -f -v x",
    },
    // What is half made starts, or says why it does not; nobody waits for it.
    Act {
        before: "",
        verb: "create",
        command: CREATE,
        next: "timeout 30 unipod start x 2>/tmp/said || { [ $? != 124 ] && grep -q '^Error: ' /tmp/said; }",
        after: "unipod rm -f -i -v x",
    },
    Act {
        before: "",
        verb: "run",
        command: RUN_DETACHED,
        next: "unipod run -d --replace --name x --network cut -p 8081:80 -v /anonymous busybox sleep 1000",
        after: "unipod rm -f -v x",
    },
    // The unit of the container is what is killed.
    Act {
        before: "",
        verb: "--root",
        command: RUN_DETACHED,
        next: "unipod start x",
        after: "unipod rm -f -v x",
    },
    Act {
        before: CREATE,
        verb: "start",
        command: "unipod start x",
        next: "unipod start x",
        after: "unipod rm -f -v x",
    },
    Act {
        before: RUN_DETACHED,
        verb: "stop",
        command: "unipod stop -t 1 x",
        next: "unipod stop -t 1 x && unipod start x",
        after: "unipod rm -f -v x",
    },
    Act {
        before: RUN_DETACHED,
        verb: "rm",
        command: "unipod rm -f -v x",
        next: "unipod rm -f -i -v x && unipod create --name x -p 8081:80 busybox true",
        after: "unipod rm x; unipod volume prune -f",
    },
    Act {
        before: RUN_DETACHED,
        verb: "exec",
        command: "unipod exec x true",
        next: "unipod exec x true && [ -z \"$(ls /run/unipod/bundles/*/ | grep ^exec)\" ]",
        after: "unipod rm -f -v x",
    },
];

const OBJECTS: &[Act] = &[
    Act {
        before: "unipod rmi -f -i cut:5000/none redis",
        verb: "pull",
        command: "unipod pull -q redis",
        next: "unipod pull -q redis && unipod run --rm redis true",
        after: "unipod rmi -f redis; unipod image prune -f",
    },
    Act {
        before: "unipod pull -q redis",
        verb: "rmi",
        command: "unipod rmi redis",
        next: "unipod pull -q redis && unipod run --rm redis true",
        after: "unipod rmi -f redis; unipod image prune -f",
    },
    Act {
        before: "",
        verb: "tag",
        command: "unipod tag busybox localhost/other:1",
        next: "unipod tag busybox localhost/other:1",
        after: "unipod untag busybox localhost/other:1",
    },
    Act {
        before: "",
        verb: "volume",
        command: "unipod volume create v",
        next: "unipod volume create --ignore v && unipod run --rm -v v:/v busybox touch /v/x",
        after: "unipod volume rm v",
    },
    Act {
        before: "unipod volume create v && unipod run --rm -v v:/v busybox touch /v/x",
        verb: "volume",
        command: "unipod volume rm v",
        next: "unipod volume rm -f v && unipod volume create v",
        after: "unipod volume rm v",
    },
    Act {
        before: "unipod run --name x -v /anonymous busybox true && unipod rm x",
        verb: "volume",
        command: "unipod volume prune -f",
        next: "unipod volume prune -f && [ -z \"$(unipod volume ls -q)\" ]",
        after: "",
    },
    Act {
        before: "",
        verb: "network",
        command: "unipod network create n",
        next: "unipod network create --ignore n && unipod run --rm --network n busybox true",
        after: "unipod network rm n",
    },
    Act {
        before: "unipod network create n",
        verb: "network",
        command: "unipod network rm n",
        next: "unipod network rm -f n && unipod network create n",
        after: "unipod network rm n",
    },
    Act {
        before: "echo sesame >/tmp/secret",
        verb: "secret",
        command: "unipod secret create s /tmp/secret",
        next: "unipod secret create --replace s /tmp/secret && unipod run --rm --secret s busybox cat /run/secrets/s",
        after: "unipod secret rm s",
    },
    Act {
        before: "unipod secret create s /tmp/secret",
        verb: "secret",
        command: "unipod secret rm s",
        next: "unipod secret create --replace s /tmp/secret",
        after: "unipod secret rm s",
    },
];

/// Everything that a container, an image, a volume, a network or a secret can leave behind in the system. What is known of
/// layers and boots belongs to the store as a whole.
const TRACES: &str = "
    for top in /var/lib/unipod /run/unipod; do
        find $top -xdev -maxdepth 3 ! -path '*/layers/*/*' ! -path '*/locks/*' ! -path '*/mount-points/*' \
            ! -path '*/volumes/*/_data/*'
    done | sort
    grep -E '/(var/lib|run)/unipod' /proc/mounts | cut -d ' ' -f 2
    ip -o link | grep -oE '(veth|podman)[0-9]+' | sort
    iptables-save 2>/dev/null | grep -E 'NETAVARK.*(8081|10\\.89)' | sort
    systemctl list-units --all --plain --no-legend 'unipod-*' '*.scope' | cut -d ' ' -f 1 | grep unipod
    pgrep -a 'unipod|crun|conmon|sleep'";

fn machine() -> Machine {
    let machine = setup::boot();
    machine
        .sh("unipod pull -q busybox && unipod network create cut && unipod run --rm --network cut busybox true")
        .ok();
    saboteur::hire(&machine);
    machine
}

/// The stages to strike at.
fn chosen(stages: &[Stage]) -> Vec<&Stage> {
    if std::env::var_os("UNIPOD_CRASH").is_some_and(|which| which == "all") {
        return stages.iter().collect();
    }
    let step = stages.len().div_ceil(STAGES).max(1);
    let mut chosen: Vec<&Stage> = stages.iter().step_by(step).collect();
    chosen.extend(stages.last().filter(|last| !chosen.contains(last)));
    chosen
}

/// Kills the command at its stages; writes down what failed or stayed.
fn kill_at_each_stage(machine: &Machine, act: &Act, report: &mut String) {
    let Act {
        before,
        verb,
        command,
        next,
        after,
    } = act;
    // Once undisturbed: what the first use of something leaves for the next ones is not a trace of the blow.
    machine.sh(before).ok();
    machine.sh(command).ok();
    machine.sh(next).ok();
    machine.sh(after).ok();
    machine.sh(before).ok();
    let stages = saboteur::observe(machine, verb, || drop(machine.sh(command).ok()));
    machine.sh(next).ok();
    machine.sh(after).ok();
    let clean = machine.sh(TRACES).stdout;
    let (mut strikes, mut failed, mut left) = (0, 0, 0);
    for stage in chosen(&stages) {
        machine.sh(before).ok();
        saboteur::strike(machine, verb, stage);
        machine.sh(command);
        saboteur::dismiss(machine);
        strikes += 1;
        let answer = machine.sh(next);
        if !answer.success() {
            failed += 1;
            writeln!(report, "`{command}` killed at {stage:?}; then:\n{answer}").expect("a String takes all");
        }
        let cleared = machine.sh(after);
        let traces = machine.sh(TRACES).stdout;
        let new: Vec<&str> = traces
            .lines()
            .filter(|line| !clean.lines().any(|old| old == *line))
            .collect();
        if !new.is_empty() {
            left += 1;
            writeln!(
                report,
                "`{command}` killed at {stage:?} left:\n  {}\n{cleared}",
                new.join("\n  ")
            )
            .expect("a String takes all");
            start_over(machine);
        }
    }
    println!(
        "{command}: {} stages, {strikes} struck, next command failed {failed}, left for good {left}",
        stages.len()
    );
}

/// After a failure: the next stage is to be seen by itself.
fn start_over(machine: &Machine) {
    machine.sh("unipod rm -f -v $(unipod ps -aq); pkill crun; systemctl reset-failed
        for kind in volume secret; do unipod $kind rm -f $(unipod $kind ls -q); done; unipod network rm -f n
        rm -rf /run/unipod/bundles/* /run/unipod/containers/* /var/lib/unipod/tmp/*");
}

#[track_caller]
fn killed(acts: &[Act]) {
    let machine = machine();
    let mut report = String::new();
    for act in acts {
        kill_at_each_stage(&machine, act, &mut report);
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn commands_about_containers_killed() {
    killed(CONTAINERS);
}

#[test]
fn commands_about_objects_killed() {
    killed(OBJECTS);
}
