//! `--sysctl`: only kernel parameters that belong to a namespace of the container.

use std::collections::{BTreeMap, HashMap};

use crate::{BundleError, ContainerOptions, Namespace};

/// Parameters of the IPC namespace beside `fs.mqueue.*` (podman-run(1), `--sysctl`).
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// For a network of its own, the right to send pings: what Podman's package has as `default_sysctls`.
pub const PINGS: (&str, &str) = ("net.ipv4.ping_group_range", "0 0");

/// The parameters that are set where no option names them.
pub fn defaults(options: &ContainerOptions) -> BTreeMap<String, String> {
    let built_in = || BTreeMap::from([(PINGS.0.to_owned(), PINGS.1.to_owned())]);
    options.defaults.sysctls.clone().unwrap_or_else(built_in)
}

/// What is set in the container: the options, and the defaults for which the namespace is its own.
pub fn settings(
    options: &ContainerOptions,
    network: &Namespace,
    ipc: &Namespace,
    user_namespace: bool,
) -> Result<HashMap<String, String>, BundleError> {
    let mut all = HashMap::new();
    let (host_network, host_ipc) = (*network == Namespace::Host, *ipc == Namespace::Host);
    for (name, value) in defaults(options) {
        let name = name.replace('/', ".");
        // In a user namespace, group 0 alone may be mapped, and others are refused by the kernel: leave the kernel's default.
        if check(&name, host_network, host_ipc).is_ok() && !(name == PINGS.0 && user_namespace) {
            all.insert(name, value);
        }
    }
    for (name, value) in &options.sysctls {
        let name = name.replace('/', ".");
        check(&name, host_network, host_ipc)?;
        all.insert(name, value.clone());
    }
    Ok(all)
}

/// Checks that a parameter belongs to a namespace that the container has for itself.
pub fn check(name: &str, host_network: bool, host_ipc: bool) -> Result<(), BundleError> {
    let refuse = |reason: &str| Err(BundleError::invalid("--sysctl", name, reason));
    if name.starts_with("net.") {
        return if host_network {
            refuse("not possible with --network=host")
        } else {
            Ok(())
        };
    }
    if IPC.contains(&name) || name.starts_with("fs.mqueue.") {
        return if host_ipc {
            refuse("not possible with --ipc=host")
        } else {
            Ok(())
        };
    }
    match name {
        "kernel.domainname" => Ok(()),
        "kernel.hostname" => refuse("use --hostname"),
        _ => refuse(
            "this parameter belongs to the host; net.*, fs.mqueue.* and kernel.{msg*,sem,shm*,domainname} can be set",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_of_own_namespaces() {
        for (name, host_network, host_ipc, good) in [
            ("net.core.somaxconn", false, false, true),
            ("net.core.somaxconn", true, false, false),
            ("kernel.shmmax", false, false, true),
            ("kernel.shmmax", false, true, false),
            ("fs.mqueue.msg_max", false, false, true),
            ("kernel.domainname", false, false, true),
            ("vm.swappiness", false, false, false),
            ("kernel.hostname", false, false, false),
        ] {
            assert_eq!(check(name, host_network, host_ipc).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn pings_are_allowed_in_an_own_network() {
        let options = ContainerOptions::default();
        let of = |network: &Namespace| settings(&options, network, &Namespace::New, false).unwrap();
        assert_eq!(of(&Namespace::New)["net.ipv4.ping_group_range"], "0 0");
        assert_eq!(of(&Namespace::Path("/run/netns/x".into())).len(), 1);
        assert!(of(&Namespace::Host).is_empty());
    }
}
