//! The files of `/etc` that all members of a pod see: written once, and from then on only lengthened, for whoever has one of them
//! mounted keeps that very file.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use unipod_bundle::SharedFiles;
use unipod_bundle::files::names::Names;
use unipod_bundle::files::{self, hosts, resolv};
use unipod_container::userns::Users;
use unipod_network::Status;
use unipod_store::{Store, StoreError};

use crate::PodError;
use crate::record::{Pod, Up};

/// How much of a file that members can write to is looked at.
const LONGEST: u64 = 1 << 20;

/// Writes the files of a pod with this network.
///
/// # Errors
/// An option means nothing, or the run directory cannot be written.
pub fn write(store: &Store, pod: &Pod, up: &Up, users: Option<&Users>) -> Result<(), PodError> {
    let options = &pod.options.common;
    let share = pod.options.shared();
    let owner = users.map(Users::root).transpose()?;
    let host_network = options.networks.iter().any(|mode| mode == "host");
    let hostname = pod.hostname();
    let own = own_addresses(pod, up.network.as_ref());
    let names = Names {
        options,
        host_network,
        hosts: &own,
        dns_servers: up.network.as_ref().map_or(&[], |status| &status.dns_servers),
        search_domains: up.network.as_ref().map_or(&[], |status| &status.search_domains),
        host_gateway: gateway(pod, up, host_network),
    };
    let mut contents: Vec<(&str, Option<String>)> = Vec::new();
    if share.network {
        contents.push(("hosts", hosts::text(&names, None, hostname.as_deref())?));
        contents.push(("resolv.conf", resolv::text(&names)));
    }
    if share.uts && !is_of_host(options.uts.as_deref()) {
        contents.push(("hostname", hostname.map(|name| format!("{name}\n"))));
    }
    for (name, content) in contents {
        if let Some(content) = content {
            let path = store.pod(pod.id.as_str()).join(name);
            files::write_file(&path, content.as_bytes(), 0o644, owner)?;
        }
    }
    Ok(())
}

/// Those files that were written, for a member.
pub fn shared(store: &Store, pod: &Pod) -> SharedFiles {
    let existing = |name: &str| -> Option<PathBuf> {
        let path = store.pod(pod.id.as_str()).join(name);
        path.exists().then_some(path)
    };
    let hostname = existing("hostname");
    SharedFiles {
        hosts: existing("hosts"),
        resolv_conf: existing("resolv.conf"),
        name: hostname.as_ref().and_then(|_| pod.hostname()),
        hostname,
    }
}

/// Adds a member's line to `/etc/hosts`, unless it is there.
///
/// # Errors
/// The file cannot be read or written.
pub fn add_member(store: &Store, pod: &Pod, member: &str) -> Result<(), StoreError> {
    let path = store.pod(pod.id.as_str()).join("hosts");
    if pod.options.common.no_hosts || !path.exists() {
        return Ok(());
    }
    append_line(&path, &format!("127.0.0.1\t{member}")).map_err(StoreError::io("add a line to", &path))
}

/// With one write at the end, so that others who do the same are in nobody's way.
fn append_line(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .custom_flags(libc_flags())
        .open(path)?;
    let mut text = Vec::new();
    Read::by_ref(&mut file).take(LONGEST).read_to_end(&mut text)?;
    if text.split(|byte| *byte == b'\n').any(|there| there == line.as_bytes()) {
        return Ok(());
    }
    // Members write to it as well, and not all end their last line.
    let begin = if matches!(text.last(), None | Some(b'\n')) {
        ""
    } else {
        "\n"
    };
    file.write_all(format!("{begin}{line}\n").as_bytes())
}

/// The file is a mount in containers, nothing that they could put in its place: that it is no link is made sure of all the same.
fn libc_flags() -> i32 {
    nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits()
}

fn is_of_host(mode: Option<&str>) -> bool {
    mode == Some("host")
}

/// The pod's own lines: each address with its host name and the name that an infra container would have.
fn own_addresses(pod: &Pod, status: Option<&Status>) -> Vec<(IpAddr, Vec<String>)> {
    let names: Vec<String> = pod.hostname().into_iter().chain([pod.infra_name()]).collect();
    let addresses = status
        .into_iter()
        .flat_map(|status| &status.networks)
        .flat_map(|endpoint| &endpoint.addresses);
    addresses
        .filter_map(|address| address.split('/').next()?.parse().ok())
        .map(|ip| (ip, names.clone()))
        .collect()
}

/// The host as the members see it.
fn gateway(pod: &Pod, up: &Up, host_network: bool) -> Option<IpAddr> {
    if let Some(address) = pod.options.common.defaults.host_address.as_deref() {
        return address.parse().ok();
    }
    if host_network {
        return unipod_network::host_address().or(Some(std::net::Ipv4Addr::LOCALHOST.into()));
    }
    let networks = up.network.iter().flat_map(|status| &status.networks);
    networks.flat_map(|endpoint| &endpoint.gateways).next().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_once_and_what_is_there_stays() {
        let dir = unipod_store::testing::store().0;
        let path = dir.path().join("hosts");
        std::fs::write(&path, "127.0.0.1\tlocalhost\n").unwrap();
        for member in ["web", "db", "web"] {
            append_line(&path, &format!("127.0.0.1\t{member}")).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "127.0.0.1\tlocalhost\n127.0.0.1\tweb\n127.0.0.1\tdb\n");
    }
}
