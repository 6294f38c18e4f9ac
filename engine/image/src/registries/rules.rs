//! Where an image name really leads, and what a short name means.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::RegistriesError;
use crate::reference::{Name, Reference, ReferenceError};

/// The merged configuration.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    pub(super) tables: Vec<Table>,
    pub(super) search: Vec<String>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) mode: ShortNameMode,
}

/// One `[[registry]]` table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Table {
    pub(super) prefix: String,
    pub(super) location: String,
    pub(super) insecure: bool,
    pub(super) blocked: bool,
    pub(super) mirror_by_digest_only: bool,
    pub(super) mirror: Vec<Mirror>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Mirror {
    pub(super) location: String,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(default, rename = "pull-from-mirror")]
    pub(super) pull_from: PullFrom,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PullFrom {
    #[default]
    #[serde(alias = "")]
    All,
    DigestOnly,
    TagOnly,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ShortNameMode {
    Enforcing,
    #[default]
    #[serde(alias = "")]
    Permissive,
    Disabled,
}

/// One place to try for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What to ask for there.
    pub reference: Reference,
    /// Whether untrusted certificates and plain HTTP are allowed.
    pub insecure: bool,
}

impl Registries {
    /// The places to try for `reference`, mirrors first, in order.
    pub fn endpoints(&self, reference: &Reference) -> Result<Vec<Endpoint>, RegistriesError> {
        let name = reference.to_string();
        let best = self
            .tables
            .iter()
            .filter_map(|t| Some((matched(&name, &t.prefix)?, t)))
            .max_by_key(|(n, _)| *n);
        let Some((length, table)) = best else {
            return Ok(vec![Endpoint {
                reference: reference.clone(),
                insecure: false,
            }]);
        };
        if table.blocked {
            return Err(RegistriesError::Blocked {
                image: name,
                prefix: table.prefix.clone(),
            });
        }
        let rest = &name[length..];
        let mirrors = table
            .mirrors(reference.digest().is_some())
            .map(|m| (m.location.as_str(), m.insecure));
        let primary = (table.location.as_str(), table.insecure);
        mirrors
            .chain([primary])
            .map(|(location, insecure)| {
                let reference = if location.is_empty() {
                    reference.clone()
                } else {
                    relocated(location, rest)?
                };
                Ok(Endpoint { reference, insecure })
            })
            .collect()
    }

    /// Whether untrusted certificates and plain HTTP are allowed for a registry as a whole.
    pub(crate) fn is_insecure(&self, registry: &str) -> bool {
        let name = format!("{registry}/");
        self.tables
            .iter()
            .any(|t| t.insecure && matched(&name, &t.prefix).is_some())
    }

    /// The references that `name` may stand for, in the order to try them; a qualified name stands for itself.
    pub fn candidates(&self, name: &Name) -> Result<Vec<Reference>, RegistriesError> {
        if let Some(registry) = &name.registry {
            return Ok(vec![name.qualify(registry)]);
        }
        if let Some(reference) = self.aliased(name)? {
            return Ok(vec![reference]);
        }
        match self.search.len() {
            0 => Err(RegistriesError::NoRegistry {
                name: name.path.clone(),
            }),
            2.. if self.mode == ShortNameMode::Enforcing => Err(RegistriesError::Ambiguous {
                name: name.path.clone(),
                registries: self.search.clone(),
            }),
            _ => Ok(self.search.iter().map(|registry| name.qualify(registry)).collect()),
        }
    }

    /// The references under which a local image may be known that a user calls `name`: what it stands for,
    /// what was built here (`localhost/`), and Docker's default.
    pub(crate) fn local_candidates(&self, name: &Name) -> Result<Vec<Reference>, RegistriesError> {
        if let Some(registry) = &name.registry {
            return Ok(vec![name.qualify(registry)]);
        }
        let mut all: Vec<Reference> = self.aliased(name)?.into_iter().collect();
        all.push(name.qualify("localhost"));
        all.extend(self.search.iter().map(|registry| name.qualify(registry)));
        let docker = name.qualify("docker.io");
        if !all.contains(&docker) {
            all.push(docker);
        }
        Ok(all)
    }

    fn aliased(&self, name: &Name) -> Result<Option<Reference>, RegistriesError> {
        let Some(value) = self.aliases.get(&name.path) else {
            return Ok(None);
        };
        let target: Name = value.parse()?;
        let target = Name {
            tag: name.tag.clone(),
            digest: name.digest.clone(),
            ..target
        };
        Ok(target.registry.clone().map(|registry| target.qualify(&registry)))
    }
}

impl Table {
    fn mirrors(&self, by_digest: bool) -> impl Iterator<Item = &Mirror> {
        let usable = move |m: &&Mirror| match m.pull_from {
            PullFrom::All => by_digest || !self.mirror_by_digest_only,
            PullFrom::DigestOnly => by_digest,
            PullFrom::TagOnly => !by_digest,
        };
        self.mirror.iter().filter(usable)
    }
}

/// How much of `name` the prefix covers, if it is one: it must end where a component ends.
fn matched(name: &str, prefix: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host_end = name.find([':', '/'])?;
        let host = &name[..host_end];
        return (domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain)).then_some(host_end);
    }
    let rest = name.strip_prefix(prefix)?;
    let ends = match rest.chars().next() {
        None | Some('/' | '@') => true,
        // After a bare host, a colon begins a port: another registry.
        Some(':') => prefix.contains('/'),
        Some(_) => false,
    };
    ends.then_some(prefix.len())
}

/// `location` with `rest` (`/path:tag`, or only `:tag`) behind it. The location's first component is its host even where
/// a name of that form would be short (`mirror/x`), and no `library/` is added: the name was normalised before.
fn relocated(location: &str, rest: &str) -> Result<Reference, ReferenceError> {
    let text = format!("{}{rest}", location.trim_end_matches('/'));
    let name: Name = text.parse()?;
    let (host, path) = match (&name.registry, name.path.split_once('/')) {
        (Some(registry), _) => (registry.as_str(), name.path.as_str()),
        (None, Some(parts)) => parts,
        (None, None) => {
            return Err(ReferenceError::Invalid {
                name: text,
                reason: "a location needs a host and a path",
            });
        }
    };
    Ok(Reference {
        repository: path.to_owned(),
        ..name.qualify(host)
    })
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::*;

    fn configured(text: &str) -> Registries {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("registries.conf");
        std::fs::write(&main, text).unwrap();
        Registries::read(&Files {
            main: vec![main],
            required: true,
            dirs: Vec::new(),
            aliases: None,
        })
        .unwrap()
    }

    fn endpoints(registries: &Registries, name: &str) -> Vec<String> {
        let mark = |e: Endpoint| format!("{}{}", e.reference, if e.insecure { " insecure" } else { "" });
        registries
            .endpoints(&name.parse().unwrap())
            .unwrap()
            .into_iter()
            .map(mark)
            .collect()
    }

    const CONF: &str = r#"
        unqualified-search-registries = ["one.example", "docker.io"]
        [aliases]
        web = "quay.io/team/web"
        [[registry]]
        prefix = "example.com/foo"
        location = "internal.example.net/bar"
        [[registry.mirror]]
        location = "mirror-0.local/for-foo"
        [[registry.mirror]]
        location = "mirror-1.local:5000"
        insecure = true
        pull-from-mirror = "digest-only"
        [[registry]]
        location = "registry.local:5000"
        insecure = true
        [[registry]]
        prefix = "*.wild.example"
        insecure = true
        [[registry]]
        prefix = "bad.example"
        blocked = true
        [[registry]]
        prefix = "docker.io"
        location = "localhost:5000"
    "#;

    #[test]
    fn names_lead_to_mirrors_first_and_then_to_the_location() {
        let r = configured(CONF);
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (name, expected) in [
            (
                "example.com/foo/a:1",
                vec!["mirror-0.local/for-foo/a:1", "internal.example.net/bar/a:1"],
            ),
            (
                "example.com/foo:1",
                vec!["mirror-0.local/for-foo:1", "internal.example.net/bar:1"],
            ),
            ("example.com/food:1", vec!["example.com/food:1"]),
            (
                "registry.local:5000/web",
                vec!["registry.local:5000/web:latest insecure"],
            ),
            ("registry.local/web", vec!["registry.local/web:latest"]),
            ("a.b.wild.example:80/x:1", vec!["a.b.wild.example:80/x:1 insecure"]),
            ("wild.example/x:1", vec!["wild.example/x:1"]),
            ("docker.io/nginx", vec!["localhost:5000/library/nginx:latest"]),
            ("docker.io:5000/nginx", vec!["docker.io:5000/nginx:latest"]),
        ] {
            assert_eq!(endpoints(&r, name), expected, "{name}");
        }
        assert_eq!(
            endpoints(&r, &format!("example.com/foo/a{digest}")),
            [
                format!("mirror-0.local/for-foo/a{digest}"),
                format!("mirror-1.local:5000/a{digest} insecure"),
                format!("internal.example.net/bar/a{digest}")
            ]
        );
        assert!(r.is_insecure("registry.local:5000") && r.is_insecure("a.wild.example") && !r.is_insecure("docker.io"));
        let blocked = r.endpoints(&"bad.example/x".parse().unwrap()).unwrap_err().to_string();
        assert!(blocked.contains("bad.example is blocked"), "{blocked}");
    }

    #[test]
    fn short_names_follow_aliases_and_then_the_search_list() {
        let r = configured(CONF);
        let candidates = |r: &Registries, name: &str| {
            let all = r.candidates(&name.parse().unwrap())?;
            Ok::<_, RegistriesError>(all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(candidates(&r, "web:3").unwrap(), ["quay.io/team/web:3"]);
        assert_eq!(
            candidates(&r, "x").unwrap(),
            ["one.example/x:latest", "docker.io/library/x:latest"]
        );
        assert_eq!(candidates(&r, "a.io/x").unwrap(), ["a.io/x:latest"]);
        let strict = configured("unqualified-search-registries = ['a', 'b']\nshort-name-mode = 'enforcing'");
        assert!(matches!(
            candidates(&strict, "x"),
            Err(RegistriesError::Ambiguous { .. })
        ));
        assert!(matches!(
            candidates(&configured(""), "x"),
            Err(RegistriesError::NoRegistry { .. })
        ));
        let local = r.local_candidates(&"web".parse().unwrap()).unwrap();
        assert_eq!(local.first().unwrap().to_string(), "quay.io/team/web:latest");
        assert_eq!(local.get(1).unwrap().to_string(), "localhost/web:latest");
    }
}
