//! What asked devices change in a container: looked up on this machine, in the language of the OCI runtime.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use oci_spec::runtime::{Hook, Hooks, LinuxDevice, LinuxDeviceType, Mount, Process};

use super::spec::{self, ContainerEdits, DeviceNode, HookPoint, NodeType};
use crate::devices::nodes::Devices;
use crate::mounts::request;
use crate::process::users::Identity;

/// The mode of a node for which nobody says one, as crun and runc have it: who may use it is the device's rules.
const ANYBODYS: u32 = 0o666;

/// All changes, to be made where the parts of the container are put together. They win over options, as in podman.
#[derive(Debug, Default)]
pub struct Edits {
    env: Vec<String>,
    nodes: Vec<(LinuxDevice, String)>,
    mounts: Vec<Mount>,
    hooks: Vec<(HookPoint, Hook)>,
    groups: Vec<u32>,
}

impl Edits {
    /// Adds what a file says of one device, or of all.
    ///
    /// # Errors
    /// What is missing on this machine, or not supported.
    pub(super) fn add(&mut self, edits: &ContainerEdits, user: &Identity) -> Result<(), String> {
        let ContainerEdits {
            env,
            device_nodes,
            mounts,
            hooks,
            additional_gids,
            intel_rdt,
            net_devices,
        } = edits;
        for (is_there, field) in [(intel_rdt.is_some(), "intelRdt"), (net_devices.is_some(), "netDevices")] {
            if is_there {
                return Err(format!("{field} is not supported yet"));
            }
        }
        self.env.extend(env.iter().cloned());
        for wanted in device_nodes {
            let access = wanted.permissions.as_deref().filter(|text| !text.is_empty());
            self.nodes
                .push((node(wanted, user)?, access.unwrap_or("rwm").to_owned()));
        }
        for wanted in mounts {
            self.mounts.push(mount(wanted)?);
        }
        self.hooks
            .extend(hooks.iter().map(|wanted| (wanted.point, hook(wanted))));
        // Nobody is given root's group in passing (SPEC.md, `additionalGids`).
        self.groups.extend(additional_gids.iter().filter(|gid| **gid != 0));
        Ok(())
    }

    /// Adds the mounts to those that were asked for.
    pub fn change_mounts(&self, all: &mut Vec<Mount>) {
        for mount in &self.mounts {
            all.retain(|other| other.destination() != mount.destination());
            all.push(mount.clone());
        }
    }

    /// Adds the nodes.
    pub fn change_devices(&self, all: &mut Devices) {
        for (node, access) in &self.nodes {
            all.put(node.clone(), access);
        }
    }

    /// Adds variables and groups.
    pub fn change_process(&self, process: &mut Process) {
        if !self.env.is_empty() {
            let env = process.env_mut().get_or_insert_default();
            for text in &self.env {
                env.retain(|other| variable(other) != variable(text));
                env.push(text.clone());
            }
        }
        if !self.groups.is_empty() {
            let groups = process.user_mut().additional_gids_mut().get_or_insert_default();
            groups.extend(&self.groups);
            groups.sort_unstable();
            groups.dedup();
        }
    }

    /// The hooks, if there are any.
    pub fn hooks(&self) -> Option<Hooks> {
        let of = |point: HookPoint| {
            let of_point = self.hooks.iter().filter(|(other, _)| *other == point);
            let list: Vec<Hook> = of_point.map(|(_, hook)| hook.clone()).collect();
            (!list.is_empty()).then_some(list)
        };
        let mut hooks = Hooks::default();
        #[allow(deprecated, reason = "older files have such hooks, and all runtimes run them")]
        hooks.set_prestart(of(HookPoint::Prestart));
        hooks
            .set_create_runtime(of(HookPoint::CreateRuntime))
            .set_create_container(of(HookPoint::CreateContainer))
            .set_start_container(of(HookPoint::StartContainer))
            .set_poststart(of(HookPoint::Poststart))
            .set_poststop(of(HookPoint::Poststop));
        (!self.hooks.is_empty()).then_some(hooks)
    }
}

fn variable(text: &str) -> &str {
    text.split_once('=').map_or(text, |(name, _)| name)
}

/// A node; its kind and numbers are the host's where the file does not say them. It belongs to the container's user.
fn node(wanted: &DeviceNode, user: &Identity) -> Result<LinuxDevice, String> {
    let (node_type, major, minor) = match (wanted.node_type, wanted.major) {
        (Some(NodeType::Fifo), _) => (NodeType::Fifo, 0, 0),
        (Some(known), Some(major)) => (known, major, wanted.minor.unwrap_or(0)),
        _ => on_host(wanted)?,
    };
    let mut oci = LinuxDevice::default();
    oci.set_path(request::clean(&wanted.path)?)
        .set_typ(match node_type {
            NodeType::Block => LinuxDeviceType::B,
            NodeType::Character => LinuxDeviceType::C,
            NodeType::Fifo => LinuxDeviceType::P,
        })
        .set_major(major)
        .set_minor(minor)
        .set_file_mode(Some(wanted.file_mode.unwrap_or(ANYBODYS) & 0o7777))
        .set_uid(Some(wanted.uid.unwrap_or(user.uid)))
        .set_gid(Some(wanted.gid.unwrap_or(user.gid)));
    Ok(oci)
}

/// Kind, major and minor number of the host's node.
fn on_host(wanted: &DeviceNode) -> Result<(NodeType, i64, i64), String> {
    let path = wanted.host_path.as_deref().unwrap_or(Path::new(&wanted.path));
    let meta = fs::metadata(path).map_err(|e| format!("the host's device {}: {e}", path.display()))?;
    let kind = meta.file_type();
    let found = if kind.is_block_device() {
        NodeType::Block
    } else if kind.is_char_device() {
        NodeType::Character
    } else if kind.is_fifo() {
        NodeType::Fifo
    } else {
        return Err(format!("{} is no device", path.display()));
    };
    if wanted.node_type.is_some_and(|asked| asked != found) {
        return Err(format!("{} is a device of another type", path.display()));
    }
    let (major, minor) = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
    Ok((found, major.into(), minor.into()))
}

/// A mount; without a file system it is a part of the host's, whose options may leave that unsaid.
fn mount(wanted: &spec::Mount) -> Result<Mount, String> {
    let is_bind = |text: &String| text == "bind" || text == "rbind";
    let mut options = wanted.options.clone();
    let mut file_system = wanted.file_system.as_deref().filter(|text| !text.is_empty());
    if options.iter().any(is_bind) || matches!(file_system, None | Some("bind" | "none")) {
        let source = &wanted.host_path;
        fs::metadata(source).map_err(|e| format!("the mount's hostPath {}: {e}", source.display()))?;
        if !options.iter().any(is_bind) {
            options.push("rbind".to_owned());
        }
        file_system = Some("bind");
    }
    let mut oci = Mount::default();
    oci.set_destination(request::clean(&wanted.container_path)?)
        .set_source(Some(wanted.host_path.clone()))
        .set_typ(file_system.map(str::to_owned))
        .set_options(Some(options));
    Ok(oci)
}

fn hook(wanted: &spec::Hook) -> Hook {
    let mut oci = Hook::default();
    oci.set_path(wanted.path.clone())
        .set_args(wanted.args.clone())
        .set_env(wanted.env.clone())
        .set_timeout(wanted.timeout);
    oci
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;

    fn user() -> Identity {
        Identity {
            uid: 33,
            gid: 34,
            ..Identity::default()
        }
    }

    fn edits(text: &str) -> Result<Edits, String> {
        let spec = format!("cdiVersion: 0.8.0\nkind: a/b\ncontainerEdits: {text}\n");
        let spec = Spec::parse(spec.as_bytes()).unwrap();
        let mut edits = Edits::default();
        edits.add(&spec.container_edits, &user()).map(|()| edits)
    }

    fn nodes(text: &str) -> Devices {
        let mut devices = Devices::default();
        edits(&format!("{{deviceNodes: [{text}]}}"))
            .unwrap()
            .change_devices(&mut devices);
        devices
    }

    #[test]
    fn what_a_node_leaves_out_is_the_hosts() {
        let found = nodes("{path: /dev/x, hostPath: /dev/zero}");
        let node = &found.nodes[0];
        assert_eq!((node.path(), node.typ()), (&"/dev/x".into(), LinuxDeviceType::C));
        assert_eq!((node.major(), node.minor(), node.file_mode()), (1, 5, Some(0o666)));
        assert_eq!((node.uid(), node.gid()), (Some(33), Some(34)));
        assert_eq!(found.rules[0].access().as_deref(), Some("rwm"));

        let found = nodes(
            "{path: /dev/x, type: b, major: 7, minor: 3, fileMode: 0640, uid: 0, gid: 6, permissions: r}, \
             {path: /dev/../dev/x, type: c, major: 9}, {path: /dev/y, type: p}",
        );
        assert_eq!(found.nodes.len(), 2, "the second has the path of the first");
        assert_eq!((found.nodes[0].major(), found.nodes[0].minor()), (9, 0));
        assert_eq!(found.nodes[1].typ(), LinuxDeviceType::P);
        assert_eq!(found.rules.len(), 2, "a fifo needs none");
        assert_eq!(found.rules[0].access().as_deref(), Some("r"));
    }

    #[test]
    fn what_the_host_lacks_is_named() {
        for (text, part) in [
            ("{deviceNodes: [{path: /dev/no-such}]}", "/dev/no-such: No such file"),
            ("{deviceNodes: [{path: /etc/passwd}]}", "/etc/passwd is no device"),
            ("{deviceNodes: [{path: /dev/null, type: b}]}", "another type"),
            (
                "{mounts: [{hostPath: /no/such, containerPath: /x}]}",
                "hostPath /no/such: No such file",
            ),
            ("{intelRdt: {closID: x}}", "intelRdt is not supported"),
            (
                "{netDevices: [{hostInterfaceName: a, name: b}]}",
                "netDevices is not supported",
            ),
        ] {
            let error = edits(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn mounts_replace_what_was_asked_for() {
        let changed = edits(
            "{mounts: [{hostPath: /etc, containerPath: /x/../y, options: [ro]}, \
             {hostPath: tmpfs, containerPath: /z, type: tmpfs, options: [size=1m]}]}",
        )
        .unwrap();
        let mut asked = Mount::default();
        asked.set_destination("/y".into());
        let mut all = vec![asked];
        changed.change_mounts(&mut all);
        let [bind, tmpfs] = &all[..] else { panic!("{all:?}") };
        assert_eq!(
            (bind.destination(), bind.typ().as_deref()),
            (&"/y".into(), Some("bind"))
        );
        assert_eq!(bind.options().as_deref().unwrap(), ["ro", "rbind"]);
        assert_eq!(tmpfs.options().as_deref().unwrap(), ["size=1m"]);
    }

    #[test]
    fn variables_and_groups_of_the_process() {
        let mut process = Process::default();
        process.set_env(Some(vec!["A=1".into(), "AB=2".into()]));
        edits("{env: [A=3, C=4], additionalGids: [44, 0, 5]}")
            .unwrap()
            .change_process(&mut process);
        assert_eq!(process.env().as_deref().unwrap(), ["AB=2", "A=3", "C=4"]);
        assert_eq!(process.user().additional_gids().as_deref(), Some(&[5, 44][..]));
    }
}
