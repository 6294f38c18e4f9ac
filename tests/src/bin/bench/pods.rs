//! Pods of three containers: beside pins and bundles made by hand, and beside podman.

use std::io;
use std::time::Duration;

use unipod_tests::measure::clock::numbers;
use unipod_tests::measure::pod::{self, MEMBERS, Network};
use unipod_tests::measure::subject::Subject;
use unipod_tests::measure::table::{Count, Goal, Row};

use crate::{Bench, SETTLE, SETTLE_MANY, in_rounds};

/// How many pods are started at once.
const MANY: usize = 20;

/// One of so many rounds is made with [`MANY`] pods.
const SELDOM: usize = 4;

/// What a start and a stop take.
#[derive(Clone, Copy)]
enum Step {
    Start,
    StartProcessor,
    Stop,
    StopProcessor,
}

impl Bench {
    pub(crate) fn prepare_pods(&self, subject: Subject) {
        pod::install(subject, &self.machine, Network::None, MANY);
        if subject != Subject::HandWritten {
            pod::install(subject, &self.machine, Network::Bridge, 1);
        }
    }

    pub(crate) fn pods(&self) -> io::Result<Vec<Row>> {
        let none = self.in_turns(&self.subjects(), |subject| self.pod_steps(*subject, Network::None, 1))?;
        let bridge = self.in_turns(&self.subjects(), |subject| match subject {
            // netavark runs for the pod alone.
            Subject::HandWritten => {
                let [start, start_cpu, stop, stop_cpu] = self.pod_steps(*subject, Network::None, 1)?;
                let [setup, teardown] = self.netavark()?;
                Ok([start + setup, start_cpu, stop + teardown, stop_cpu])
            }
            _ => self.pod_steps(*subject, Network::Bridge, 1),
        })?;
        let rounds = self.rounds.div_ceil(SELDOM);
        let many = in_rounds(rounds, &self.subjects(), |subject| {
            self.pod_steps(*subject, Network::None, MANY)
        })?;
        let row = |what: &str, yardstick: &str, medians: &[[Option<Duration>; 4]], step, goal, beats| {
            let step = step as usize;
            Row {
                what: what.to_owned(),
                yardstick: (yardstick.to_owned(), medians[0][step]),
                unipod: medians[1][step],
                podman: medians.get(2).and_then(|steps| steps[step]),
                goal,
                beats,
            }
        };
        let (alone, with_netavark) = ("by hand", "none + netavark");
        let near = Goal::Times(1.5);
        Ok(vec![
            row("pod of 3, start, Network=none", alone, &none, Step::Start, near, None),
            row(
                "  its processor time",
                alone,
                &none,
                Step::StartProcessor,
                Goal::None,
                Some(6.0),
            ),
            row("pod of 3, stop, Network=none", alone, &none, Step::Stop, near, None),
            row(
                "  its processor time",
                alone,
                &none,
                Step::StopProcessor,
                Goal::None,
                None,
            ),
            row(
                "pod of 3, start, bridge",
                with_netavark,
                &bridge,
                Step::Start,
                Goal::None,
                Some(4.0),
            ),
            row(
                "  its processor time",
                "none",
                &bridge,
                Step::StartProcessor,
                Goal::None,
                Some(6.0),
            ),
            row(
                "pod of 3, stop, bridge",
                with_netavark,
                &bridge,
                Step::Stop,
                Goal::None,
                None,
            ),
            row(
                "  its processor time",
                "none",
                &bridge,
                Step::StopProcessor,
                Goal::None,
                None,
            ),
            row("20 pods of 3, start", alone, &many, Step::Start, Goal::None, Some(5.0)),
            row(
                "  its processor time",
                alone,
                &many,
                Step::StartProcessor,
                Goal::None,
                None,
            ),
            row("20 pods of 3, stop", alone, &many, Step::Stop, Goal::None, None),
        ])
    }

    /// Start and stop of `count` pods by all of their services, each as time and as processor time of the whole machine: of
    /// systemd, too, and of whoever writes to the journal.
    fn pod_steps(&self, subject: Subject, network: Network, count: usize) -> io::Result<[Duration; 4]> {
        let services: Vec<String> = (0..count)
            .flat_map(|number| pod::services(subject, network, number))
            .collect();
        let settle = if count == 1 { SETTLE } else { SETTLE_MANY };
        let script = format!(
            "set -e; for verb in start stop; do {settle} \
             read -r _ cpu </sys/fs/cgroup/cpu.stat; begin=$EPOCHREALTIME; systemctl $verb {}; \
             end=$EPOCHREALTIME; read -r _ then </sys/fs/cgroup/cpu.stat; \
             echo time $(( ${{end/./}} - ${{begin/./}} )); echo time $(( then - cpu )); done",
            services.join(" ")
        );
        let times: Vec<Duration> = numbers(&self.machine, &script, "time ")?
            .into_iter()
            .map(Duration::from_micros)
            .collect();
        times.try_into().map_err(|_| io::Error::other("no four times"))
    }

    /// What there is for a running pod beyond its containers' own processes and their services' control groups.
    pub(crate) fn resident(&self) -> io::Result<[Count; 3]> {
        let measured = self.subjects().into_iter().map(|subject| {
            let services = pod::services(subject, Network::None, 0).join(" ");
            // The containers have nothing but a shell and what it waits for.
            let script = format!(
                "groups() {{ find /sys/fs/cgroup/system.slice /sys/fs/cgroup/machine.slice -type d 2>/dev/null | sort; }}
                 processes() {{ groups | while read -r dir; do cat \"$dir/cgroup.procs\"; done 2>/dev/null | sort; }}
                 {SETTLE_MANY} groups >/run/groups; processes >/run/processes
                 systemctl start {services} || exit; sleep 1
                 echo count $(( $(groups | comm -13 /run/groups - | wc -l) - {MEMBERS} ))
                 count=0; memory=0
                 for process in $(processes | comm -13 /run/processes -); do
                     case $(cat /proc/$process/comm) in sh|sleep) continue;; esac
                     count=$((count + 1))
                     memory=$((memory + $(awk '/^Pss:/ {{ print $2 }}' /proc/$process/smaps_rollup)))
                 done
                 echo count $count; echo count $memory
                 systemctl stop {services}"
            );
            let counted = numbers(&self.machine, &script, "count ")?;
            <[u64; 3]>::try_from(counted).map_err(|_| io::Error::other("no three counts"))
        });
        let measured: Vec<[u64; 3]> = measured.collect::<io::Result<_>>()?;
        let count = |index: usize, what| Count {
            what,
            yardstick: measured[0][index],
            unipod: measured[1][index],
            podman: measured.get(2).map(|counts| counts[index]),
            goal: 0,
        };
        Ok([
            count(0, "pod of 3, control groups beyond its containers'"),
            count(1, "pod of 3, processes beyond its containers'"),
            count(2, "pod of 3, their memory in KiB"),
        ])
    }
}
