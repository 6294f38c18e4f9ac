//! Whether systemd is going to start a service again that has just ended: systemd.service(5), `Restart=` and its neighbours, said
//! by whoever runs as its last command.

use super::manager::ManagerError;
use super::units::{Properties, Units};

/// How a service has ended, as its `ExecStopPost=` is told (systemd.exec(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `$SERVICE_RESULT`: `success`, `exit-code`, `signal` …
    pub result: String,
    /// `$EXIT_STATUS`: a number, or the name of a signal.
    pub status: Status,
}

/// What the main process has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// An exit code.
    Exited(i32),
    /// The number of a signal.
    Killed(i32),
    /// There was no main process, or nobody says.
    Unknown,
}

impl End {
    /// From the environment of this process.
    pub fn of_this_unit() -> Self {
        let env = |name: &str| std::env::var(name).unwrap_or_default();
        let status = env("EXIT_STATUS");
        Self {
            result: env("SERVICE_RESULT"),
            status: match env("EXIT_CODE").as_str() {
                "exited" => status.parse().map_or(Status::Unknown, Status::Exited),
                "killed" | "dumped" => signal_number(&status).map_or(Status::Unknown, Status::Killed),
                _ => Status::Unknown,
            },
        }
    }
}

impl End {
    /// Of another unit, as systemd knows it.
    ///
    /// # Errors
    /// systemd does not answer.
    pub fn of(units: &Units, unit: &str) -> Result<Self, ManagerError> {
        let mut properties = units.properties(unit)?;
        let status: i32 = properties.take("ExecMainStatus").unwrap_or_default();
        Ok(Self {
            result: properties.text("Result"),
            // The numbers of waitid(2).
            status: match properties.take::<i32>("ExecMainCode") {
                Some(libc::CLD_EXITED) => Status::Exited(status),
                Some(libc::CLD_KILLED | libc::CLD_DUMPED) => Status::Killed(status),
                _ => Status::Unknown,
            },
        })
    }
}

/// systemd names signals without `SIG`.
fn signal_number(name: &str) -> Option<i32> {
    let named = || format!("SIG{name}").parse::<nix::sys::signal::Signal>().ok();
    name.parse().ok().or_else(|| named().map(|signal| signal as i32))
}

/// Whether the service `unit`, which is ending like this, is going to be started again.
///
/// # Errors
/// systemd does not answer.
pub fn comes_back(units: &Units, unit: &str, end: &End) -> Result<bool, ManagerError> {
    let mut properties = units.properties(unit)?;
    match units.job_of(&mut properties)?.as_deref() {
        // Somebody has asked for the start that comes after this stop.
        Some("restart" | "try-restart" | "start") => return Ok(true),
        Some("stop") => return Ok(false),
        _ => {}
    }
    Ok(Policy::of(&mut properties).restarts_after(end))
}

#[derive(Debug, Default)]
struct Policy {
    restart: String,
    prevented: Statuses,
    forced: Statuses,
}

/// Exit codes and signals.
type Statuses = (Vec<i32>, Vec<i32>);

impl Policy {
    fn of(properties: &mut Properties) -> Self {
        Self {
            restart: properties.text("Restart"),
            prevented: properties.take("RestartPreventExitStatus").unwrap_or_default(),
            forced: properties.take("RestartForceExitStatus").unwrap_or_default(),
        }
    }

    fn restarts_after(&self, end: &End) -> bool {
        let has = |(codes, signals): &Statuses| match end.status {
            Status::Exited(code) => codes.contains(&code),
            Status::Killed(signal) => signals.contains(&signal),
            Status::Unknown => false,
        };
        if has(&self.prevented) {
            return false;
        }
        if has(&self.forced) {
            return true;
        }
        end.result != "exec-condition" && applies(&self.restart, &end.result)
    }
}

/// The table in systemd.service(5): whether `Restart=` means a service that has ended with this `$SERVICE_RESULT`.
pub fn applies(restart: &str, result: &str) -> bool {
    match restart {
        "always" => true,
        "on-success" => result == "success",
        "on-failure" => result != "success",
        "on-abnormal" => !matches!(result, "success" | "exit-code"),
        "on-abort" => matches!(result, "signal" | "core-dump"),
        "on-watchdog" => result == "watchdog",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(result: &str, status: Status) -> End {
        End {
            result: result.to_owned(),
            status,
        }
    }

    #[test]
    fn the_table_of_the_manual() {
        let ends = ["success", "exit-code", "signal", "core-dump", "timeout", "watchdog"];
        for (restart, expected) in [
            ("no", [false; 6]),
            ("always", [true; 6]),
            ("on-success", [true, false, false, false, false, false]),
            ("on-failure", [false, true, true, true, true, true]),
            ("on-abnormal", [false, false, true, true, true, true]),
            ("on-abort", [false, false, true, true, false, false]),
            ("on-watchdog", [false, false, false, false, false, true]),
        ] {
            let policy = Policy {
                restart: restart.to_owned(),
                ..Policy::default()
            };
            let actual = ends.map(|result| policy.restarts_after(&end(result, Status::Unknown)));
            assert_eq!(actual, expected, "{restart}");
        }
    }

    #[test]
    fn single_codes_and_signals_come_first() {
        let policy = Policy {
            restart: "always".to_owned(),
            prevented: (vec![3], vec![libc::SIGABRT]),
            forced: (vec![0], vec![]),
        };
        assert!(!policy.restarts_after(&end("exit-code", Status::Exited(3))));
        assert!(!policy.restarts_after(&end("signal", Status::Killed(libc::SIGABRT))));
        let never = Policy {
            restart: "no".to_owned(),
            ..policy
        };
        assert!(never.restarts_after(&end("success", Status::Exited(0))));
        assert!(!never.restarts_after(&end("exit-code", Status::Exited(1))));
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_number("KILL"), Some(libc::SIGKILL));
        assert_eq!(signal_number("34"), Some(34));
        assert_eq!(signal_number("nothing"), None);
    }
}
