//! What systemd says about a service (org.freedesktop.systemd1(5)), with the types that the values have.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::manager::ManagerError;
use crate::units::{Properties, Units};

/// A moment, in microseconds: since 1970, and since boot without the time asleep. 0 is "never".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Since 1970.
    pub realtime: u64,
    /// Since boot.
    pub monotonic: u64,
}

/// How a process ended (`waitid(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// By this signal, and it left a core dump.
    Dumped(i32),
}

/// One command of the service that was run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `ExecStart`, `ExecStopPost` …
    pub key: &'static str,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Whether its failure counts (no `-` in front).
    pub counts: bool,
    /// When it began. The main process of a container begins when the engine hands it over.
    pub start: Moment,
    /// When it ended; never, if it runs, or if another process took its place.
    pub exit: Moment,
    /// How it ended.
    pub end: Option<End>,
}

/// A service as systemd sees it. Times are in microseconds; `None` is "not known", "not set" or "infinity".
#[derive(Debug, Default, Serialize)]
#[allow(
    missing_docs,
    reason = "what has no words here is named as systemd names it: systemctl(1), `show`"
)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Whether it is a user's service, not one of the system.
    pub of_user: bool,
    /// `web.service`
    pub id: String,
    pub description: String,
    pub load_state: String,
    pub active_state: String,
    pub sub_state: String,
    /// `enabled`, `generated` …
    pub file_state: String,
    /// The file that systemd has loaded.
    pub fragment: String,
    /// The file that this one was made from.
    pub source: String,
    /// Why the generator could not convert the source.
    pub stub_reason: Option<String>,
    /// Whether the file has changed since it was loaded.
    pub needs_reload: bool,
    pub invocation: String,
    /// When the last start began. systemd's own figure, the next one, begins with the wait before a restart.
    pub started: Moment,
    pub left_inactive: Moment,
    pub became_active: Moment,
    pub left_active: Moment,
    pub became_inactive: Moment,
    pub state_change: Moment,
    /// `success`, `exit-code`, `signal`, `oom-kill`, `timeout` …
    pub result: String,
    pub main_pid: u32,
    pub main_start: Moment,
    pub main_exit: Moment,
    pub main_end: Option<End>,
    /// What the service said last about itself.
    pub status_text: String,
    /// `Type=`
    pub service_type: String,
    /// `RemainAfterExit=`
    pub remains: bool,
    /// `Restart=`
    pub restart: String,
    pub restart_delay: Option<u64>,
    pub restarts: u32,
    pub start_limit_interval: Option<u64>,
    pub start_limit_burst: u32,
    pub start_timeout: Option<u64>,
    pub stop_timeout: Option<u64>,
    pub runtime_max: Option<u64>,
    /// Bytes.
    pub memory_max: Option<u64>,
    /// Bytes, most at any time.
    pub memory_peak: Option<u64>,
    /// Nanoseconds of all processors.
    pub cpu_usage: Option<u64>,
    /// The condition that did not hold, as it is written.
    pub failed_condition: Option<String>,
    /// Units that start this one when they start.
    pub wanted_by: Vec<String>,
    /// Units without which this one cannot start.
    pub requirements: Vec<String>,
    /// Units that go down with this one: of a pod, its members.
    pub bound_by: Vec<String>,
    /// Timers, sockets and paths that start this one.
    pub triggers: Vec<String>,
    /// The commands that were run, in order.
    pub steps: Vec<Step>,
}

/// One element of `ExecStart`: path, arguments, whether failure is ignored, start and exit (realtime, monotonic each),
/// process id, code and status.
type ExecStatus = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

/// One element of `Conditions`: name, whether one of several is enough, negated, parameter, and 1 held, -1 did not.
type Condition = (String, bool, bool, String, i32);

const STEPS: [&str; 6] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecStop",
    "ExecStopPost",
];

impl Facts {
    /// Asks systemd.
    ///
    /// # Errors
    /// It does not answer.
    pub fn read(units: &Units, service: &str, of_user: bool) -> Result<Self, ManagerError> {
        let mut properties = units.properties(service)?;
        let mut facts = Self::of(&mut properties);
        facts.of_user = of_user;
        facts.started = facts.left_inactive;
        if let Some(first) = facts.steps.first().filter(|_| facts.is_restart()) {
            facts.started = first.start;
        }
        facts.stub_reason = stub_reason(&facts.fragment);
        let group = properties.text("ControlGroup");
        facts.memory_peak = facts.memory_peak.or_else(|| memory_peak(&group));
        Ok(facts)
    }

    fn of(p: &mut Properties) -> Self {
        let mut steps: Vec<Step> = STEPS.iter().flat_map(|key| steps(p, key)).collect();
        steps.sort_by_key(|step| step.start.monotonic);
        let mut requirements = Vec::new();
        for key in ["Requires", "Requisite", "BindsTo"] {
            requirements.extend(p.take::<Vec<String>>(key).unwrap_or_default());
        }
        requirements.sort();
        requirements.dedup();
        let mut wanted_by = p.take::<Vec<String>>("WantedBy").unwrap_or_default();
        wanted_by.extend(p.take::<Vec<String>>("RequiredBy").unwrap_or_default());
        Self {
            of_user: false,
            id: p.text("Id"),
            description: p.text("Description"),
            load_state: p.text("LoadState"),
            active_state: p.text("ActiveState"),
            sub_state: p.text("SubState"),
            file_state: p.text("UnitFileState"),
            fragment: p.text("FragmentPath"),
            source: p.text("SourcePath"),
            stub_reason: None,
            needs_reload: p.take("NeedDaemonReload").unwrap_or(false),
            invocation: invocation(p),
            started: Moment::default(),
            left_inactive: moment(p, "InactiveExitTimestamp"),
            became_active: moment(p, "ActiveEnterTimestamp"),
            left_active: moment(p, "ActiveExitTimestamp"),
            became_inactive: moment(p, "InactiveEnterTimestamp"),
            state_change: moment(p, "StateChangeTimestamp"),
            result: p.text("Result"),
            main_pid: p.take("MainPID").unwrap_or(0),
            main_start: moment(p, "ExecMainStartTimestamp"),
            main_exit: moment(p, "ExecMainExitTimestamp"),
            main_end: End::of(
                p.take("ExecMainCode").unwrap_or(0),
                p.take("ExecMainStatus").unwrap_or(0),
            ),
            status_text: p.text("StatusText"),
            service_type: p.text("Type"),
            remains: p.take("RemainAfterExit").unwrap_or(false),
            restart: p.text("Restart"),
            // The delay grows with RestartSteps=; systemd tells the next one since version 254.
            restart_delay: p.number("RestartUSecNext").or_else(|| p.number("RestartUSec")),
            restarts: p.take("NRestarts").unwrap_or(0),
            start_limit_interval: p.number("StartLimitIntervalUSec"),
            start_limit_burst: p.take("StartLimitBurst").unwrap_or(0),
            start_timeout: p.number("TimeoutStartUSec"),
            stop_timeout: p.number("TimeoutStopUSec"),
            runtime_max: p.number("RuntimeMaxUSec"),
            memory_max: p.number("MemoryMax"),
            memory_peak: p.number("MemoryPeak"),
            cpu_usage: p.number("CPUUsageNSec"),
            failed_condition: failed_condition(p),
            wanted_by,
            requirements,
            bound_by: p.take("BoundBy").unwrap_or_default(),
            triggers: p.take("TriggeredBy").unwrap_or_default(),
            steps,
        }
    }

    /// The units that this one needs and that have failed or are not there.
    pub fn broken_requirements(&self, units: &Units) -> Vec<String> {
        let is_broken = |unit: &&String| {
            let Ok(mut properties) = units.properties(unit) else {
                return false;
            };
            properties.text("ActiveState") == "failed" || properties.text("LoadState") == "not-found"
        };
        self.requirements.iter().filter(is_broken).cloned().collect()
    }

    /// The units that go down with this one and have failed.
    pub fn failed_dependents(&self, units: &Units) -> Vec<String> {
        let has_failed = |unit: &&String| {
            let properties = units.properties(unit);
            properties.is_ok_and(|mut properties| properties.text("ActiveState") == "failed")
        };
        let mut failed: Vec<String> = self.bound_by.iter().filter(has_failed).cloned().collect();
        failed.sort();
        failed
    }

    /// Whether the service got as far as being ready.
    pub fn was_ready(&self) -> bool {
        self.became_active.is_set() && self.became_active.monotonic >= self.started.monotonic
    }

    /// A command as one types it for this service: `systemctl` becomes `systemctl --user` where it has to.
    pub fn command(&self, program: &str, arguments: &str) -> String {
        let user = if self.of_user { "--user " } else { "" };
        format!("{program} {user}{arguments}")
    }

    /// Whether systemd itself has started the service again, or is about to.
    pub fn is_restart(&self) -> bool {
        self.restarts > 0 || self.sub_state.starts_with("auto-restart")
    }

    /// Sets the beginning of the last start, in microseconds since 1970.
    pub fn set_start(&mut self, realtime: u64) {
        let before = self.started.realtime.saturating_sub(realtime);
        self.started = Moment {
            realtime,
            monotonic: self.started.monotonic.saturating_sub(before),
        };
    }

    /// Whether the main process ended after `ExecStop=` had begun.
    pub fn was_being_stopped(&self) -> bool {
        let mut stops = self.steps.iter().filter(|step| step.key == "ExecStop");
        stops.any(|stop| self.main_exit.since(stop.start).is_some())
    }

    /// The first command that failed where failure counts, if the main process did not.
    pub fn failed_step(&self) -> Option<&Step> {
        let failed = |step: &&Step| step.counts && step.end.is_some_and(|end| end != End::Exited(0));
        self.steps.iter().find(failed)
    }
}

impl Moment {
    /// Whether it ever came.
    pub fn is_set(self) -> bool {
        self.realtime > 0
    }

    /// Microseconds from `earlier` to this moment.
    pub fn since(self, earlier: Self) -> Option<u64> {
        let both = self.is_set() && earlier.is_set();
        both.then(|| self.monotonic.checked_sub(earlier.monotonic)).flatten()
    }
}

impl End {
    /// From `si_code` and `si_status`; `None` for a process that has not ended.
    fn of(code: i32, status: i32) -> Option<Self> {
        match code {
            libc::CLD_EXITED => Some(Self::Exited(status)),
            libc::CLD_KILLED => Some(Self::Killed(status)),
            libc::CLD_DUMPED => Some(Self::Dumped(status)),
            _ => None,
        }
    }
}

fn moment(p: &mut Properties, name: &str) -> Moment {
    Moment {
        realtime: p.number(name).unwrap_or(0),
        monotonic: p.number(&format!("{name}Monotonic")).unwrap_or(0),
    }
}

/// The invocation's id in hexadecimal digits; empty if there is none.
fn invocation(p: &mut Properties) -> String {
    hex::encode(p.take::<Vec<u8>>("InvocationID").unwrap_or_default())
}

fn steps(p: &mut Properties, key: &'static str) -> Vec<Step> {
    let all: Vec<ExecStatus> = p.take(key).unwrap_or_default();
    let ran = all.into_iter().filter(|status| status.3 > 0);
    ran.map(
        |(_, command, ignored, start, start_mono, exit, exit_mono, _, code, status)| Step {
            key,
            command,
            counts: !ignored,
            start: Moment {
                realtime: start,
                monotonic: start_mono,
            },
            exit: Moment {
                realtime: exit,
                monotonic: exit_mono,
            },
            end: End::of(code, status),
        },
    )
    .collect()
}

fn failed_condition(p: &mut Properties) -> Option<String> {
    let met = p.take("ConditionResult").unwrap_or(true);
    let tried = moment(p, "ConditionTimestamp").is_set();
    let conditions: Vec<Condition> = p.take("Conditions").unwrap_or_default();
    if met || !tried {
        return None;
    }
    let failed = conditions.into_iter().find(|condition| condition.4 < 0);
    let written = |(name, trigger, negated, parameter, _): Condition| {
        let trigger = if trigger { "|" } else { "" };
        let negated = if negated { "!" } else { "" };
        format!("{name}={trigger}{negated}{parameter}")
    };
    Some(failed.map_or_else(|| "a condition".to_owned(), written))
}

/// `X-UnipodError=` of a stub, see `unipod_generator::stub`.
fn stub_reason(fragment: &str) -> Option<String> {
    let text = fs::read_to_string(fragment).ok()?;
    let reason = text.lines().find_map(|line| line.strip_prefix("X-UnipodError="));
    reason.map(str::to_owned)
}

/// The kernel's own figure, while there are processes: systemd has it since version 255.
fn memory_peak(group: &str) -> Option<u64> {
    let group = group.strip_prefix('/').filter(|group| !group.is_empty())?;
    let path = Path::new("/sys/fs/cgroup").join(group).join("memory.peak");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
