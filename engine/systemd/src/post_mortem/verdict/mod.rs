//! What the facts mean: in which state a service is, why, and what to do about it.

use nix::sys::signal::Signal;
use serde::Serialize;

use super::facts::{End, Facts, Step};
use super::log::Log;
use super::start_limit::is_start_limited;
use super::time::span;

/// In which state a service is, as people think of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// systemd has no such unit.
    NotFound,
    /// systemd has the unit and cannot use it.
    Broken,
    /// The unit file could not be converted; the service only says why.
    Stub,
    /// Not started since boot.
    NeverStarted,
    /// A condition did not hold.
    Skipped,
    /// A unit that it needs failed.
    DependencyFailed,
    /// Not ready yet.
    Starting,
    /// It works.
    Running,
    /// On its way down.
    Stopping,
    /// Failed, and about to be started again.
    Restarting,
    /// Ended without failure, or was stopped.
    Ended,
    /// Failed.
    Failed,
    /// It has run, and systemd has forgotten how it ended.
    Forgotten,
}

/// A judgement.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The state.
    pub state: State,
    /// The rest of the sentence that begins with the service's name.
    pub text: String,
    /// What one can do, one sentence each.
    pub hints: Vec<String>,
}

impl Verdict {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self {
            state,
            text: text.into(),
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Judges; `broken` are units that this one needs and that have failed.
    pub fn of(facts: &Facts, log: &Log, broken: &[String]) -> Self {
        let verdict = Self::of_file(facts).unwrap_or_else(|| Self::of_run(facts, log, broken));
        if facts.needs_reload {
            let reload = facts.command("systemctl", "daemon-reload");
            return verdict.hint(format!("the unit file has changed since systemd read it: {reload}"));
        }
        verdict
    }

    /// Adds what became of units that go down with this one: a pod may work, and a member not.
    #[must_use]
    pub fn with_failed(mut self, facts: &Facts, failed: &[String]) -> Self {
        let is_told = matches!(
            self.state,
            State::Starting | State::Running | State::Stopping | State::Ended
        );
        if failed.is_empty() || !is_told {
            return self;
        }
        self.text = format!("{}, but {} failed", self.text, failed.join(" and "));
        failed.iter().fold(self, |verdict, unit| {
            verdict.hint(facts.command("unipod unit why", unit))
        })
    }

    /// What is wrong with the unit itself.
    fn of_file(facts: &Facts) -> Option<Self> {
        let id = &facts.id;
        let verdict = match facts.load_state.as_str() {
            "not-found" => Self::new(State::NotFound, "is not known to systemd"),
            "masked" => Self::new(State::Broken, "is masked: nothing can start it")
                .hint(facts.command("systemctl", &format!("unmask {id}"))),
            "loaded" => {
                let reason = facts.stub_reason.as_ref()?;
                let reload = facts.command("systemctl", "daemon-reload");
                let fix = format!("mend {} and run {reload}", facts.source);
                Self::new(State::Stub, format!("cannot be used: {reason}")).hint(fix)
            }
            other => Self::new(State::Broken, format!("cannot be loaded ({other})"))
                .hint(facts.command("systemd-analyze", &format!("verify {id}"))),
        };
        Some(verdict)
    }

    fn of_run(facts: &Facts, log: &Log, broken: &[String]) -> Self {
        match (facts.active_state.as_str(), facts.sub_state.as_str()) {
            ("active" | "reloading" | "refreshing", "exited") if facts.service_type == "notify" => {
                Self::new(State::Running, "is up and needs no process")
            }
            ("active" | "reloading" | "refreshing", "exited") => {
                Self::new(State::Running, "has done its work and counts as active")
            }
            ("active" | "reloading" | "refreshing", _) => Self::new(State::Running, "runs well"),
            ("activating", "auto-restart" | "auto-restart-queued") => {
                let (reason, hints) = failure(facts);
                Self {
                    hints,
                    ..Self::new(State::Restarting, format!("failed: {reason}"))
                }
            }
            ("activating", sub) => Self::new(State::Starting, starting(facts, sub)),
            ("deactivating", _) => Self::new(State::Stopping, "is being stopped"),
            _ if log.failed_job.as_deref() == Some("dependency") => dependency_failed(facts, broken),
            ("failed", _) => {
                let (reason, hints) = failure(facts);
                Self {
                    hints,
                    ..Self::new(State::Failed, format!("failed: {reason}"))
                }
            }
            _ => Self::of_rest(facts, log),
        }
    }

    /// Of a service at rest that has not failed.
    fn of_rest(facts: &Facts, log: &Log) -> Self {
        if let Some(condition) = &facts.failed_condition {
            return Self::new(State::Skipped, format!("was not started: {condition} does not hold"));
        }
        match (facts.left_inactive.is_set(), facts.main_end) {
            (false, _) if !log.invocation.is_empty() => forgotten(log),
            (false, _) => Self::new(State::NeverStarted, "has not been started yet")
                .hint(facts.command("systemctl", &format!("start {}", facts.id))),
            // It would count as active for ever.
            (true, Some(End::Exited(_))) if facts.remains && facts.was_ready() => {
                Self::new(State::Ended, "was stopped")
            }
            (true, Some(End::Exited(code))) => {
                let text = format!("ended with exit code {code}, which is no failure");
                Self::new(State::Ended, text)
            }
            (true, _) => Self::new(State::Ended, "was stopped"),
        }
    }
}

fn starting(facts: &Facts, sub: &str) -> String {
    let status = &facts.status_text;
    let what = if status.is_empty() { sub } else { status };
    format!("is being started ({what})")
}

fn dependency_failed(facts: &Facts, broken: &[String]) -> Verdict {
    let text = match broken {
        [] => "was not started: a unit that it needs failed".to_owned(),
        broken => format!("was not started: it needs {}, which failed", broken.join(" and ")),
    };
    let verdict = Verdict::new(State::DependencyFailed, text);
    broken.iter().fold(verdict, |verdict, unit| {
        verdict.hint(facts.command("unipod unit why", unit))
    })
}

fn forgotten(log: &Log) -> Verdict {
    let end = match &log.noted_end {
        Some((code, status)) if code == "exited" => format!("the main process ended with exit code {status}"),
        Some((_, signal)) => format!("the main process was killed by signal {signal}"),
        None => "the journal notes no failure".to_owned(),
    };
    Verdict::new(
        State::Forgotten,
        format!("is down; systemd has forgotten the details, {end}"),
    )
}

/// Why it failed (systemd.exec(5), `$SERVICE_RESULT`), and what to do.
fn failure(facts: &Facts) -> (String, Vec<String>) {
    let (reason, hint) = match facts.result.as_str() {
        "oom-kill" => out_of_memory(facts),
        "timeout" => timeout(facts),
        "watchdog" => (
            "it was silent for longer than WatchdogSec=, and was killed".to_owned(),
            None,
        ),
        "protocol" => (
            "it ended, or lost its main process, without having said that it is ready".to_owned(),
            Some("a service that ends by design needs [Service] Type=oneshot".to_owned()),
        ),
        "resources" => ("systemd could not give it what it needs".to_owned(), None),
        _ => process_failure(facts),
    };
    let mut hints: Vec<String> = hint.into_iter().collect();
    if is_start_limited(facts) {
        let systemctl = |verb: &str| facts.command("systemctl", &format!("{verb} {}", facts.id));
        hints.push(format!("{} && {}", systemctl("reset-failed"), systemctl("start")));
    }
    (reason, hints)
}

fn out_of_memory(facts: &Facts) -> (String, Option<String>) {
    let limit = facts
        .memory_max
        .map_or_else(String::new, |max| format!(" (MemoryMax={max})"));
    (
        format!("it ran out of memory, and the kernel killed it{limit}"),
        Some("raise MemoryMax= in [Service], or find what needs so much".to_owned()),
    )
}

fn timeout(facts: &Facts) -> (String, Option<String>) {
    let after = |key: &str, limit: Option<u64>| {
        limit.map_or_else(|| key.to_owned(), |limit| format!("{key} ({})", span(limit)))
    };
    if !facts.was_ready() {
        let reason = format!(
            "it was not ready within {}",
            after("TimeoutStartSec=", facts.start_timeout)
        );
        let hint = "raise TimeoutStartSec= in [Service]; with Notify= the payload has to say that it is ready";
        return (reason, Some(hint.to_owned()));
    }
    let ran = facts.left_active.since(facts.became_active);
    if let Some(limit) = facts.runtime_max.filter(|limit| ran.is_some_and(|ran| ran >= *limit)) {
        return (format!("it ran for longer than RuntimeMaxSec= ({})", span(limit)), None);
    }
    let reason = format!(
        "it did not stop within {}",
        after("TimeoutStopSec=", facts.stop_timeout)
    );
    (
        reason,
        Some("its stop signal may be another one: StopSignal= in [Container]".to_owned()),
    )
}

/// What a process did: the main one, or another command of the service.
fn process_failure(facts: &Facts) -> (String, Option<String>) {
    let main = facts.main_end.filter(|end| *end != End::Exited(0));
    if main == Some(End::Killed(libc::SIGKILL)) && facts.was_being_stopped() {
        let reason = "it was being stopped, did not react to its stop signal, and was killed".to_owned();
        let hint =
            "StopSignal= names the signal that it understands; RunInit=yes helps programs that are deaf as PID 1";
        return (reason, Some(hint.to_owned()));
    }
    match (main, facts.failed_step()) {
        (Some(end), _) => {
            let hint = advice(facts, end);
            (format!("the main process {}", ended(end)), hint)
        }
        (
            None,
            Some(Step {
                key, end: Some(end), ..
            }),
        ) => (format!("{key}= {}", ended(*end)), None),
        (None, _) => (format!("systemd says {:?}", facts.result), None),
    }
}

/// `ended with exit code 7`.
fn ended(end: End) -> String {
    match end {
        End::Exited(code) => format!("ended with exit code {}", exit_code(code)),
        End::Killed(signal) => format!("was killed by {}", signal_name(signal)),
        End::Dumped(signal) => format!("was killed by {} and left a core dump", signal_name(signal)),
    }
}

/// The code, and what it stands for: podman(1), the convention of shells, systemd.exec(5).
pub fn exit_code(code: i32) -> String {
    let meaning = match code {
        78 => "CONFIG",
        125 => "the engine failed",
        126 => "the command cannot be invoked",
        127 => "the command was not found",
        200 => "CHDIR",
        203 => "EXEC",
        216 => "GROUP",
        217 => "USER",
        219 => "CGROUP",
        226 => "NAMESPACE",
        129..=192 => return shell_signal(code),
        _ => return code.to_string(),
    };
    format!("{code} ({meaning})")
}

/// Shells report a child that was killed as 128 and the signal's number.
fn shell_signal(code: i32) -> String {
    match Signal::try_from(code - 128) {
        Ok(signal) => format!("{code} (what shells report for {signal})"),
        Err(_) => code.to_string(),
    }
}

/// `SIGKILL`; the number where it has no name.
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

fn advice(facts: &Facts, end: End) -> Option<String> {
    let id = &facts.id;
    let advice = match end {
        End::Exited(125) => "the lines above say what the engine could not do".to_owned(),
        End::Exited(126 | 127) => "Exec= has to name a program that is in the image".to_owned(),
        End::Exited(203) => "the program of ExecStart= cannot be run: is unipod installed where the unit says?".to_owned(),
        End::Exited(_) => facts.command("journalctl", &format!("-u {id} has everything that it said")),
        End::Killed(libc::SIGKILL) => {
            "somebody killed it: a person, a program, or the kernel when the whole machine ran out of memory (journalctl -k)".to_owned()
        }
        End::Dumped(_) => format!("coredumpctl info {id} shows where"),
        End::Killed(_) => return None,
    };
    Some(advice)
}

#[cfg(test)]
mod tests;
