//! The ways to run one container as a service.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::setup::GENERATOR;

/// The image of all measurements.
pub const IMAGE: &str = "docker.io/library/busybox:latest";

/// The script of a payload that ends at once when it is asked to.
pub(super) const SCRIPT: &str = "trap 'exit 0' TERM; sleep infinity & wait";

/// Where the hand-written units keep root directory and bundles.
pub(super) const BUNDLES: &str = "/var/lib/unipod-bench";

/// Podman's program, where it is installed.
pub const PODMAN: &str = "/usr/bin/podman";

/// As Podman runs a service's container, but for the limit of processes: the test machine has no controllers.
const PODMAN_CGROUP: &str = "--cgroups=split --pids-limit=0";

/// For an old Podman, which cannot make a cgroup in the test machine. It is faster without one.
const PODMAN_NO_CGROUP: &str = "--cgroups=disabled";

/// With which options this machine's Podman runs a container in a unit: a trial tells.
pub fn podman_options(machine: &Machine) -> &'static str {
    let run = format!("{PODMAN} run --rm --network=none {PODMAN_CGROUP} {IMAGE} true");
    let unit = format!("systemd-run --quiet --pipe --wait --collect -p Delegate=yes {run}");
    if machine.sh(&unit).success() {
        PODMAN_CGROUP
    } else {
        PODMAN_NO_CGROUP
    }
}

/// One way to run a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `crun run --detach` on a bundle prepared in advance.
    ///
    /// crun does not notify systemd, so the unit is `Type=forking` with a PID file: systemd takes it as started when
    /// crun has exited, which is also when the payload runs.
    HandWritten,
    /// A `.container` file and unipod.
    Unipod,
    /// The service that the same generator writes for podman.
    Podman,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No network; ends at once when asked to.
    Polite,
    /// No network; ignores SIGTERM.
    Deaf,
    /// On the default bridge, otherwise polite.
    Bridge,
}

impl Subject {
    /// The prefix of its units.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::HandWritten => "hand",
            Self::Unipod => "unipod",
            Self::Podman => "podman",
        }
    }

    /// The units' name for a kind; more than one for the measurement of many at once.
    pub fn unit(self, kind: Kind, number: usize) -> String {
        format!("{}-{}{number}", self.prefix(), format!("{kind:?}").to_lowercase())
    }

    /// Installs `count` units of a kind.
    ///
    /// # Panics
    /// The machine refuses.
    pub fn install(self, machine: &Machine, kind: Kind, count: usize) {
        let options = if self == Self::Podman {
            podman_options(machine)
        } else {
            ""
        };
        for number in 0..count {
            let unit = self.unit(kind, number);
            match self {
                Self::HandWritten => hand_written(machine, &unit, kind),
                Self::Unipod => machine.quadlet(&format!("{unit}.container"), &container(kind)),
                Self::Podman => {
                    let text = container(kind).replace("[Service]", &format!("PodmanArgs={options}\n[Service]"));
                    machine.write(&format!("/run/podman-units/{unit}.container"), &text);
                }
            }
        }
        if self == Self::Podman {
            generate_for_podman(machine, "/run/podman-units");
        }
    }
}

/// Has our generator write the services for podman, from the unit files in `dir`.
pub(super) fn generate_for_podman(machine: &Machine, dir: &str) {
    let script = format!(
        "QUADLET_UNIT_DIRS={dir} UNIPOD_ENGINE={PODMAN} PODMAN={PODMAN} {GENERATOR} --no-kmsg-log /etc/systemd/system"
    );
    machine.sh(&script).ok();
}

fn container(kind: Kind) -> String {
    let polite = format!("sh -c \"{SCRIPT}\"");
    let (exec, network) = match kind {
        Kind::Polite => (polite, "Network=none\n"),
        Kind::Deaf => ("sleep infinity".to_owned(), "Network=none\n"),
        Kind::Bridge => (polite, ""),
    };
    format!(
        "[Unit]\nStartLimitIntervalSec=0\n[Container]\nImage={IMAGE}\nExec={exec}\n{network}[Service]\nCPUAccounting=yes\n"
    )
}

fn hand_written(machine: &Machine, unit: &str, kind: Kind) {
    let bundle = format!("{BUNDLES}/{unit}");
    let payload: &[&str] = if kind == Kind::Deaf {
        &["sleep", "infinity"]
    } else {
        &["sh", "-c", SCRIPT]
    };
    let spec = prepare_bundle(machine, &bundle, payload);
    machine.write(&format!("{bundle}/config.json"), &spec.to_string());
    let mut text = String::from(
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=forking\nDelegate=yes\nCPUAccounting=yes\nKillMode=mixed\n",
    );
    let crun = "/usr/bin/crun --cgroup-manager=disabled";
    let signal = if kind == Kind::Deaf { "KILL" } else { "TERM" };
    // A String takes whatever is written to it.
    let _ = write!(
        text,
        "PIDFile=/run/{unit}.pid\nExecStart={crun} run --detach --pid-file=/run/{unit}.pid --bundle={bundle} {unit}\n\
         ExecStop={crun} kill {unit} {signal}\nExecStopPost=-{crun} delete --force {unit}\n"
    );
    machine.write(&format!("/etc/systemd/system/{unit}.service"), &text);
}

/// Makes the directory of a bundle, and returns what its `config.json` is to say.
pub(super) fn prepare_bundle(machine: &Machine, bundle: &str, payload: &[&str]) -> Value {
    machine
        .sh(&format!("mkdir -p {bundle} && cd {bundle} && crun spec"))
        .ok();
    let said = machine.read(&format!("{bundle}/config.json"));
    let mut spec: Value = serde_json::from_str(&said).expect("crun writes JSON");
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(payload);
    spec["root"] = json!({ "path": format!("{BUNDLES}/rootfs"), "readonly": false });
    spec
}

/// Unpacks the image for the hand-written units.
///
/// # Panics
/// The machine refuses.
pub fn prepare(machine: &Machine) {
    machine
        .sh(&format!(
            "mkdir -p {BUNDLES} && cd /run && skopeo copy --quiet --insecure-policy --src-tls-verify=false \
             docker://127.0.0.1:5000/{IMAGE} oci:bench:image && umoci unpack --image bench:image bench-bundle >/dev/null && \
             cp -a bench-bundle/rootfs {BUNDLES}/rootfs"
        ))
        .ok();
}
