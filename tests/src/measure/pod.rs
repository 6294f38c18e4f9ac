//! The ways to run a pod of three containers as services. By hand it is [`pins`], and `crun run` on bundles prepared in
//! advance, in services that are bound to them.

use serde_json::{Value, json};

use super::pins;
use super::subject::{BUNDLES, IMAGE, SCRIPT, Subject, generate_for_podman, podman_options, prepare_bundle};
use crate::machine::Machine;
use crate::quadlet::UNIT_DIR;

/// The program that makes and removes the pins, inside the machine.
pub const HELPER: &str = "/usr/local/bin/machine";

/// Where podman's unit files are, for no other generator to see.
const OF_PODMAN: &str = "/run/podman-pods";

/// How many containers a pod has.
pub const MEMBERS: usize = 3;

/// What a pod is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// The default bridge.
    Bridge,
}

/// The names of the services of one pod, its own first; `number` tells several of them apart.
pub fn services(subject: Subject, network: Network, number: usize) -> Vec<String> {
    let name = name(subject, network, number);
    let members = (0..MEMBERS).map(|member| format!("{name}-{member}.service"));
    std::iter::once(format!("{name}-pod.service")).chain(members).collect()
}

fn name(subject: Subject, network: Network, number: usize) -> String {
    let network = format!("{network:?}").to_lowercase();
    format!("{}-pod-{network}{number}", subject.prefix())
}

/// Installs the units of `count` pods.
///
/// # Panics
/// The machine refuses.
pub fn install(subject: Subject, machine: &Machine, network: Network, count: usize) {
    let options = match subject {
        Subject::Podman => format!("PodmanArgs={}\n", podman_options(machine)),
        _ => String::new(),
    };
    for number in 0..count {
        let name = name(subject, network, number);
        if subject == Subject::HandWritten {
            by_hand(machine, &name, &services(subject, network, number));
            continue;
        }
        let dir = if subject == Subject::Podman {
            OF_PODMAN
        } else {
            UNIT_DIR
        };
        machine.write(&format!("{dir}/{name}.pod"), &pod(network));
        for member in 0..MEMBERS {
            let text = container(&name, &options);
            machine.write(&format!("{dir}/{name}-{member}.container"), &text);
        }
    }
    if subject == Subject::Podman {
        generate_for_podman(machine, OF_PODMAN);
    }
}

fn pod(network: Network) -> String {
    let network = if network == Network::None { "Network=none\n" } else { "" };
    format!("[Unit]\nStartLimitIntervalSec=0\n[Pod]\n{network}")
}

fn container(pod: &str, more: &str) -> String {
    format!(
        "[Unit]\nStartLimitIntervalSec=0\n[Container]\nImage={IMAGE}\nExec=sh -c \"{SCRIPT}\"\nPod={pod}.pod\n{more}"
    )
}

fn by_hand(machine: &Machine, name: &str, services: &[String]) {
    let Some((pod, members)) = services.split_first() else {
        return;
    };
    let pins = format!("/run/unipod-bench/{name}");
    let members_line = members.join(" ");
    let text = format!(
        "[Unit]\nStartLimitIntervalSec=0\nWants={members_line}\nBefore={members_line}\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={HELPER} pin {pins}\nExecStopPost={HELPER} unpin {pins}\n"
    );
    machine.write(&format!("/etc/systemd/system/{pod}"), &text);
    for (number, service) in members.iter().enumerate() {
        let id = format!("{name}-{number}");
        let bundle = format!("{BUNDLES}/{id}");
        let mut spec = prepare_bundle(machine, &bundle, &["sh", "-c", SCRIPT]);
        join(&mut spec, &pins);
        machine.write(&format!("{bundle}/config.json"), &spec.to_string());
        let crun = "/usr/bin/crun --cgroup-manager=disabled";
        let text = format!(
            "[Unit]\nStartLimitIntervalSec=0\nBindsTo={pod}\nAfter={pod}\n\
             [Service]\nType=forking\nDelegate=yes\nKillMode=mixed\nPIDFile=/run/{id}.pid\n\
             ExecStart={crun} run --detach --pid-file=/run/{id}.pid --bundle={bundle} {id}\n\
             ExecStop={crun} kill {id} TERM\nExecStopPost=-{crun} delete --force {id}\n"
        );
        machine.write(&format!("/etc/systemd/system/{service}"), &text);
    }
}

/// Makes a container one that lives in pinned namespaces.
fn join(spec: &mut Value, pins: &str) {
    let entries = |value: &mut Value| value.as_array_mut().map(std::mem::take).unwrap_or_default();
    let mut namespaces = entries(&mut spec["linux"]["namespaces"]);
    namespaces.retain(|namespace| !["network", "ipc", "uts"].map(Value::from).contains(&namespace["type"]));
    for (kind, pin) in ["network", "ipc", "uts"].into_iter().zip(pins::NAMESPACES) {
        namespaces.push(json!({ "type": kind, "path": format!("{pins}/{pin}") }));
    }
    spec["linux"]["namespaces"] = namespaces.into();
    let mut mounts = entries(&mut spec["mounts"]);
    for mount in mounts.iter_mut().filter(|mount| mount["destination"] == "/dev/shm") {
        *mount = json!({ "destination": "/dev/shm", "source": format!("{pins}/{}", pins::SHM), "type": "bind", "options": ["bind"] });
    }
    spec["mounts"] = mounts.into();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("hostname");
    }
}
