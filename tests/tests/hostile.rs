//! Others of the host, and the payload itself, want in.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
}

/// A set-user-id program in a volume is root's for whoever can execute it.
#[test]
fn local_users_see_nothing_and_reach_nothing() {
    let machine = machine();
    machine.write("/etc/subuid", "containers:2147483647:2147483648\n");
    machine.write("/etc/subgid", "containers:2147483647:2147483648\n");
    machine
        .sh(
            "unipod run --rm -v sv:/v busybox sh -c 'cp /bin/busybox /v/x && chmod 4755 /v/x'
             unipod run -d --name a --network podman -p 8080:80 -v sv:/v busybox sleep 1000
             unipod run -d --name b --userns auto -v sv:/v busybox sleep 1000",
        )
        .ok();
    let program = machine.sh("unipod volume inspect -f '{{.Mountpoint}}/x' sv").ok();
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    machine.sh(&format!("test -u {program}")).ok();
    // setpriv(1) has its capabilities until it executes something.
    let refused = machine.sh(&format!("{nobody} sh -c {program}")).refused();
    assert!(refused.contains("Permission denied"), "{refused}");
    let seen = machine
        .sh(&format!(
            "{nobody} find /var/lib/unipod /run/unipod -mindepth 1 2>/dev/null"
        ))
        .stdout;
    assert_eq!(seen, "", "nothing is listed");
    for dir in ["locks", "leases", "containers", "netns", "seccomp", "networks"] {
        let look = machine.sh(&format!(
            "[ ! -e /run/unipod/{dir} ] || ! {nobody} ls /run/unipod/{dir}"
        ));
        assert!(look.success(), "{dir}: {look}");
    }
    // What an earlier version has left open is closed by the next command.
    machine
        .sh(
            "chmod 711 /var/lib/unipod; chmod 755 /run/unipod/locks; unipod ps >/dev/null
             [ $(stat -c %a /var/lib/unipod) = 700 ] && [ $(stat -c %a /run/unipod/locks) = 700 ]",
        )
        .ok();
}

/// The kernel takes 4294967295 for "unchanged", and the user was root.
#[test]
fn nobody_becomes_root_by_a_number() {
    let machine = machine();
    for user in ["4294967295", "1000:4294967295", "2147483648", "-1"] {
        let refused = machine
            .unipod(&["run", "--rm", "--user", user, "busybox", "id"])
            .refused();
        assert!(refused.contains("2147483647"), "{refused}");
    }
    machine.sh("unipod run -d --name a busybox sleep 1000").ok();
    machine.unipod(&["exec", "--user", "4294967295", "a", "id"]).refused();
    for options in [
        "--group-add 4294967295",
        "--mount type=tmpfs,dst=/t,uid=4294967295",
        "--uidmap 0:4294967295:1",
    ] {
        machine.sh(&format!("unipod run --rm {options} busybox true")).refused();
    }
    // A denial by group cannot be shed: the own group is one of the groups (CVE-2022-2989).
    let groups = |command: &str| {
        machine
            .sh(&format!("unipod {command} grep ^Groups /proc/self/status"))
            .ok()
    };
    assert_eq!(
        groups("run --rm -u 1000:1000 busybox").split_whitespace().last(),
        Some("1000")
    );
    assert_eq!(groups("exec -u 1000:1000 a").split_whitespace().last(), Some("1000"));
}

/// What is the caller's stays the caller's: the file that output goes to, the terminal that is typed at.
#[test]
fn a_payload_in_the_foreground_has_none_of_the_callers_descriptors() {
    let machine = machine();
    let attack = "'chmod 4777 /proc/self/fd/1; : >/proc/self/fd/1; echo mine; read -t 1 x <&1; echo $x'";
    let check = "[ $(stat -c %a /tmp/log) = 644 ] && grep -q before /tmp/log && grep -q mine /tmp/log && ! grep -q typed /tmp/log";
    machine.sh("unipod run -d --name a busybox sleep 1000").ok();
    for command in ["run --rm busybox", "exec a"] {
        machine
            .sh(&format!(
                "rm -f /tmp/log; echo before >/tmp/log; chmod 644 /tmp/log
                 echo typed | unipod {command} sh -c {attack} >>/tmp/log 2>/dev/null; {check}"
            ))
            .ok();
    }
    // All of it arrives, in both directions, and whoever closes the pipe is told to the payload.
    machine
        .sh("set -e; head -c 20000000 /dev/urandom >/tmp/random
             for command in 'run --rm -i busybox' 'exec -i a'; do
                 unipod $command sh -c 'cat; echo err >&2' </tmp/random 2>/tmp/err >/tmp/copy
                 cmp /tmp/random /tmp/copy; [ \"$(cat /tmp/err)\" = err ]
                 [ \"$(unipod $command sh -c 'yes' </dev/null | head -n 1)\" = y ]
                 [ \"$(unipod $command sh -c 'exit 7' || echo $?)\" = 7 ]
                 [ \"$(unipod $command echo last words)\" = 'last words' ]
             done
             [ -z \"$(echo unread | unipod run --rm busybox cat)\" ]")
        .ok();
    machine
        .sh("systemd-run -q --wait --unit=attended -p Type=exec unipod run --rm busybox sh -c 'echo to the journal >/dev/stderr'
             journalctl --sync; journalctl -u attended -o cat | grep -q 'to the journal'")
        .ok();
}

/// `<0>` before a line makes it an emergency message, which goes to every terminal of the host.
#[test]
fn a_payload_does_not_choose_the_priority_of_its_messages() {
    let machine = machine();
    machine.quadlet(
        "loud.container",
        "[Container]\nImage=docker.io/library/busybox:latest\nExec=sh -c 'echo \"<0>fire\"; exec sleep infinity'\n",
    );
    machine.reload();
    machine.start(&["loud"]);
    machine
        .sh("unipod run -d --name b busybox sh -c 'echo \"<0>fire\"; exec sleep 1000'")
        .ok();
    for unit in ["loud", "unipod-b"] {
        machine.wait_for(&format!(
            "journalctl --sync; journalctl -u {unit} -o cat | grep '<0>fire'"
        ));
        let emergencies = machine.sh(&format!("journalctl -u {unit} -p emerg -q -o cat")).ok();
        assert_eq!(emergencies, "", "{unit}");
    }
}

/// Privileged, it could end everybody in its caller's control group.
#[test]
fn a_container_in_the_foreground_has_a_control_group_of_its_own() {
    let machine = machine();
    machine
        .sh(
            "unipod run --rm busybox sh -c 'cat /proc/self/cgroup; wc -l </sys/fs/cgroup/cgroup.procs' >/tmp/seen
             grep -q '^0::/$' /tmp/seen && [ $(tail -n 1 /tmp/seen) -le 3 ]
             sleep 100 & unipod run --rm --privileged busybox sh -c 'echo 1 >/sys/fs/cgroup/cgroup.kill'
             kill -0 $! || exit 1; kill $!
             unipod run --rm --name a busybox sleep 1000 & engine=$!
             until unipod ps -q | grep -q .; do sleep 0.05; done
             kill -9 $engine; unipod rm -f -t 0 a
             [ -z \"$(find /sys/fs/cgroup -name 'unipod-*' -type d)\" ]",
        )
        .ok();
}
