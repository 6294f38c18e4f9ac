//! Options checked before anything is pulled, mounted or started: as far as words go ([`check`]), and against this machine
//! ([`check_here`]).

use std::fs;

use crate::files::{hosts, timezone};
use crate::limits::ulimits as limits;
use crate::mounts::volumes::MountSource;
use crate::mounts::{options as mount_options, volumes};
use crate::namespaces::{sysctl, user_mode::UserMode};
use crate::security::{self, SecurityOptions};
use crate::security::{capabilities, seccomp};
use crate::{BundleError, ContainerOptions, devices, health, namespaces};

/// Checks everything that needs neither the image nor this machine.
///
/// # Errors
/// The first value that means nothing, with its option.
pub fn check(options: &ContainerOptions) -> Result<(), BundleError> {
    for (option, value) in [
        ("--pid", &options.pid),
        ("--ipc", &options.ipc),
        ("--uts", &options.uts),
        ("--cgroupns", &options.cgroupns),
    ] {
        namespaces::check(option, value.as_deref())?;
    }
    SecurityOptions::parse(options)?;
    UserMode::of(options)?;
    options.resources.settings()?;
    let placeholder = Some(std::net::IpAddr::from([0, 0, 0, 0]));
    options
        .add_hosts
        .iter()
        .try_for_each(|text| hosts::parse_add_host(text, placeholder).map(drop))?;
    options
        .ulimits
        .iter()
        .try_for_each(|text| limits::parse(text).map(drop))?;
    options
        .devices
        .iter()
        .try_for_each(|text| devices::parse(text).map(drop))?;
    options
        .device_cgroup_rules
        .iter()
        .try_for_each(|text| devices::parse_rule(text).map(drop))?;
    for mount in volumes::parse(options, &[])? {
        mount_options::parse(&mount.options, false, mount.origin.option(), &mount.origin.value)?;
    }
    health::HealthCheck::merge(&options.health, None)?;
    for name in options.defaults.sysctls.iter().flat_map(|all| all.keys()) {
        sysctl::check(&name.replace('/', "."), false, false)?;
    }
    capabilities::check_defaults(options)
}

/// Checks that this machine has what the options name and may grant what they ask for, as far as that is known before the
/// start, which looks again: for a container that is made now and started later.
///
/// # Errors
/// The first value that cannot be had here, with its option.
pub fn check_here(options: &ContainerOptions) -> Result<(), BundleError> {
    let security = SecurityOptions::parse(options)?;
    security::check_labels(&security)?;
    security::apparmor(&security)?;
    let available = capabilities::available()?;
    capabilities::granted(options, available, true, &mut Vec::new())?;
    seccomp::check(&security.seccomp)?;
    devices::devices(options)?;
    timezone::check(options.timezone.as_deref())?;
    let is_host = |value: Option<&str>| value == Some("host");
    let host_network = options.networks.iter().any(|mode| mode == "host");
    for name in options.sysctls.keys() {
        sysctl::check(&name.replace('/', "."), host_network, is_host(options.ipc.as_deref()))?;
    }
    for mount in volumes::parse(options, &[])? {
        if let MountSource::HostPath(path) = &mount.source {
            fs::metadata(path).map_err(|e| mount.origin.invalid(format!("statfs {}: {e}", path.display())))?;
        }
    }
    Ok(())
}
