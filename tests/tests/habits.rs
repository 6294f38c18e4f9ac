//! What people bring along from podman and docker, in small things.

use unipod_tests::setup;

#[test]
fn options_mean_what_they_mean_elsewhere() {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    // The words of compose files before a health command.
    for check in [
        "CMD-SHELL test -e /etc/passwd || exit 1",
        "CMD test -e /etc/passwd",
        "test -e /etc/passwd",
    ] {
        machine
            .sh(&format!(
                "unipod run -d --name h --health-cmd '{check}' busybox sleep 1000
                 unipod healthcheck run h && unipod rm -f -t 0 h"
            ))
            .ok();
    }
    machine
        .sh("unipod run -d --name h --health-cmd NONE busybox sleep 1000 && ! unipod healthcheck run h && unipod rm -f -t 0 h")
        .ok();
    // Lists with commas, and what is no server.
    machine
        .sh(
            "[ $(unipod run --rm --dns 10.0.0.1,10.0.0.2 busybox grep -c nameserver /etc/resolv.conf) = 2 ]
             ! unipod run --rm --dns bogus busybox true",
        )
        .ok();
    // The host has a name wherever one is.
    machine
        .sh("unipod run --rm --network host busybox grep host.containers.internal /etc/hosts")
        .ok();
    // A host that asks itself for names cannot be asked by others.
    let answer = machine.sh("cp /etc/resolv.conf /tmp/r; echo nameserver 127.0.0.1 >/etc/resolv.conf
        unipod run --rm busybox cat /etc/resolv.conf; cat /tmp/r >/etc/resolv.conf");
    assert!(
        answer.stdout.contains("nameserver 8.8.8.8") && answer.stderr.contains("--dns"),
        "{answer}"
    );
    // Read-only means read-only.
    let writable =
        "for d in /dev /dev/shm /tmp /run /etc; do touch $d/x 2>/dev/null && echo $d; done; echo x >/etc/hosts; :";
    let found = |options: &str| {
        machine
            .sh(&format!(
                "unipod run --rm {options} busybox sh -c '{writable}' 2>/dev/null"
            ))
            .stdout
    };
    assert_eq!(found("--read-only --read-only-tmpfs=false"), "");
    assert_eq!(
        found("--read-only").split_whitespace().collect::<Vec<_>>(),
        ["/dev", "/dev/shm", "/tmp", "/run"]
    );
    // What others write does not steer a terminal.
    machine
        .sh("unipod run --name e busybox sh -c \"$(printf ': \\033]0;mine\\007')\"
             unipod ps -a | grep -q 'u001b' && ! unipod ps -a | grep -q \"$(printf '\\033')\"")
        .ok();
}
