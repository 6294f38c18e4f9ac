//! Options checked as far as words go, before anything is pulled, mounted or started.

use super::security::SecurityOptions;
use super::{
    BundleError, ContainerOptions, devices, health, hosts, limits, mount_options, namespaces, user_mode::UserMode,
    volumes,
};

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
    Ok(())
}
