//! `make bench`: unipod beside the hand-written unit, and beside podman where it is installed, in one run on one machine.
//!
//! ```text
//! bench [--pods] [--rounds N] [--json FILE]
//! ```
//! `--pods` measures pods alone.
//! `UNIPOD_TEST_ROOT=DIR` measures on another distribution ([`unipod_tests`]).
//! Rounds of the subjects alternate, so that a noisy moment of the host does not fall on one of them. The numbers are
//! medians. `systemctl start` and `stop` are timed as commands inside the machine.

mod pods;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use unipod_tests::machine::{Machine, helper};
use unipod_tests::measure::clock::{median, numbers, series};
use unipod_tests::measure::disk::Disk;
use unipod_tests::measure::pod::HELPER;
use unipod_tests::measure::subject::{self, IMAGE, Kind, PODMAN, Subject};
use unipod_tests::measure::table::{self, Goal, Row};
use unipod_tests::setup;

/// Where distributions keep netavark, which is in nobody's `PATH`.
const NETAVARK_DIRS: &str = "/usr/lib/podman:/usr/libexec/podman";

/// How many units are started at once.
const MANY: usize = 30;

/// The kernel takes namespaces down after their last process is gone: nobody's start is to pay for another one's stop.
const SETTLE: &str = "sleep 0.05;";

/// The same for [`MANY`] at once.
const SETTLE_MANY: &str = "sleep 0.5;";

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
    let mut rows = Vec::new();
    if !arguments.iter().any(|argument| argument == "--pods") {
        rows.extend(bench.containers()?);
    }
    rows.extend(bench.pods()?);
    let counts = bench.resident()?;
    table::print(&rows);
    table::print_counts(&counts);
    if let Some(file) = option(arguments, "--json") {
        let all = serde_json::json!({ "rows": rows, "counts": counts });
        std::fs::write(file, serde_json::to_vec_pretty(&all)?)?;
    }
    Ok(())
}

/// Medians of the times that `measure` takes of each of `cases`, in so many alternating rounds.
fn in_rounds<C, const N: usize>(
    rounds: usize,
    cases: &[C],
    measure: impl Fn(&C) -> io::Result<[Duration; N]>,
) -> io::Result<Vec<[Option<Duration>; N]>> {
    let mut times: Vec<[Vec<Duration>; N]> = cases.iter().map(|_| [const { Vec::new() }; N]).collect();
    for _ in 0..rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            for (time, times) in measure(case)?.into_iter().zip(times) {
                times.push(time);
            }
        }
    }
    Ok(times.into_iter().map(|each| each.map(median)).collect())
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
            self.prepare_pods(subject);
        }
        self.machine.reload();
    }

    fn containers(&self) -> io::Result<Vec<Row>> {
        let mut rows = self.units(Kind::Polite, "Network=none", [Goal::Times(1.25), Goal::Times(1.4)])?;
        let at_once = Goal::Within(Duration::from_millis(200));
        rows.extend(self.units(Kind::Deaf, "deaf to SIGTERM", [Goal::None, at_once])?);
        rows.extend(self.bridge()?);
        rows.push(self.cpu()?);
        rows.push(self.ready()?);
        rows.extend(self.many()?);
        rows.extend(self.generator()?);
        Ok(rows)
    }

    /// [`in_rounds`], in all of them.
    fn in_turns<C, const N: usize>(
        &self,
        cases: &[C],
        measure: impl Fn(&C) -> io::Result<[Duration; N]>,
    ) -> io::Result<Vec<[Option<Duration>; N]>> {
        in_rounds(self.rounds, cases, measure)
    }

    /// The time of `act` alone, see [`series`].
    fn once(&self, before: &str, act: &str, after: &str) -> io::Result<Duration> {
        let times = series(&self.machine, 1, before, act, after)?;
        times.first().copied().ok_or_else(|| io::Error::other("no time"))
    }

    /// The microseconds in the line of a script's output that begins with `mark`.
    fn told(&self, script: &str, mark: &str) -> io::Result<Duration> {
        let times = numbers(&self.machine, script, mark)?;
        let time = times.first().copied().map(Duration::from_micros);
        time.ok_or_else(|| io::Error::other(format!("{script} says no {mark:?}")))
    }

    /// Start and stop of `count` units at once.
    fn start_and_stop(&self, subject: Subject, kind: Kind, count: usize) -> io::Result<[Duration; 2]> {
        let units: Vec<String> = (0..count).map(|number| subject.unit(kind, number)).collect();
        let units = units.join(" ");
        let settle = if count == MANY { SETTLE_MANY } else { SETTLE };
        Ok([
            self.once(settle, &format!("systemctl start {units}"), "")?,
            self.once(settle, &format!("systemctl stop {units}"), "")?,
        ])
    }

    fn units(&self, kind: Kind, what: &str, goals: [Goal; 2]) -> io::Result<Vec<Row>> {
        let medians = self.in_turns(&self.subjects(), |subject| self.start_and_stop(*subject, kind, 1))?;
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
        // By hand there is none: it is netavark alone, and a container without network.
        let medians = self.in_turns(&self.subjects(), |subject| match subject {
            Subject::HandWritten => {
                let plain = self.start_and_stop(Subject::Unipod, Kind::Polite, 1)?;
                let netavark = self.netavark()?;
                Ok([plain[0] + netavark[0], plain[1] + netavark[1]])
            }
            _ => self.start_and_stop(*subject, Kind::Bridge, 1),
        })?;
        let row = |index: usize, verb: &str| Row {
            what: format!("systemctl {verb}, bridge"),
            yardstick: ("none + netavark".to_owned(), medians[0][index]),
            unipod: medians[1][index],
            podman: medians.get(2).and_then(|pair| pair[index]),
            goal: Goal::Above(Duration::from_millis(10)),
            beats: None,
        };
        Ok(vec![row(0, "start"), row(1, "stop")])
    }

    /// netavark's own time for setup and teardown of one container on a bridge.
    fn netavark(&self) -> io::Result<[Duration; 2]> {
        let json = r#"{"container_id":"b","container_name":"b","networks":{"n":{"static_ips":["10.99.0.2"],"interface_name":"eth0"}},"network_info":{"n":{"name":"n","id":"0000000000000000000000000000000000000000000000000000000000000000","driver":"bridge","network_interface":"bench9","subnets":[{"subnet":"10.99.0.0/24","gateway":"10.99.0.1"}],"ipv6_enabled":false,"internal":false,"dns_enabled":false}}}"#;
        self.machine.write("/run/netavark.json", json);
        let netavark = format!("PATH=$PATH:{NETAVARK_DIRS} netavark --config=/run/netavark-bench");
        let setup = format!("{netavark} setup /run/netns/bench </run/netavark.json >/dev/null");
        let teardown = format!("{netavark} teardown /run/netns/bench </run/netavark.json >/dev/null");
        let (new, gone) = (format!("ip netns add bench; {SETTLE}"), "ip netns del bench;");
        Ok([self.once(&new, &setup, "")?, self.once(SETTLE, &teardown, gone)?])
    }

    /// CPU time of a whole start: what is booked on the unit's cgroup when it is active, which is what systemd shows as
    /// `CPUUsageNSec`. It is read at once and by the shell itself: what comes after READY=1 is no part of a start.
    fn cpu(&self) -> io::Result<Row> {
        let medians = self.in_turns(&self.subjects(), |subject| {
            let unit = subject.unit(Kind::Polite, 0);
            let script = format!(
                "set -e; {SETTLE} systemctl start {unit}; \
                 read -r _ usec </sys/fs/cgroup/system.slice/{unit}.service/cpu.stat; echo cpu $usec; \
                 systemctl stop {unit}"
            );
            Ok([self.told(&script, "cpu ")?])
        })?;
        Ok(Row {
            what: "CPU time of a start, Network=none".to_owned(),
            yardstick: ("hand-written".to_owned(), medians[0][0]),
            unipod: medians[1][0],
            podman: medians.get(2).and_then(|[podman]| *podman),
            goal: Goal::None,
            beats: Some(6.0),
        })
    }

    /// The engine from exec to READY=1, beside `crun run` alone.
    fn ready(&self) -> io::Result<Row> {
        let bundle = format!("/var/lib/unipod-bench/{}", Subject::HandWritten.unit(Kind::Polite, 0));
        let crun =
            format!("crun --cgroup-manager=disabled run --detach --bundle={bundle} ready >/dev/null </dev/null 2>&1");
        let podman_options = subject::podman_options(&self.machine);
        let medians = self.in_turns(&self.subjects(), |subject| {
            let (program, options) = match subject {
                Subject::HandWritten => return Ok([self.once(SETTLE, &crun, "crun delete --force ready")?]),
                Subject::Unipod => (setup::ENGINE, "--cgroups=split"),
                Subject::Podman => (PODMAN, podman_options),
            };
            // In a unit of its own, as a service has it: outside of one the engine would ask systemd for one.
            let script = format!(
                "set -e; {SETTLE} \
                 systemd-run --quiet --pipe --wait --collect -p Delegate=yes -p KillSignal=SIGKILL {HELPER} ready {program} run --name ready \
                 --replace --rm --network=none {options} --sdnotify=conmon -d {IMAGE} sleep infinity; \
                 {program} rm -f -i -t 0 ready >/dev/null"
            );
            Ok([self.told(&script, "ready ")?])
        })?;
        Ok(Row {
            what: "engine from exec to READY=1".to_owned(),
            yardstick: ("crun run".to_owned(), medians[0][0]),
            unipod: medians[1][0],
            podman: medians.get(2).and_then(|[podman]| *podman),
            goal: Goal::Times(2.0),
            beats: Some(10.0),
        })
    }

    fn many(&self) -> io::Result<Vec<Row>> {
        let medians = self.in_turns(&self.subjects(), |subject| {
            self.start_and_stop(*subject, Kind::Polite, MANY)
        })?;
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
        let fresh = &format!("rm -rf /run/out /run/copy; mkdir -p /run/out; {SETTLE}");
        let podman = [
            "/usr/lib/systemd/system-generators/podman-system-generator",
            "/usr/libexec/podman/quadlet",
        ];
        let podman = podman
            .iter()
            .find(|program| self.machine.sh(&format!("test -x {program}")).success());
        let row = |what: &str, dir: &str, (name, yardstick): (&str, &str), goal: Goal, beats: Option<f64>| {
            let programs = std::iter::once(&setup::GENERATOR).chain(podman);
            let generators = programs.map(|program| generate(program, dir));
            let cases: Vec<String> = std::iter::once(yardstick.to_owned()).chain(generators).collect();
            let medians = self.in_turns(&cases, |act| Ok([self.once(fresh, act, "")?]))?;
            Ok::<_, io::Error>(Row {
                what: what.to_owned(),
                yardstick: (name.to_owned(), medians[0][0]),
                unipod: medians[1][0],
                podman: medians.get(2).and_then(|[podman]| *podman),
                goal,
                beats,
            })
        };
        let (copy, nothing) = (("cp -r", "cp -r /run/many /run/copy"), ("/bin/true", "/bin/true"));
        let within = Goal::Above(Duration::from_millis(2));
        Ok(vec![
            row("generator, 2,001 files", "/run/many", copy, Goal::Times(1.0), Some(4.0))?,
            row("generator, one file", "/run/one", nothing, within, None)?,
        ])
    }
}
