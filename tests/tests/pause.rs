//! Containers that stand still, go on, are started again and waited for.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
}

/// A payload that counts in a file of the host, so that it shows whether it runs.
const COUNTING: &str = "-v /tmp:/host busybox sh -c 'while :; do echo >>/host/count; sleep 0.01; done'";

/// Says `still` or `runs`.
const COUNT: &str =
    "a=$(stat -c %s /tmp/count); sleep 0.3; [ $a = $(stat -c %s /tmp/count) ] && echo still || echo runs";

#[test]
fn what_is_paused_stands_still_and_goes_on() {
    let machine = machine();
    let container = "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nVolume=/tmp:/host\nContainerName=web\nExec=sh -c 'while :; do echo >>/host/count; sleep 0.01; done'\n";
    machine.quadlet("web.container", container);
    machine.reload();
    for start in [
        "systemctl start web".to_owned(),
        format!("unipod run -d --name web {COUNTING}"),
        format!("unipod run -d --rm --name web {COUNTING}"),
        format!(
            "setsid unipod run --rm --name web {COUNTING} >/dev/null 2>&1 & until unipod ps -q | grep .; do sleep 0.05; done"
        ),
    ] {
        machine
            .sh(&format!(
                "{{ {start}; }} >/dev/null && until [ -s /tmp/count ]; do sleep 0.05; done"
            ))
            .ok();
        assert_eq!(machine.sh(COUNT).ok(), "runs", "{start}");
        assert_eq!(machine.unipod(&["pause", "web"]).ok(), "web", "{start}");
        assert_eq!(machine.sh(COUNT).ok(), "still", "{start}");
        let state = "{{.State.Status}} {{.State.Running}} {{.State.Paused}}";
        assert_eq!(
            machine.unipod(&["inspect", "-f", state, "web"]).ok(),
            "paused false true"
        );
        let listed = "unipod ps -q; unipod ps -a --filter status=paused --format '{{.Names}} {{.State}} {{.Status}}'";
        assert_eq!(machine.sh(listed).ok(), "web paused Paused");
        for (command, said) in [
            ("pause web", "is already paused: container state improper"),
            ("stop web", "is in state paused: container state improper"),
            ("start web", "cannot start paused container"),
            (
                "restart web",
                "unable to restart a container in a paused or unknown state",
            ),
            ("exec web true", "can only create exec sessions on running containers"),
        ] {
            let refused = machine.sh(&format!("unipod {command} 2>&1")).refused();
            assert!(refused.contains(said), "{start}: {command}: {refused}");
        }
        // All that can be paused or stopped: there is none.
        assert_eq!(machine.sh("unipod pause --all && unipod stop --all").ok(), "");
        assert_eq!(machine.unipod(&["unpause", "--all"]).ok(), "web");
        assert_eq!(machine.sh(COUNT).ok(), "runs", "{start}");
        let refused = machine.sh("unipod unpause web 2>&1").refused();
        assert!(
            refused.contains("is not paused, can't unpause: container state improper"),
            "{refused}"
        );
        assert_eq!(machine.unipod(&["pause", "--filter", "name=^w.b$"]).ok(), "web");
        // It need not go on for its end, and nothing waits for it.
        machine
            .sh("timeout 10 unipod rm -f web && [ -z \"$(unipod ps -aq)\" ] && rm /tmp/count")
            .ok();
        machine.wait_for("[ -z \"$(systemctl list-units -q --state=active,deactivating 'web*' 'unipod-web*')\" ]");
    }
    machine.nothing_remains();
}

#[test]
fn units_end_with_what_is_paused() {
    let machine = machine();
    machine
        .sh("unipod run -d --name a busybox sleep 1000; unipod run -d --name b busybox sleep 1000")
        .ok();
    machine.unipod(&["pause", "a"]).ok();
    machine.systemctl(&["freeze", "unipod-b"]).ok();
    assert_eq!(
        machine.sh("unipod ps -a --format '{{.Names}} {{.State}}'").ok(),
        "a paused\nb paused"
    );
    machine
        .sh("unipod unpause b && unipod pause b && unipod unpause b && systemctl freeze unipod-b")
        .ok();
    // A stop by systemd reaches it, a kill is noticed at once, and nothing is wrong with its health.
    machine
        .sh("set -e
             unipod run -d --name c --health-cmd true --health-interval 1s --health-on-failure kill busybox sleep 1000
             unipod run -d --name d busybox sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'
             unipod pause c d; sleep 3; unipod ps -a --filter name=^c$ | grep -q Paused
             timeout 20 systemctl stop unipod-a unipod-d; timeout 10 unipod kill b; timeout 5 unipod rm -f c")
        .ok();
    machine.wait_for("[ -z \"$(systemctl list-units -q 'unipod-*')\" ]");
    assert_eq!(
        machine
            .sh("unipod ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}'")
            .ok(),
        "a exited 137\nb exited 137\nd exited 7"
    );
    machine.sh("unipod rm -a").ok();
    machine.nothing_remains();
}

#[test]
fn what_is_restarted_is_the_same_and_runs_anew() {
    let machine = machine();
    let ids = "unipod ps -a --no-trunc --format '{{.ID}} {{.Pid}}'";
    for options in ["", "--rm", "--restart always"] {
        machine
            .sh(&format!(
                "set -e; unipod run -d {options} --name a busybox sleep 1000; before=$({ids})
                 for o in '' '-t 0' --running '--filter name=a' --all; do
                     name=; case $o in -t*|'') name=a; esac
                     [ \"$(unipod restart $o $name)\" = a ]; after=$({ids})
                     [ \"${{before% *}}\" = \"${{after% *}}\" ]; [ \"$before\" != \"$after\" ]; before=$after
                     systemctl is-active -q unipod-a
                 done
                 unipod rm -f -t 0 a; [ -z \"$(unipod ps -aq)\" ]"
            ))
            .ok();
    }
    // One that has ended is started, unless only those that run are meant.
    machine
        .sh(
            "set -e; unipod run --name a busybox sh -c '[ ! -e /again ] && touch /again || exec sleep 1000'
             unipod restart --running --all; [ -z \"$(unipod ps -q)\" ]
             unipod restart a; systemctl is-active -q unipod-a; unipod rm -f -t 0 a",
        )
        .ok();
    machine.quadlet(
        "web.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nContainerName=web\nExec=sleep 1000\n",
    );
    machine.reload();
    machine.start(&["web"]);
    let invocation = machine.property("web", "InvocationID");
    machine
        .sh("unipod restart -t 0 web && systemctl is-active -q web && unipod inspect web")
        .ok();
    assert_ne!(machine.property("web", "InvocationID"), invocation);
    machine.systemctl(&["stop", "web"]).ok();
    machine.nothing_remains();
}

#[test]
fn whoever_waits_learns_how_it_ended() {
    let machine = machine();
    machine.quadlet(
        "web.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nNetwork=none\nContainerName=web\nExec=sh -c 'sleep 1; exit 5'\n\
         [Install]\nWantedBy=multi-user.target\n",
    );
    machine
        .sh("set -e
             for o in '' --rm; do
                 unipod run -d $o --name a busybox sh -c 'sleep 1; exit 3'
                 unipod wait a >/tmp/1 & unipod wait a a >/tmp/2 & wait
                 [ \"$(cat /tmp/1)\" = 3 ]; [ \"$(cat /tmp/2 | xargs)\" = '3 3' ]
                 unipod rm -fa
             done
             [ -z \"$(unipod ps -aq)\" ]; [ \"$(unipod wait --ignore nobody)\" = -1 ]; ! unipod wait nobody
             unipod run -d --rm --name a busybox sleep 1000; [ \"$(unipod wait --condition running a)\" = -1 ]
             unipod wait --condition paused --interval 10ms a >/tmp/1 & unipod pause a; wait; [ $(cat /tmp/1) = -1 ]
             unipod run -d --name b busybox true
             [ \"$(unipod wait --exit-first-match a b)\" = 0 ]; [ \"$(unipod wait -l)\" = 0 ]
             unipod rm -fa")
        .ok();
    machine.reload();
    machine.sh("systemctl start web").ok();
    assert_eq!(machine.unipod(&["wait", "web"]).ok(), "5");
    machine.nothing_remains();
}
