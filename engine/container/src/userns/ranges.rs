//! `--userns=auto`: a range of the host's IDs that no other container has, podman-run(1).

use crate::ContainerError;
use unipod_bundle::namespaces::id_maps::subordinate;
use unipod_bundle::root::Root;
use unipod_bundle::{BundleError, IdMappings};
use unipod_image::Image;
use unipod_linux::owner::parse_owner;

/// Whose subordinate IDs containers get, as podman has it.
const OWNER: &str = "containers";

/// The least that a container gets, as podman has it.
const LEAST: u32 = 1024;

/// What a container of an image without account files gets: all that was ever customary.
const CUSTOMARY: u32 = 65536;

/// Accounts that own nothing; they would make every range 65535 long.
const NOBODIES: [&str; 2] = ["nobody", "nogroup"];

type Ranges = Vec<(u32, u32)>;

/// What the administrator has set aside for containers, first ID and size.
#[derive(Debug)]
pub struct Granted {
    uids: Ranges,
    gids: Ranges,
}

impl Granted {
    /// Reads `/etc/subuid` and `/etc/subgid`.
    ///
    /// # Errors
    /// One cannot be read, or grants nothing.
    pub fn read() -> Result<Self, ContainerError> {
        let read = |path: &str| {
            let found = subordinate(path, OWNER).map_err(BundleError::io("read", path))?;
            if found.is_empty() {
                let line = format!("{OWNER}:2147483647:2147483648");
                return Err(refused(format!(
                    "{path} sets no IDs aside for containers: add the line \"{line}\" to /etc/subuid and to /etc/subgid"
                )));
            }
            Ok(found)
        };
        Ok(Self {
            uids: read("/etc/subuid")?,
            gids: read("/etc/subgid")?,
        })
    }
}

/// Chooses the mapping of a container of `size` users and groups; `explicit` mappings are kept, the rest is filled.
///
/// # Errors
/// No range of that size is free.
pub fn allocate(
    granted: &Granted,
    used: &[IdMappings],
    size: u32,
    explicit: &IdMappings,
) -> Result<IdMappings, ContainerError> {
    let choose = |what, ranges: &Ranges, used: Vec<(u32, u32)>, explicit: &[(u32, u32, u32)]| {
        let start = free(ranges, &used, size).ok_or_else(|| {
            refused(format!(
                "no range of {size} {what} of \"{OWNER}\" is free any more: enlarge it, or use auto:size="
            ))
        })?;
        Ok::<_, ContainerError>(fill(explicit, size, start))
    };
    let taken = |maps: &[(u32, u32, u32)]| {
        maps.iter()
            .map(|(_, outside, size)| (*outside, *size))
            .collect::<Vec<_>>()
    };
    let uids = used
        .iter()
        .map(|maps| &maps.uids)
        .chain([&explicit.uids])
        .flat_map(|maps| taken(maps))
        .collect();
    let gids = used
        .iter()
        .map(|maps| &maps.gids)
        .chain([&explicit.gids])
        .flat_map(|maps| taken(maps))
        .collect();
    Ok(IdMappings {
        uids: choose("users in /etc/subuid", &granted.uids, uids, &explicit.uids)?,
        gids: choose("groups in /etc/subgid", &granted.gids, gids, &explicit.gids)?,
    })
}

/// The first ID of the lowest free range of this size.
fn free(granted: &[(u32, u32)], used: &[(u32, u32)], size: u32) -> Option<u32> {
    let end = |(start, size): (u32, u32)| u64::from(start) + u64::from(size);
    granted.iter().find_map(|&range| {
        let mut at = range.0;
        while end((at, size)) <= end(range) {
            let in_the_way = used
                .iter()
                .copied()
                .filter(|u| u64::from(u.0) < end((at, size)) && u64::from(at) < end(*u));
            match in_the_way.map(end).max() {
                None => return Some(at),
                Some(behind) => at = u32::try_from(behind).ok()?,
            }
        }
        None
    })
}

/// Maps what is not explicit of the container's IDs below `size`, from `outside` on.
fn fill(explicit: &[(u32, u32, u32)], size: u32, mut outside: u32) -> Vec<(u32, u32, u32)> {
    let mut all = explicit.to_vec();
    all.sort_unstable();
    let (mut inside, mut gaps) = (0, Vec::new());
    for (start, _, length) in all.iter().copied().chain([(size, 0, 0)]) {
        if let Some(gap) = start.min(size).checked_sub(inside).filter(|gap| *gap > 0) {
            gaps.push((inside, outside, gap));
            outside += gap;
        }
        inside = inside.max(start.saturating_add(length));
    }
    all.extend(gaps);
    all.sort_unstable();
    all
}

/// As many IDs as the account files of an image and the user that it runs as need.
pub fn size_for(image: Option<&Image>, user: Option<&str>) -> u32 {
    let Some(image) = image else { return CUSTOMARY };
    let user = user
        .or(image
            .config
            .config()
            .as_ref()
            .and_then(|config| config.user().as_deref()))
        .unwrap_or_default();
    let files: Vec<String> = ["/etc/passwd", "/etc/group"]
        .into_iter()
        .filter_map(|path| read(image, path))
        .collect();
    if files.is_empty() {
        CUSTOMARY
    } else {
        size_by(&files, user)
    }
}

/// The file of the topmost layer that has it.
fn read(image: &Image, path: &str) -> Option<String> {
    image
        .layers
        .iter()
        .rev()
        .find_map(|layer| Root::open(layer).ok()?.read(path).ok()?)
}

fn size_by(files: &[String], user: &str) -> u32 {
    let wanted: Vec<&str> = user.split(':').collect();
    let accounts = files.iter().flat_map(|text| text.lines()).filter_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, parse_owner(fields.nth(1)?)?);
        (wanted.contains(&name) || !NOBODIES.contains(&name)).then_some(id)
    });
    let numbers = wanted.iter().filter_map(|word| parse_owner(word));
    accounts
        .chain(numbers)
        .map(|id| id.saturating_add(1))
        .max()
        .unwrap_or(0)
        .max(LEAST)
}

fn refused(reason: String) -> ContainerError {
    ContainerError::Option {
        option: "--userns=auto (UserNS=auto)".to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_range() {
        let granted = [(1000, 100), (5000, 1000)];
        for (used, size, expected) in [
            (vec![], 100, Some(1000)),
            (vec![], 101, Some(5000)),
            (vec![(1000, 50)], 50, Some(1050)),
            (vec![(1000, 50)], 51, Some(5000)),
            (vec![(1050, 50), (1000, 40)], 10, Some(1040)),
            (vec![(1000, 100), (5000, 300), (5200, 300)], 500, Some(5500)),
            (vec![(0, 10_000)], 1, None),
            (vec![], 1001, None),
        ] {
            assert_eq!(free(&granted, &used, size), expected, "{used:?} {size}");
        }
        let edge = [(2_147_483_647, 2_147_483_648)];
        assert_eq!(free(&edge, &[(2_147_483_647, 2_147_483_648)], 1), None);
        assert_eq!(free(&edge, &[], 1024), Some(2_147_483_647));
    }

    #[test]
    fn explicit_mappings_are_kept_and_the_rest_is_filled() {
        for (explicit, expected) in [
            (vec![], vec![(0, 5000, 1024)]),
            (vec![(0, 77, 1)], vec![(0, 77, 1), (1, 5000, 1023)]),
            (
                vec![(100, 77, 10)],
                vec![(0, 5000, 100), (100, 77, 10), (110, 5100, 914)],
            ),
            (vec![(4000, 77, 1)], vec![(0, 5000, 1024), (4000, 77, 1)]),
            (vec![(1000, 77, 100)], vec![(0, 5000, 1000), (1000, 77, 100)]),
        ] {
            assert_eq!(fill(&explicit, 1024, 5000), expected, "{explicit:?}");
        }
    }

    #[test]
    fn ranges_are_disjoint() {
        let granted = Granted {
            uids: vec![(1000, 5000)],
            gids: vec![(9000, 2500)],
        };
        let none = IdMappings::default();
        let first = allocate(&granted, &[], 1024, &none).unwrap();
        let second = allocate(&granted, std::slice::from_ref(&first), 1024, &none).unwrap();
        assert_eq!((first.uids[0], second.uids[0]), ((0, 1000, 1024), (0, 2024, 1024)));
        assert_eq!((first.gids[0], second.gids[0]), ((0, 9000, 1024), (0, 10_024, 1024)));
        let error = allocate(&granted, &[first, second], 1024, &none)
            .unwrap_err()
            .to_string();
        assert!(error.contains("/etc/subgid") && error.contains("1024"), "{error}");
    }

    #[test]
    fn as_many_as_the_image_needs() {
        let files = |text: &str| vec![text.to_owned()];
        for (text, user, expected) in [
            ("root:x:0:0::/:\nnobody:x:65534:65534::/:\n", "", 1024),
            ("root:x:0:0::/:\nmemcache:x:11211:11211::/:\n", "", 11212),
            ("root:x:0:\nnogroup:x:65534:\n", "nogroup", 65535),
            ("root:x:0:0::/:\n", "5000:6000", 6001),
            ("broken\nx:y:z\n", "", 1024),
        ] {
            assert_eq!(size_by(&files(text), user), expected, "{text} {user}");
        }
        assert_eq!(size_for(None, None), CUSTOMARY);
    }
}
