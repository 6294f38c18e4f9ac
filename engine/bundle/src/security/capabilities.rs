//! Linux capabilities: Podman's default set, `--cap-add` and `--cap-drop`, and what this machine has of them.

use oci_spec::runtime::{Capability, LinuxCapabilities};

use crate::{BundleError, ContainerOptions};
use unipod_config::keys::DEFAULT_CAPABILITIES;

/// Every capability by its number in `linux/capability.h`.
const ALL: [(&str, Capability); 41] = [
    ("CHOWN", Capability::Chown),
    ("DAC_OVERRIDE", Capability::DacOverride),
    ("DAC_READ_SEARCH", Capability::DacReadSearch),
    ("FOWNER", Capability::Fowner),
    ("FSETID", Capability::Fsetid),
    ("KILL", Capability::Kill),
    ("SETGID", Capability::Setgid),
    ("SETUID", Capability::Setuid),
    ("SETPCAP", Capability::Setpcap),
    ("LINUX_IMMUTABLE", Capability::LinuxImmutable),
    ("NET_BIND_SERVICE", Capability::NetBindService),
    ("NET_BROADCAST", Capability::NetBroadcast),
    ("NET_ADMIN", Capability::NetAdmin),
    ("NET_RAW", Capability::NetRaw),
    ("IPC_LOCK", Capability::IpcLock),
    ("IPC_OWNER", Capability::IpcOwner),
    ("SYS_MODULE", Capability::SysModule),
    ("SYS_RAWIO", Capability::SysRawio),
    ("SYS_CHROOT", Capability::SysChroot),
    ("SYS_PTRACE", Capability::SysPtrace),
    ("SYS_PACCT", Capability::SysPacct),
    ("SYS_ADMIN", Capability::SysAdmin),
    ("SYS_BOOT", Capability::SysBoot),
    ("SYS_NICE", Capability::SysNice),
    ("SYS_RESOURCE", Capability::SysResource),
    ("SYS_TIME", Capability::SysTime),
    ("SYS_TTY_CONFIG", Capability::SysTtyConfig),
    ("MKNOD", Capability::Mknod),
    ("LEASE", Capability::Lease),
    ("AUDIT_WRITE", Capability::AuditWrite),
    ("AUDIT_CONTROL", Capability::AuditControl),
    ("SETFCAP", Capability::Setfcap),
    ("MAC_OVERRIDE", Capability::MacOverride),
    ("MAC_ADMIN", Capability::MacAdmin),
    ("SYSLOG", Capability::Syslog),
    ("WAKE_ALARM", Capability::WakeAlarm),
    ("BLOCK_SUSPEND", Capability::BlockSuspend),
    ("AUDIT_READ", Capability::AuditRead),
    ("PERFMON", Capability::Perfmon),
    ("BPF", Capability::Bpf),
    ("CHECKPOINT_RESTORE", Capability::CheckpointRestore),
];

/// A set of capabilities, one bit per number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Set(u64);

impl Set {
    /// The kernel's own notation, as in `/proc/PID/status`.
    pub fn from_hex(text: &str) -> Option<Self> {
        u64::from_str_radix(text.trim(), 16).ok().map(Self)
    }

    /// Whether it holds the capability of this name, written without `CAP_`.
    pub fn has(self, name: &str) -> bool {
        number(name).is_some_and(|bit| self.0 & 1 << bit != 0)
    }

    /// The names of those in it, written without `CAP_`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = ALL.iter().enumerate();
        all.filter(move |(bit, _)| self.0 & 1 << bit != 0)
            .map(|(_, (name, _))| *name)
    }

    /// Whether it holds all there are.
    pub fn is_all(self) -> bool {
        self.names().count() == ALL.len()
    }

    fn with(self, bit: usize) -> Self {
        Self(self.0 | 1 << bit)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn to_oci(self) -> oci_spec::runtime::Capabilities {
        ALL.iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & 1 << bit != 0)
            .map(|(_, (_, oci))| *oci)
            .collect()
    }
}

/// As [`Set::from_hex`] reads it.
impl std::fmt::LowerHex for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::LowerHex::fmt(&self.0, f)
    }
}

/// The capabilities of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// What its processes can ever have.
    pub bounding: Set,
    /// What its first process has.
    pub effective: Set,
    /// What that process hands on through execve(2) although it is not root.
    pub ambient: Set,
}

impl Granted {
    /// In the form of the OCI runtime specification.
    pub(crate) fn to_oci(self) -> LinuxCapabilities {
        let mut oci = LinuxCapabilities::default();
        // Inheritable stays empty for root: a set there would let files of the image hand it on (CVE-2022-27649).
        oci.set_bounding(Some(self.bounding.to_oci()))
            .set_effective(Some(self.effective.to_oci()))
            .set_permitted(Some(self.effective.to_oci()))
            .set_inheritable(Some(self.ambient.to_oci()))
            .set_ambient(Some(self.ambient.to_oci()));
        oci
    }
}

/// The capabilities that this process could hand to a container: its bounding set.
pub fn available() -> Result<Set, BundleError> {
    let path = "/proc/thread-self/status";
    let status = std::fs::read_to_string(path).map_err(BundleError::io("read", path))?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    Ok(line.and_then(Set::from_hex).unwrap_or_default())
}

/// What the options grant out of `available` to a first process that is root or not.
///
/// A default that is not available is left out with a note; one asked for is refused by name.
pub fn granted(
    options: &ContainerOptions,
    available: Set,
    root: bool,
    notes: &mut Vec<String>,
) -> Result<Granted, BundleError> {
    let add = named("--cap-add", &options.cap_add)?;
    let drop = named("--cap-drop", &options.cap_drop)?;
    let asked = check_request(add, drop, available)?;
    let defaults = if options.privileged {
        available
    } else {
        default_set(options, available, notes)?
    };
    let base = if drop.all {
        Set::default()
    } else if add.all {
        available
    } else {
        defaults
    };
    let bounding = base.without(drop.set).or(asked);
    let ambient = if root {
        Set::default()
    } else if add.all {
        available.without(drop.set)
    } else {
        asked
    };
    let effective = if root { bounding } else { ambient };
    Ok(Granted {
        bounding,
        effective,
        ambient,
    })
}

/// Checks that the defaults are capabilities.
///
/// # Errors
/// One is not.
pub fn check_defaults(options: &ContainerOptions) -> Result<(), BundleError> {
    let names = options.defaults.capabilities.as_deref().unwrap_or_default();
    named("default_capabilities", names).map(drop)
}

#[derive(Debug, Clone, Copy, Default)]
struct Named {
    all: bool,
    set: Set,
}

fn named(option: &'static str, names: &[String]) -> Result<Named, BundleError> {
    let mut result = Named::default();
    for name in names.iter().flat_map(|value| value.split(',')) {
        let plain = plain(name);
        match number(&plain) {
            _ if plain == "ALL" => result.all = true,
            Some(bit) => result.set = result.set.with(bit),
            None => {
                return Err(BundleError::invalid(
                    option,
                    name,
                    "no such capability, see capabilities(7)",
                ));
            }
        }
    }
    Ok(result)
}

/// Checks the capabilities asked for one by one and returns them.
fn check_request(add: Named, drop: Named, available: Set) -> Result<Set, BundleError> {
    if add.all && drop.all {
        return Err(BundleError::invalid(
            "--cap-add",
            "ALL",
            "everything is dropped by --cap-drop as well",
        ));
    }
    let first = |set: Set| ALL.iter().map(|(name, _)| *name).find(|name| set.has(name));
    if let Some(name) = first(add.set.and(drop.set)) {
        return Err(BundleError::invalid(
            "--cap-add",
            name,
            "the same is dropped by --cap-drop",
        ));
    }
    if let Some(name) = first(add.set.without(available)) {
        return Err(BundleError::lacking(
            "--cap-add",
            name,
            "the engine itself does not have this capability",
        ));
    }
    Ok(add.set)
}

fn default_set(options: &ContainerOptions, available: Set, notes: &mut Vec<String>) -> Result<Set, BundleError> {
    let all = match &options.defaults.capabilities {
        Some(names) => named("default_capabilities", names)?,
        None => named("default_capabilities", &DEFAULT_CAPABILITIES.map(str::to_owned))?,
    };
    if all.all {
        return Ok(available);
    }
    for (name, _) in ALL.iter().filter(|(name, _)| all.set.without(available).has(name)) {
        notes.push(format!(
            "the default capability {name} is left out: the engine itself does not have it"
        ));
    }
    Ok(all.set.and(available))
}

fn plain(name: &str) -> String {
    let upper = name.trim().to_ascii_uppercase();
    upper.strip_prefix("CAP_").map_or(upper.clone(), str::to_owned)
}

fn number(name: &str) -> Option<usize> {
    ALL.iter().position(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Set {
        Set((1 << ALL.len()) - 1)
    }

    fn grant(add: &[&str], drop: &[&str], available: Set, root: bool) -> Result<Granted, BundleError> {
        let options = ContainerOptions {
            cap_add: add.iter().map(ToString::to_string).collect(),
            cap_drop: drop.iter().map(ToString::to_string).collect(),
            ..ContainerOptions::default()
        };
        granted(&options, available, root, &mut Vec::new())
    }

    #[test]
    fn sets_as_podman_shows_them() {
        for (add, drop, root, bounding, effective, ambient) in [
            (&[][..], &[][..], true, 0x8004_05fb_u64, 0x8004_05fb_u64, 0u64),
            (&["net_raw"], &["cap_kill"], true, 0x8004_25db, 0x8004_25db, 0),
            (&[], &["all"], true, 0, 0, 0),
            (&["CAP_KILL"], &["ALL"], true, 0x20, 0x20, 0),
            (&["all"], &["chown"], true, 0x1ff_ffff_fffe, 0x1ff_ffff_fffe, 0),
            (&[], &[], false, 0x8004_05fb, 0, 0),
            (&["net_raw"], &[], false, 0x8004_25fb, 0x2000, 0x2000),
        ] {
            let granted = grant(add, drop, all(), root).unwrap();
            assert_eq!(
                (granted.bounding.0, granted.effective.0, granted.ambient.0),
                (bounding, effective, ambient)
            );
        }
    }

    #[test]
    fn what_the_engine_lacks_is_refused_by_name_and_left_out_of_the_defaults() {
        let some = all().without(Set::default().with(24).with(0));
        let error = grant(&["sys_resource"], &[], some, true).unwrap_err().to_string();
        assert!(error.contains("--cap-add SYS_RESOURCE"), "{error}");
        let mut notes = Vec::new();
        let granted = granted(&ContainerOptions::default(), some, true, &mut notes).unwrap();
        assert!(!granted.bounding.has("CHOWN") && granted.bounding.has("KILL"));
        assert!(notes[0].contains("CHOWN"), "{notes:?}");
    }

    #[test]
    fn contradictions_and_unknown_names_are_refused() {
        for (add, drop) in [
            (&["chown"][..], &["chown"][..]),
            (&["all"], &["all"]),
            (&["fly"], &[]),
            (&[], &["fly"]),
        ] {
            assert!(grant(add, drop, all(), true).is_err(), "{add:?} {drop:?}");
        }
    }
}
