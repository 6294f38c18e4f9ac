//! Mappings of a user namespace: as `--uidmap` and `--gidmap` spell them out, and as subuid(5) grants them.

use std::io;

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};

use crate::{BundleError, ContainerOptions, IdMappings};

impl IdMappings {
    /// The mappings that `--uidmap` and `--gidmap` spell out; `None` if neither is given. One alone counts for both,
    /// as in podman-run(1).
    pub fn spelled_out(options: &ContainerOptions) -> Result<Option<Self>, BundleError> {
        let parse = |option, values: &[String]| {
            values
                .iter()
                .map(|v| Self::range(option, v))
                .collect::<Result<Vec<_>, _>>()
        };
        let uids = parse("--uidmap", &options.uid_maps)?;
        let gids = parse("--gidmap", &options.gid_maps)?;
        Ok(match (uids.is_empty(), gids.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self {
                uids: gids.clone(),
                gids,
            }),
            (false, true) => Some(Self {
                gids: uids.clone(),
                uids,
            }),
            (false, false) => Some(Self { uids, gids }),
        })
    }

    /// The ranges that `/etc/subuid` and `/etc/subgid` grant to these names, one after the other from the container's 0 on.
    ///
    /// # Errors
    /// A file cannot be read, or has nothing for the name.
    pub fn granted_to(uid_name: &str, gid_name: &str) -> Result<Self, BundleError> {
        let find = |option, path, name: &str| {
            let all = subordinate(path, name).map_err(BundleError::io("read", path))?;
            let none = || BundleError::invalid(option, name, format!("{path} has no range for this name"));
            Some(in_a_row(&all))
                .filter(|ranges| !ranges.is_empty())
                .ok_or_else(none)
        };
        Ok(Self {
            uids: find("--subuidname", "/etc/subuid", uid_name)?,
            gids: find("--subgidname", "/etc/subgid", gid_name)?,
        })
    }

    /// One range as users write it: `CONTAINER:HOST[:SIZE]`. For root, podman's `@HOST` is `HOST`.
    pub fn range(option: &'static str, text: &str) -> Result<(u32, u32, u32), BundleError> {
        let invalid = |reason: &str| BundleError::invalid(option, text, reason);
        if text.starts_with(['+', 'u', 'g']) {
            return Err(invalid(
                "the flags +, u and g change a mapping that is there already, which only containers without root have",
            ));
        }
        let text = text.replacen(":@", ":", 1);
        let numbers: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
        let (inside, outside, size) = match numbers.as_deref() {
            Some(&[inside, outside]) => (inside, outside, 1),
            Some(&[inside, outside, size]) if size > 0 => (inside, outside, size),
            _ => return Err(invalid("expected CONTAINER:HOST[:SIZE]")),
        };
        // 4294967295 is nobody's number: to the kernel it is -1, "unchanged".
        let ends = |first: u32| first.checked_add(size).is_some();
        if ends(inside) && ends(outside) {
            Ok((inside, outside, size))
        } else {
            Err(invalid("it goes beyond 4294967294, the last number"))
        }
    }

    /// In the form of the OCI runtime specification: users and groups.
    pub fn to_oci(&self) -> (Vec<LinuxIdMapping>, Vec<LinuxIdMapping>) {
        let convert = |list: &[(u32, u32, u32)]| list.iter().map(to_oci).collect();
        (convert(&self.uids), convert(&self.gids))
    }

    /// The host's IDs for a user and a group of the container; `None` if one is not mapped.
    pub fn on_host(&self, uid: u32, gid: u32) -> Option<(u32, u32)> {
        Some((host_id(&self.uids, uid)?, host_id(&self.gids, gid)?))
    }

    /// The container's IDs for a user and a group of the host; `None` if one is mapped to none.
    pub fn inside(&self, uid: u32, gid: u32) -> Option<(u32, u32)> {
        Some((inside_id(&self.uids, uid)?, inside_id(&self.gids, gid)?))
    }
}

fn inside_id(maps: &[(u32, u32, u32)], id: u32) -> Option<u32> {
    let of = |&(inside, outside, size): &(u32, u32, u32)| {
        let offset = id.checked_sub(outside).filter(|offset| *offset < size)?;
        inside.checked_add(offset)
    };
    maps.iter().find_map(of)
}

/// The ranges, first and size, that a file of subuid(5) has for a name. A file that is not there grants nothing.
///
/// # Errors
/// It cannot be read.
pub fn subordinate(path: &str, name: &str) -> io::Result<Vec<(u32, u32)>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(ranges_in(&text, name)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn ranges_in(text: &str, name: &str) -> Vec<(u32, u32)> {
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let (owner, start, size) = (
            fields.next()?,
            fields.next()?.parse().ok()?,
            fields.next()?.parse().ok()?,
        );
        (owner == name && size > 0 && fields.next().is_none()).then_some((start, size))
    };
    text.lines().filter_map(range).collect()
}

fn in_a_row(ranges: &[(u32, u32)]) -> Vec<(u32, u32, u32)> {
    let mut inside: u32 = 0;
    let place = |&(start, size): &(u32, u32)| {
        let at = inside;
        inside = inside.saturating_add(size);
        (at, start, inside - at)
    };
    ranges.iter().map(place).filter(|(_, _, size)| *size > 0).collect()
}

fn host_id(list: &[(u32, u32, u32)], id: u32) -> Option<u32> {
    list.iter().find_map(|(inside, outside, size)| {
        let offset = id.checked_sub(*inside)?;
        (offset < *size).then_some(outside.checked_add(offset)?)
    })
}

fn to_oci(&(inside, outside, size): &(u32, u32, u32)) -> LinuxIdMapping {
    let builder = LinuxIdMappingBuilder::default()
        .container_id(inside)
        .host_id(outside)
        .size(size);
    builder.build().expect("every field has a default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        let options = ContainerOptions {
            uid_maps: vec!["0:1000:5".into(), "7:@3".into()],
            ..Default::default()
        };
        let maps = IdMappings::spelled_out(&options).unwrap().unwrap();
        assert_eq!(maps.uids, [(0, 1000, 5), (7, 3, 1)]);
        assert_eq!(maps.gids, maps.uids);
        assert_eq!(maps.on_host(4, 7), Some((1004, 3)));
        assert_eq!(maps.on_host(5, 0), None);
        for text in ["0", "a:b", "0:0:0", "+1:2:3", "u0:1:2", "@0:1:2"] {
            assert!(IdMappings::range("--uidmap", text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_of_a_name() {
        let text = "# c\nalice:100000:65536\nbob:165536:65536\nalice:300000:10\nbad:x:1\nalice:1:2:3\nalice:9:0\n";
        let found = ranges_in(text, "alice");
        assert_eq!(found, [(100_000, 65536), (300_000, 10)]);
        assert_eq!(in_a_row(&found), [(0, 100_000, 65536), (65536, 300_000, 10)]);
        assert_eq!(ranges_in(text, "carol"), []);
        assert_eq!(subordinate("/no/such/file", "alice").unwrap(), []);
        let error = IdMappings::granted_to("no such name", "x").unwrap_err().to_string();
        assert!(
            error.contains("--subuidname") && error.contains("no such name"),
            "{error}"
        );
    }
}
