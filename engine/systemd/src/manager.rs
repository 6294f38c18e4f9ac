//! The service manager over D-Bus (org.freedesktop.systemd1(5)): transient units, start and stop.
//!
//! Only the command line comes here; what runs inside a unit never needs the bus.

use std::time::Duration;

use futures_util::StreamExt;
use zbus::{OwnedObjectPath, Variant};

/// No limit.
pub const INFINITY: u64 = u64::MAX;

/// A service that lives as long as its container.
#[derive(Debug, Clone)]
pub struct TransientService {
    /// The unit's name, with `.service`.
    pub name: String,
    /// `Description=`.
    pub description: String,
    /// `SyslogIdentifier=`.
    pub identifier: String,
    /// `Environment=`.
    pub environment: Vec<String>,
    /// `ExecStart=`, program and arguments.
    pub start: Vec<String>,
    /// `ExecStop=`.
    pub stop: Vec<String>,
    /// `ExecStopPost=`.
    pub stop_post: Vec<String>,
    /// `TasksMax=`.
    pub tasks_max: u64,
    /// `Restart=`: `no`, `always`, `on-failure`.
    pub restart: &'static str,
    /// `TimeoutStopSec=`.
    pub stop_timeout: Duration,
    /// Whether it needs no process: `RemainAfterExit=`.
    pub remains: bool,
    /// The service that it is started after and does not go on without: `BindsTo=` and `After=`.
    pub bound_to: Option<String>,
    /// `Slice=`.
    pub slice: Option<String>,
}

/// What went wrong between us and systemd.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The bus or the manager cannot be reached.
    #[error("cannot reach systemd over D-Bus")]
    Unreachable(#[source] zbus::Error),
    /// The manager refused.
    #[error("systemd refused to {action} {unit}")]
    Refused {
        /// "start", "stop".
        action: &'static str,
        /// The unit.
        unit: String,
        /// Its reason.
        source: zbus::Error,
    },
    /// The job was accepted and did not end well.
    #[error("{unit} did not {action}: job result \"{result}\"; see: journalctl -u {unit}")]
    Failed {
        /// "start", "stop".
        action: &'static str,
        /// The unit.
        unit: String,
        /// systemd's word for it: `failed`, `timeout`, `dependency`, `canceled`.
        result: String,
    },
}

impl ManagerError {
    /// Whether systemd has no such unit.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if is(source, "NoSuchUnit"))
    }

    /// Whether somebody else has asked for the opposite meanwhile.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Self::Failed { result, .. } if result == "canceled")
    }

    /// Whether systemd has a unit of that name already, which runs or starts.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if is(source, "UnitExists"))
    }
}

/// As `ListUnitsByNames` answers: name, description, the three states, whom it follows, object, job.
pub(super) type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub(super) trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Variant<'_>)],
        aux: &[(&str, &[(&str, Variant<'_>)])],
    ) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn set_unit_properties(&self, name: &str, runtime: bool, properties: &[(&str, Variant<'_>)]) -> zbus::Result<()>;
    fn thaw_unit(&self, name: &str) -> zbus::Result<()>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn reload(&self) -> zbus::Result<()>;
    fn list_units_by_names(&self, names: &[&str]) -> zbus::Result<Vec<Listed>>;
    fn list_units_by_patterns(&self, states: &[&str], patterns: &[&str]) -> zbus::Result<Vec<Listed>>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn get_unit_file_state(&self, file: &str) -> zbus::Result<String>;
    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: OwnedObjectPath, unit: &str, result: &str) -> zbus::Result<()>;
}

/// Starts a transient service and waits until it is ready. An earlier one of that name that is just ending, or that waits to
/// be started again, goes first.
///
/// # Errors
/// systemd cannot be reached, refuses, or the service does not get ready.
pub fn start_transient(service: &TransientService) -> Result<(), ManagerError> {
    match start_new(service) {
        Err(ManagerError::Refused { source, .. }) if is(&source, "UnitExists") && lingers(&service.name)? => {
            stop(&service.name)?;
            start_new(service)
        }
        started => started,
    }
}

fn start_new(service: &TransientService) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        // A failed unit of the same name from an earlier try would be in the way; there need not be one.
        let _ = manager.reset_failed_unit(&service.name).await;
        let properties = properties(service);
        let start = manager.start_transient_unit(&service.name, "fail", &properties, &[]);
        wait_for_job(&manager, "start", &service.name, start).await
    })
}

/// Whether systemd's answer was this error, org.freedesktop.systemd1(5).
pub(super) fn is(error: &zbus::Error, name: &str) -> bool {
    matches!(error, zbus::Error::MethodError(full, ..) if full.strip_prefix("org.freedesktop.systemd1.") == Some(name))
}

/// Whether a unit's main process has ended, and systemd is not starting another one.
fn lingers(unit: &str) -> Result<bool, ManagerError> {
    let listed = zbus::block_on(async { Ok(connect().await?.list_units_by_names(&[unit]).await) })?;
    let listed = listed.map_err(|source| ManagerError::Refused {
        action: "list",
        unit: unit.to_owned(),
        source,
    })?;
    Ok(listed
        .iter()
        .all(|(_, _, _, active, sub, ..)| !matches!(active.as_str(), "active" | "activating") || sub == "auto-restart"))
}

/// Starts a unit that there is a file of, and waits until it is started.
///
/// # Errors
/// systemd cannot be reached, refuses, or the unit does not start.
pub fn start(unit: &str) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        wait_for_job(&manager, "start", unit, manager.start_unit(unit, "replace")).await
    })
}

/// Restarts a unit and waits until it is started again.
///
/// # Errors
/// As [`start`].
pub fn restart(unit: &str) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        wait_for_job(&manager, "restart", unit, manager.restart_unit(unit, "replace")).await
    })
}

/// Stops a unit and waits until it is stopped. One that systemd does not have any more, for it has just ended, is stopped.
///
/// # Errors
/// systemd cannot be reached or refuses.
pub fn stop(unit: &str) -> Result<(), ManagerError> {
    let stopped = zbus::block_on(async {
        let manager = connect().await?;
        wait_for_job(&manager, "stop", unit, manager.stop_unit(unit, "replace")).await
    });
    match stopped {
        Err(ManagerError::Refused { source, .. }) if is(&source, "NoSuchUnit") => Ok(()),
        other => other,
    }
}

/// Lets the processes of a frozen unit go on.
///
/// # Errors
/// systemd cannot be reached or refuses.
pub fn thaw(unit: &str) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        manager.thaw_unit(unit).await.map_err(refused("thaw", unit))
    })
}

/// Has systemd stop a unit that it does nothing else with, and does not wait for it.
///
/// # Errors
/// systemd cannot be reached, or refuses: another job is at work on the unit.
pub fn stop_if_idle(unit: &str) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        let job = manager.stop_unit(unit, "fail").await;
        job.map(drop).map_err(refused("stop", unit))
    })
}

/// Has systemd restart a unit that it does nothing else with, and does not wait for it.
///
/// # Errors
/// As [`stop_if_idle`].
pub fn restart_if_idle(unit: &str) -> Result<(), ManagerError> {
    zbus::block_on(async {
        let manager = connect().await?;
        let job = manager.restart_unit(unit, "fail").await;
        job.map(drop).map_err(refused("restart", unit))
    })
}

pub(super) fn refused(action: &'static str, unit: &str) -> impl FnOnce(zbus::Error) -> ManagerError {
    let unit = unit.to_owned();
    move |source| ManagerError::Refused { action, unit, source }
}

/// Has systemd run its generators and read all unit files again.
///
/// # Errors
/// systemd cannot be reached or refuses.
pub fn reload() -> Result<(), ManagerError> {
    zbus::block_on(async {
        let refused = |source| ManagerError::Refused {
            action: "reload",
            unit: "its units".into(),
            source,
        };
        connect().await?.reload().await.map_err(refused)
    })
}

/// The manager that this user's containers belong to.
pub(super) async fn connect() -> Result<ManagerProxy<'static>, ManagerError> {
    connect_to(!nix::unistd::geteuid().is_root()).await
}

/// The system's manager, or the user's.
pub(super) async fn connect_to(user: bool) -> Result<ManagerProxy<'static>, ManagerError> {
    let bus = if user {
        zbus::Connection::session().await
    } else {
        zbus::Connection::system().await
    };
    ManagerProxy::new(&bus.map_err(ManagerError::Unreachable)?)
        .await
        .map_err(ManagerError::Unreachable)
}

async fn wait_for_job(
    manager: &ManagerProxy<'_>,
    action: &'static str,
    unit: &str,
    request: impl Future<Output = zbus::Result<OwnedObjectPath>>,
) -> Result<(), ManagerError> {
    let refused = |source| ManagerError::Refused {
        action,
        unit: unit.to_owned(),
        source,
    };
    // Listen before asking: a quick job may be over before the answer is read.
    manager.subscribe().await.map_err(refused)?;
    let mut removed = manager.receive_job_removed().await.map_err(refused)?;
    let job = request.await.map_err(refused)?;
    while let Some(signal) = removed.next().await {
        let args = signal.args().map_err(refused)?;
        if *args.job() == job {
            return match *args.result() {
                "done" | "skipped" => Ok(()),
                result => Err(ManagerError::Failed {
                    action,
                    unit: unit.to_owned(),
                    result: result.to_owned(),
                }),
            };
        }
    }
    Err(ManagerError::Failed {
        action,
        unit: unit.to_owned(),
        result: "the bus was closed".to_owned(),
    })
}

type Exec<'a> = Vec<(&'a str, Vec<&'a str>, bool)>;

fn exec(words: &[String]) -> Exec<'_> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words
        .first()
        .map(|program| (*program, words.clone(), false))
        .into_iter()
        .collect()
}

fn properties(service: &TransientService) -> Vec<(&'static str, Variant<'_>)> {
    let TransientService {
        name: _,
        description,
        identifier,
        environment,
        start,
        stop,
        stop_post,
        tasks_max,
        restart,
        stop_timeout,
        remains,
        bound_to,
        slice,
    } = service;
    let mut all = vec![
        ("Description", Variant::from(description.as_str())),
        ("Type", Variant::from("notify")),
        ("NotifyAccess", Variant::from("all")),
        ("KillMode", Variant::from("mixed")),
        ("Delegate", Variant::from(!*remains)),
        ("RemainAfterExit", Variant::from(*remains)),
        ("CollectMode", Variant::from("inactive-or-failed")),
        ("SyslogIdentifier", Variant::from(identifier.as_str())),
        // A line that begins with <0> is no emergency of the host.
        ("SyslogLevelPrefix", Variant::from(false)),
        ("Environment", Variant::from(environment.clone())),
        ("ExecStart", Variant::from(exec(start))),
        ("ExecStop", Variant::from(exec(stop))),
        ("ExecStopPost", Variant::from(exec(stop_post))),
        ("TasksMax", Variant::from(*tasks_max)),
        ("Restart", Variant::from(*restart)),
        (
            "TimeoutStopUSec",
            Variant::from(u64::try_from(stop_timeout.as_micros()).unwrap_or(u64::MAX)),
        ),
    ];
    if let Some(other) = bound_to {
        all.extend(["BindsTo", "After"].map(|name| (name, Variant::from(vec![other.as_str()]))));
    }
    all.extend(slice.as_ref().map(|slice| ("Slice", Variant::from(slice.as_str()))));
    all
}
