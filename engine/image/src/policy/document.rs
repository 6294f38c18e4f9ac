//! The file as containers-policy.json(5) describes it, read as strictly as containers/image does: what is mistyped, or there twice,
//! must not mean that everything is accepted.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Component, Path};

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::signatures::{Identity, SignedBy, Sigstore};

/// Nothing in it may be unknown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub default: Requirements,
    #[serde(default)]
    pub transports: Transports,
}

/// The requirements of each scope of each transport.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Unique<Unique<Requirements>>")]
pub(super) struct Transports(BTreeMap<String, BTreeMap<String, Requirements>>);

impl Transports {
    pub fn get(&self, transport: &str) -> Option<&BTreeMap<String, Requirements>> {
        self.0.get(transport)
    }
}

impl TryFrom<Unique<Unique<Requirements>>> for Transports {
    type Error = String;

    fn try_from(transports: Unique<Unique<Requirements>>) -> Result<Self, String> {
        let checked = transports.0.into_iter().map(|(transport, scopes)| {
            scopes.0.keys().try_for_each(|scope| check_scope(&transport, scope))?;
            Ok((transport, scopes.0))
        });
        Ok(Self(checked.collect::<Result<_, String>>()?))
    }
}

/// What can never match is a mistake (containers/image, `ValidatePolicyConfigurationScope` of each transport).
fn check_scope(transport: &str, scope: &str) -> Result<(), String> {
    let fault = match transport {
        _ if scope.is_empty() => return Ok(()),
        "docker-archive" => "this transport has no scope but \"\"",
        "dir" | "oci" | "oci-archive" => {
            let path = Path::new(scope);
            let clean: std::path::PathBuf = path.components().collect();
            let is_plain = clean.as_os_str() == path.as_os_str()
                && path
                    .components()
                    .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
            if path.is_absolute() && scope != "/" && is_plain {
                return Ok(());
            }
            "it must be an absolute path, not /, without . and .."
        }
        _ => return Ok(()),
    };
    Err(format!("invalid scope {scope:?} of transport {transport}: {fault}"))
}

/// All of them must hold; there is at least one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<Requirement>")]
pub(super) struct Requirements(pub Vec<Requirement>);

impl TryFrom<Vec<Requirement>> for Requirements {
    type Error = &'static str;

    fn try_from(list: Vec<Requirement>) -> Result<Self, Self::Error> {
        if list.is_empty() {
            Err("a list of requirements must not be empty")
        } else {
            Ok(Self(list))
        }
    }
}

/// containers-policy.json(5), "POLICY REQUIREMENTS".
#[derive(Debug, Clone, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[allow(
    dead_code,
    reason = "what a signature has to be like is checked here, and used once signatures are"
)]
pub(super) enum Requirement {
    InsecureAcceptAnything {},
    Reject {},
    SignedBy(SignedBy),
    SignedBaseLayer { base_layer_identity: Identity },
    SigstoreSigned(Box<Sigstore>),
}

/// A JSON object in which no key is there twice: which one was meant cannot be known.
#[derive(Debug, Clone)]
struct Unique<T>(BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Keys<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((key, value)) = entries.next_entry::<String, T>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
                    }
                    map.insert(key, value);
                }
                Ok(Unique(map))
            }
        }

        deserializer.deserialize_map(Keys(PhantomData))
    }
}
