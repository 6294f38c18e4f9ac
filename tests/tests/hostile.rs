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
    // Container b, for one, has it in its user namespace.
    machine
        .sh("unipod exec b test -u /v/x && unipod run --rm --userns auto -v own:/v busybox sh -c 'echo 1 >/v/f && cat /v/f'")
        .ok();
    let elsewhere = "unipod --root /mnt/data --runroot /run/other";
    machine
        .sh(&format!(
            "set -e; mount -t tmpfs -o mode=755 tmpfs /mnt; {elsewhere} pull -q busybox
             {elsewhere} run --rm --network none -v sv:/v busybox sh -c 'cp /bin/busybox /v/x && chmod 4755 /v/x'
             {elsewhere} run --rm --network none --userns auto -v own:/v busybox sh -c 'echo 1 >/v/f && cat /v/f'
             test -u /mnt/data/volumes/sv/_data/x
             {nobody} sh -c /mnt/data/volumes/sv/_data/x && exit 1
             [ -z \"$({nobody} find /mnt/data /run/other -mindepth 1 2>/dev/null)\" ]"
        ))
        .ok();
    // Nobody gets as far as an image whose files cannot be his.
    let refused = machine
        .sh(&format!(
            "{nobody} env HOME=/tmp XDG_RUNTIME_DIR=/tmp unipod run --rm busybox true"
        ))
        .refused();
    assert!(
        refused.contains("containers without root are not supported yet"),
        "{refused}"
    );
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
             script -qec \"unipod run -t --rm busybox sh -c 'cat /proc/self/cgroup; sort /sys/fs/cgroup/cgroup.procs'\" /dev/null </dev/null >/tmp/seen
             tr -d '\\r' </tmp/seen | grep -q '^0::/$' && ! tr -d '\\r' </tmp/seen | grep -q '^0$' || exit 1
             sleep 100 & unipod run --rm --privileged busybox sh -c 'echo 1 >/sys/fs/cgroup/cgroup.kill'
             kill -0 $! || exit 1
             echo 'unipod run -t --rm --privileged busybox sh -c \"echo 1 >/sys/fs/cgroup/cgroup.kill\"; echo engine=$?' >/tmp/command
             script -qec 'sh /tmp/command' /dev/null </dev/null | grep -q engine=0
             kill -0 $! || exit 1; kill $!
             sleep 100 & unipod create --privileged --name c busybox sh -c 'echo 1 >/sys/fs/cgroup/cgroup.kill'
             unipod start -a c; kill -0 $! || exit 1; kill $!; unipod rm c
             unipod run --rm --name a busybox sleep 1000 & engine=$!
             until unipod ps -q | grep -q .; do sleep 0.05; done
             kill -9 $engine; unipod rm -f -t 0 a
             [ -z \"$(find /sys/fs/cgroup -name 'unipod-*' -type d)\" ]",
        )
        .ok();
}

/// Shell functions that make an image by hand, as one that wants to do harm does.
const BY_HAND: &str = r#"
    blob() { # FILE: moves it into the layout; says its digest and size
        set -- "$1" "$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c %s "$1")"
        mv "$1" "blobs/sha256/$2"
        echo "\"digest\": \"sha256:$2\", \"size\": $3"
    }
    layout() { # DIRECTORY DIFFID, on standard input the compressed archive
        mkdir -p "$1/blobs/sha256"; cd "$1"
        cat >layer; layer=$(blob layer)
        echo "{\"architecture\": \"$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')\", \"os\": \"linux\",
               \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"sha256:$2\"]}, \"config\": {}}" >config
        echo "{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.oci.image.manifest.v1+json\",
               \"config\": {\"mediaType\": \"application/vnd.oci.image.config.v1+json\", $(blob config)},
               \"layers\": [{\"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\", $layer}]}" >manifest
        echo "{\"schemaVersion\": 2, \"manifests\":
               [{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\", $(blob manifest)}]}" >index.json
        echo '{"imageLayoutVersion": "1.0.0"}' >oci-layout
    }
"#;

#[test]
fn an_image_cannot_fill_the_disk_or_make_us_wait() {
    let machine = setup::boot();
    let by_hand = |script: &str| machine.sh(&format!("set -e; {BY_HAND} {script}"));
    by_hand(
        "mkdir /run/bomb; truncate -s 400M /run/bomb/zeros
         sum=$(tar -C /run/bomb -c zeros | sha256sum | cut -d' ' -f1)
         tar -C /run/bomb -c zeros | gzip -1 | layout /run/bomb-image $sum
         [ $(du -sm /run/bomb-image | cut -f1) -lt 10 ]",
    )
    .ok();
    // A file system of its own, and what is on it beside us.
    let place = "unipod --root /mnt/data --runroot /run/bombed";
    machine
        .sh("mount -t tmpfs -o size=200M tmpfs /mnt && echo kept >/mnt/kept")
        .ok();
    let refused = machine.sh(&format!("{place} pull -q oci:/run/bomb-image")).refused();
    assert!(
        refused.contains("no space is left") && refused.contains("kept free for others"),
        "{refused}"
    );
    let left = machine.sh("df -m --output=used /mnt | tail -1").ok();
    assert!(left.trim().parse::<u32>().unwrap() < 20, "{left} MiB stay");

    // Files that are none.
    by_hand(
        "mkdir -p /run/odd/etc /run/odd/bin; cp /usr/bin/busybox /run/odd/bin/busybox 2>/dev/null || cp /bin/busybox /run/odd/bin/
         for name in sh sleep true id; do ln -s busybox /run/odd/bin/$name; done
         mkfifo /run/odd/etc/passwd; mknod /run/odd/etc/group c 1 5
         tar -C /run/odd -cf /run/odd.tar .
         gzip -1 </run/odd.tar | layout /run/odd-image $(sha256sum </run/odd.tar | cut -d' ' -f1)
         unipod pull -q oci:/run/odd-image",
    )
    .ok();
    let image = machine.sh("unipod images -q | head -1").ok();
    for options in ["", "--user 1000:1000", "--user 0"] {
        machine
            .sh(&format!("timeout 20 unipod run --rm {options} {image} true"))
            .ok();
    }
    for user in ["nobody", "0:staff"] {
        let refused = machine.sh(&format!("timeout 20 unipod run --rm --user {user} {image} true"));
        assert_eq!(refused.code, 125, "{user}: {refused}");
    }
    machine.sh(&format!("unipod run -d --name odd {image} sleep 1000")).ok();
    machine.sh("timeout 20 unipod exec --user 1000 odd true").ok();
    let refused = machine.sh("timeout 20 unipod exec --user nobody odd true").refused();
    assert!(refused.contains("no user nobody"), "{refused}");
    machine.sh("unipod rm -f -t 0 odd").ok();
    machine.nothing_remains();
}

/// What registries and helper programs say does not steer the terminal, and they do not keep us.
#[test]
fn programs_and_registries_of_others_have_no_power_over_us() {
    let machine = machine();
    machine.write(
        "/run/evil-registry",
        "#!/bin/sh\nread -r line\nbody='{\"errors\": [{\"code\": \"DENIED\", \"message\": \"\\u001b[2J\\u009bcome in\"}]}'\n\
         printf 'HTTP/1.1 403 Forbidden\\r\\nContent-Type: application/json\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' \
         \"$(printf %s \"$body\" | wc -c)\" \"$body\"\n",
    );
    machine
        .sh("chmod +x /run/evil-registry; systemd-run -q --unit=evil socat TCP-LISTEN:5009,bind=127.0.0.1,fork,reuseaddr EXEC:/run/evil-registry")
        .ok();
    machine.wait_for("curl -sS http://127.0.0.1:5009/v2/ | grep -q DENIED");
    // On a terminal as well, where our own colours are.
    for (command, on_terminal) in [
        (
            "unipod --log-level debug pull --tls-verify=false --retry 0 127.0.0.1:5009/x",
            false,
        ),
        (
            "unipod --log-level debug pull --tls-verify=false --retry 0 127.0.0.1:5009/x",
            true,
        ),
        ("unipod $(printf '\\033[2J')", true),
        ("unipod ps --no-such-$(printf '\\033[2J')", true),
        ("unipod login -u u -p p --tls-verify=false 127.0.0.1:5009", false),
    ] {
        let script = if on_terminal {
            machine.write("/run/command", &format!("{command}\n"));
            "script -qec 'sh /run/command' /dev/null </dev/null".to_owned()
        } else {
            command.to_owned()
        };
        let output = machine.sh(&format!("{script} 2>&1 || true")).stdout;
        assert!(
            !output.contains("\u{1b}[2J") && !output.contains('\u{9b}'),
            "{command}: {output:?}"
        );
        assert!(
            output.contains("[2J") || output.contains("error: "),
            "{command}: {output:?}"
        );
    }

    // A netavark that hangs, when it is to begin and when it is to end; a signal ends us nevertheless.
    machine.write(
        "/usr/local/lib/podman/netavark",
        "#!/bin/sh\nsleep 1000 &\necho $$ $! >>/run/netavark.pid\nwait\n",
    );
    machine.sh("chmod +x /usr/local/lib/podman/netavark").ok();
    machine
        .sh("systemd-run -q --unit=caller sh -c 'unipod run --rm --name hung --network podman busybox true; echo ended $?; sleep 1000'")
        .ok();
    machine.wait_for("[ -s /run/netavark.pid ]");
    machine.sh("pkill -TERM -o -f '^unipod run --rm --name hung'").ok();
    machine.wait_for("journalctl -q -o cat -u caller | grep -q '^ended 125'");
    machine
        .sh("for pid in $(cat /run/netavark.pid); do ! kill -0 $pid || exit 1; done")
        .ok();
    let said = machine.journal("caller");
    assert!(said.contains("netavark") && said.contains("asked to end"), "{said}");
    machine
        .sh("rm /usr/local/lib/podman/netavark; systemctl stop caller; unipod rm -f --ignore hung")
        .ok();
    machine.nothing_remains();
}
