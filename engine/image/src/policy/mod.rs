//! policy.json: which images may be used at all.
//!
//! Source: containers-policy.json(5). Requirements that ask for a signature cannot be checked by this version: such an
//! image is refused, never accepted unchecked.

mod document;
mod signatures;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::reference::Reference;
use document::{Document, Requirement, Requirements};

/// The user's or the system's policy.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    path: PathBuf,
    document: Document,
}

/// Why an image may not be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what containers-policy.json(5) describes.
    #[error("cannot understand {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// `reject`.
    #[error("{image} is rejected by {}", path.display())]
    Rejected {
        /// The image.
        image: String,
        /// The policy.
        path: PathBuf,
    },
    /// `signedBy`, `sigstoreSigned` or what is not known yet.
    #[error("{} demands {requirement} for {image}, which unipod cannot verify yet", path.display())]
    Unverifiable {
        /// The image.
        image: String,
        /// The policy.
        path: PathBuf,
        /// The requirement's type.
        requirement: String,
    },
}

impl Policy {
    /// Reads `~/.config/containers/policy.json`, or else `/etc/containers/policy.json`. Without any, everything is accepted.
    pub fn load() -> Result<Self, PolicyError> {
        let home = std::env::home_dir().unwrap_or_default();
        for path in [
            home.join(".config/containers/policy.json"),
            "/etc/containers/policy.json".into(),
        ] {
            if let Some(policy) = Self::read(&path)? {
                return Ok(policy);
            }
        }
        Ok(Self {
            document: Document {
                default: Requirements(vec![Requirement::InsecureAcceptAnything {}]),
                ..Document::default()
            },
            ..Self::default()
        })
    }

    fn read(path: &Path) -> Result<Option<Self>, PolicyError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(PolicyError::Read {
                    path: path.into(),
                    source,
                });
            }
        };
        let document = serde_json::from_slice(&text).map_err(|source| PolicyError::Parse {
            path: path.into(),
            source,
        })?;
        Ok(Some(Self {
            path: path.into(),
            document,
        }))
    }

    /// Whether the image may be pulled from its registry.
    pub fn check(&self, reference: &Reference) -> Result<(), PolicyError> {
        self.judge(
            &reference.to_string(),
            self.requirements("docker", &scopes_of(reference)),
        )
    }

    /// Whether an image in files may be used. Its scopes are its path and the directories above.
    pub fn check_files(&self, transport: &str, path: &Path) -> Result<(), PolicyError> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let above = path.ancestors().map(|dir| dir.to_string_lossy().into_owned());
        let scopes: Vec<String> = above.chain([String::new()]).collect();
        let image = format!("{transport}:{}", path.display());
        self.judge(&image, self.requirements(transport, &scopes))
    }

    fn judge(&self, image: &str, requirements: &[Requirement]) -> Result<(), PolicyError> {
        let unverifiable = |requirement: &str| {
            Err(PolicyError::Unverifiable {
                image: image.to_owned(),
                path: self.path.clone(),
                requirement: requirement.to_owned(),
            })
        };
        for requirement in requirements {
            match requirement {
                Requirement::InsecureAcceptAnything {} => {}
                Requirement::Reject {} => {
                    return Err(PolicyError::Rejected {
                        image: image.to_owned(),
                        path: self.path.clone(),
                    });
                }
                Requirement::SignedBy(_) => return unverifiable("signedBy"),
                Requirement::SignedBaseLayer { .. } => return unverifiable("signedBaseLayer"),
                Requirement::SigstoreSigned(_) => return unverifiable("sigstoreSigned"),
            }
        }
        Ok(())
    }

    /// Those of the most specific scope; `scopes` begin with it.
    fn requirements(&self, transport: &str, scopes: &[String]) -> &[Requirement] {
        let known = self.document.transports.get(transport);
        let found = known.and_then(|known| scopes.iter().find_map(|scope| known.get(scope)));
        &found.unwrap_or(&self.document.default).0
    }
}

/// The image, its repository, the namespaces above, the host, wildcards of its domains, and the transport as a whole.
fn scopes_of(reference: &Reference) -> Vec<String> {
    let mut scopes = vec![reference.to_string(), reference.name()];
    let mut name = reference.name();
    while let Some((parent, _)) = name.rsplit_once('/') {
        name = parent.to_owned();
        scopes.push(name.clone());
    }
    let host = name.split(':').next().unwrap_or_default();
    let mut domain = host;
    while let Some((_, parent)) = domain.split_once('.') {
        scopes.push(format!("*.{parent}"));
        domain = parent;
    }
    scopes.push(String::new());
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_accepts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.json");
        for text in [
            r"{}",
            r#"{"default": []}"#,
            r#"{"defualt": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}"#,
            r#"{"default": [{"type": "insecureAcceptAnythin"}]}"#,
            r#"{"default": [{"type": "insecureAcceptAnything", "keyPath": "/k"}]}"#,
            r#"{"default": [{}]}"#,
            r#"{"default": [{"type": "reject"}], "transports": {"docker": {"good.io": []}}}"#,
            r#"{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}"#,
            r#"{"default": [{"type": "reject"}], "transports": {"docker": {}, "docker": {}}}"#,
            r#"{"default": [{"type": "reject"}], "transports": {"docker": {"x.io": [{"type": "reject"}],
                "x.io": [{"type": "insecureAcceptAnything"}]}}}"#,
            r#"{"default": [{"type": "reject"}], "transports": {"dir": {"srv": [{"type": "insecureAcceptAnything"}]}}}"#,
        ] {
            fs::write(&path, text).unwrap();
            let error = Policy::read(&path).unwrap_err().to_string();
            assert!(error.contains("policy.json"), "{text}: {error}");
        }
    }

    #[test]
    fn the_most_specific_scope_decides() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.json");
        let text = r#"{"default": [{"type": "reject"}], "transports": {"docker": {
            "good.io": [{"type": "insecureAcceptAnything"}],
            "good.io/bad": [{"type": "reject"}],
            "good.io/signed": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}],
            "*.wild.io": [{"type": "insecureAcceptAnything"}]
        }, "oci": {"/srv/images": [{"type": "insecureAcceptAnything"}]}}}"#;
        fs::write(&path, text).unwrap();
        let policy = Policy::read(&path).unwrap().unwrap();
        for (image, expected) in [
            ("good.io/a/b:1", None),
            ("good.io/bad/x", Some("rejected")),
            ("good.io/badge", None),
            ("good.io/signed", Some("demands signedBy")),
            ("a.b.wild.io:5000/x", None),
            ("wild.io/x", Some("rejected")),
            ("other.io/x", Some("rejected")),
        ] {
            let result = policy.check(&image.parse().unwrap()).map_err(|e| e.to_string());
            match expected {
                None => assert!(result.is_ok(), "{image}: {result:?}"),
                Some(part) => assert!(result.as_ref().unwrap_err().contains(part), "{image}: {result:?}"),
            }
        }
        for (transport, path, accepted) in [
            ("oci", "/srv/images/web", true),
            ("oci", "/srv/other", false),
            ("dir", "/srv/images/web", false),
        ] {
            let result = policy.check_files(transport, Path::new(path));
            assert_eq!(result.is_ok(), accepted, "{transport}:{path}");
        }
    }
}
