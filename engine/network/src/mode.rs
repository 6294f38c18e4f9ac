//! `--network` values (podman-run(1)): a mode of its own, or networks with options for the container's end of each.

use std::net::IpAddr;
use std::path::PathBuf;

use super::definition::{check_name, default_name};
use super::{Attachment, NetworkError, NetworkMode};

/// Reads all `--network` values into one mode.
///
/// No value, `default` and `private` mean pasta without root and the default network with it, as in podman.
pub fn parse_modes(values: &[String], rootless: bool) -> Result<NetworkMode, NetworkError> {
    let [only] = values else {
        return several(values, rootless);
    };
    let (kind, options) = only
        .split_once(':')
        .map_or((only.as_str(), None), |(k, o)| (k, Some(o)));
    let required = |why: &str| options.filter(|o| !o.is_empty()).ok_or_else(|| invalid(only, why));
    match kind {
        "host" => alone(only, options, NetworkMode::Host),
        "none" => alone(only, options, NetworkMode::None),
        "" | "default" | "private" if rootless => Ok(NetworkMode::Pasta(Vec::new())),
        "container" => Ok(NetworkMode::Container(
            required("a container must follow the colon")?.into(),
        )),
        "ns" => Ok(NetworkMode::Path(PathBuf::from(required(
            "a path must follow the colon",
        )?))),
        "pasta" => Ok(NetworkMode::Pasta(options.map(pasta_options).unwrap_or_default())),
        "slirp4netns" => Err(NetworkError::Unsupported(
            "network mode slirp4netns is not supported; use pasta".into(),
        )),
        _ => several(values, rootless),
    }
}

fn several(values: &[String], rootless: bool) -> Result<NetworkMode, NetworkError> {
    if values.is_empty() {
        return parse_modes(&["default".to_owned()], rootless);
    }
    let mut attachments: Vec<Attachment> = Vec::new();
    for value in values {
        for attachment in networks(value)? {
            if attachments.iter().any(|a| a.network == attachment.network) {
                return Err(invalid(value, "the network is named twice"));
            }
            attachments.push(attachment);
        }
    }
    Ok(NetworkMode::Bridge(attachments))
}

/// One value: `NAME[:OPTIONS]`, or `NAME,NAME…`.
fn networks(value: &str) -> Result<Vec<Attachment>, NetworkError> {
    if let Some((name, options)) = value.split_once(':') {
        return Ok(vec![attachment(name, options, value)?]);
    }
    value.split(',').map(|name| attachment(name, "", value)).collect()
}

fn attachment(name: &str, options: &str, value: &str) -> Result<Attachment, NetworkError> {
    let name = match name {
        "" | "bridge" | "default" | "private" => default_name(),
        "host" | "none" | "container" | "ns" | "pasta" => {
            return Err(invalid(value, "this mode cannot be combined with other networks"));
        }
        name => name,
    };
    check_name(name)?;
    let mut attachment = Attachment {
        network: name.into(),
        ..Attachment::default()
    };
    for option in options.split(',').filter(|o| !o.is_empty()) {
        let (key, text) = option.split_once('=').unwrap_or((option, ""));
        set(&mut attachment, key, text).map_err(|why| invalid(value, &why))?;
    }
    Ok(attachment)
}

fn set(attachment: &mut Attachment, key: &str, text: &str) -> Result<(), String> {
    match key {
        "ip" | "ip6" => {
            let ip: IpAddr = text.parse().map_err(|_| format!("{text:?} is not an IP address"))?;
            if key == "ip6" && ip.is_ipv4() {
                return Err(format!("{text:?} is not an IPv6 address"));
            }
            attachment.ips.push(ip);
        }
        "mac" => attachment.mac = Some(parse_mac(text)?),
        "alias" if text.is_empty() => return Err("alias= needs a name".into()),
        "alias" => attachment.aliases.push(text.into()),
        "interface_name" => attachment.interface = Some(parse_interface(text)?),
        _ => {
            return Err(format!(
                "unknown option {key:?}; known are ip, ip6, mac, alias, interface_name"
            ));
        }
    }
    Ok(())
}

/// A hardware address of six bytes, in the form netavark reads.
pub fn parse_mac(text: &str) -> Result<String, String> {
    let bytes: Vec<&str> = text.split([':', '-']).collect();
    let byte = |b: &&str| b.len() == 2 && b.bytes().all(|c| c.is_ascii_hexdigit());
    if bytes.len() == 6 && bytes.iter().all(byte) {
        return Ok(bytes.join(":").to_ascii_lowercase());
    }
    Err(format!("{text:?} is not a hardware address, as 02:00:00:00:00:01 is"))
}

/// An interface name that the kernel takes: 1 to 15 bytes (`IFNAMSIZ`), no slash, colon or white space.
pub fn parse_interface(text: &str) -> Result<String, String> {
    let good = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | ':');
    if (1..=15).contains(&text.len())
        && text.chars().all(good)
        && !matches!(text, "." | ".." | "all" | "default" | "lo")
    {
        return Ok(text.into());
    }
    Err(format!(
        "{text:?} cannot name an interface: 1 to 15 characters, no slash, colon or blank"
    ))
}

fn alone(value: &str, options: Option<&str>, mode: NetworkMode) -> Result<NetworkMode, NetworkError> {
    if options.is_some() {
        Err(invalid(value, "this mode takes no options"))
    } else {
        Ok(mode)
    }
}

fn pasta_options(options: &str) -> Vec<String> {
    options.split(',').filter(|o| !o.is_empty()).map(Into::into).collect()
}

fn invalid(value: &str, why: &str) -> NetworkError {
    NetworkError::invalid("network", value, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str], rootless: bool) -> Result<NetworkMode, NetworkError> {
        let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        parse_modes(&values, rootless)
    }

    fn on(names: &[&str]) -> NetworkMode {
        let attachment = |n: &&str| Attachment {
            network: (*n).into(),
            ..Attachment::default()
        };
        NetworkMode::Bridge(names.iter().map(attachment).collect())
    }

    #[test]
    fn modes() {
        let cases: &[(&[&str], NetworkMode)] = &[
            (&[], on(&["podman"])),
            (&["bridge"], on(&["podman"])),
            (&["private"], on(&["podman"])),
            (&["host"], NetworkMode::Host),
            (&["none"], NetworkMode::None),
            (&["container:db"], NetworkMode::Container("db".into())),
            (&["ns:/run/netns/x"], NetworkMode::Path("/run/netns/x".into())),
            (&["pasta"], NetworkMode::Pasta(Vec::new())),
            (
                &["pasta:--mtu,1500"],
                NetworkMode::Pasta(vec!["--mtu".into(), "1500".into()]),
            ),
            (&["systemd-web"], on(&["systemd-web"])),
            (&["a,b"], on(&["a", "b"])),
            (&["a", "b"], on(&["a", "b"])),
        ];
        for (values, expected) in cases {
            assert_eq!(&parse(values, false).unwrap(), expected, "{values:?}");
        }
        for values in [&[][..], &["default"], &["private"]] {
            assert_eq!(
                parse(values, true).unwrap(),
                NetworkMode::Pasta(Vec::new()),
                "{values:?}"
            );
        }
    }

    #[test]
    fn options_of_a_network() {
        let value = "web:ip=10.1.0.7,ip6=fd00::7,mac=02-00-00-00-00-0A,alias=www,alias=web,interface_name=net0";
        let expected = Attachment {
            network: "web".into(),
            ips: vec!["10.1.0.7".parse().unwrap(), "fd00::7".parse().unwrap()],
            mac: Some("02:00:00:00:00:0a".into()),
            interface: Some("net0".into()),
            aliases: vec!["www".into(), "web".into()],
        };
        assert_eq!(parse(&[value], false).unwrap(), NetworkMode::Bridge(vec![expected]));
    }

    #[test]
    fn wrong_values_say_why() {
        let cases: &[(&[&str], &str)] = &[
            (&["web:ip=1.2.3"], "\"1.2.3\" is not an IP address"),
            (&["web:ip6=1.2.3.4"], "not an IPv6 address"),
            (&["web:mac=1"], "not a hardware address"),
            (&["web:interface_name=a/b"], "cannot name an interface"),
            (&["web:speed=1"], "unknown option \"speed\""),
            (&["web:alias="], "alias= needs a name"),
            (&["host:x"], "takes no options"),
            (&["host", "web"], "cannot be combined"),
            (&["container:"], "a container must follow"),
            (&["web", "web"], "named twice"),
            (&["slirp4netns"], "use pasta"),
            (&["../x"], "names must match"),
        ];
        for (values, why) in cases {
            let error = parse(values, false).unwrap_err().to_string();
            assert!(error.contains(why), "{values:?}: {error}");
        }
    }
}
