//! The text of `/etc/resolv.conf`.

use std::fmt::Write;
use std::net::IpAddr;

use crate::ContainerOptions;
use crate::files::names::Names;

/// Where systemd-resolved keeps the servers behind its own address.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
const STUB: &str = "127.0.0.53";
/// Whom podman and docker ask where the host names nobody that can be reached.
const FALLBACK: [&str; 2] = ["8.8.8.8", "8.8.4.4"];

/// What a resolv.conf(5) says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Config {
    servers: Vec<String>,
    search: Vec<String>,
    options: Vec<String>,
}

/// The file's text; `None` leaves the image's file (`--dns=none`).
pub fn text(names: &Names<'_>) -> Option<String> {
    if of_image(names.options) {
        return None;
    }
    let host = host_config(names.host_network);
    let mut config = merge(names, host);
    if config.servers.is_empty() && !names.host_network {
        tracing::warn!(
            "the host's own name servers listen on its loopback alone, where no container gets: {} are asked instead; \
             name others with --dns (DNS=)",
            FALLBACK.join(" and ")
        );
        config.servers = FALLBACK.map(str::to_owned).to_vec();
    }
    Some(config.render())
}

/// Whether the container keeps its image's file.
pub fn of_image(options: &ContainerOptions) -> bool {
    options.dns.iter().any(|server| server == "none")
}

fn merge(names: &Names<'_>, host: Config) -> Config {
    let options = names.options;
    // A network with names of its own gets the user's servers as forwarders: the container asks the network.
    let of_network: Vec<String> = names.dns_servers.iter().map(ToString::to_string).collect();
    let servers = [of_network, options.dns.clone(), host.servers]
        .into_iter()
        .find(|list| !list.is_empty());
    let search = if options.dns_search.is_empty() {
        names.search_domains.iter().cloned().chain(host.search).collect()
    } else {
        names
            .search_domains
            .iter()
            .chain(&options.dns_search)
            .filter(|domain| *domain != ".")
            .cloned()
            .collect()
    };
    Config {
        servers: servers.unwrap_or_default(),
        search,
        options: if options.dns_options.is_empty() {
            host.options
        } else {
            options.dns_options.clone()
        },
    }
}

/// The host's settings as a container can use them: without servers on the host's loopback, unless it shares that.
fn host_config(host_network: bool) -> Config {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut config = parse(&read("/etc/resolv.conf"));
    if host_network {
        return config;
    }
    if config.servers.iter().any(|server| server == STUB) {
        let behind = parse(&read(RESOLVED));
        if !behind.servers.is_empty() {
            config.servers = behind.servers;
        }
    }
    config
        .servers
        .retain(|server| !server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()));
    config
}

fn parse(text: &str) -> Config {
    let mut config = Config::default();
    for line in text.lines() {
        let mut words = line
            .split(['#', ';'])
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
        let (key, values) = (words.next(), words.map(str::to_owned));
        match key {
            Some("nameserver") => config.servers.extend(values.take(1)),
            // The last of these lines counts, resolv.conf(5).
            Some("search" | "domain") => config.search = values.collect(),
            Some("options") => config.options.extend(values),
            _ => {}
        }
    }
    config
}

impl Config {
    fn render(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            let _ = writeln!(text, "search {}", self.search.join(" "));
        }
        for server in &self.servers {
            let _ = writeln!(text, "nameserver {server}");
        }
        if !self.options.is_empty() {
            let _ = writeln!(text, "options {}", self.options.join(" "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_writing() {
        let text = "# c\nsearch a b\nnameserver 10.0.0.1 # x\nnameserver ::1\noptions edns0\noptions ndots:2\n";
        let config = parse(text);
        assert_eq!(config.servers, ["10.0.0.1", "::1"]);
        assert_eq!(
            config.render(),
            "search a b\nnameserver 10.0.0.1\nnameserver ::1\noptions edns0 ndots:2\n"
        );
    }
}
