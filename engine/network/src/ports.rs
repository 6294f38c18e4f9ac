//! Published ports: `--publish [[IP:][HOST]:]CONTAINER[/PROTOCOL]`, with ranges (podman-run(1)).

use std::net::{IpAddr, Ipv6Addr};

use super::{NetworkError, PortMapping};
use unipod_config::shared;

/// Reads one `--publish` value.
///
/// An address of IPv6 is in brackets. An absent or empty host port is 0: the engine chooses one.
pub fn parse_publish(value: &str) -> Result<PortMapping, NetworkError> {
    let bad = |why: String| NetworkError::invalid("published port", value, why);
    let (rest, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(bad(format!(
            "unknown protocol {protocol:?}, it must be tcp, udp or sctp"
        )));
    }
    let (host_ip, host, container) = split(rest).map_err(bad)?;
    let (container_port, range) = ports(container, "container").map_err(bad)?;
    let (host_port, host_range) = match host {
        None | Some("") => (0, range),
        Some(host) => ports(host, "host").map_err(bad)?,
    };
    if range != host_range {
        return Err(bad("host and container port ranges have different lengths".into()));
    }
    Ok(PortMapping {
        host_ip,
        host_port,
        container_port,
        range,
        protocol,
    })
}

/// Reads one `--publish` value; one without an address is published on those of containers.conf(5), `default_host_ips`.
///
/// # Errors
/// As [`parse_publish`].
pub fn published(value: &str) -> Result<Vec<PortMapping>, NetworkError> {
    Ok(on_each(parse_publish(value)?, &shared().host_ips))
}

fn on_each(port: PortMapping, addresses: &[IpAddr]) -> Vec<PortMapping> {
    if addresses.is_empty() || !port.host_ip.is_empty() {
        return vec![port];
    }
    let on = |address: &IpAddr| PortMapping {
        host_ip: address.to_string(),
        ..port.clone()
    };
    addresses.iter().map(on).collect()
}

/// Takes the address, the host part and the container part apart.
fn split(text: &str) -> Result<(String, Option<&str>, &str), String> {
    let (host_ip, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (ip, rest) = bracketed.split_once(']').ok_or("the bracket is not closed")?;
            let ip: Ipv6Addr = ip.parse().map_err(|_| format!("{ip:?} is not an IPv6 address"))?;
            (
                ip.to_string(),
                rest.strip_prefix(':').ok_or("a port must follow the address")?,
            )
        }
        None => (String::new(), text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    match (parts.as_slice(), host_ip.is_empty()) {
        ([container], _) => Ok((host_ip, None, container)),
        ([host, container], _) => Ok((host_ip, Some(host), container)),
        ([ip, host, container], true) => Ok((address(ip)?, Some(host), container)),
        _ => Err("too many colons; an IPv6 address must be in brackets".into()),
    }
}

fn address(ip: &str) -> Result<String, String> {
    if ip.is_empty() {
        return Ok(String::new());
    }
    ip.parse::<IpAddr>()
        .map(|ip| ip.to_string())
        .map_err(|_| format!("{ip:?} is not an IP address"))
}

/// A port or a range `FIRST-LAST`, as its first port and its length.
fn ports(text: &str, side: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{side} port {text:?} is not a number from 1 to 65535")),
    };
    let Some((first, last)) = text.split_once('-') else {
        return Ok((port(text)?, 1));
    };
    let (first, last) = (port(first)?, port(last)?);
    if last < first {
        return Err(format!("{side} port range {text} runs backwards"));
    }
    // Only 1-65535 spans every port there is, and that still fits.
    Ok((first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_as_people_write_them() {
        let cases: &[(&str, &str, u16, u16, u16, &str)] = &[
            ("80", "", 0, 80, 1, "tcp"),
            (":80", "", 0, 80, 1, "tcp"),
            ("8080:80", "", 8080, 80, 1, "tcp"),
            ("8080:80/udp", "", 8080, 80, 1, "udp"),
            ("8080:80/UDP", "", 8080, 80, 1, "udp"),
            ("53:53/sctp", "", 53, 53, 1, "sctp"),
            ("127.0.0.1:8080:80", "127.0.0.1", 8080, 80, 1, "tcp"),
            ("127.0.0.1::80", "127.0.0.1", 0, 80, 1, "tcp"),
            ("[::1]:8080:80", "::1", 8080, 80, 1, "tcp"),
            ("[::]::80", "::", 0, 80, 1, "tcp"),
            ("[::1]:80", "::1", 0, 80, 1, "tcp"),
            ("8000-8010:9000-9010", "", 8000, 9000, 11, "tcp"),
            ("9000-9010", "", 0, 9000, 11, "tcp"),
            ("1-65535:1-65535", "", 1, 1, 65535, "tcp"),
        ];
        for &(text, ip, host, container, range, protocol) in cases {
            let expected = PortMapping {
                host_ip: ip.into(),
                host_port: host,
                container_port: container,
                range,
                protocol: protocol.into(),
            };
            assert_eq!(parse_publish(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_port_without_an_address_is_on_those_of_the_defaults() {
        let addresses = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        let hosts = |value: &str, addresses: &[IpAddr]| -> Vec<String> {
            let ports = on_each(parse_publish(value).unwrap(), addresses);
            ports.into_iter().map(|port| port.host_ip).collect()
        };
        assert_eq!(hosts("8080:80", &addresses), ["127.0.0.1", "::1"]);
        assert_eq!(hosts("10.0.0.1:8080:80", &addresses), ["10.0.0.1"]);
        assert_eq!(hosts("8080:80", &[]), [""]);
    }

    #[test]
    fn wrong_values_say_why() {
        let cases = [
            ("", "container port \"\" is not a number"),
            ("http", "container port \"http\""),
            ("0", "is not a number from 1 to 65535"),
            ("70000:80", "host port \"70000\""),
            ("80:80:80:80", "too many colons"),
            ("::1:80:80", "must be in brackets"),
            ("1.2.3:80:80", "\"1.2.3\" is not an IP address"),
            ("[::1:80:80", "bracket is not closed"),
            ("[1.2.3.4]:80:80", "not an IPv6 address"),
            ("90-80", "runs backwards"),
            ("80-90:80", "different lengths"),
            ("80/icmp", "unknown protocol \"icmp\""),
        ];
        for (text, why) in cases {
            let error = parse_publish(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.starts_with(&format!("published port {text:?}: ")), "{error}");
        }
    }
}
