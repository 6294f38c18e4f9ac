//! `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--userns`: which namespaces are the container's own.

pub mod id_maps;
pub mod sysctl;
pub mod user_mode;

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};

use crate::namespaces::user_mode::UserMode;
use crate::{BundleError, BundleRequest, ContainerOptions, Namespace};

/// Every namespace of a container except the mount namespace, which is always its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespaces {
    /// Process IDs.
    pub pid: Namespace,
    /// System V IPC and message queues, and with them `/dev/shm`.
    pub ipc: Namespace,
    /// Host name.
    pub uts: Namespace,
    /// View of the cgroups.
    pub cgroup: Namespace,
    /// Network.
    pub network: Namespace,
    /// Users.
    pub user: Namespace,
}

impl Namespaces {
    /// What a request asks for.
    pub fn of(request: &BundleRequest<'_>) -> Result<Self, BundleError> {
        let options = request.options;
        let joined = &request.joined;
        let choose = |path: &Option<std::path::PathBuf>, option, value: &Option<String>| match path {
            Some(path) => Ok(Namespace::Path(path.clone())),
            None => parse(option, value.as_deref()),
        };
        Ok(Self {
            pid: choose(&joined.pid, "--pid", &options.pid)?,
            ipc: choose(&joined.ipc, "--ipc", &options.ipc)?,
            uts: match (&joined.uts, &options.uts, &request.network) {
                // podman-run(1): with the host's network, the host name is the host's too unless said otherwise.
                (None, None, Namespace::Host) if options.hostname.is_none() => Namespace::Host,
                _ => choose(&joined.uts, "--uts", &options.uts)?,
            },
            cgroup: choose(&joined.cgroup, "--cgroupns", &options.cgroupns)?,
            network: request.network.clone(),
            user: match (&joined.user, &request.id_mappings) {
                (Some(path), _) => Namespace::Path(path.clone()),
                (None, Some(_)) => Namespace::New,
                (None, None) => without_mappings(options)?,
            },
        })
    }

    /// In the form of the OCI runtime specification.
    pub fn to_oci(&self) -> Vec<LinuxNamespace> {
        let all = [
            (LinuxNamespaceType::Pid, &self.pid),
            (LinuxNamespaceType::Network, &self.network),
            (LinuxNamespaceType::Ipc, &self.ipc),
            (LinuxNamespaceType::Uts, &self.uts),
            (LinuxNamespaceType::Cgroup, &self.cgroup),
            (LinuxNamespaceType::User, &self.user),
            (LinuxNamespaceType::Mount, &Namespace::New),
        ];
        all.into_iter()
            .filter_map(|(kind, namespace)| to_oci(kind, namespace))
            .collect()
    }
}

fn to_oci(kind: LinuxNamespaceType, namespace: &Namespace) -> Option<LinuxNamespace> {
    let mut oci = LinuxNamespace::default();
    oci.set_typ(kind);
    match namespace {
        Namespace::Host => return None,
        Namespace::New => {}
        Namespace::Path(path) => {
            oci.set_path(Some(path.clone()));
        }
    }
    Some(oci)
}

/// Reads one value; `container:` and `pod` have to be resolved by the caller into a path before.
pub fn parse(option: &'static str, value: Option<&str>) -> Result<Namespace, BundleError> {
    let value = value.unwrap_or_default();
    match value {
        "" | "private" => Ok(Namespace::New),
        "shareable" | "none" if option == "--ipc" => Ok(Namespace::New),
        "host" => Ok(Namespace::Host),
        _ => match value.split_once(':') {
            Some(("ns", path)) if path.starts_with('/') => Ok(Namespace::Path(path.into())),
            Some(("container", name)) if !name.is_empty() => {
                Err(BundleError::invalid(option, value, "this container is not running"))
            }
            _ => Err(BundleError::invalid(
                option,
                value,
                "expected private, host, container:NAME or ns:PATH",
            )),
        },
    }
}

/// Checks a value as far as that is possible without looking at other containers.
pub fn check(option: &'static str, value: Option<&str>) -> Result<(), BundleError> {
    match value {
        Some(text) if text.strip_prefix("container:").is_some_and(|name| !name.is_empty()) || text == "pod" => Ok(()),
        _ => parse(option, value).map(drop),
    }
}

/// Without mappings there can be no user namespace of the container's own: to share the host's in silence would take
/// away the protection that was asked for. One to be joined and not given turned out to be the host's.
fn without_mappings(options: &ContainerOptions) -> Result<Namespace, BundleError> {
    match UserMode::of(options)? {
        UserMode::Host | UserMode::Container(_) | UserMode::Path(_) => Ok(Namespace::Host),
        UserMode::Auto(_) | UserMode::Mapped(_) | UserMode::Names { .. } => {
            let value = options.userns.clone().unwrap_or_default();
            Err(BundleError::invalid("--userns", value, "no mapping was chosen"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (option, value, expected) in [
            ("--pid", None, Some(Namespace::New)),
            ("--pid", Some("private"), Some(Namespace::New)),
            ("--pid", Some("host"), Some(Namespace::Host)),
            ("--ipc", Some("shareable"), Some(Namespace::New)),
            ("--pid", Some("shareable"), None),
            ("--pid", Some("ns:/run/x"), Some(Namespace::Path("/run/x".into()))),
            ("--pid", Some("container:web"), None),
            ("--pid", Some("elsewhere"), None),
        ] {
            assert_eq!(parse(option, value).ok(), expected, "{value:?}");
        }
        assert!(check("--pid", Some("container:web")).is_ok());
        assert!(check("--pid", Some("container:")).is_err());
    }
}
