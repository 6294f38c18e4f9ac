//! Files written for a container into its bundle and mounted over what the image has: `hosts`, `resolv.conf` …

pub mod hosts;
pub mod names;
pub mod resolv;
pub(crate) mod timezone;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::files::names::Names;
use crate::process::users::{Accounts, Identity};
use crate::root::Root;
use crate::{BundleError, BundleRequest, ContainerOptions, Namespace, process};

/// A file of the bundle and where it is in the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// In the bundle.
    pub path: PathBuf,
    /// In the container.
    pub destination: &'static str,
}

/// The files that every container has, unless its options leave one out.
pub const ALWAYS: [&str; 4] = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv"];

/// Whether these options leave out none of [`ALWAYS`].
pub fn has_all(options: &ContainerOptions) -> bool {
    // The host name of a namespace that it joins is not known.
    let own_name = matches!(options.uts.as_deref(), None | Some("" | "host" | "private"));
    own_name && !options.no_hosts && !options.no_hostname && !resolv::of_image(options)
}

/// What the files depend on beside the request.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The container's root.
    pub root: &'a Root,
    /// The image's passwd and group.
    pub accounts: &'a Accounts,
    /// Who the container runs as.
    pub identity: &'a Identity,
    /// The host name.
    pub hostname: Option<&'a str>,
}

impl BundleRequest<'_> {
    fn names(&self) -> Names<'_> {
        Names {
            options: self.options,
            host_network: self.network == Namespace::Host,
            hosts: &self.hosts,
            dns_servers: &self.dns_servers,
            search_domains: &self.search_domains,
            host_gateway: self.host_gateway,
        }
    }
}

/// Writes all of them. They live as long as the bundle, in memory: nothing is synced.
pub fn write(request: &BundleRequest<'_>, parts: &Parts<'_>) -> Result<Vec<GeneratedFile>, BundleError> {
    let options = request.options;
    let owner = request.id_mappings.as_ref().and_then(|maps| maps.on_host(0, 0));
    let (passwd, group) = parts
        .accounts
        .completed(parts.identity, process::command::workdir(request), options)?;
    let names = request.names();
    let contents: [(&str, &'static str, Option<Vec<u8>>); 7] = [
        (
            "hosts",
            "/etc/hosts",
            hosts::text(&names, Some(parts.root), parts.hostname)?.map(String::into_bytes),
        ),
        (
            "resolv.conf",
            "/etc/resolv.conf",
            resolv::text(&names).map(String::into_bytes),
        ),
        (
            "hostname",
            "/etc/hostname",
            parts
                .hostname
                .filter(|_| !options.no_hostname)
                .map(|name| format!("{name}\n").into()),
        ),
        (
            ".containerenv",
            "/run/.containerenv",
            Some(container_env(request).into_bytes()),
        ),
        ("passwd", "/etc/passwd", passwd.map(String::into_bytes)),
        ("group", "/etc/group", group.map(String::into_bytes)),
        (
            "localtime",
            "/etc/localtime",
            timezone::set(request, parts.root, owner)?,
        ),
    ];
    let mut all = Vec::new();
    for (name, destination, content) in contents {
        let Some(content) = content else { continue };
        let path = if let Some(shared) = shared(request, destination) {
            shared.clone()
        } else {
            let own = request.bundle.join(name);
            write_file(&own, &content, 0o644, owner)?;
            own
        };
        all.push(GeneratedFile { path, destination });
    }
    Ok(all)
}

/// The file that its pod has for all members.
fn shared<'a>(request: &'a BundleRequest<'_>, destination: &str) -> Option<&'a PathBuf> {
    let files = &request.shared_files;
    match destination {
        "/etc/hosts" => files.hosts.as_ref(),
        "/etc/resolv.conf" => files.resolv_conf.as_ref(),
        "/etc/hostname" => files.hostname.as_ref(),
        _ => None,
    }
}

/// Writes a file with exactly these permissions, whatever the umask of the unit.
pub fn write_file(path: &Path, content: &[u8], mode: u32, owner: Option<(u32, u32)>) -> Result<(), BundleError> {
    let open = || -> std::io::Result<File> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(content)?;
        Ok(file)
    };
    let file = open().map_err(BundleError::io("write", path))?;
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::fchown(file, Some(uid), Some(gid)).map_err(BundleError::io("change the owner of", path))?;
    }
    Ok(())
}

/// Programs test for this file to know that they are in a container. Only a privileged one learns more, as in podman.
fn container_env(request: &BundleRequest<'_>) -> String {
    let options = request.options;
    if !options.privileged {
        return String::new();
    }
    let name = options.name.as_deref().unwrap_or(request.id);
    let rootless = u8::from(!nix::unistd::geteuid().is_root());
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "engine=\"unipod-{version}\"\nname=\"{name}\"\nid=\"{}\"\nimage=\"{}\"\nrootless={rootless}\n",
        request.id, options.image
    )
}
