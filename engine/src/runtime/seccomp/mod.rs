//! System call filters: the built-in profile, or one in the format that docker and podman share.

pub mod builtin;
pub mod cache;
pub mod profile;

use std::path::Path;

use oci_spec::runtime::{Arch, LinuxSeccomp};

use super::BundleError;
use super::capabilities::Set;
use super::security::Seccomp;
use profile::{Machine, Profile};

/// The filter for a container that has the capabilities `granted`; `None` for no filter.
///
/// The built-in profile stands for the one that distributions install as `/usr/share/containers/seccomp.json`;
/// an administrator's `/etc/containers/seccomp.json` wins over it (containers.conf(5), `seccomp_profile`).
pub fn filter(choice: &Seccomp, granted: Set) -> Result<Option<LinuxSeccomp>, BundleError> {
    let machine = Machine {
        granted,
        arch: std::env::consts::ARCH,
        kernel: kernel_version(),
    };
    match choice {
        Seccomp::Unconfined => Ok(None),
        Seccomp::File(path) => load(path, &machine).map(Some),
        Seccomp::Default => {
            let local = Path::new("/etc/containers/seccomp.json");
            if local.exists() {
                return load(local, &machine).map(Some);
            }
            Ok(Some(builtin::filter(&machine)))
        }
    }
}

fn load(path: &Path, machine: &Machine) -> Result<LinuxSeccomp, BundleError> {
    let text = std::fs::read(path).map_err(BundleError::io("read the seccomp profile", path))?;
    let profile: Profile = serde_json::from_slice(&text).map_err(|source| BundleError::Profile {
        path: path.into(),
        source,
    })?;
    Ok(profile.for_machine(machine))
}

/// The architectures whose programs this kernel runs beside its own.
fn architectures(arch: &str) -> Vec<Arch> {
    match arch {
        "x86_64" => vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        "aarch64" => vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm],
        "s390x" => vec![Arch::ScmpArchS390x, Arch::ScmpArchS390],
        _ => vec![Arch::ScmpArchNative],
    }
}

/// Major and minor number of the running kernel.
fn kernel_version() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
