//! Health checks. A container that has one keeps a small prober in its unit's control group: it asks, writes down the
//! answer, tells systemd (`Notify=healthy`, the watchdog), does what `--health-on-failure` says, and ends with the container.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::answer_within;
use super::process::{Handle, Process};
use super::record::{Record, SdNotify, State};
use super::{ContainerError, stop};
use unipod_bundle::health::{HealthCheck, ImageHealth, OnFailure};
use unipod_linux::spawn;
use unipod_store::{self as store, Durability, Store};
use unipod_systemd::notify;

/// A payload that is not up yet is asked again soon; these answers count only if they are good.
const EAGER: Duration = Duration::from_millis(100);

/// What is known of a container's health; in `inspect`, `State.Health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    /// The verdict.
    pub status: Verdict,
    /// How many answers in a row were bad.
    pub failing_streak: u32,
    /// The last answers, oldest first.
    pub log: Vec<Answer>,
}

/// Whether a container is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not known yet.
    Starting,
    /// The last answer was good.
    Healthy,
    /// Too many answers in a row were bad.
    Unhealthy,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// When it was asked.
    pub start: Timestamp,
    /// When it was answered.
    pub end: Timestamp,
    /// 0 is good.
    pub exit_code: i32,
    /// What the command printed.
    pub output: String,
}

/// The check of this container, if it has one.
///
/// # Errors
/// An option's value means nothing, or the image's configuration cannot be read.
pub fn check_of(store: &Store, record: &Record) -> Result<Option<HealthCheck>, ContainerError> {
    let of_image = match &record.image {
        Some(image) => image_health(store, &image.id)?,
        None => None,
    };
    Ok(HealthCheck::merge(&record.options.health, of_image.as_ref())?)
}

/// `Healthcheck` is docker's addition to the OCI image configuration, which its type leaves out.
fn image_health(store: &Store, id: &str) -> Result<Option<ImageHealth>, ContainerError> {
    #[derive(Deserialize)]
    struct Configuration {
        #[serde(default)]
        config: Option<Config>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        #[serde(default)]
        healthcheck: Option<ImageHealth>,
    }
    let blob = store.blobs().join(id.trim_start_matches("sha256:"));
    Ok(store::read_json::<Configuration>(&blob)?
        .and_then(|c| c.config)
        .and_then(|c| c.healthcheck))
}

/// The verdict for lists; `None` without a health check.
pub fn status(store: &Store, record: &Record) -> Option<&'static str> {
    let health = load(store, record).filter(|_| record.state() == State::Running)?;
    Some(match health.status {
        Verdict::Starting => "starting",
        Verdict::Healthy => "healthy",
        Verdict::Unhealthy => "unhealthy",
    })
}

/// Everything known, for `inspect`.
pub fn report(store: &Store, record: &Record) -> Option<Value> {
    serde_json::to_value(load(store, record)?).ok()
}

fn load(store: &Store, record: &Record) -> Option<Health> {
    // Unreadable means unknown: health is told anew with the next answer.
    store::read_json(&path(store, record)).ok().flatten()
}

fn path(store: &Store, record: &Record) -> PathBuf {
    store.bundle(record.id.as_str()).join("health.json")
}

/// Starts the prober of a container that has just been started; nothing happens without a health check.
///
/// # Errors
/// Our own program cannot be started.
pub fn start_prober(store: &Store, record: &Record) -> Result<(), ContainerError> {
    let Some(HealthCheck { interval: Some(_), .. }) = check_of(store, record)? else {
        return Ok(());
    };
    let failed = |source| ContainerError::Io {
        action: "start",
        path: "/proc/self/exe".into(),
        source,
    };
    save(
        store,
        record,
        &Health {
            status: Verdict::Starting,
            failing_streak: 0,
            log: Vec::new(),
        },
    )?;
    let mut command = Command::new("/proc/self/exe");
    spawn::outliving_us(&mut command);
    // It is in another directory.
    let absolute = |path: &std::path::Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    command
        .arg0("unipod")
        .arg("--root")
        .arg(absolute(store.data()))
        .arg("--runroot")
        .arg(absolute(store.run()))
        .args(["healthcheck", "watch", &record.name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map(drop)
        .map_err(failed)
}

/// One question, asked by hand. Returns the exit code of the check.
///
/// # Errors
/// The container has no health check or does not run.
pub fn run_once(store: &Store, record: &Record) -> Result<i32, ContainerError> {
    let check = check_of(store, record)?.ok_or_else(|| ContainerError::Option {
        option: format!("container {}", record.name),
        reason: "it has no health check".to_owned(),
    })?;
    let answer = ask(store, record, &check.command, check.timeout);
    Ok(answer.exit_code)
}

/// The prober: returns when the container is gone.
///
/// # Errors
/// The record or the check cannot be read.
pub fn watch(store: &Store, record: &Record) -> Result<(), ContainerError> {
    let (Some(check), Some(handle)) = (check_of(store, record)?, record.process.and_then(Process::open)) else {
        return Ok(());
    };
    Prober {
        store,
        record,
        check,
        handle,
        begun: Instant::now(),
        health: Health {
            status: Verdict::Starting,
            failing_streak: 0,
            log: Vec::new(),
        },
    }
    .run()
}

struct Prober<'a> {
    store: &'a Store,
    record: &'a Record,
    check: HealthCheck,
    handle: Handle,
    begun: Instant,
    health: Health,
}

impl Prober<'_> {
    fn run(mut self) -> Result<(), ContainerError> {
        if !self.started_up()? {
            return Ok(());
        }
        let interval = self.check.interval.unwrap_or(Duration::MAX);
        let mut pause = EAGER.min(interval);
        loop {
            if self.record.is_paused() {
                // Nobody answers, and nothing is wrong with that.
                if self.health.status == Verdict::Healthy {
                    notify::watchdog();
                }
                if self.gone_within(pause) {
                    return Ok(());
                }
                continue;
            }
            let answer = ask(self.store, self.record, &self.check.command, self.check.timeout);
            let counts = self.begun.elapsed() >= self.check.start_period.max(interval.min(pause * 2));
            self.take(answer, counts)?;
            pause = if self.health.status == Verdict::Starting {
                (pause * 2).min(interval)
            } else {
                interval
            };
            if self.gone_within(pause) {
                return Ok(());
            }
        }
    }

    /// The startup check, if there is one: it must succeed before the other one begins. Returns whether it did.
    fn started_up(&mut self) -> Result<bool, ContainerError> {
        let Some(startup) = self.check.startup.clone() else {
            return Ok(true);
        };
        let (mut good, mut bad) = (0, 0);
        while good < startup.success {
            if self.record.is_paused() {
                if self.gone_within(EAGER) {
                    return Ok(false);
                }
                continue;
            }
            let answer = ask(self.store, self.record, &startup.command, startup.timeout);
            if answer.exit_code == 0 {
                good += 1;
            } else {
                (good, bad) = (0, bad + 1);
            }
            if startup.retries > 0 && bad >= startup.retries {
                tracing::error!("the startup check failed {bad} times: {}", answer.output.trim());
                self.act(OnFailure::Restart)?;
                return Ok(false);
            }
            if good < startup.success && self.gone_within(startup.interval.unwrap_or(EAGER)) {
                return Ok(false);
            }
        }
        self.begun = Instant::now();
        Ok(true)
    }

    fn take(&mut self, answer: Answer, counts: bool) -> Result<(), ContainerError> {
        let before = self.health.status;
        judge(&mut self.health, &answer, counts, self.check.retries);
        self.health.log.push(shortened(answer, self.check.max_log_size));
        let keep = usize::try_from(self.check.max_log_count)
            .ok()
            .filter(|n| *n > 0)
            .unwrap_or(usize::MAX);
        let surplus = self.health.log.len().saturating_sub(keep);
        self.health.log.drain(..surplus);
        save(self.store, self.record, &self.health)?;
        match self.health.status {
            Verdict::Healthy => self.tell_systemd(before),
            Verdict::Unhealthy if before != Verdict::Unhealthy => {
                // The one line that the journal gets: when it turns bad, not at every question.
                let output = self.health.log.last().map_or("", |a| a.output.trim());
                let separator = if output.is_empty() { "" } else { ": " };
                let streak = self.health.failing_streak;
                tracing::error!("unhealthy after {streak} failed checks{separator}{output}");
                self.act(self.check.on_failure)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn tell_systemd(&self, before: Verdict) {
        if before == Verdict::Starting && self.record.lifecycle.sdnotify == SdNotify::Healthy {
            notify::ready();
        }
        notify::watchdog();
    }

    fn act(&self, action: OnFailure) -> Result<(), ContainerError> {
        match action {
            OnFailure::None => Ok(()),
            // The unit fails, and `Restart=` decides.
            OnFailure::Kill | OnFailure::Restart => stop::kill(self.record, libc::SIGKILL),
            OnFailure::Stop => stop::stop(self.record, None),
        }
    }

    fn gone_within(&self, pause: Duration) -> bool {
        self.handle.wait(pause).unwrap_or(true)
    }
}

/// Good: healthy. Bad: it counts after the start period, and `retries` in a row are unhealthy.
fn judge(health: &mut Health, answer: &Answer, counts: bool, retries: u32) {
    if answer.exit_code == 0 {
        health.status = Verdict::Healthy;
        health.failing_streak = 0;
    } else if counts || health.status != Verdict::Starting {
        health.failing_streak += 1;
        if health.failing_streak >= retries {
            health.status = Verdict::Unhealthy;
        }
    }
}

fn shortened(mut answer: Answer, max: u32) -> Answer {
    if let Some(max) = usize::try_from(max).ok().filter(|n| *n > 0) {
        answer.output = answer.output.chars().take(max).collect();
    }
    answer
}

/// Runs the command in the container. It is our own program's `exec`, a process that can be killed when the time is over.
fn ask(store: &Store, record: &Record, command: &[String], timeout: Duration) -> Answer {
    let start = Timestamp::now();
    let result = Command::new("/proc/self/exe")
        .arg0("unipod")
        .arg("--root")
        .arg(store.data())
        .arg("--runroot")
        .arg(store.run())
        .args(["exec", &record.name])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_remove("NOTIFY_SOCKET")
        .spawn()
        .and_then(|child| answer_within(child, timeout));
    let (exit_code, output) = result.unwrap_or_else(|error| (125, format!("the check cannot be run: {error}")));
    Answer {
        start,
        end: Timestamp::now(),
        exit_code,
        output,
    }
}

fn save(store: &Store, record: &Record, health: &Health) -> Result<(), ContainerError> {
    let path = path(store, record);
    // The container may be on its way out: its bundle must not come back.
    if path.parent().is_some_and(std::path::Path::is_dir) {
        store::write_json(&path, health, Durability::ThisBoot)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(exit_code: i32) -> Answer {
        Answer {
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
            exit_code,
            output: "out".into(),
        }
    }

    #[test]
    fn verdicts() {
        let mut health = Health {
            status: Verdict::Starting,
            failing_streak: 0,
            log: Vec::new(),
        };
        let mut after = |code, counts| {
            judge(&mut health, &answer(code), counts, 2);
            (health.status, health.failing_streak)
        };
        assert_eq!(after(1, false), (Verdict::Starting, 0), "the start period is patient");
        assert_eq!(after(1, true), (Verdict::Starting, 1));
        assert_eq!(after(0, true), (Verdict::Healthy, 0));
        assert_eq!(
            after(1, false),
            (Verdict::Healthy, 1),
            "once healthy, every answer counts"
        );
        assert_eq!(after(1, false), (Verdict::Unhealthy, 2));
        assert_eq!(after(0, true), (Verdict::Healthy, 0));
    }
}
