//! Commands that are killed at each stage: what the user does next works, and nothing is left for good.

use std::fmt::Write;

use crate::machine::Machine;
use crate::saboteur::{self, Stage};

/// One command that is killed.
#[derive(Debug)]
pub struct Act {
    /// What has to be there before it.
    pub before: &'static str,
    /// The engine's first word where it is killed; another than the command's own where that has a unit started.
    pub verb: &'static str,
    /// The command.
    pub command: &'static str,
    /// What a user does next. It has to work whatever the blow has left.
    pub next: &'static str,
    /// Ordinary commands that remove what the others made.
    pub after: &'static str,
}

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

/// Whether `make crash` asks for all there is, which takes its time.
pub fn all() -> bool {
    std::env::var_os("UNIPOD_CRASH").is_some_and(|which| which == "all")
}

/// The stages to strike at: the one in the middle of each of `most` parts, or all.
fn chosen(stages: &[Stage], most: usize) -> Vec<&Stage> {
    if all() {
        return stages.iter().collect();
    }
    let most = most.min(stages.len());
    (0..most)
        .map(|part| &stages[(2 * part + 1) * stages.len() / (2 * most)])
        .collect()
}

/// Kills the command at its stages; writes down what failed or stayed.
fn kill_at_each_stage(machine: &Machine, act: &Act, most: usize, report: &mut String) {
    let Act {
        before,
        verb,
        command,
        next,
        after,
    } = act;
    // Once undisturbed: what the first use of something leaves for the next ones is not a trace of the blow. A single stage in the
    // middle need not be that exact.
    if all() || most > 1 {
        machine.sh(before).ok();
        machine.sh(command).ok();
        machine.sh(next).ok();
        machine.sh(after).ok();
    }
    machine.sh(before).ok();
    let stages = saboteur::observe(machine, verb, || drop(machine.sh(command).ok()));
    machine.sh(next).ok();
    machine.sh(after).ok();
    let clean = machine.sh(TRACES).stdout;
    let (mut strikes, mut failed, mut left) = (0, 0, 0);
    for stage in chosen(&stages, most) {
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

/// Kills the acts at all of their stages with `make crash`, otherwise at about `most` of each, spread evenly.
///
/// # Panics
/// Something failed afterwards, or was left; the message tells all of it.
#[track_caller]
pub fn kill(machine: &Machine, acts: &[Act], most: usize) {
    let mut report = String::new();
    for act in acts {
        kill_at_each_stage(machine, act, most, &mut report);
    }
    assert!(report.is_empty(), "{report}");
}
