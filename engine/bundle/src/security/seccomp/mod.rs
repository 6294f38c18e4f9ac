//! System call filters: the built-in profile, or one in the format that docker and podman share.

mod architectures;
pub mod builtin;
pub mod cache;
pub mod compile;
mod libseccomp;
pub mod profile;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction};
use sha2::{Digest, Sha256};

use crate::BundleError;
use crate::security::Seccomp;
use crate::security::capabilities::Set;
use cache::FilterCache;
use profile::{Machine, Profile};

/// A container's filter as the OCI runtime is told of it.
#[derive(Debug)]
pub struct Filter {
    /// The profile; without the rules that `compiled` has in it, where they would not be missed in silence.
    pub profile: LinuxSeccomp,
    /// The text for [`cache::ANNOTATION`].
    pub compiled: Option<String>,
}

/// The filter for a container that has the capabilities `granted`; `None` for no filter. With a cache, it comes compiled.
///
/// The built-in profile stands for the one that distributions install as `/usr/share/containers/seccomp.json`;
/// an administrator's `/etc/containers/seccomp.json` wins over it (containers.conf(5), `seccomp_profile`).
pub fn filter(choice: &Seccomp, granted: Set, cache: Option<&FilterCache>) -> Result<Option<Filter>, BundleError> {
    let machine = Machine {
        granted,
        arch: std::env::consts::ARCH,
        kernel: kernel_version(),
    };
    let local = Path::new("/etc/containers/seccomp.json");
    match choice {
        Seccomp::Unconfined => Ok(None),
        Seccomp::File(path) => of_file(path, &machine, cache).map(Some),
        Seccomp::Default if local.exists() => of_file(local, &machine, cache).map(Some),
        Seccomp::Default => Ok(Some(built_in(&machine, cache))),
    }
}

/// The filter of a container that has no capabilities, for a process of ours, in the kernel's own form. `None` if there is no
/// libseccomp to compile it.
///
/// # Errors
/// The profile of an administrator cannot be read, or is none.
pub fn for_ourselves(cache: &FilterCache) -> Result<Option<Vec<u8>>, BundleError> {
    let filter = filter(&Seccomp::Default, Set::default(), Some(cache))?;
    let text = filter.and_then(|filter| filter.compiled);
    Ok(text.and_then(|text| STANDARD.decode(text).ok()))
}

/// Checks that a profile that was asked for can be read.
///
/// # Errors
/// It is not there, or is none.
pub fn check(choice: &Seccomp) -> Result<(), BundleError> {
    match choice {
        Seccomp::File(_) => filter(choice, Set::default(), None).map(drop),
        Seccomp::Unconfined | Seccomp::Default => Ok(()),
    }
}

/// The profile's long lists are not even made when the filter is there.
fn built_in(machine: &Machine, cache: Option<&FilterCache>) -> Filter {
    let name = format!(
        "built-in-{}-{}-{:x}",
        env!("CARGO_PKG_VERSION"),
        builtin::EDITION,
        machine.granted
    );
    let compiled = cache.and_then(|cache| cache.get(&name, || builtin::filter(machine)));
    let profile = match compiled {
        Some(_) => builtin::without_rules(machine),
        None => builtin::filter(machine),
    };
    Filter { profile, compiled }
}

fn of_file(path: &Path, machine: &Machine, cache: Option<&FilterCache>) -> Result<Filter, BundleError> {
    let mut profile = load(path, machine)?;
    let name = || hex::encode(Sha256::digest(serde_json::to_vec(&profile).unwrap_or_default()));
    let compiled = cache.and_then(|cache| cache.get(&name(), || profile.clone()));
    if compiled.is_some() && refuses(profile.default_action()) {
        profile.set_syscalls(None);
    }
    Ok(Filter { profile, compiled })
}

/// Whether a profile without rules would refuse everything: then it would be noticed if a compiled filter were not used.
fn refuses(action: LinuxSeccompAction) -> bool {
    !matches!(
        action,
        LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog
    )
}

fn load(path: &Path, machine: &Machine) -> Result<LinuxSeccomp, BundleError> {
    let text = std::fs::read(path).map_err(BundleError::io("read the seccomp profile", path))?;
    let profile: Profile = serde_json::from_slice(&text).map_err(|source| BundleError::Profile {
        path: path.into(),
        source,
    })?;
    Ok(profile.for_machine(machine))
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
