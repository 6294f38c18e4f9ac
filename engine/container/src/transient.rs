//! A container of the command line lives as a transient service: `unipod-NAME.service`, systemd.unit(5).

use std::path::Path;
use std::time::Duration;

use super::ContainerError;
use super::record::{Lifecycle, Record, SdNotify, UnitUse};
use unipod_bundle::ContainerOptions;
use unipod_store::Store;
use unipod_systemd::manager::{self, TransientService};

/// What systemd may take beyond the container's own time to stop before it kills.
const STOP_MARGIN: Duration = Duration::from_secs(20);

/// The unit of a container with this name. `unipod-pod-NAME.service` is that of the pod `NAME`: the container `pod-NAME` has another.
pub fn unit_name(container: &str) -> String {
    match container.strip_prefix("pod-") {
        Some(rest) => format!("unipod-pod\\x2d{rest}.service"),
        None => format!("unipod-{container}.service"),
    }
}

/// The unit that a container of this name will belong to.
pub fn unit_of(container: &str) -> UnitUse {
    UnitUse {
        name: unit_name(container),
        invocation: None,
    }
}

/// How a container lives in a unit of ours. Nobody has asked its payload to notify, and the unit waits to be told: unless a
/// health check says more, it is ready when it runs.
pub fn lifecycle(asked: Lifecycle) -> Lifecycle {
    let sdnotify = match asked.sdnotify {
        SdNotify::Healthy => SdNotify::Healthy,
        SdNotify::Container | SdNotify::Conmon | SdNotify::Ignore => SdNotify::Conmon,
    };
    Lifecycle { sdnotify, ..asked }
}

/// Starts the unit, which executes the engine `program`, and waits until the container is ready.
///
/// # Errors
/// systemd cannot be reached, or the container does not start; the record then says why.
pub fn start(store: &Store, record: &Record, program: &Path) -> Result<(), ContainerError> {
    Ok(manager::start_transient(&service(store, record, program))?)
}

fn service(store: &Store, record: &Record, program: &Path) -> TransientService {
    let engine = program.to_string_lossy().into_owned();
    let command = |words: &[&str]| {
        let roots = [
            "--root",
            &store.data().to_string_lossy(),
            "--runroot",
            &store.run().to_string_lossy(),
        ]
        .map(str::to_owned);
        let words = words.iter().map(|w| (*w).to_owned());
        [engine.clone()]
            .into_iter()
            .chain(roots)
            .chain(words)
            .collect::<Vec<_>>()
    };
    let (name, id) = (record.name.as_str(), record.id.as_str());
    let unit = unit_name(name);
    TransientService {
        description: format!(
            "Container {name} ({})",
            record.image.as_ref().map_or("rootfs", |i| &i.name)
        ),
        identifier: name.to_owned(),
        environment: vec![format!("PODMAN_SYSTEMD_UNIT={unit}")],
        // By ID: when this unit ends, its name may be another container's already.
        start: command(&["start", id]),
        stop: command(&["stop", "--ignore", id]),
        stop_post: command(&["container", "cleanup", id]),
        tasks_max: tasks_max(&record.options),
        restart: restart(record.lifecycle.restart.as_deref()),
        stop_timeout: Duration::from_secs(record.stop_timeout.into()) + STOP_MARGIN,
        remains: false,
        bound_to: record.pod.as_ref().map(|pod| pod.unit.clone()),
        slice: record.pod.as_ref().and_then(|pod| pod.slice.clone()),
        name: unit,
    }
}

/// The default limit of processes is the unit's; one that an option says is a matter of the engine.
fn tasks_max(options: &ContainerOptions) -> u64 {
    let default = options.pids_limit().filter(|_| options.resources.pids.is_none());
    default
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(manager::INFINITY)
}

/// podman's `--restart` in systemd's words.
fn restart(policy: Option<&str>) -> &'static str {
    match policy.map(|p| p.split(':').next().unwrap_or(p)) {
        Some("always" | "unless-stopped") => "always",
        Some("on-failure") => "on-failure",
        _ => "no",
    }
}
