//! Options of a mount as users write them, sorted into what the kernel gets and what the engine does.

use crate::{BundleError, IdMappings};
use unipod_linux::owner;

/// The options of one mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// For the OCI runtime: `ro`, `noexec`, `rslave` …
    pub kernel: Vec<String>,
    /// `U`: give the source to the container's user.
    pub chown: bool,
    /// `O`: changes go to an overlay that ends with the container.
    pub overlay: bool,
    /// `nocopy`: a new volume is not filled from the image.
    pub nocopy: bool,
}

const FLAGS: [&str; 25] = [
    "ro",
    "rw",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "sync",
    "async",
    "dirsync",
    "mand",
    "nomand",
    "bind",
    "rbind",
    "tmpcopyup",
    "idmap",
];

const PROPAGATION: [&str; 8] = [
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "unbindable",
    "runbindable",
];

/// Prefixes of options with a value, which are passed on.
const WITH_VALUE: [&str; 12] = [
    "size=",
    "mode=",
    "nr_inodes=",
    "nr_blocks=",
    "uid=",
    "gid=",
    "huge=",
    "mpol=",
    "idmap=",
    "upperdir=",
    "workdir=",
    "ptmxmode=",
];

/// Reads options for a bind mount, or another mount with `bind` false; `option` and `value` are for the error.
pub fn parse(options: &[String], bind: bool, option: &'static str, value: &str) -> Result<MountOptions, BundleError> {
    let mut all = MountOptions::default();
    for text in options.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        match text {
            "U" => all.chown = true,
            "O" => all.overlay = true,
            "nocopy" => all.nocopy = true,
            // SELinux labels do nothing where SELinux is off; `copy` and the consistency of docker are the default.
            "z" | "Z" | "copy" | "consistent" | "cached" | "delegated" | "notmpcopyup" => {}
            "no-dereference" => all.kernel.push("copy-symlink".to_owned()),
            _ if known(text) => {
                check_owner(text).map_err(|reason| BundleError::invalid(option, value, reason))?;
                all.kernel.push(text.to_owned());
            }
            _ => {
                return Err(BundleError::invalid(
                    option,
                    value,
                    format!("unknown mount option {text}"),
                ));
            }
        }
    }
    if bind {
        complete_bind(&mut all.kernel);
    }
    Ok(all)
}

fn known(text: &str) -> bool {
    FLAGS.contains(&text) || PROPAGATION.contains(&text) || WITH_VALUE.iter().any(|prefix| text.starts_with(prefix))
}

fn check_owner(text: &str) -> Result<(), String> {
    match text.split_once('=') {
        Some(("uid" | "gid", number)) if owner::parse_owner(number).is_none() => {
            Err(format!("{text}: {}", owner::EXPECTED))
        }
        Some(("idmap", maps)) => check_id_map(maps).map_err(|reason| format!("{text}: {reason}")),
        _ => Ok(()),
    }
}

/// Mappings as crun(1) reads them: `uids=CONTAINER-HOST-SIZE#…;gids=…`, where `@` before a range counts from the container's own.
fn check_id_map(maps: &str) -> Result<(), &'static str> {
    for list in maps.split(';') {
        let Some(("uids" | "gids", ranges)) = list.split_once('=') else {
            return Err("expected uids=CONTAINER-HOST-SIZE or gids=CONTAINER-HOST-SIZE");
        };
        for range in ranges.split('#') {
            let range = range.strip_prefix('@').unwrap_or(range).replace('-', ":");
            if range.split(':').count() != 3 {
                return Err("expected CONTAINER-HOST-SIZE");
            }
            IdMappings::range("idmap", &range)
                .map_err(|_| "expected CONTAINER-HOST-SIZE, none of which goes beyond 4294967294")?;
        }
    }
    Ok(())
}

/// A bind mount is recursive and private unless said otherwise, as in podman.
fn complete_bind(kernel: &mut Vec<String>) {
    if !kernel.iter().any(|text| text == "bind" || text == "rbind") {
        kernel.insert(0, "rbind".to_owned());
    }
    if !kernel.iter().any(|text| PROPAGATION.contains(&text.as_str())) {
        kernel.push("rprivate".to_owned());
    }
    if !kernel.iter().any(|text| text == "ro" || text == "rw") {
        kernel.push("rw".to_owned());
    }
}

/// Options of a tmpfs for users: podman's defaults with what was asked for.
pub fn tmpfs(options: &[String], option: &'static str, value: &str) -> Result<Vec<String>, BundleError> {
    let mut kernel = parse(options, false, option, value)?.kernel;
    for (default, opposite) in [("rw", "ro"), ("nosuid", "suid"), ("nodev", "dev")] {
        if !kernel.iter().any(|text| text == default || text == opposite) {
            kernel.push(default.to_owned());
        }
    }
    if !kernel.iter().any(|text| PROPAGATION.contains(&text.as_str())) {
        kernel.push("rprivate".to_owned());
    }
    if !options.iter().any(|text| text == "notmpcopyup" || text == "tmpcopyup") {
        kernel.push("tmpcopyup".to_owned());
    }
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn binds() {
        for (given, kernel) in [
            ("", "rbind,rprivate,rw"),
            ("ro,Z", "rbind,ro,rprivate"),
            ("rslave,noexec", "rbind,rslave,noexec,rw"),
            ("bind,shared,rw", "bind,shared,rw"),
        ] {
            assert_eq!(
                parse(&words(given), true, "-v", "").unwrap().kernel.join(","),
                kernel,
                "{given}"
            );
        }
        let all = parse(&words("U,O,nocopy"), true, "-v", "").unwrap();
        assert!(all.chown && all.overlay && all.nocopy);
        assert!(parse(&words("readwrite"), true, "-v", "").is_err());
    }

    #[test]
    fn mappings_of_a_mount_are_in_range() {
        let checked = |text: &str| parse(&[text.to_owned()], true, "-v", "").is_ok();
        for good in [
            "idmap",
            "idmap=uids=0-1000-10;gids=0-1000-10#10-2000-5",
            "idmap=uids=@0-1-1",
        ] {
            assert!(checked(good), "{good}");
        }
        for bad in [
            "idmap=uids=0-4294967295-1",
            "idmap=uids=0-4294967290-10",
            "idmap=gids=0-99999999999-1",
            "idmap=gids=0-1-0",
            "idmap=gids=0-1",
            "idmap=gids=0--1-1",
            "idmap=pids=0-1-1",
            "idmap=",
        ] {
            assert!(!checked(bad), "{bad}");
        }
    }

    #[test]
    fn tmpfs_defaults() {
        let of = |given: &str| tmpfs(&words(given), "--tmpfs", "").unwrap().join(",");
        assert_eq!(of(""), "rw,nosuid,nodev,rprivate,tmpcopyup");
        assert_eq!(of("ro,suid,size=5m,notmpcopyup"), "ro,suid,size=5m,nodev,rprivate");
    }
}
