//! `make bench`: unipod beside the hand-written unit, and beside podman where it is installed, in one run on one machine.
//!
//! ```text
//! bench [--rounds N] [--json FILE]
//! ```
//! `UNIPOD_TEST_ROOT=DIR` measures on another distribution ([`unipod_tests`]).
//! Rounds of the subjects alternate, so that a noisy moment of the host does not fall on one of them. The numbers are
//! medians. `systemctl start` and `stop` are timed as commands inside the machine.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use unipod_tests::machine::{Machine, helper};
use unipod_tests::measure::clock::{median, numbers, series};
use unipod_tests::measure::disk::Disk;
use unipod_tests::measure::subject::{self, IMAGE, Kind, PODMAN, Subject};
use unipod_tests::measure::table::{self, Goal, Row};
use unipod_tests::setup;

/// Where distributions keep netavark, which is in nobody's `PATH`.
const NETAVARK_DIRS: &str = "/usr/lib/podman:/usr/libexec/podman";

/// How many units are started at once.
const MANY: usize = 30;

/// The kernel takes namespaces down after their last process is gone: nobody's start is to pay for another one's stop.
const SETTLE: &str = "sleep 0.05;";

/// The program that takes the time to READY=1, inside the machine.
const HELPER: &str = "/usr/local/bin/machine";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match bench(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}

fn bench(arguments: &[String]) -> io::Result<()> {
    let rounds = option(arguments, "--rounds")
        .and_then(|text| text.parse().ok())
        .unwrap_or(15);
    let disk = Disk::new();
    let mut config = setup::config()?.file(helper()?, HELPER);
    match &disk {
        Ok(disk) => config = config.at(disk.path()),
        Err(error) => eprintln!("bench: on this machine's own file system, without a disk to itself: {error}"),
    }
    let machine = setup::boot_with(&config);
    let bench = Bench {
        podman: machine.sh(&format!("test -x {PODMAN}")).success(),
        machine,
        rounds,
    };
    eprintln!("bench: {rounds} rounds on\n{}", bench.versions());
    bench.prepare();
    let mut rows = bench.units(Kind::Polite, "Network=none", [Goal::Times(1.25), Goal::Times(1.4)])?;
    rows.extend(bench.units(
        Kind::Deaf,
        "deaf to SIGTERM",
        [Goal::None, Goal::Within(Duration::from_millis(200))],
    )?);
    rows.extend(bench.bridge()?);
    rows.push(bench.cpu()?);
    rows.push(bench.ready()?);
    rows.extend(bench.many()?);
    rows.extend(bench.generator()?);
    table::print(&rows);
    if let Some(file) = option(arguments, "--json") {
        std::fs::write(file, serde_json::to_vec_pretty(&rows)?)?;
    }
    Ok(())
}

/// A prepared machine and how often everything is done.
struct Bench {
    machine: Machine,
    podman: bool,
    rounds: usize,
}

impl Bench {
    fn subjects(&self) -> Vec<Subject> {
        let all = [Subject::HandWritten, Subject::Unipod, Subject::Podman];
        all.into_iter()
            .filter(|subject| *subject != Subject::Podman || self.podman)
            .collect()
    }

    /// What is measured: a line for each program that takes part.
    fn versions(&self) -> String {
        let script = format!(
            "PATH=$PATH:{NETAVARK_DIRS}; . /etc/os-release; echo $PRETTY_NAME, Linux $(uname -r), $(nproc) processors; \
             systemctl --version | head -n 1; crun --version | head -n 1; netavark --version; {PODMAN} --version || echo no podman"
        );
        self.machine.sh(&script).stdout
    }

    fn prepare(&self) {
        subject::prepare(&self.machine);
        self.machine.unipod(&["pull", "-q", IMAGE]).ok();
        if self.podman {
            // podman runs nothing without a policy; /etc/containers is the machine's own.
            let policy = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
            self.machine.write("/etc/containers/policy.json", policy);
            self.machine.run(&[PODMAN, "pull", "-q", IMAGE]).ok();
        }
        for subject in self.subjects() {
            subject.install(&self.machine, Kind::Polite, MANY);
            subject.install(&self.machine, Kind::Deaf, 1);
            if subject != Subject::HandWritten {
                subject.install(&self.machine, Kind::Bridge, 1);
            }
        }
        self.machine.reload();
    }

    /// Medians of start and stop of one unit, for each subject, in alternating rounds.
    fn start_and_stop(&self, subjects: &[Subject], kind: Kind) -> io::Result<Vec<[Option<Duration>; 2]>> {
        let mut times = vec![[Vec::new(), Vec::new()]; subjects.len()];
        for _ in 0..self.rounds {
            for (subject, [starts, stops]) in subjects.iter().zip(&mut times) {
                let unit = subject.unit(kind, 0);
                let (start, stop) = (format!("systemctl start {unit}"), format!("systemctl stop {unit}"));
                starts.extend(series(&self.machine, 1, SETTLE, &start, "")?);
                stops.extend(series(&self.machine, 1, SETTLE, &stop, "")?);
            }
        }
        Ok(times.into_iter().map(|pair| pair.map(median)).collect())
    }

    fn units(&self, kind: Kind, what: &str, goals: [Goal; 2]) -> io::Result<Vec<Row>> {
        let medians = self.start_and_stop(&self.subjects(), kind)?;
        let row = |index: usize, verb: &str| Row {
            what: format!("systemctl {verb}, {what}"),
            yardstick: ("hand-written".to_owned(), medians[0][index]),
            unipod: medians[1][index],
            podman: medians.get(2).and_then(|pair| pair[index]),
            goal: goals[index],
            beats: (kind == Kind::Polite).then_some([3.0, 5.0][index]),
        };
        Ok(vec![row(0, "start"), row(1, "stop")])
    }

    fn bridge(&self) -> io::Result<Vec<Row>> {
        let subjects: Vec<Subject> = self.subjects().into_iter().skip(1).collect();
        let medians = self.start_and_stop(&subjects, Kind::Bridge)?;
        let plain = self.start_and_stop(&[Subject::Unipod], Kind::Polite)?;
        let netavark = self.netavark()?;
        let rows = ["start", "stop"]
            .iter()
            .zip(netavark)
            .enumerate()
            .map(|(index, (verb, netavark))| Row {
                what: format!("systemctl {verb}, bridge"),
                yardstick: (
                    "none + netavark".to_owned(),
                    plain[0][index].zip(netavark).map(|(plain, more)| plain + more),
                ),
                unipod: medians[0][index],
                podman: medians.get(1).and_then(|pair| pair[index]),
                goal: Goal::Above(Duration::from_millis(10)),
                beats: None,
            });
        Ok(rows.collect())
    }

    /// netavark's own time for setup and teardown of one container on a bridge.
    fn netavark(&self) -> io::Result<[Option<Duration>; 2]> {
        let json = r#"{"container_id":"b","container_name":"b","networks":{"n":{"static_ips":["10.99.0.2"],"interface_name":"eth0"}},"network_info":{"n":{"name":"n","id":"0000000000000000000000000000000000000000000000000000000000000000","driver":"bridge","network_interface":"bench9","subnets":[{"subnet":"10.99.0.0/24","gateway":"10.99.0.1"}],"ipv6_enabled":false,"internal":false,"dns_enabled":false}}}"#;
        self.machine.write("/run/netavark.json", json);
        let netavark = format!("PATH=$PATH:{NETAVARK_DIRS} netavark --config=/run/netavark-bench");
        let setup = format!("{netavark} setup /run/netns/bench </run/netavark.json >/dev/null");
        let teardown = format!("{netavark} teardown /run/netns/bench </run/netavark.json >/dev/null");
        let (new, gone) = (format!("ip netns add bench; {SETTLE}"), "ip netns del bench;");
        let up = series(&self.machine, self.rounds, &new, &setup, &format!("{teardown};{gone}"))?;
        let before = format!("{new} {setup}; {SETTLE}");
        let down = series(&self.machine, self.rounds, &before, &teardown, gone)?;
        Ok([median(up), median(down)])
    }

    /// CPU time of a whole start: what is booked on the unit's cgroup when it is active, which is what systemd shows as
    /// `CPUUsageNSec`. It is read at once and by the shell itself: what comes after READY=1 is no part of a start.
    fn cpu(&self) -> io::Result<Row> {
        let mut medians = Vec::new();
        for subject in self.subjects() {
            let unit = subject.unit(Kind::Polite, 0);
            let script = format!(
                "set -e; for round in $(seq {}); do {SETTLE} systemctl start {unit}; \
                 read -r _ usec </sys/fs/cgroup/system.slice/{unit}.service/cpu.stat; echo cpu $usec; \
                 systemctl stop {unit}; done",
                self.rounds
            );
            let times = numbers(&self.machine, &script, "cpu ")?
                .into_iter()
                .map(Duration::from_micros)
                .collect();
            medians.push(median(times));
        }
        Ok(Row {
            what: "CPU time of a start, Network=none".to_owned(),
            yardstick: ("hand-written".to_owned(), medians[0]),
            unipod: medians[1],
            podman: medians.get(2).copied().flatten(),
            goal: Goal::None,
            beats: Some(6.0),
        })
    }

    /// The engine from exec to READY=1, beside `crun run` alone.
    fn ready(&self) -> io::Result<Row> {
        let bundle = format!("/var/lib/unipod-bench/{}", Subject::HandWritten.unit(Kind::Polite, 0));
        let crun =
            format!("crun --cgroup-manager=disabled run --detach --bundle={bundle} ready >/dev/null </dev/null 2>&1");
        let alone = series(&self.machine, self.rounds, "", &crun, "crun delete --force ready")?;
        let engine = |program: &str, options: &str| {
            // In a unit of its own, as a service has it: outside of one the engine would ask systemd for one.
            let script = format!(
                "set -e; for round in $(seq {}); do \
                 systemd-run --quiet --pipe --wait --collect -p Delegate=yes -p KillSignal=SIGKILL {HELPER} ready {program} run --name ready \
                 --replace --rm --network=none {options} --sdnotify=conmon -d {IMAGE} sleep infinity; \
                 {program} rm -f -i -t 0 ready >/dev/null; done",
                self.rounds
            );
            let times = numbers(&self.machine, &script, "ready ")?;
            Ok::<_, io::Error>(median(times.into_iter().map(Duration::from_micros).collect()))
        };
        Ok(Row {
            what: "engine from exec to READY=1".to_owned(),
            yardstick: ("crun run".to_owned(), median(alone)),
            unipod: engine(setup::ENGINE, "--cgroups=split")?,
            podman: if self.podman {
                engine(PODMAN, subject::podman_options(&self.machine))?
            } else {
                None
            },
            goal: Goal::Times(2.0),
            beats: Some(10.0),
        })
    }

    fn many(&self) -> io::Result<Vec<Row>> {
        let mut medians = Vec::new();
        for subject in self.subjects() {
            let units: Vec<String> = (0..MANY).map(|number| subject.unit(Kind::Polite, number)).collect();
            let units = units.join(" ");
            let (start, stop) = (format!("systemctl start {units}"), format!("systemctl stop {units}"));
            let rounds = self.rounds.min(10);
            let starts = series(&self.machine, rounds, SETTLE, &start, &stop)?;
            let stops = series(&self.machine, rounds, &format!("{start}; {SETTLE}"), &stop, "")?;
            medians.push([median(starts), median(stops)]);
        }
        let row = |index: usize, verb: &str, goal: Goal, beats: Option<f64>| Row {
            what: format!("systemctl {verb} of {MANY} units at once"),
            yardstick: ("hand-written".to_owned(), medians[0][index]),
            unipod: medians[1][index],
            podman: medians.get(2).and_then(|pair| pair[index]),
            goal,
            beats,
        };
        Ok(vec![
            row(0, "start", Goal::Times(1.4), Some(5.0)),
            row(1, "stop", Goal::None, None),
        ])
    }

    fn generator(&self) -> io::Result<Vec<Row>> {
        let files = "mkdir -p /run/many /run/one; for n in $(seq 1000); do \
            printf '[Container]\\nImage=docker.io/library/nginx:latest\\nPublishPort=%d:80\\nVolume=data%d.volume:/data\\nNetwork=lan.network\\n[Install]\\nWantedBy=multi-user.target\\n' $n $n >/run/many/web$n.container; \
            printf '[Volume]\\n' >/run/many/data$n.volume; done; printf '[Network]\\n' >/run/many/lan.network; \
            printf '[Container]\\nImage=docker.io/library/nginx:latest\\n' >/run/one/web.container";
        self.machine.sh(files).ok();
        let generate = |program: &str, dir: &str| {
            format!("QUADLET_UNIT_DIRS={dir} {program} --no-kmsg-log /run/out >/dev/null 2>&1")
        };
        let time = |before: &str, act: &str| series(&self.machine, self.rounds, before, act, "").map(median);
        let fresh = "rm -rf /run/out; mkdir -p /run/out;";
        let podman = [
            "/usr/lib/systemd/system-generators/podman-system-generator",
            "/usr/libexec/podman/quadlet",
        ];
        let podman = podman
            .iter()
            .find(|program| self.machine.sh(&format!("test -x {program}")).success());
        let podmans = |dir: &str| podman.map_or(Ok(None), |program| time(fresh, &generate(program, dir)));
        Ok(vec![
            Row {
                what: "generator, 2,001 files".to_owned(),
                yardstick: (
                    "cp -r".to_owned(),
                    time("rm -rf /run/copy;", "cp -r /run/many /run/copy")?,
                ),
                unipod: time(fresh, &generate(setup::GENERATOR, "/run/many"))?,
                podman: podmans("/run/many")?,
                goal: Goal::Times(1.0),
                beats: Some(4.0),
            },
            Row {
                what: "generator, one file".to_owned(),
                yardstick: ("/bin/true".to_owned(), time("", "/bin/true")?),
                unipod: time(fresh, &generate(setup::GENERATOR, "/run/one"))?,
                podman: podmans("/run/one")?,
                goal: Goal::Above(Duration::from_millis(2)),
                beats: None,
            },
        ])
    }
}
