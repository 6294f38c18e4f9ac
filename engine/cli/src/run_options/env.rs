//! The environment as the command line says it: `--env`, `--env-file`, `--env-host`, `--http-proxy`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{lines, refused};
use crate::error::CliError;

/// Variables that name a proxy; they are the host's unless something else is said (podman-run(1), `--http-proxy`).
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
];

/// The variables of files and options, options last. `NAME` alone and `PREFIX*` take the value of our own environment.
///
/// # Errors
/// A file cannot be read, or a name is empty.
pub fn environment(files: &[PathBuf], values: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut all = BTreeMap::new();
    for path in files {
        for line in lines("--env-file", path)? {
            add("--env-file", &line, &mut all)?;
        }
    }
    for value in values {
        add("--env", value, &mut all)?;
    }
    Ok(all)
}

/// Our own environment, whole or only its proxies.
pub(super) fn of_host(everything: bool, proxies: bool) -> BTreeMap<String, String> {
    own()
        .filter(|(name, _)| everything || proxies && PROXIES.contains(&name.as_str()))
        .collect()
}

fn add(option: &str, text: &str, all: &mut BTreeMap<String, String>) -> Result<(), CliError> {
    if let Some((name, value)) = text.split_once('=') {
        if name.is_empty() {
            return Err(refused(option, text, "the name is missing, expected NAME=VALUE"));
        }
        // As podman: `export A=b` is no shell's business here, but no reason not to start either.
        if name.contains(char::is_whitespace) {
            tracing::warn!("{option}: one variable is named {name:?}, and few programs will look for that");
        }
        all.insert(name.to_owned(), value.to_owned());
    } else if let Some(prefix) = text.strip_suffix('*') {
        all.extend(own().filter(|(name, _)| name.starts_with(prefix)));
    } else if let Some(value) = std::env::var_os(text.trim_end()) {
        all.insert(text.trim_end().to_owned(), value.to_string_lossy().into_owned());
    }
    Ok(())
}

fn own() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
