//! Image references: the grammar of distribution/reference, with Docker's defaults.
//!
//! ```text
//! [docker://][REGISTRY/]PATH[:TAG][@sha256:HEX]
//! ```

use std::fmt;
use std::str::FromStr;

/// An image name as a user writes it: split and checked, but a short one is not yet tied to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `HOST[:PORT]`, absent from a short name.
    pub registry: Option<String>,
    /// The path below the registry, as written (no `library/` added).
    pub path: String,
    /// The tag, if one is written.
    pub tag: Option<String>,
    /// The digest, if one is written.
    pub digest: Option<String>,
}

/// A fully qualified reference: it says which registry, repository and version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// `HOST[:PORT]`.
    pub registry: String,
    /// The path below the registry, `library/` included on Docker Hub.
    pub repository: String,
    /// A tag or a digest.
    pub version: Version,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Version {
    /// The one a tag points to now.
    Tag(String),
    /// Exactly the one whose manifest (or index) has this digest, `sha256:HEX`.
    Digest(String),
}

/// A name that is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The grammar does not allow it.
    #[error("invalid image reference {name:?}: {reason}")]
    Invalid {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name of another transport of containers-transports(5).
    #[error(
        "image {0:?}: this transport is not supported; docker://, oci:, oci-archive:, docker-archive: and dir: are"
    )]
    Transport(String),
}

/// The transports of containers-transports(5) that do not lead to a registry.
/// Those that lead to files are [`super::local`]'s.
const OTHER_TRANSPORTS: [&str; 7] = [
    "oci:",
    "oci-archive:",
    "docker-archive:",
    "dir:",
    "docker-daemon:",
    "sif:",
    "containers-storage:",
];
/// Longest repository name, registry included (distribution/reference).
const MAX_NAME: usize = 255;

impl Name {
    /// The reference in `registry`, for a name that is short, or in the registry it names itself.
    pub fn qualify(&self, registry: &str) -> Reference {
        let registry = match self.registry.as_deref().unwrap_or(registry) {
            "index.docker.io" => "docker.io",
            other => other,
        };
        // containers-registries.conf(5), "Normalization of docker.io references".
        let library = registry == "docker.io" && !self.path.contains('/');
        Reference {
            registry: registry.to_owned(),
            repository: if library {
                format!("library/{}", self.path)
            } else {
                self.path.clone()
            },
            version: self.version(),
        }
    }

    /// A digest says more than a tag, so a tag beside it is dropped, as podman does; neither means `latest`.
    fn version(&self) -> Version {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Version::Digest(digest.clone()),
            (None, Some(tag)) => Version::Tag(tag.clone()),
            (None, None) => Version::Tag("latest".to_owned()),
        }
    }
}

impl FromStr for Name {
    type Err = ReferenceError;

    fn from_str(given: &str) -> Result<Self, ReferenceError> {
        let invalid = |reason| ReferenceError::Invalid {
            name: given.to_owned(),
            reason,
        };
        if OTHER_TRANSPORTS.iter().any(|t| given.starts_with(t)) {
            return Err(ReferenceError::Transport(given.to_owned()));
        }
        let text = given.strip_prefix("docker://").unwrap_or(given);
        if text.contains("://") {
            return Err(invalid("it is a URL; write it without http:// or https://"));
        }
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let (registry, rest) = split_registry(text);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if registry.is_some_and(|r| !is_registry(r)) {
            return Err(invalid("the registry is no host name"));
        }
        if path.is_empty() || !path.split('/').all(is_component) {
            return Err(invalid(
                "a repository has lower-case letters, digits and single separators . _ - /",
            ));
        }
        if text.len() - tag.map_or(0, |t| t.len() + 1) > MAX_NAME {
            return Err(invalid("the name has more than 255 characters"));
        }
        if tag.is_some_and(|t| !is_tag(t)) {
            return Err(invalid("the tag is malformed"));
        }
        if digest.is_some_and(|d| sha256_hex(d).is_none()) {
            return Err(invalid(
                "the digest is not sha256: with 64 lower-case hexadecimal digits",
            ));
        }
        let own = |part: Option<&str>| part.map(str::to_owned);
        Ok(Self {
            registry: own(registry),
            path: path.to_owned(),
            tag: own(tag),
            digest: own(digest),
        })
    }
}

impl Reference {
    /// `REGISTRY/REPOSITORY`, without tag or digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The digest, if the version is one.
    pub fn digest(&self) -> Option<&str> {
        match &self.version {
            Version::Digest(digest) => Some(digest),
            Version::Tag(_) => None,
        }
    }

    /// The tag or digest as the registry's API takes it.
    pub(crate) fn version_text(&self) -> &str {
        match &self.version {
            Version::Tag(text) | Version::Digest(text) => text,
        }
    }
}

/// Parses a fully qualified name; a short one is an error.
impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let name: Name = text.parse()?;
        match &name.registry {
            Some(registry) => Ok(name.qualify(registry)),
            None => Err(ReferenceError::Invalid {
                name: text.to_owned(),
                reason: "the registry is missing",
            }),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.digest().is_some() { '@' } else { ':' };
        write!(
            f,
            "{}/{}{separator}{}",
            self.registry,
            self.repository,
            self.version_text()
        )
    }
}

/// The 64 digits of a `sha256:` digest.
pub(crate) fn sha256_hex(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))).then_some(hex)
}

/// The first component is a registry if it looks like a host: it has a dot, a port, capitals, or is `localhost`.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || first.contains(char::is_uppercase) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host_ok = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    host_ok && port.is_none_or(|p| p.parse::<u16>().is_ok())
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separator_ok = |s: &str| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    !text.is_empty()
        && text.bytes().next().is_some_and(alnum)
        && text.bytes().next_back().is_some_and(alnum)
        && text.split(|c: char| c.is_ascii() && alnum(c as u8)).all(separator_ok)
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_split_and_qualified_with_docker_defaults() {
        let digest = format!("@{DIGEST}");
        for (text, expected) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27-alpine", "docker.io/library/nginx:1.27-alpine"),
            ("bitnami/redis", "docker.io/bitnami/redis:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
            ("docker://quay.io/a/b/c:x", "quay.io/a/b/c:x"),
            ("localhost/app", "localhost/app:latest"),
            ("registry.local:5000/web", "registry.local:5000/web:latest"),
            ("[::1]:5000/web:2", "[::1]:5000/web:2"),
            ("host:5000/a__b/c-d.e:T_1", "host:5000/a__b/c-d.e:T_1"),
            ("UPPER/web", "UPPER/web:latest"),
        ] {
            let name: Name = text.parse().unwrap();
            assert_eq!(name.qualify("docker.io").to_string(), expected, "{text}");
        }
        let both: Name = format!("quay.io/app:1{digest}").parse().unwrap();
        assert_eq!(both.qualify("").to_string(), format!("quay.io/app{digest}"));
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in [
            "",
            ":tag",
            "a/",
            "/a",
            "a//b",
            "Nginx",
            "a:",
            "a:-x",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "a b",
            "ä",
            "x.io:99999/a",
            "-x.io/a",
            "[zz]:1/a",
            "a@sha256:12",
            "a@md5:00",
            "a@",
            "a/../b",
            "a:b:c",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?} was accepted");
        }
        assert!(format!("x.io/{}", "a".repeat(251)).parse::<Name>().is_err());
        assert!(format!("x.io/{}", "a".repeat(250)).parse::<Name>().is_ok());
        assert!(matches!(
            "oci:/tmp/x".parse::<Name>(),
            Err(ReferenceError::Transport(_))
        ));
        assert!("nginx".parse::<Reference>().is_err());
    }
}
