//! The text of `/etc/hosts`.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use crate::files::names::Names;
use crate::root::Root;
use crate::{BundleError, ContainerOptions};

/// Names under which a container finds its host, in podman and in docker.
const HOST_NAMES: [&str; 2] = ["host.containers.internal", "host.docker.internal"];

/// The file's text; `None` leaves the image's file.
///
/// Order as in podman: names given by the user, the host's file, localhost, the host, the container. A name that is
/// already there is not repeated, so what the user says wins.
pub fn text(names: &Names<'_>, root: Option<&Root>, hostname: Option<&str>) -> Result<Option<String>, BundleError> {
    let options = names.options;
    if options.no_hosts {
        return Ok(None);
    }
    let mut file = Lines::default();
    for text in &options.add_hosts {
        let (address, wanted) = parse_add_host(text, names.host_gateway)?;
        file.add(&address.to_string(), &wanted);
    }
    for (address, of_host) in base(options, root)? {
        let loopback = address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        // The host's own name on loopback would point to the container from inside.
        if names.host_network || !loopback || options.hosts_file.is_some() {
            file.add(&address, &of_host);
        }
    }
    file.add("127.0.0.1", &["localhost".to_owned()]);
    file.add("::1", &["localhost".to_owned()]);
    if let Some(gateway) = names.host_gateway {
        file.add(&gateway.to_string(), &HOST_NAMES.map(str::to_owned));
    }
    for (address, own) in names.hosts {
        file.add(&address.to_string(), own);
    }
    if let Some(hostname) = hostname.filter(|_| names.hosts.is_empty() && !names.host_network) {
        file.add("127.0.0.1", &[hostname.to_owned()]);
    }
    Ok(Some(file.text))
}

/// Reads `NAME[;NAME…]:ADDRESS`, where the address may be `host-gateway`.
pub fn parse_add_host(text: &str, gateway: Option<IpAddr>) -> Result<(IpAddr, Vec<String>), BundleError> {
    let invalid = |reason: &str| BundleError::invalid("--add-host", text, reason);
    let (names, address) = text
        .split_once([':', '='])
        .ok_or_else(|| invalid("expected NAME:ADDRESS"))?;
    let names: Vec<String> = names
        .split(';')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err(invalid("the name is empty"));
    }
    // Each would be a name, or a line, of its own.
    if names
        .iter()
        .any(|name| name.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        return Err(invalid("no blanks and line breaks can be in a name"));
    }
    let address = if address == "host-gateway" {
        gateway.ok_or_else(|| invalid("the host has no address on this container's network"))?
    } else {
        let plain = address.trim_start_matches('[').trim_end_matches(']');
        plain.parse().map_err(|_| invalid("this is no IP address"))?
    };
    Ok((address, names))
}

fn base(options: &ContainerOptions, root: Option<&Root>) -> Result<Vec<(String, Vec<String>)>, BundleError> {
    let of_image = || root.map_or(Ok(None), |root| root.read("/etc/hosts"));
    let text = match options.hosts_file.as_deref() {
        Some("none") => return Ok(Vec::new()),
        Some("image") => of_image()?.unwrap_or_default(),
        Some(path) => std::fs::read_to_string(path).map_err(BundleError::io("read", Path::new(path)))?,
        // A host without the file is fine.
        None => std::fs::read_to_string("/etc/hosts").unwrap_or_default(),
    };
    Ok(text.lines().filter_map(entry).collect())
}

fn entry(line: &str) -> Option<(String, Vec<String>)> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address = words.next()?.to_owned();
    let names: Vec<String> = words
        .filter(|name| !HOST_NAMES.contains(name))
        .map(str::to_owned)
        .collect();
    (!names.is_empty()).then_some((address, names))
}

#[derive(Debug, Default)]
struct Lines {
    text: String,
    seen: HashSet<(bool, String)>,
}

impl Lines {
    /// Adds the names that no earlier line of the same address family has.
    fn add(&mut self, address: &str, names: &[String]) {
        let v6 = address.contains(':');
        let new: Vec<&str> = names
            .iter()
            .filter(|n| self.seen.insert((v6, (*n).clone())))
            .map(String::as_str)
            .collect();
        if !new.is_empty() {
            let _ = writeln!(self.text, "{address}\t{}", new.join(" "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_host_values() {
        let gateway = "10.0.0.1".parse().ok();
        for (text, gateway, expected) in [
            ("db:10.1.1.1", None, Some(("10.1.1.1", "db"))),
            ("a;b:10.1.1.1", None, Some(("10.1.1.1", "a b"))),
            ("db:::1", None, Some(("::1", "db"))),
            ("db:[fe80::1]", None, Some(("fe80::1", "db"))),
            ("h:host-gateway", gateway, Some(("10.0.0.1", "h"))),
            ("h:host-gateway", None, None),
            ("db", None, None),
            (":10.0.0.1", None, None),
            ("db:x", None, None),
        ] {
            let parsed = parse_add_host(text, gateway)
                .ok()
                .map(|(address, names)| (address.to_string(), names.join(" ")));
            let expected = expected.map(|(address, names)| (address.to_owned(), names.to_owned()));
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn the_first_line_of_a_name_wins_in_each_family() {
        let mut lines = Lines::default();
        lines.add("10.0.0.1", &["a".into(), "b".into()]);
        lines.add("10.0.0.2", &["a".into(), "c".into()]);
        lines.add("::2", &["a".into()]);
        assert_eq!(lines.text, "10.0.0.1\ta b\n10.0.0.2\tc\n::2\ta\n");
    }
}
