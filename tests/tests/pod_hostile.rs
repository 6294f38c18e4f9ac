//! Pods: members, other users of the host and slips of the keyboard.

use unipod_tests::machine::Machine;
use unipod_tests::setup;

const IMAGE: &str = "docker.io/library/busybox:latest";

/// Somebody without rights.
const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine
}

/// Members are root, and so is the process that they see as PID 1. What they share is mounted, and others cannot get there.
#[test]
fn members_and_local_users_reach_nothing() {
    let machine = machine();
    machine
        .sh(&format!(
            "set -e; unipod pod create --name shop --share +pid
             unipod run -d --pod shop --name web {IMAGE} sleep 1000
             unipod run --rm --pod shop --cap-add all {IMAGE} sh -c '
                mount -o remount,rw,suid,dev,exec /dev/shm; cp /bin/busybox /dev/shm/x; chmod 4755 /dev/shm/x'"
        ))
        .ok();
    for attempt in [
        "mv /etc/hosts /etc/other",
        "rm -f /etc/resolv.conf",
        "ln -sf /etc/shadow /etc/hostname",
        "hostname other",
        "/dev/shm/x true",
        "mknod /dev/shm/d c 1 1",
        "cat /proc/1/root/etc/shadow",
        ">>/proc/1/exe",
        "cat /proc/1/environ",
        "nsenter -t 1 -n true",
    ] {
        let said = machine.unipod(&["exec", "web", "sh", "-c", attempt]);
        assert!(!said.success(), "{attempt}: {said}");
    }
    machine
        .sh(&format!(
            "p=/run/unipod/pods/$(unipod pod inspect -f '{{{{.Id}}}}' shop); test -u $p/shm/x || exit 1
             h=$(pgrep -f hold-pod)
             for attempt in 'ls /run/unipod/pods' \"cat $p/hosts\" \"$p/shm/x true\" \"nsenter --net=$p/uts true\" \
                \"kill $h\" \"nsenter -t $h -n true\" 'systemctl --no-ask-password stop unipod-pod-shop'
             do {NOBODY} sh -c \"$attempt\" && {{ echo \"$attempt\"; exit 1; }}; done
             mount -o remount,exec $p/shm && {NOBODY} sh -c \"$p/shm/x true\" && exit 1
             unipod pod rm -f shop"
        ))
        .ok();
    machine.nothing_remains();
}

/// In a directory of others there may be links and FIFOs where a file with an ID is to be.
#[test]
fn files_with_ids_lead_nowhere() {
    let machine = machine();
    machine
        .sh(&format!(
            "set -e; mkdir -m 777 /tmp/open; echo kept >/root/victim
             {NOBODY} ln -s /root/victim /tmp/open/link; {NOBODY} mkfifo /tmp/open/fifo"
        ))
        .ok();
    for file in ["link", "fifo"] {
        for command in [
            "unipod pod create --pod-id-file /tmp/open/FILE",
            "unipod pod rm --pod-id-file /tmp/open/FILE",
            "unipod pod start --pod-id-file /tmp/open/FILE",
            "unipod run --rm --pod-id-file /tmp/open/FILE busybox true",
            "unipod rm --cidfile /tmp/open/FILE",
        ] {
            let said = machine
                .sh(&format!("timeout 20 {}", command.replace("FILE", file)))
                .refused();
            assert!(said.contains(&format!("/tmp/open/{file}")), "{command}: {said}");
            assert!(!said.contains("kept"), "{command}: {said}");
        }
    }
    machine
        .sh("[ $(cat /root/victim) = kept ] && [ -z \"$(unipod pod ps -q)\" ]")
        .ok();
    machine.nothing_remains();
}

/// What can only fail later is refused at once, and it is said what it is about.
#[test]
fn mistakes_are_refused_by_name() {
    let machine = machine();
    for (options, expected) in [
        (
            "--restart often",
            "expected no, always, on-failure[:TIMES] or unless-stopped",
        ),
        ("--hostname 'a b'", "--hostname \"a b\": expected up to 64"),
        ("--infra-name 'a b'", "--infra-name: names must match"),
        ("--add-host 'a b:1.2.3.4'", "--add-host \"a b:1.2.3.4\": no blanks"),
        (
            "--infra=false -p 80:80",
            "you must have an infra container to publish port bindings",
        ),
        (
            "--infra=false --network none",
            "NoInfra and network modes cannot be used together",
        ),
        (
            "--infra=false --share net",
            "cannot set share(net) namespaces without an infra container",
        ),
        ("--network host -p 80:80", "PortMappings can only be used with Bridge"),
    ] {
        let said = machine.sh(&format!("unipod pod create {options}")).refused();
        assert!(said.contains(expected), "{options}: {said}");
    }
    machine
        .sh(&format!(
            "set -e; for pod in one two; do unipod pod create --name $pod -p 8080:80; done
             unipod run -d --pod one {IMAGE} sleep 1000"
        ))
        .ok();
    let id = machine.sh("unipod pod inspect -f '{{.Id}}' one").ok();
    let taken = format!("port 8080/tcp on 0.0.0.0 is already in use by pod {id}");
    for options in ["--pod two", "-p 8080:80"] {
        let said = machine.sh(&format!("unipod run --rm {options} {IMAGE} true")).refused();
        assert!(said.contains(&taken), "{options}: {said}");
    }
    let said = machine.sh("unipod play kube shop.yaml").refused();
    assert!(said.contains("`unipod play` is not there yet"), "{said}");
    machine.sh("unipod pod rm -fa").ok();
    machine.nothing_remains();
}
