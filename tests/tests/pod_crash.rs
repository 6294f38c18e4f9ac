//! Pods survive anything: killed engines, reboots, a manager that is executed anew, crowds of commands, hostile members.

use unipod_tests::machine::Machine;
use unipod_tests::strikes::{self, Act};
use unipod_tests::{saboteur, setup};

const IMAGE: &str = "docker.io/library/busybox:latest";

/// So many stages of each command; `make crash` strikes at all of them.
const STAGES: usize = 1;

const CREATE: &str = "unipod pod create --name x --network cut -p 8081:80 --memory 64m";
const WITH_MEMBER: &str = "unipod pod create --name x --network cut -p 8081:80 --memory 64m &&
    unipod create --name m --pod x busybox httpd -f -p 80 -h /etc";
const RUNNING: &str = "unipod pod create --name x --network cut -p 8081:80 --memory 64m &&
    unipod run -d --name m --pod x busybox httpd -f -p 80 -h /etc";
const START: &str =
    "unipod pod start x && curl -fsS --retry 20 --retry-connrefused --retry-delay 1 localhost:8081/hostname";
const REMOVE: &str = "unipod pod rm -f x";

/// A pod of the command line. The program that a member executes may never have run: that is waited for with `curl`.
const COMMAND_LINE: &[Act] = &[
    Act {
        before: "",
        verb: "pod create",
        command: CREATE,
        next: "unipod pod create --replace --name x -p 8081:80 && unipod pod start x",
        after: REMOVE,
    },
    Act {
        before: WITH_MEMBER,
        verb: "pod start",
        command: "unipod pod start x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: WITH_MEMBER,
        verb: "unit pod start",
        command: "unipod pod start x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: WITH_MEMBER,
        verb: "unit start",
        command: "unipod pod start x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "pod stop",
        command: "unipod pod stop x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "unit pod stop",
        command: "unipod pod stop x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "unit pod cleanup",
        command: "unipod pod stop x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "unit stop",
        command: "unipod stop m",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "unit container cleanup",
        command: "unipod pod stop x",
        next: START,
        after: REMOVE,
    },
    Act {
        before: RUNNING,
        verb: "pod rm",
        command: REMOVE,
        next: "unipod pod rm -f -i x && unipod pod create --name x -p 8081:80 && unipod pod start x",
        after: REMOVE,
    },
    Act {
        before: "",
        verb: "run",
        command: "unipod run -d --name m --pod new:x -p 8081:80 busybox httpd -f -p 80 -h /etc",
        next: "unipod pod rm -f -i x && unipod run -d --replace --name m --pod new:x -p 8081:80 busybox httpd -f -p 80 -h /etc",
        after: "unipod pod rm -f x",
    },
];

const UNITS_START: &str = "systemctl reset-failed shop-pod web; systemctl start shop-pod web &&
    curl -fsS --retry 20 --retry-connrefused --retry-delay 1 localhost:8081/hostname";
const UNITS_STOP: &str = "systemctl stop shop-pod web";

/// A pod of a unit file.
const UNITS: &[Act] = &[
    Act {
        before: "",
        verb: "pod create",
        command: "systemctl start shop-pod web",
        next: UNITS_START,
        after: UNITS_STOP,
    },
    Act {
        before: "",
        verb: "pod start",
        command: "systemctl start shop-pod web",
        next: UNITS_START,
        after: UNITS_STOP,
    },
    Act {
        before: "",
        verb: "run",
        command: "systemctl start shop-pod web",
        next: UNITS_START,
        after: UNITS_STOP,
    },
    Act {
        before: UNITS_START,
        verb: "pod stop",
        command: UNITS_STOP,
        next: UNITS_START,
        after: UNITS_STOP,
    },
    Act {
        before: UNITS_START,
        verb: "pod rm",
        command: UNITS_STOP,
        next: UNITS_START,
        after: UNITS_STOP,
    },
    // Whatever the blow has left, nothing but a stop comes after it.
    Act {
        before: UNITS_START,
        verb: "rm",
        command: "systemctl stop web",
        next: UNITS_START,
        after: UNITS_STOP,
    },
];

fn machine() -> Machine {
    let machine = setup::boot();
    machine.unipod(&["pull", "-q", IMAGE]).ok();
    machine
}

/// A pod with one member, which serves; the pod starts it.
fn shop(machine: &Machine, pod: &str, service: &str) {
    let service = format!("[Service]\n{service}");
    // Neither comes back by itself, which would be in the way of the next blow.
    machine.quadlet(
        "shop.pod",
        &format!("[Unit]\nStartLimitIntervalSec=0\n[Pod]\nPublishPort=8081:80\n{pod}\n{service}\n"),
    );
    machine.quadlet(
        "web.container",
        &format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Container]\nImage={IMAGE}\nPod=shop.pod\nExec=httpd -f -p 80 -h /etc\n{service}\n"
        ),
    );
    machine.reload();
}

#[test]
fn commands_about_pods_killed() {
    let machine = machine();
    machine.sh("unipod network create cut").ok();
    saboteur::hire(&machine);
    strikes::kill(&machine, COMMAND_LINE, STAGES);
    machine.nothing_remains();
}

#[test]
fn units_of_a_pod_killed() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    saboteur::hire(&machine);
    strikes::kill(&machine, UNITS, STAGES);
    machine.nothing_remains();
}

/// At any moment, in whatever thread or program of others it is: what [`saboteur`] cannot choose.
#[test]
fn everything_of_a_pod_killed_at_any_moment() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    let moments = if strikes::all() { 100 } else { 3 };
    for moment in 0..moments {
        for (verb, units) in [
            ("start", "shop-pod"),
            ("stop", "shop-pod"),
            ("start", "web"),
            ("stop", "web"),
        ] {
            let delay = 200 * moment / moments;
            machine.sh(&format!(
                "systemctl {verb} --no-block {units}; sleep $(printf 0.%03d {delay})
                 systemctl kill --kill-whom=all --signal=KILL shop-pod web 2>/dev/null; pkill -KILL '^(unipod|netavark|crun)'"
            ));
        }
        machine.wait_for("[ -z \"$(systemctl list-jobs --no-legend)\" ]");
        machine.start(&["shop-pod", "web"]);
        machine.wait_for("curl -fsS --max-time 2 localhost:8081/hostname");
        machine.stop(&["shop-pod"]);
        machine.wait_for("! systemctl is-active -q web");
        let remains = machine.remains();
        assert!(
            remains.is_empty(),
            "killed at moment {moment}, this is left:\n{remains}"
        );
    }
}

#[test]
fn pods_and_boots() {
    let mut machine = machine();
    shop(&machine, "[Install]\nWantedBy=multi-user.target", "Restart=no");
    machine.start(&["shop-pod"]);
    machine
        .sh("unipod pod create --name own -p 8082:80 && unipod run -d --name m --pod own busybox httpd -f -p 80 -h /etc")
        .ok();
    let ids = |machine: &Machine| machine.sh("unipod pod inspect -f '{{.Id}}' systemd-shop").ok();
    let mut earlier = ids(&machine);
    for cut in [false, true] {
        machine.sh("sync").ok();
        if cut {
            machine.power_cut();
        } else {
            machine.reboot();
        }
        machine.wait_for("systemctl is-active -q web && curl -fsS localhost:8081/hostname");
        let id = ids(&machine);
        assert_ne!(id, earlier, "a unit's pod is another one in each boot");
        let ps = machine.sh("unipod pod ps --format '{{.Name}} {{.Status}}' | sort").ok();
        assert_eq!(ps, "own Exited\nsystemd-shop Running", "cut: {cut}");
        let old = machine
            .sh(&format!("find /run/unipod /var/lib/unipod -name '{earlier}*'"))
            .ok();
        assert_eq!(old, "", "cut: {cut}");
        machine.sh("unipod pod start own").ok();
        machine.wait_for("curl -fsS localhost:8082/hostname");
        earlier = id;
    }
    machine.sh("unipod pod rm -f own").ok();
    machine.stop(&["shop-pod"]);
    machine.nothing_remains();
}

/// systemd serializes what it is at, executes itself, and goes on; generated files come and go meanwhile.
#[test]
fn systemd_anew_in_the_middle() {
    let machine = machine();
    shop(&machine, "", "Restart=no");
    for act in ["daemon-reexec", "daemon-reload"] {
        for delay in ["0.01", "0.05", "0.15"] {
            machine
                .sh(&format!(
                    "systemctl start --no-block shop-pod web; sleep {delay}; systemctl {act}"
                ))
                .ok();
            machine.wait_for("systemctl is-active -q web && curl -fsS --max-time 2 localhost:8081/hostname");
            machine
                .sh(&format!(
                    "systemctl stop --no-block shop-pod; sleep {delay}; systemctl {act}"
                ))
                .ok();
            rests(&machine);
        }
    }
    // The files are gone while all of it runs.
    machine.start(&["shop-pod", "web"]);
    machine
        .sh("rm /etc/containers/systemd/shop.pod /etc/containers/systemd/web.container")
        .ok();
    machine
        .sh("systemctl stop --no-block shop-pod; systemctl daemon-reload")
        .ok();
    rests(&machine);
    shop(&machine, "", "Restart=no");
    machine.start(&["shop-pod", "web"]);
    machine
        .sh("rm /etc/containers/systemd/shop.pod /etc/containers/systemd/web.container")
        .ok();
    machine.reload();
    machine.stop(&["shop-pod"]);
    rests(&machine);
    // The last member ends while nobody answers: the pod ends all the same.
    shop(&machine, "", "Restart=no");
    machine.start(&["shop-pod", "web"]);
    machine.sh("systemctl kill -s KILL web; systemctl daemon-reexec").ok();
    rests(&machine);
}

/// Pod and member come to an end, and leave nothing. Who was killed has failed.
#[track_caller]
fn rests(machine: &Machine) {
    machine.wait_for(
        "for unit in shop-pod web; do
             case $(systemctl show --value -p ActiveState $unit) in inactive | failed) ;; *) exit 1 ;; esac
         done",
    );
    machine.nothing_remains();
}

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
