//! Health checks: the options over what the image says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::BundleError;
use crate::options::HealthOptions;
use crate::values::duration;

/// A health check as docker's image format has it; durations in nanoseconds, 0 for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageHealth {
    /// `["NONE"]`, `["CMD", words…]` or `["CMD-SHELL", text]`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: u64,
    /// How long one check may take.
    pub timeout: u64,
    /// How long failures at the start do not count.
    pub start_period: u64,
    /// How many failures in a row make it unhealthy.
    pub retries: u32,
}

/// What to do, once the container is unhealthy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Only say so.
    #[default]
    None,
    /// Kill the container.
    Kill,
    /// Restart it; under systemd, the unit's `Restart=` does that.
    Restart,
    /// Stop it.
    Stop,
}

/// A check that a container has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// The words of the command to run in the container.
    pub command: Vec<String>,
    /// Time between two checks; `None` only ever checks when asked (`--health-interval=disable`).
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Duration,
    /// How many failures in a row make it unhealthy.
    pub retries: u32,
    /// How long failures at the start do not count.
    pub start_period: Duration,
    /// What to do then.
    pub on_failure: OnFailure,
    /// The check that has to succeed before the other one begins.
    pub startup: Option<StartupCheck>,
    /// Where results are kept: `local`, `events_logger` or a directory.
    pub log_destination: String,
    /// How many results are kept; 0 for all.
    pub max_log_count: u32,
    /// How many characters of a result are kept; 0 for all.
    pub max_log_size: u32,
}

/// A check of its own for the time until a container is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartupCheck {
    /// The words of the command to run in the container.
    pub command: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Duration,
    /// How many failures until the container is restarted; 0 for never.
    pub retries: u32,
    /// How many successes in a row it takes.
    pub success: u32,
}

/// podman-run(1) and docker-run(1) agree on these.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;

impl HealthCheck {
    /// The check of a container; `None` if it has none.
    ///
    /// # Errors
    /// An option's value means nothing.
    pub fn merge(options: &HealthOptions, image: Option<&ImageHealth>) -> Result<Option<Self>, BundleError> {
        let HealthOptions {
            cmd,
            interval,
            timeout,
            retries,
            start_period,
            on_failure,
            startup_cmd: _,
            startup_interval: _,
            startup_timeout: _,
            startup_retries: _,
            startup_success: _,
            log_destination,
            max_log_count,
            max_log_size,
        } = options;
        let own = cmd.as_deref().map(|text| command("--health-cmd", text)).transpose()?;
        let of_image = image.map(|image| words(&image.test));
        let check = Self {
            command: own.or(of_image).unwrap_or_default(),
            interval: self::interval("--health-interval", interval.as_deref(), image.map(|i| i.interval))?,
            timeout: time(
                "--health-timeout",
                timeout.as_deref(),
                image.map(|i| i.timeout),
                TIMEOUT,
            )?,
            retries: retries
                .or(image.map(|i| i.retries))
                .filter(|n| *n > 0)
                .unwrap_or(RETRIES),
            start_period: time(
                "--health-start-period",
                start_period.as_deref(),
                image.map(|i| i.start_period),
                Duration::ZERO,
            )?,
            on_failure: self::on_failure(on_failure.as_deref())?,
            startup: StartupCheck::of(options)?,
            log_destination: log_destination.clone().unwrap_or_else(|| "local".to_owned()),
            max_log_count: max_log_count.unwrap_or(5),
            max_log_size: max_log_size.unwrap_or(500),
        };
        Ok((!check.command.is_empty()).then_some(check))
    }
}

impl StartupCheck {
    fn of(options: &HealthOptions) -> Result<Option<Self>, BundleError> {
        let Some(text) = &options.startup_cmd else {
            return Ok(None);
        };
        let command = command("--health-startup-cmd", text)?;
        let check = Self {
            command,
            interval: interval("--health-startup-interval", options.startup_interval.as_deref(), None)?,
            timeout: time(
                "--health-startup-timeout",
                options.startup_timeout.as_deref(),
                None,
                TIMEOUT,
            )?,
            retries: options.startup_retries.unwrap_or(0),
            success: options.startup_success.unwrap_or(1).max(1),
        };
        Ok((!check.command.is_empty()).then_some(check))
    }
}

/// A JSON list is docker's form with its first word, or plain words. So is a text that begins with one of those words, as in
/// compose files; all else is text for a shell. `none` is no check.
fn command(option: &'static str, text: &str) -> Result<Vec<String>, BundleError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.starts_with('[') {
        let list: Vec<String> = serde_json::from_str(text)
            .map_err(|e| BundleError::invalid(option, text, format!("this JSON list is not understood: {e}")))?;
        return Ok(words(&list));
    }
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(match first.to_ascii_uppercase().as_str() {
        "NONE" => Vec::new(),
        "CMD" => rest.split_whitespace().map(str::to_owned).collect(),
        "CMD-SHELL" => shell(rest.trim_start()),
        _ => shell(text),
    })
}

fn words(test: &[String]) -> Vec<String> {
    match test.split_first() {
        Some((kind, _)) if kind == "NONE" => Vec::new(),
        Some((kind, rest)) if kind == "CMD" => rest.to_vec(),
        Some((kind, rest)) if kind == "CMD-SHELL" => shell(&rest.join(" ")),
        _ => test.to_vec(),
    }
}

fn shell(text: &str) -> Vec<String> {
    ["/bin/sh", "-c", text].map(str::to_owned).to_vec()
}

fn interval(option: &'static str, text: Option<&str>, image: Option<u64>) -> Result<Option<Duration>, BundleError> {
    match text {
        Some("disable") => Ok(None),
        _ => time(option, text, image, INTERVAL).map(Some),
    }
}

fn time(
    option: &'static str,
    text: Option<&str>,
    image: Option<u64>,
    default: Duration,
) -> Result<Duration, BundleError> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => duration::parse(text)
            .ok_or_else(|| BundleError::invalid(option, text, "expected a duration such as 30s, 1m30s or 500ms")),
        None => Ok(image.filter(|n| *n > 0).map_or(default, Duration::from_nanos)),
    }
}

fn on_failure(text: Option<&str>) -> Result<OnFailure, BundleError> {
    match text.unwrap_or_default() {
        "" | "none" => Ok(OnFailure::None),
        "kill" => Ok(OnFailure::Kill),
        "restart" => Ok(OnFailure::Restart),
        "stop" => Ok(OnFailure::Stop),
        other => Err(BundleError::invalid(
            "--health-on-failure",
            other,
            "expected none, kill, restart or stop",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cmd: Option<&str>, image: Option<&[&str]>) -> Option<Vec<String>> {
        let options = HealthOptions {
            cmd: cmd.map(str::to_owned),
            ..HealthOptions::default()
        };
        let image = image.map(|test| ImageHealth {
            test: test.iter().map(ToString::to_string).collect(),
            interval: 5_000_000_000,
            ..ImageHealth::default()
        });
        HealthCheck::merge(&options, image.as_ref())
            .unwrap()
            .map(|check| check.command)
    }

    #[test]
    fn commands() {
        for (cmd, image, expected) in [
            (None, None, None),
            (Some("curl -f x"), None, Some(&["/bin/sh", "-c", "curl -f x"][..])),
            (Some(r#"["CMD","a","b"]"#), None, Some(&["a", "b"])),
            (Some(r#"["a","b"]"#), None, Some(&["a", "b"])),
            (None, Some(&["CMD-SHELL", "x y"][..]), Some(&["/bin/sh", "-c", "x y"])),
            (None, Some(&["NONE"]), None),
            (Some("none"), Some(&["CMD", "x"]), None),
        ] {
            assert_eq!(
                of(cmd, image),
                expected.map(|w| w.iter().map(ToString::to_string).collect()),
                "{cmd:?}"
            );
        }
    }

    #[test]
    fn options_win_over_the_image_and_the_image_over_defaults() {
        let image = ImageHealth {
            test: vec!["CMD".into(), "x".into()],
            interval: 5_000_000_000,
            ..Default::default()
        };
        let mut options = HealthOptions::default();
        let interval = |options: &HealthOptions| HealthCheck::merge(options, Some(&image)).unwrap().unwrap().interval;
        assert_eq!(interval(&options), Some(Duration::from_secs(5)));
        options.interval = Some("1m30s".into());
        assert_eq!(interval(&options), Some(Duration::from_secs(90)));
        options.interval = Some("disable".into());
        assert_eq!(interval(&options), None);
        options.interval = Some("soon".into());
        assert!(
            HealthCheck::merge(&options, None)
                .unwrap_err()
                .to_string()
                .contains("--health-interval")
        );
    }
}
