//! The container's environment: defaults, image, options, each winning over the one before.

use std::collections::BTreeMap;

use crate::process::users::Identity;
use crate::{BundleError, BundleRequest, ContainerOptions, Namespace};

/// What programs are looked for in when neither image nor options say (containers.conf(5), `env`).
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `NAME=VALUE` of every variable of the first process.
pub fn environment(
    request: &BundleRequest<'_>,
    identity: &Identity,
    hostname: Option<&str>,
) -> Result<Vec<String>, BundleError> {
    let options = request.options;
    let mut all = BTreeMap::new();
    if !options.unset_env_all {
        defaults(options, &mut all);
        from_image(request, &mut all);
    }
    for text in &options.env_merge {
        let (name, value) = merged(text, &all)?;
        all.insert(name, value);
    }
    for name in &options.unset_env {
        all.remove(name);
    }
    all.extend(options.env.clone());
    all.extend(request.secret_env.iter().cloned());
    all.entry("HOME".to_owned()).or_insert_with(|| identity.home.clone());
    if let Some(hostname) = hostname {
        all.entry("HOSTNAME".to_owned()).or_insert_with(|| hostname.to_owned());
    }
    sockets(request, &mut all);
    Ok(all.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

fn defaults(options: &ContainerOptions, all: &mut BTreeMap<String, String>) {
    all.insert("PATH".to_owned(), PATH.to_owned());
    all.insert("container".to_owned(), "unipod".to_owned());
    if options.tty {
        all.insert("TERM".to_owned(), "xterm".to_owned());
    }
    all.extend(options.defaults.env.clone().into_iter().flatten());
}

fn from_image(request: &BundleRequest<'_>, all: &mut BTreeMap<String, String>) {
    let config = request.image.and_then(|image| image.config().as_ref());
    for text in config.and_then(|config| config.env().as_ref()).into_iter().flatten() {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        all.insert(name.to_owned(), value.to_owned());
    }
}

/// What a payload needs to know about descriptors and sockets that systemd gave to the unit.
fn sockets(request: &BundleRequest<'_>, all: &mut BTreeMap<String, String>) {
    if let Some((count, names)) = &request.listen_fds {
        all.insert("LISTEN_FDS".to_owned(), count.to_string());
        // sd_listen_fds(3) compares it with the own PID: the first process of a PID namespace is 1.
        if request.joined.pid.is_none() && matches!(request.options.pid.as_deref(), None | Some("" | "private")) {
            all.insert("LISTEN_PID".to_owned(), "1".to_owned());
        }
        if let Some(names) = names {
            all.insert("LISTEN_FDNAMES".to_owned(), names.clone());
        }
    }
    if request.notify_socket.is_some() {
        all.insert("NOTIFY_SOCKET".to_owned(), NOTIFY_SOCKET.to_owned());
    }
}

/// Where the notify socket is in the container.
pub const NOTIFY_SOCKET: &str = "/run/notify/notify.sock";

/// `--env-merge NAME=VALUE`: `$NAME` and `${NAME}` in the value are the variables known so far.
fn merged(text: &str, known: &BTreeMap<String, String>) -> Result<(String, String), BundleError> {
    let invalid = || BundleError::invalid("--env-merge", text, "expected NAME=VALUE with ${NAME} in the value");
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(invalid)?;
    let mut result = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let (variable, tail) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or_else(invalid)?,
            None => after.split_at(
                after
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(after.len()),
            ),
        };
        result.push_str(known.get(variable).map_or("", String::as_str));
        rest = tail;
    }
    result.push_str(rest);
    Ok((name.to_owned(), result))
}

/// The name of the container's host; `None` where it keeps the host's.
pub fn hostname(request: &BundleRequest<'_>, uts: &Namespace) -> Option<String> {
    match uts {
        Namespace::New => {}
        Namespace::Host => return rustix::system::uname().nodename().to_str().ok().map(str::to_owned),
        Namespace::Path(_) => return request.shared_files.name.clone(),
    }
    let short = || request.id.get(..12).unwrap_or(request.id).to_owned();
    Some(request.options.hostname.clone().unwrap_or_else(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_reads_the_image() {
        let known = BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]);
        for (text, expected) in [
            ("PATH=/opt:${PATH}", Some(("PATH", "/opt:/bin"))),
            ("PATH=$PATH:/opt", Some(("PATH", "/bin:/opt"))),
            ("X=${NONE}y", Some(("X", "y"))),
            ("X=${PATH", None),
            ("X", None),
        ] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(merged(text, &known).ok(), expected, "{text}");
        }
    }
}
