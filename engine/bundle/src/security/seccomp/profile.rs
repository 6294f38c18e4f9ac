//! The profile format of docker and podman: OCI's, with conditions on capabilities, architecture and kernel.

use std::collections::BTreeMap;

use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag, LinuxSyscall,
};
use serde::{Deserialize, Deserializer};

use crate::security::capabilities::Set;

/// What the conditions of a profile are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// The container's bounding set.
    pub granted: Set,
    /// As [`std::env::consts::ARCH`].
    pub arch: &'static str,
    /// Major and minor number of the kernel.
    pub kernel: (u32, u32),
}

/// A profile as it is in a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    default_action: LinuxSeccompAction,
    default_errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    arch_map: Vec<ArchMap>,
    #[serde(default, deserialize_with = "nullable")]
    architectures: Vec<Arch>,
    #[serde(default, deserialize_with = "nullable")]
    flags: Vec<LinuxSeccompFilterFlag>,
    #[serde(default, deserialize_with = "nullable")]
    syscalls: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: Arch,
    #[serde(default, deserialize_with = "nullable")]
    sub_architectures: Vec<Arch>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default, deserialize_with = "nullable")]
    names: Vec<String>,
    name: Option<String>,
    action: LinuxSeccompAction,
    errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    args: Vec<LinuxSeccompArg>,
    #[serde(default, deserialize_with = "nullable")]
    includes: Condition,
    #[serde(default, deserialize_with = "nullable")]
    excludes: Condition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(default, deserialize_with = "nullable")]
    caps: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// Go writes an empty list as `null`.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Profile {
    /// The profile as it is for one machine, in OCI's form.
    pub fn for_machine(self, machine: &Machine) -> LinuxSeccomp {
        let Self {
            default_action,
            default_errno_ret,
            arch_map,
            mut architectures,
            flags,
            syscalls,
        } = self;
        let native = super::architectures::architectures(machine.arch);
        if let Some(map) = arch_map.into_iter().find(|map| native.contains(&map.architecture)) {
            architectures.push(map.architecture);
            architectures.extend(map.sub_architectures);
        }
        let syscalls = syscalls
            .into_iter()
            .filter(|rule| rule.applies(machine))
            .map(Rule::into_oci)
            .collect();
        let mut oci = LinuxSeccomp::default();
        oci.set_default_action(default_action)
            .set_default_errno_ret(default_errno_ret)
            .set_architectures(some_unless_empty(architectures))
            .set_flags(some_unless_empty(flags))
            .set_syscalls(some_unless_empty(merge(syscalls)));
        oci
    }
}

impl Rule {
    fn applies(&self, machine: &Machine) -> bool {
        self.includes.included(machine) && !self.excludes.excluded(machine)
    }

    fn into_oci(self) -> LinuxSyscall {
        let Self {
            mut names,
            name,
            action,
            errno_ret,
            args,
            includes: _,
            excludes: _,
        } = self;
        names.extend(name);
        let mut oci = LinuxSyscall::default();
        oci.set_names(names)
            .set_action(action)
            .set_errno_ret(errno_ret)
            .set_args(some_unless_empty(args));
        oci
    }
}

impl Condition {
    fn included(&self, machine: &Machine) -> bool {
        (self.arches.is_empty() || self.arches.iter().any(|arch| go_arch(machine.arch) == arch))
            && self.caps.iter().all(|cap| has(machine.granted, cap))
            && self
                .min_kernel
                .as_deref()
                .is_none_or(|version| machine.kernel >= version_of(version))
    }

    fn excluded(&self, machine: &Machine) -> bool {
        self.arches.iter().any(|arch| go_arch(machine.arch) == arch)
            || self.caps.iter().any(|cap| has(machine.granted, cap))
            || self
                .min_kernel
                .as_deref()
                .is_some_and(|version| machine.kernel >= version_of(version))
    }
}

fn has(granted: Set, capability: &str) -> bool {
    granted.has(capability.strip_prefix("CAP_").unwrap_or(capability))
}

fn version_of(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Profiles name architectures as Go does.
fn go_arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn some_unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// One rule for all names with the same answer and no conditions on arguments: less for the runtime to read.
fn merge(rules: Vec<LinuxSyscall>) -> Vec<LinuxSyscall> {
    let mut merged: Vec<LinuxSyscall> = Vec::with_capacity(rules.len());
    let mut plain: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules {
        if rule.args().is_some() {
            merged.push(rule);
            continue;
        }
        let key = format!("{:?} {:?}", rule.action(), rule.errno_ret());
        if let Some(&index) = plain.get(&key) {
            let names = [merged[index].names().as_slice(), rule.names()].concat();
            merged[index].set_names(names);
        } else {
            plain.insert(key, merged.len());
            merged.push(rule);
        }
    }
    merged
}
