//! Pods survive killed engines, reboots, and a manager that is executed anew.

use unipod_tests::machine::Machine;
use unipod_tests::pods::{machine, shop};
use unipod_tests::saboteur;
use unipod_tests::strikes::{self, Act};

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
