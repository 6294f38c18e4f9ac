//! `--device`, and all of the host's devices for `--privileged`.

pub mod cdi;
mod nodes;

pub use nodes::Devices;
use nodes::rule;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType};

use crate::{BundleError, ContainerOptions};

/// Entries of `/dev` that the runtime makes itself, or that belong to a terminal or mount of the host.
const NOT_HANDED_ON: [&str; 9] = [
    "/dev/pts",
    "/dev/shm",
    "/dev/fd",
    "/dev/mqueue",
    "/dev/console",
    "/dev/.lxc",
    "/dev/.lxd-mounts",
    "/dev/.udev",
    "/dev/ptmx",
];

/// One `--device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceRequest {
    /// `HOST[:CONTAINER][:PERMISSIONS]`.
    Host(HostDevice),
    /// `vendor/class=name`.
    Cdi(cdi::Name),
}

/// A device by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDevice {
    /// On the host: a node or a directory of nodes.
    pub host: PathBuf,
    /// In the container.
    pub container: PathBuf,
    /// Out of `rwm`.
    pub access: String,
}

/// Reads one `--device` value.
pub fn parse(text: &str) -> Result<DeviceRequest, BundleError> {
    let invalid = |reason: &str| BundleError::invalid("--device", text, reason);
    if let Some(name) = cdi::Name::parse(text) {
        return Ok(DeviceRequest::Cdi(name));
    }
    if !text.starts_with('/') {
        return Err(invalid(
            "expected /dev/NAME[:/dev/NAME][:rwm], or the vendor/class=name of a CDI device",
        ));
    }
    let parts: Vec<&str> = text.split(':').collect();
    let is_access = |part: &str| !part.is_empty() && part.chars().all(|c| "rwm".contains(c));
    let (container, access) = match parts[1..] {
        [] => (parts[0], "rwm"),
        [one] if is_access(one) => (parts[0], one),
        [one] => (one, "rwm"),
        [container, access] if is_access(access) => (container, access),
        _ => {
            return Err(invalid(
                "expected HOST[:CONTAINER][:PERMISSIONS], permissions out of r, w and m",
            ));
        }
    };
    if !container.starts_with('/') {
        return Err(invalid("the path in the container is not absolute"));
    }
    Ok(DeviceRequest::Host(HostDevice {
        host: parts[0].into(),
        container: container.into(),
        access: access.to_owned(),
    }))
}

/// Finds the devices on the host; those of [`cdi`] come from there.
pub fn devices(options: &ContainerOptions) -> Result<Devices, BundleError> {
    let mut all = Devices::default();
    if options.privileged {
        all.rules.push(rule(true, LinuxDeviceType::A, None, "rwm"));
        walk(
            Path::new("/dev"),
            Path::new("/dev"),
            "rwm",
            &mut all.nodes,
            &mut Vec::new(),
        );
    } else {
        all.rules.push(rule(false, LinuxDeviceType::A, None, "rwm"));
    }
    for text in &options.devices {
        if let DeviceRequest::Host(request) = parse(text)? {
            add(&request, text, &mut all)?;
        }
    }
    for text in &options.device_cgroup_rules {
        all.rules.push(parse_rule(text)?);
    }
    Ok(all)
}

fn add(request: &HostDevice, text: &str, all: &mut Devices) -> Result<(), BundleError> {
    let missing =
        |e: std::io::Error| BundleError::invalid("--device", text, format!("stat {}: {e}", request.host.display()));
    let meta = fs::metadata(&request.host).map_err(missing)?;
    let none = || BundleError::invalid("--device", text, "there is no device");
    if !meta.is_dir() {
        all.put(node(&meta, &request.container).ok_or_else(none)?, &request.access);
        return Ok(());
    }
    let before = all.nodes.len();
    walk(
        &request.host,
        &request.container,
        &request.access,
        &mut all.nodes,
        &mut all.rules,
    );
    if all.nodes.len() == before { Err(none()) } else { Ok(()) }
}

/// Collects the nodes below a directory; what cannot be read is not there for us.
fn walk(host: &Path, container: &Path, access: &str, nodes: &mut Vec<LinuxDevice>, rules: &mut Vec<LinuxDeviceCgroup>) {
    for entry in fs::read_dir(host).into_iter().flatten().flatten() {
        let (path, inside) = (entry.path(), container.join(entry.file_name()));
        if NOT_HANDED_ON.iter().any(|skipped| path == Path::new(skipped)) {
            continue;
        }
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            walk(&path, &inside, access, nodes, rules);
        } else if let Some(device) = node(&meta, &inside) {
            rules.push(rule(true, device.typ(), Some((device.major(), device.minor())), access));
            nodes.push(device);
        }
    }
}

fn node(meta: &fs::Metadata, container: &Path) -> Option<LinuxDevice> {
    let kind = meta.file_type();
    let typ = if kind.is_char_device() {
        LinuxDeviceType::C
    } else if kind.is_block_device() {
        LinuxDeviceType::B
    } else {
        return None;
    };
    let device = meta.rdev();
    let mut oci = LinuxDevice::default();
    oci.set_path(container.into())
        .set_typ(typ)
        .set_major(rustix::fs::major(device).into())
        .set_minor(rustix::fs::minor(device).into())
        .set_file_mode(Some(meta.mode() & 0o7777))
        .set_uid(Some(meta.uid()))
        .set_gid(Some(meta.gid()));
    Some(oci)
}

/// Reads one `--device-cgroup-rule 'TYPE MAJOR:MINOR MODE'`.
pub(crate) fn parse_rule(text: &str) -> Result<LinuxDeviceCgroup, BundleError> {
    let invalid = || {
        BundleError::invalid(
            "--device-cgroup-rule",
            text,
            "expected 'a|b|c MAJOR:MINOR rwm', * for any number",
        )
    };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [kind, numbers, access] = words[..] else {
        return Err(invalid());
    };
    let typ = match kind {
        "a" => LinuxDeviceType::A,
        "b" => LinuxDeviceType::B,
        "c" => LinuxDeviceType::C,
        _ => return Err(invalid()),
    };
    let (major, minor) = numbers.split_once(':').ok_or_else(invalid)?;
    let number = |part: &str| {
        if part == "*" {
            Ok(None)
        } else {
            part.parse().map(Some).map_err(|_| invalid())
        }
    };
    let mut oci = rule(true, typ, None, access);
    oci.set_major(number(major)?).set_minor(number(minor)?);
    if access.chars().all(|c| "rwm".contains(c)) {
        Ok(oci)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (text, expected) in [
            ("/dev/fuse", Some(("/dev/fuse", "/dev/fuse", "rwm"))),
            ("/dev/fuse:rw", Some(("/dev/fuse", "/dev/fuse", "rw"))),
            ("/dev/a:/dev/b", Some(("/dev/a", "/dev/b", "rwm"))),
            ("/dev/a:/dev/b:r", Some(("/dev/a", "/dev/b", "r"))),
            ("/dev/a:/dev/b:x", None),
            ("/dev/a:b", None),
            ("dev/a", None),
            ("/dev/gpu=all", Some(("/dev/gpu=all", "/dev/gpu=all", "rwm"))),
        ] {
            let parsed = parse(text).ok();
            let expected = expected.map(|(host, container, access)| {
                DeviceRequest::Host(HostDevice {
                    host: host.into(),
                    container: container.into(),
                    access: access.to_owned(),
                })
            });
            assert_eq!(parsed, expected, "{text}");
        }
        assert!(matches!(parse("nvidia.com/gpu=0:1"), Ok(DeviceRequest::Cdi(name)) if name.device == "0:1"));
    }

    #[test]
    fn nodes_are_found_on_the_host() {
        let devices_of = |device: &str| {
            devices(&ContainerOptions {
                devices: vec![device.into()],
                ..ContainerOptions::default()
            })
        };
        let found = devices_of("/dev/null:/dev/nothing:r").unwrap();
        assert_eq!(found.nodes[0].path(), Path::new("/dev/nothing"));
        assert_eq!((found.nodes[0].major(), found.nodes[0].minor()), (1, 3));
        assert_eq!(found.rules.last().unwrap().access().as_deref(), Some("r"));
        assert!(
            devices_of("/dev/no-such-device")
                .unwrap_err()
                .to_string()
                .contains("/dev/no-such-device")
        );
        assert!(devices_of("/etc/passwd").is_err());
    }

    #[test]
    fn rules() {
        assert!(parse_rule("c 10:* rw").is_ok());
        assert!(parse_rule("c 10 rw").is_err() && parse_rule("x 1:1 r").is_err() && parse_rule("c 1:1 z").is_err());
    }
}
