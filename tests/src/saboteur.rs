//! Kills the engine at a chosen system call, the same one every time.
//!
//! The engine's program in the machine is hidden by a script that, when a plan lies ready, runs the real one under
//! `strace --inject`: the kernel delivers SIGKILL as the engine enters its Nth call of one kind. Only the engine's main
//! thread is traced, not what it starts, and `strace -D` keeps it the process that systemd started.
//!
//! The command that is meant is its first word (`run`), or its first two (`pod start`); after `unit`, of a command of a unit of our own
//! (`unit start`, `unit pod start`), which begin with `--root`.

use std::collections::BTreeMap;

use crate::machine::Machine;
use crate::setup::ENGINE;

/// Calls that change something outside the process, or wait for something that does: the borders between stages.
const CALLS: &str = "bind,clone,clone3,connect,fchown,fchownat,fdatasync,flock,fork,fsconfig,fsmount,fsopen,fsync,ftruncate,\
kill,link,linkat,mkdir,mkdirat,mknodat,mount,mount_setattr,move_mount,open_tree,pidfd_open,pidfd_send_signal,poll,ppoll,\
rename,renameat,renameat2,rmdir,sendmsg,sendto,setns,symlink,symlinkat,umount2,unlink,unlinkat,unshare,vfork,wait4,waitid,\
write,exit_group";

const SCRIPT: &str = r#"#!/bin/sh
case "$1" in
    # --root DATA --runroot RUN
    --root) words="unit $5 $6" ;;
    *) words="$1 $2" ;;
esac
is_meant() { [ "$1" = "$verb" ] || [ "$words" = "$verb" ] || [ "${words% *}" = "$verb" ]; }
if [ -e /run/saboteur/plan ] && verb=$(cat /run/saboteur/verb) && is_meant "$1"; then
    exec strace -D -q -o /run/saboteur/trace $(cat /run/saboteur/plan) /run/saboteur/unipod "$@"
fi
exec /run/saboteur/unipod "$@"
"#;

/// One place to be killed at: the system call's name, and which call of that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage {
    /// The system call.
    pub call: String,
    /// Its number among the calls of that name, from 1.
    pub number: usize,
}

/// Puts the script in the engine's place.
///
/// # Panics
/// The machine refuses.
#[track_caller]
pub fn hire(machine: &Machine) {
    // Hidden by a mount, and executed by a descriptor from before: its path stays that of the script, so that the units that it makes
    // execute the script as well.
    let hidden = "mkdir -p /run/saboteur
        systemd-run -q --unit=saboteur sh -c 'exec 9<ENGINE; exec sleep infinity'
        opened=/proc/$(systemctl show --value -p MainPID saboteur)/fd/9
        until [ -e $opened ]; do sleep 0.01; done
        ln -s $opened /run/saboteur/unipod";
    machine.sh(&hidden.replace("ENGINE", ENGINE)).ok();
    let script = format!("{ENGINE}.saboteur");
    machine.write(&script, SCRIPT);
    machine
        .sh(&format!("chmod 755 {script} && mount --bind {script} {ENGINE}"))
        .ok();
}

/// Has the next calls of the engine's `verb` traced, unharmed, and runs `act`; gives back the stages seen, in order.
///
/// # Panics
/// The machine refuses, or no trace was written.
#[track_caller]
pub fn observe(machine: &Machine, verb: &str, act: impl FnOnce()) -> Vec<Stage> {
    plan(machine, verb, &format!("-e trace={CALLS}"));
    act();
    dismiss(machine);
    let stages = stages(&machine.read("/run/saboteur/trace"));
    assert!(!stages.is_empty(), "`unipod {verb}` was traced");
    stages
}

/// Has the next call of the engine's `verb` killed at a stage.
///
/// # Panics
/// The machine refuses.
#[track_caller]
pub fn strike(machine: &Machine, verb: &str, stage: &Stage) {
    let Stage { call, number } = stage;
    plan(
        machine,
        verb,
        &format!("-e trace={call} -e inject={call}:signal=KILL:when={number}"),
    );
}

/// From now on nothing happens to the engine.
///
/// # Panics
/// The machine refuses.
#[track_caller]
pub fn dismiss(machine: &Machine) {
    machine.sh("rm -f /run/saboteur/plan").ok();
}

#[track_caller]
fn plan(machine: &Machine, verb: &str, options: &str) {
    machine
        .sh(&format!(
            "echo {verb} >/run/saboteur/verb; echo '{options}' >/run/saboteur/plan"
        ))
        .ok();
}

/// Reads a trace: one call per line, `name(arguments) = result`.
fn stages(trace: &str) -> Vec<Stage> {
    let mut seen = BTreeMap::new();
    let mut stages = Vec::new();
    for line in trace.lines() {
        let Some((call, _)) = line.split_once('(') else {
            continue;
        };
        if !call.is_empty() && call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let number = seen.entry(call.to_owned()).or_insert(0);
            *number += 1;
            stages.push(Stage {
                call: call.to_owned(),
                number: *number,
            });
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_becomes_stages() {
        let trace = "mkdir(\"/a\", 0755) = 0\nrename(\"x\", \"y\") = 0\nmkdir(\"/b\", 0755) = 0\n--- SIGCHLD {} ---\n+++ exited +++\n";
        let stages: Vec<String> = stages(trace)
            .iter()
            .map(|Stage { call, number }| format!("{call}{number}"))
            .collect();
        assert_eq!(stages, ["mkdir1", "rename1", "mkdir2"]);
    }
}
