//! `--uidmap`, `--gidmap`: mappings of a user namespace given in full.

use oci_spec::runtime::{LinuxIdMapping, LinuxIdMappingBuilder};

use super::{BundleError, ContainerOptions, IdMappings};

impl IdMappings {
    /// The mappings that `--uidmap` and `--gidmap` spell out; `None` if neither is given. One alone counts for both,
    /// as in podman-run(1).
    pub fn spelled_out(options: &ContainerOptions) -> Result<Option<Self>, BundleError> {
        let parse =
            |option, values: &[String]| values.iter().map(|v| mapping(option, v)).collect::<Result<Vec<_>, _>>();
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

    /// The mappings of a container: spelled out, or the ranges that `/etc/subuid` and `/etc/subgid` have for
    /// `--subuidname` and `--subgidname`, from 0 on. `None` for the host's users.
    ///
    /// # Errors
    /// A mapping means nothing, or a name has no range.
    pub fn of(options: &ContainerOptions) -> Result<Option<Self>, BundleError> {
        if let Some(maps) = Self::spelled_out(options)? {
            return Ok(Some(maps));
        }
        let (uid_name, gid_name) = (options.sub_uid_name.as_deref(), options.sub_gid_name.as_deref());
        let Some(either) = uid_name.or(gid_name) else {
            return Ok(None);
        };
        Ok(Some(Self {
            uids: ranges("--subuidname", "/etc/subuid", uid_name.unwrap_or(either))?,
            gids: ranges("--subgidname", "/etc/subgid", gid_name.unwrap_or(either))?,
        }))
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
}

/// The ranges of a name, subuid(5), one after the other from the container's 0 on.
fn ranges(option: &'static str, path: &str, name: &str) -> Result<Vec<(u32, u32, u32)>, BundleError> {
    let text = std::fs::read_to_string(path).map_err(BundleError::io("read", path))?;
    let all = ranges_in(&text, name);
    if all.is_empty() {
        return Err(BundleError::invalid(
            option,
            name,
            format!("{path} has no range for this name"),
        ));
    }
    Ok(all)
}

fn ranges_in(text: &str, name: &str) -> Vec<(u32, u32, u32)> {
    let mut inside = 0;
    let mut all = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [owner, start, size] = fields[..] else { continue };
        let (Ok(start), Ok(size)) = (start.parse(), size.parse::<u32>()) else {
            continue;
        };
        if owner == name && size > 0 {
            all.push((inside, start, size));
            inside += size;
        }
    }
    all
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

fn mapping(option: &'static str, text: &str) -> Result<(u32, u32, u32), BundleError> {
    let invalid = |reason: &str| BundleError::invalid(option, text, reason);
    if text.starts_with(['+', 'u', 'g', '@']) || text.contains('@') {
        return Err(invalid("relative mappings (+, @, u, g) are not supported yet"));
    }
    let numbers: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[inside, outside]) => Ok((inside, outside, 1)),
        Some(&[inside, outside, size]) if size > 0 => Ok((inside, outside, size)),
        _ => Err(invalid("expected CONTAINER:HOST[:SIZE]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        let options = ContainerOptions {
            uid_maps: vec!["0:1000:5".into(), "7:3".into()],
            ..Default::default()
        };
        let maps = IdMappings::spelled_out(&options).unwrap().unwrap();
        assert_eq!(maps.uids, [(0, 1000, 5), (7, 3, 1)]);
        assert_eq!(maps.gids, maps.uids);
        assert_eq!(maps.on_host(4, 7), Some((1004, 3)));
        assert_eq!(maps.on_host(5, 0), None);
        for text in ["0", "a:b", "0:0:0", "+1:2:3"] {
            assert!(mapping("--uidmap", text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_of_a_name() {
        let text = "# c\nalice:100000:65536\nbob:165536:65536\nalice:300000:10\nbad:x:1\n";
        assert_eq!(ranges_in(text, "alice"), [(0, 100_000, 65536), (65536, 300_000, 10)]);
        assert_eq!(ranges_in(text, "carol"), []);
        let options = ContainerOptions {
            sub_uid_name: Some("no such name".into()),
            ..Default::default()
        };
        assert!(
            IdMappings::of(&options)
                .unwrap_err()
                .to_string()
                .contains("no such name")
        );
        assert_eq!(IdMappings::of(&ContainerOptions::default()).unwrap(), None);
    }
}
