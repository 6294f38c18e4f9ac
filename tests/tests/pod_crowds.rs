//! Pods in a crowd: many commands at once, members that crash together, neighbours and users with bad intentions, odd names.

use unipod_tests::pods::{IMAGE, machine, shop};
use unipod_tests::saboteur;

/// Commands that know nothing of each other, about the same pods and about different ones.
#[test]
fn two_hundred_commands_at_once() {
    let machine = machine();
    machine.write(
        "/tmp/crowd",
        "#!/bin/sh
         # Each command ends, well or with a message; nobody panics.
         act() { timeout 120 unipod \"$@\" >/tmp/crowd.$n 2>&1; echo \"$? $*\" >>/tmp/crowd.codes; }
         n=$1; pod=p$((n % 4))
         case $((n / 4 % 10)) in
             0) act pod create --replace --name $pod --network none ;;
             1) act pod start $pod ;;
             2) act run -d --replace --name m$n --pod $pod busybox sleep 1000 ;;
             3) act pod stop -t 1 $pod ;;
             4) act run --rm --pod new:$pod busybox true ;;
             5) act pod rm -f $pod ;;
             6) act pod ps ;;
             7) act run --rm --pod $pod busybox true ;;
             8) act pod inspect $pod ;;
             9) act rm -f m$((n - 28)) ;;
         esac\n",
    );
    let said = machine
        .run_within(
            std::time::Duration::from_secs(240),
            &[
                "sh",
                "-c",
                "seq 0 199 | xargs -P 40 -n 1 sh /tmp/crowd; wc -l </tmp/crowd.codes",
            ],
        )
        .ok();
    assert_eq!(said, "200");
    let hung = machine.sh("grep '^124 ' /tmp/crowd.codes").stdout;
    assert_eq!(hung, "", "these did not end");
    let panics = machine
        .sh("grep -l -e panicked -e 'RUST_BACKTRACE' /tmp/crowd.*; journalctl -o cat | grep panicked")
        .stdout;
    assert_eq!(panics, "");
    machine.sh("unipod pod rm -f -a && unipod rm -f -a").ok();
    machine.nothing_remains();
    let units = machine
        .sh("systemctl list-units --all --plain --no-legend 'unipod-*.service' 'unipod-pod-*'")
        .ok();
    assert_eq!(units, "");
}

#[test]
fn members_that_crash_at_the_same_time_keep_their_pod() {
    let machine = machine();
    machine.quadlet("shop.pod", "[Pod]\nNetwork=none\n");
    // Both wait for the other, and crash at the same instant; one more ends with them.
    for name in ["a", "b"] {
        machine.quadlet(
            &format!("{name}.container"),
            &format!(
                "[Container]\nImage={IMAGE}\nPod=shop.pod\nVolume=/run/count:/count\n\
                 Exec=sh -c 'echo x >>/count/{name}; [ $(wc -l </count/{name}) -gt 5 ] && exec sleep infinity; \
                 until [ -e /count/go ]; do sleep 0.01; done; exit 1'\n\
                 [Service]\nRestart=always\nRestartSec=300ms\nStartLimitBurst=0\n"
            ),
        );
    }
    machine.sh("mkdir -p /run/count").ok();
    machine.reload();
    machine.start(&["shop-pod", "a", "b"]);
    let pod = machine.property("shop-pod", "InvocationID");
    machine.sh("touch /run/count/go").ok();
    machine.wait_for("[ $(cat /run/count/a /run/count/b | wc -l) = 12 ] && systemctl is-active a b");
    assert_eq!(machine.property("shop-pod", "InvocationID"), pod);
    // All of both killed, in one moment, several times.
    for _ in 0..3 {
        machine.sh("systemctl kill --kill-whom=all -s KILL a b").ok();
        machine.wait_for("systemctl is-active a b");
        assert_eq!(machine.property("shop-pod", "InvocationID"), pod);
    }
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

/// The pod stays then, which is the safe side; whatever comes next finds no obstacle.
#[test]
fn a_member_whose_last_command_is_killed() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    saboteur::hire(&machine);
    machine.start(&["shop-pod", "web"]);
    saboteur::strike(
        &machine,
        "rm",
        &saboteur::Stage {
            call: "unlink".into(),
            number: 1,
        },
    );
    machine.sh("systemctl kill -s KILL web").ok();
    machine.wait_for("[ $(systemctl show --value -p ActiveState web) = failed ]");
    saboteur::dismiss(&machine);
    assert!(machine.is_active("shop-pod"));
    machine.start(&["web"]);
    machine.wait_for("curl -fsS --max-time 2 localhost:8081/hostname");
    machine.stop(&["shop-pod"]);
    machine.wait_for("! systemctl is-active -q web");
    machine.nothing_remains();
}

#[test]
fn a_pod_whose_port_is_taken_says_so_and_starts_later() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    machine
        .sh(
            "systemd-run -q --unit=squatter socat TCP-LISTEN:8081,fork,reuseaddr EXEC:true || \
             systemd-run -q --unit=squatter python3 -m http.server 8081",
        )
        .ok();
    machine.wait_for("ss -tln | grep :8081");
    let status = machine.start_refused("shop-pod");
    assert!(status.contains("8081"), "{status}");
    let why = machine.sh("unipod unit why shop-pod; true").stdout;
    assert!(why.contains("8081"), "{why}");
    machine.nothing_remains();
    machine.sh("unipod pod create --name own -p 8081:80 >/dev/null").ok();
    let said = machine.sh("unipod pod start own").refused();
    assert!(said.contains("8081"), "{said}");
    machine
        .sh("systemctl stop squatter && unipod pod start own && unipod pod rm -f own")
        .ok();
    machine.start(&["shop-pod", "web"]);
    machine.wait_for("curl -fsS --max-time 2 localhost:8081/hostname");
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

#[test]
fn a_hostile_member() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    machine.quadlet(
        "evil.container",
        &format!("[Container]\nImage={IMAGE}\nPod=shop.pod\nExec=sleep infinity\n"),
    );
    machine.reload();
    machine.start(&["shop-pod", "web", "evil"]);
    machine.wait_for("unipod exec systemd-evil true");
    let evil = |script: &str| machine.run(&["unipod", "exec", "systemd-evil", "sh", "-c", script]);
    evil("cd /dev/shm && rm -rf * ; dd if=/dev/zero of=/dev/shm/full bs=1M 2>/dev/null; [ $(stat -c %s full) -le 67108864 ]").ok();
    evil("rm /etc/hosts /etc/hostname /etc/resolv.conf; ln -sf /etc/shadow /etc/hosts; mv /etc/hosts /x; umount /etc/hosts /dev/shm")
        .refused();
    // No line ends, and there is more than anybody reads.
    evil("dd if=/dev/zero of=/etc/hosts bs=1M count=8 2>/dev/null; printf 'no end' >>/etc/hosts").ok();
    machine.sh("systemctl restart web").ok();
    machine.wait_for("curl -fsS --max-time 2 localhost:8081/hostname");
    let resident = machine
        .sh("unipod exec systemd-web sh -c 'tail -c 30 /etc/hosts | tr -d \"\\0\"'")
        .ok();
    assert!(resident.contains("systemd-web"), "{resident}");
    // All of /run, a small one.
    machine
        .sh("mount -o remount,size=$(($(df --output=used -k /run | tail -n 1) / 1024 + 64))m /run")
        .ok();
    evil("dd if=/dev/zero of=/etc/hosts bs=1M 2>/dev/null; true").ok();
    let free = machine.sh("df --output=avail -k /run | tail -n 1").ok();
    assert!(free.trim().parse::<u64>().is_ok_and(|free| free < 1024), "{free}");
    machine.stop(&["web"]);
    machine.stop(&["shop-pod"]);
    machine.wait_for("! systemctl is-active -q evil");
    machine.nothing_remains();
    machine.start(&["shop-pod", "web", "evil"]);
    machine.stop(&["shop-pod"]);
    machine.wait_for("! systemctl is-active -q evil");
    machine.nothing_remains();
}

#[test]
fn what_other_users_of_the_host_see() {
    let machine = machine();
    for file in ["/etc/subuid", "/etc/subgid"] {
        machine.write(file, "containers:2147483647:2147483648\n");
    }
    for options in ["", "--userns auto"] {
        machine.sh(&format!("unipod pod create --name x {options}")).ok();
        machine
            .sh("unipod run -d --name m --pod x busybox sh -c 'echo secret >/dev/shm/s; exec sleep 1000'")
            .ok();
        machine.wait_for("unipod exec m cat /dev/shm/s");
        let dir = machine
            .sh("echo /run/unipod/pods/$(unipod pod inspect -f '{{.Id}}' x)")
            .ok();
        for wish in [
            "ls /run/unipod/pods",
            &format!("ls {dir}"),
            &format!("cat {dir}/shm/s"),
            &format!("cat {dir}/hosts"),
            &format!("stat {dir}/ipc"),
            &format!("nsenter --uts={dir}/uts hostname evil"),
            "cat /var/lib/unipod/pods/x.json",
            "unipod pod rm -f x",
        ] {
            machine
                .run(&[
                    "setpriv",
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "sh",
                    "-c",
                    wish,
                ])
                .refused();
        }
        machine.sh("unipod pod rm -f x").ok();
    }
    machine.nothing_remains();
}

#[test]
fn names_that_are_hard_to_have() {
    let machine = machine();
    for name in ["..", "-x", "a/b", "a b", "", "x\\n", &"l".repeat(201)] {
        let said = machine.run(&[
            "unipod",
            "pod",
            "create",
            "--network",
            "none",
            &format!("--name={name}"),
        ]);
        assert!(!said.success() && said.to_string().contains("name"), "{name:?}: {said}");
    }
    let dashes = format!("a{}", "-".repeat(199));
    for name in [
        "a.b_c-d",
        "a..b",
        "x.slice",
        "x.service",
        "0",
        &"l".repeat(200),
        &dashes,
        &"f".repeat(64),
    ] {
        machine
            .run(&[
                "unipod",
                "pod",
                "create",
                "--network",
                "none",
                "--memory=64m",
                "--name",
                name,
            ])
            .ok();
        machine
            .run(&["unipod", "run", "-d", "--pod", name, IMAGE, "sleep", "1000"])
            .ok();
        let state = machine
            .run(&["unipod", "pod", "inspect", "-f", "{{.State}}", name])
            .ok();
        assert_eq!(state, "Running", "{name}");
        machine.run(&["unipod", "pod", "restart", name]).ok();
        machine.run(&["unipod", "pod", "rm", "-f", name]).ok();
        machine.nothing_remains();
    }
    // A container whose unit could be a pod's, and a pod that is called as another's ID.
    machine.sh("unipod pod create --name shop --network none && unipod run -d --name pod-shop --network none busybox sleep 1000").ok();
    machine.sh("unipod run -d --name m --pod shop busybox sleep 1000").ok();
    machine
        .sh("unipod exec m true && unipod exec pod-shop true && unipod restart pod-shop")
        .ok();
    let id = machine.sh("unipod pod inspect -f '{{.Id}}' shop").ok();
    machine
        .sh(&format!(
            "unipod pod create --name {id} --network none && unipod pod restart shop"
        ))
        .ok();
    assert_eq!(
        machine.sh(&format!("unipod pod inspect -f '{{{{.Name}}}}' {id}")).ok(),
        "shop"
    );
    machine.sh("unipod pod rm -f shop && unipod rm -f pod-shop").ok();
    machine.sh(&format!("unipod pod rm {id}")).ok();
    machine.nothing_remains();
}
