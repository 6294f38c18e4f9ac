//! Damaged records: each costs what it is about and nothing else, and heals by the command that would make it.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", "busybox"]).ok();
    machine
}

#[test]
fn one_damaged_record_costs_itself_alone() {
    let machine = machine();
    machine
        .sh("echo sesame >/tmp/s
             for n in va vb vc; do
                 unipod volume create $n; unipod network create $n; unipod secret create $n /tmp/s
             done
             unipod run --rm -v va:/v busybox sh -c 'echo kept >/v/file'")
        .ok();
    let record = |kind: &str, name: &str| match kind {
        "volume" => format!("/var/lib/unipod/volumes/{name}/volume.json"),
        kind => format!("/var/lib/unipod/{kind}s/{name}.json"),
    };
    for damage in ["", "{", "\\0\\0\\0", "[1]", "{}"] {
        for kind in ["volume", "network", "secret"] {
            let (first, second) = (record(kind, "va"), record(kind, "vb"));
            machine
                .sh(&format!("printf '{damage}' >{first}; printf '{damage}' >{second}"))
                .ok();
            let listed = machine.unipod(&[kind, "ls", "-q"]);
            assert!(
                listed.success() && listed.stderr.matches(&first).count() == 1,
                "{kind} {damage:?}: {listed}"
            );
            machine.unipod(&[kind, "inspect", "vc"]).ok();
            machine.unipod(&[kind, "inspect", "va"]).refused();
            // Made anew, and removed.
            let source = if kind == "secret" { "/tmp/s" } else { "" };
            machine
                .sh(&format!("unipod {kind} create va {source} && unipod {kind} inspect va"))
                .ok();
            machine.sh(&format!("unipod {kind} rm vb && [ ! -e {second} ]")).ok();
            machine.sh(&format!("unipod {kind} create vb {source}")).ok();
        }
        machine.sh("unipod run --rm -v va:/v busybox grep kept /v/file").ok();
    }
    // A directory in the place of a record is damage like any other.
    for kind in ["volume", "network", "secret"] {
        let first = record(kind, "va");
        let source = if kind == "secret" { "/tmp/s" } else { "" };
        machine
            .sh(&format!(
                "rm {first} && mkdir -p {first}/in && unipod {kind} ls -q && unipod {kind} inspect vc &&
                 unipod {kind} create va {source} && unipod {kind} inspect va"
            ))
            .ok();
    }
    machine.sh("unipod run --rm -v va:/v busybox grep kept /v/file").ok();
    // Leases and what is noted of a container on a network: its own affair.
    machine
        .sh("unipod run -d --name net --network vc busybox sleep 1000
             cd /run/unipod && mkdir -p leases/vc/10.89.0.2/x leases/.ports/tcp,80,1, && echo '{' >netstate/other.json
             unipod run --rm --network vc -p 8080:80 busybox true && unipod network inspect vc && unipod rm -f net")
        .ok();
    machine
        .sh(
            "echo '{' >/var/lib/unipod/images/docker.io%2flibrary%2fbusybox:latest.json
             unipod pull -q busybox && unipod run --rm busybox true",
        )
        .ok();
}

/// Without anything said about it, one that is there will do.
#[test]
fn what_is_there_is_left_as_it_is_by_ignore() {
    let machine = machine();
    for kind in ["volume", "network"] {
        machine
            .sh(&format!(
                "unipod {kind} create --label a=b x && unipod {kind} inspect x >/tmp/before &&
                 unipod {kind} create --ignore x && unipod {kind} inspect x | diff /tmp/before - &&
                 unipod {kind} create --ignore --label c=d x && unipod {kind} inspect x | grep '\"c\": \"d\"'"
            ))
            .ok();
    }
    // One run directory in a boot: whoever names none gets it, and who names another one is told.
    machine
        .sh("export UNIPOD_ROOT=/var/tmp/data
             unipod --runroot /run/one volume create a && unipod volume create b && [ -e /run/one/locks ] || exit 1
             unipod --runroot /run/two ps 2>/tmp/said && exit 1
             grep -q 'used with the run directory /run/one' /tmp/said && [ ! -e /run/two ]
             rm -r /run/one && unipod --runroot /run/two ps")
        .ok();
}

/// Who forces does not want a container that is left without what it uses.
#[test]
fn what_is_removed_by_force_takes_its_containers_along() {
    let machine = machine();
    machine
        .sh("unipod network create n
             unipod run -d --name a -v v:/v busybox sleep 1000
             unipod run -d --name b --network n busybox sleep 1000
             unipod volume rm v; [ $? = 2 ] || exit 1
             unipod network rm n; [ $? = 2 ] || exit 1
             unipod volume rm -f v && unipod network rm -f n && [ -z \"$(unipod ps -aq)\" ]")
        .ok();
}
