//! Variables of the environment as `--env` writes them, and those of our own that a container gets.

use std::collections::BTreeMap;

use crate::BundleError;

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

/// What the words of an option stand for, the last of a name wins: `NAME=VALUE`; `NAME` alone and `PREFIX*` take the value of our
/// own environment.
///
/// # Errors
/// A name is empty.
pub fn parse<'a>(
    option: &'static str,
    words: impl IntoIterator<Item = &'a String>,
) -> Result<BTreeMap<String, String>, BundleError> {
    let mut all = BTreeMap::new();
    for word in words {
        add(option, word, &mut all)?;
    }
    Ok(all)
}

/// Our own environment, whole or only its proxies.
pub fn of_host(everything: bool, proxies: bool) -> BTreeMap<String, String> {
    own()
        .filter(|(name, _)| everything || proxies && PROXIES.contains(&name.as_str()))
        .collect()
}

fn add(option: &'static str, text: &str, all: &mut BTreeMap<String, String>) -> Result<(), BundleError> {
    if let Some((name, value)) = text.split_once('=') {
        if name.is_empty() {
            let reason = "the name is missing, expected NAME=VALUE";
            return Err(BundleError::invalid(option, text, reason));
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
