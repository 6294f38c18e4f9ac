//! The nodes of a container, and who may use them.

use oci_spec::runtime::{LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType};

/// Devices of a container and who may use them.
#[derive(Debug, Default)]
pub struct Devices {
    /// Nodes to make.
    pub nodes: Vec<LinuxDevice>,
    /// Rules for the device cgroup, where the runtime has one of its own.
    pub rules: Vec<LinuxDeviceCgroup>,
}

impl Devices {
    /// Adds a node and the rule that lets it be used; it replaces one at the same path, as a second `--device` of podman does.
    pub fn put(&mut self, node: LinuxDevice, access: &str) {
        // The rules know nothing but these two types.
        if matches!(node.typ(), LinuxDeviceType::B | LinuxDeviceType::C) {
            let numbers = Some((node.major(), node.minor()));
            self.rules.push(rule(true, node.typ(), numbers, access));
        }
        self.nodes.retain(|other| other.path() != node.path());
        self.nodes.push(node);
    }
}

pub(super) fn rule(allow: bool, typ: LinuxDeviceType, numbers: Option<(i64, i64)>, access: &str) -> LinuxDeviceCgroup {
    let mut oci = LinuxDeviceCgroup::default();
    oci.set_allow(allow)
        .set_typ(Some(typ))
        .set_major(numbers.map(|n| n.0))
        .set_minor(numbers.map(|n| n.1))
        .set_access(Some(access.to_owned()));
    oci
}
