//! Options of the command line whose effect is seen only in a container that runs.

use unipod_tests::setup;

const BUSYBOX: &str = "docker.io/library/busybox:latest";

#[test]
fn what_a_container_shares_with_others() {
    let machine = setup::boot();
    let sh = |script: &str| machine.sh(&script.replace("IMG", BUSYBOX));
    sh("unipod run -d --name p --ipc shareable --network none IMG sh -c 'echo shared >/dev/shm/x; exec sleep infinity'").ok();
    machine.wait_for("unipod exec p test -s /dev/shm/x");
    let join = "unipod run --rm --network none --ipc container:p IMG sh -c 'cat /dev/shm/x; echo back >/dev/shm/y'";
    assert_eq!(sh(join).ok(), "shared");
    assert_eq!(machine.unipod(&["exec", "p", "cat", "/dev/shm/y"]).ok(), "back");
    assert_eq!(
        sh("unipod exec p readlink /proc/self/ns/ipc").ok(),
        sh("unipod run --rm --network none --ipc container:p IMG readlink /proc/self/ns/ipc").ok()
    );
    for mode in ["private", "none"] {
        sh(&format!(
            "unipod run -d --replace --name q --ipc {mode} --network none IMG sleep infinity"
        ))
        .ok();
        let refused = sh("unipod run --rm --network none --ipc container:q IMG true").refused();
        assert!(refused.contains(mode) && refused.contains("shareable"), "{refused}");
    }
    machine.unipod(&["rm", "-f", "-t0", "p", "q"]).ok();

    machine
        .unipod(&["network", "create", "-o", "no_default_route=1", "n"])
        .ok();
    sh("unipod run -d --name d --hostname my-host --network n IMG sleep infinity").ok();
    let found = sh("unipod run --rm --network n IMG nslookup my-host").ok();
    assert!(found.contains("10.89."), "{found}");
    // The one word that netavark takes; old ones do not know the option.
    let inspected = machine.unipod(&["network", "inspect", "n"]).ok();
    assert!(inspected.contains("\"no_default_route\": \"true\""), "{inspected}");
    machine.unipod(&["rm", "-f", "-t0", "d"]).ok();
    machine.nothing_remains();
}

#[test]
fn nobody_gets_the_callers_own_input() {
    let machine = setup::boot();
    // Given as it is, the file would be at its end afterwards, and its name would be the container's to change.
    let sh = |script: &str| machine.sh(&format!("echo typed >/tmp/in; {}", script.replace("IMG", BUSYBOX)));
    let run = "unipod run --rm -i --network none --log-driver none -v /tmp:/t IMG \
               sh -c 'cat >/t/out; readlink /proc/self/fd/0 >>/t/out' </tmp/in; cat /tmp/out";
    let output = sh(run).ok();
    assert!(output.starts_with("typed\npipe:"), "{output}");
    let exec = "unipod run -d --name c --network none -v /tmp:/t IMG sleep infinity >/dev/null; \
                unipod exec -d -i c sh -c 'readlink /proc/self/fd/0 >/t/new; mv /t/new /t/fd' </tmp/in";
    sh(exec).ok();
    machine.wait_for("test -s /tmp/fd");
    assert_eq!(machine.sh("cat /tmp/fd").ok(), "/dev/null");
    machine.unipod(&["rm", "-f", "-t0", "c"]).ok();

    // What is told of a container ends with it, and one that cannot be told of is not left running.
    sh("unipod run --rm --network none --cidfile /tmp/cid IMG true; test ! -e /tmp/cid").ok();
    sh("mkdir /tmp/dir; unipod run -d --name n --network none --pidfile /tmp/dir IMG sleep infinity").refused();
    machine.unipod(&["inspect", "n"]).refused();
    machine.nothing_remains();
}
