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
}
