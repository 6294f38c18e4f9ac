//! pasta(1): a network namespace connected in user space, for users without privileges and for `--network pasta`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;

use super::program::{self, Run};
use super::{NetworkError, PortMapping};
use unipod_linux::child;

/// Connects the pinned namespace at `netns` to the host's network and publishes `ports`.
///
/// pasta goes into the background by itself once it is ready, stays in the caller's cgroup as a helper process of the
/// container, and ends when the pin is removed. `options` go to its command line as they are and override the defaults.
pub fn start(netns: &Path, ports: &[PortMapping], options: &[String]) -> Result<(), NetworkError> {
    let output = Run::start(program::find("pasta")?, arguments(netns, ports, options)?, [])?.wait()?;
    if output.status.success() {
        return Ok(());
    }
    let last = output.stderr.trim().lines().last().unwrap_or("it gave no reason");
    let message = child::words(last.as_bytes());
    Err(NetworkError::Helper {
        program: "pasta",
        action: "setup",
        message,
    })
}

fn arguments(netns: &Path, ports: &[PortMapping], options: &[String]) -> Result<Vec<OsString>, NetworkError> {
    let mut args: Vec<OsString> = vec!["--config-net".into()];
    for (protocol, option) in [("tcp", "-t"), ("udp", "-u")] {
        for port in ports.iter().filter(|p| p.protocol == protocol) {
            args.extend([option.into(), specification(port)?.into()]);
        }
        // Without a port, pasta would forward every port that something in the namespace listens on.
        if !ports.iter().any(|p| p.protocol == protocol) && !options.iter().any(|o| o == option) {
            args.extend([option.into(), "none".into()]);
        }
    }
    if let Some(port) = ports.iter().find(|p| p.protocol == "sctp") {
        let what = format!("{}/sctp", port.container_port);
        return Err(NetworkError::invalid(
            "published port",
            what,
            "pasta forwards only tcp and udp",
        ));
    }
    for option in ["-T", "-U"] {
        if !options.iter().any(|o| o == option) {
            args.extend([option.into(), "none".into()]);
        }
    }
    args.extend(options.iter().map(Into::into));
    args.extend(["--no-map-gw", "--quiet", "--netns"].map(Into::into));
    args.push(netns.into());
    Ok(args)
}

/// One mapping as pasta writes it: `[ADDRESS/]FIRST[-LAST]:FIRST[-LAST]`.
fn specification(port: &PortMapping) -> Result<String, NetworkError> {
    let PortMapping {
        host_ip,
        host_port,
        container_port,
        range,
        protocol,
    } = port;
    if *host_port == 0 {
        let what = format!("{container_port}/{protocol}");
        return Err(NetworkError::invalid(
            "published port",
            what,
            "pasta needs the host port",
        ));
    }
    let span = |first: u16| {
        let last = first.saturating_add(range.saturating_sub(1));
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    let address = match host_ip.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() => format!("{ip}/"),
        _ => String::new(),
    };
    Ok(format!("{address}{}:{}", span(*host_port), span(*container_port)))
}

#[cfg(test)]
mod tests {
    use super::super::parse_publish;
    use super::*;

    #[test]
    fn the_command_line() {
        let ports = ["8080:80", "127.0.0.1:5000-5001:50-51/udp"].map(|p| parse_publish(p).unwrap());
        let args = arguments(Path::new("/run/netns/x"), &ports, &["--mtu".into(), "1500".into()]).unwrap();
        let line = args.join(" ".as_ref()).into_string().unwrap();
        let expected = "--config-net -t 8080:80 -u 127.0.0.1/5000-5001:50-51 -T none -U none --mtu 1500 --no-map-gw --quiet --netns /run/netns/x";
        assert_eq!(line, expected);
    }

    #[test]
    fn no_ports_are_no_ports() {
        let args = arguments(Path::new("/n"), &[], &[]).unwrap();
        assert_eq!(args[1..5], ["-t", "none", "-u", "none"]);
    }

    #[test]
    fn what_pasta_cannot_do_is_refused() {
        for port in ["80:80/sctp", "80"] {
            assert!(
                arguments(Path::new("/n"), &[parse_publish(port).unwrap()], &[]).is_err(),
                "{port}"
            );
        }
    }
}
