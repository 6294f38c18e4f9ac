//! What a policy says of signatures. They cannot be verified yet; that the words about them make sense is checked already, so that a
//! file which is accepted today means the same tomorrow.
//!
//! Source: containers-policy.json(5); containers/image, `signature/policy_config.go` and `policy_config_sigstore.go`.

#![allow(dead_code, reason = "read to be checked, used once signatures are")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::reference::Name;

/// `signedBy`: simple signing, with keys of GPG.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "SignedByFields")]
pub(super) struct SignedBy(());

#[derive(Debug, Clone, Copy, Deserialize)]
enum KeyType {
    #[serde(rename = "GPGKeys")]
    GpgKeys,
    #[serde(rename = "signedByGPGKeys")]
    SignedByGpgKeys,
    X509Certificates,
    #[serde(rename = "signedByX509CAs")]
    SignedByX509Cas,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedByFields {
    key_type: KeyType,
    #[serde(default, deserialize_with = "given")]
    key_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    key_paths: Option<Vec<Text>>,
    #[serde(default, deserialize_with = "given")]
    key_data: Option<Base64>,
    #[serde(default, deserialize_with = "given")]
    signed_identity: Option<Identity>,
}

impl TryFrom<SignedByFields> for SignedBy {
    type Error = &'static str;

    fn try_from(fields: SignedByFields) -> Result<Self, Self::Error> {
        match count([
            fields.key_path.is_some(),
            fields.key_paths.is_some(),
            fields.key_data.is_some(),
        ]) {
            1 => Ok(Self(())),
            _ => Err("signedBy needs exactly one of keyPath, keyPaths and keyData"),
        }
    }
}

/// `sigstoreSigned`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "SigstoreFields")]
pub(super) struct Sigstore(());

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SigstoreFields {
    #[serde(default, deserialize_with = "given")]
    key_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    key_paths: Option<Several<Text>>,
    #[serde(default, deserialize_with = "given")]
    key_data: Option<Base64>,
    #[serde(default, deserialize_with = "given")]
    key_datas: Option<Several<Base64>>,
    #[serde(default, deserialize_with = "given")]
    fulcio: Option<Fulcio>,
    #[serde(default, deserialize_with = "given")]
    pki: Option<Pki>,
    #[serde(default, deserialize_with = "given")]
    rekor_public_key_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    rekor_public_key_paths: Option<Several<Text>>,
    #[serde(default, deserialize_with = "given")]
    rekor_public_key_data: Option<Base64>,
    #[serde(default, deserialize_with = "given")]
    rekor_public_key_datas: Option<Several<Base64>>,
    #[serde(default, deserialize_with = "given")]
    signed_identity: Option<Identity>,
}

impl TryFrom<SigstoreFields> for Sigstore {
    type Error = &'static str;

    fn try_from(fields: SigstoreFields) -> Result<Self, Self::Error> {
        let keys = count([
            fields.key_path.is_some(),
            fields.key_paths.is_some(),
            fields.key_data.is_some(),
            fields.key_datas.is_some(),
            fields.fulcio.is_some(),
            fields.pki.is_some(),
        ]);
        let rekor = count([
            fields.rekor_public_key_path.is_some(),
            fields.rekor_public_key_paths.is_some(),
            fields.rekor_public_key_data.is_some(),
            fields.rekor_public_key_datas.is_some(),
        ]);
        match (keys, rekor) {
            (1, 0) if fields.fulcio.is_some() => Err("sigstoreSigned with fulcio needs a rekorPublicKey…"),
            (1, 0 | 1) => Ok(Self(())),
            (1, _) => Err("sigstoreSigned takes one of rekorPublicKeyPath, …Paths, …Data and …Datas"),
            _ => Err("sigstoreSigned needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki"),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "FulcioFields")]
struct Fulcio(());

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FulcioFields {
    #[serde(default, deserialize_with = "given")]
    ca_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    ca_data: Option<Base64>,
    #[serde(rename = "oidcIssuer")]
    _oidc_issuer: Text,
    #[serde(rename = "subjectEmail")]
    _subject_email: Text,
}

impl TryFrom<FulcioFields> for Fulcio {
    type Error = &'static str;

    fn try_from(fields: FulcioFields) -> Result<Self, Self::Error> {
        match count([fields.ca_path.is_some(), fields.ca_data.is_some()]) {
            1 => Ok(Self(())),
            _ => Err("fulcio needs exactly one of caPath and caData"),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "PkiFields")]
struct Pki(());

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PkiFields {
    #[serde(default, deserialize_with = "given")]
    ca_roots_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    ca_roots_data: Option<Base64>,
    #[serde(default, deserialize_with = "given")]
    ca_intermediates_path: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    ca_intermediates_data: Option<Base64>,
    #[serde(default, deserialize_with = "given")]
    subject_email: Option<Text>,
    #[serde(default, deserialize_with = "given")]
    subject_hostname: Option<Text>,
}

impl TryFrom<PkiFields> for Pki {
    type Error = &'static str;

    fn try_from(fields: PkiFields) -> Result<Self, Self::Error> {
        let intermediates = [
            fields.ca_intermediates_path.is_some(),
            fields.ca_intermediates_data.is_some(),
        ];
        if count([fields.ca_roots_path.is_some(), fields.ca_roots_data.is_some()]) != 1 {
            Err("pki needs exactly one of caRootsPath and caRootsData")
        } else if count(intermediates) > 1 {
            Err("pki takes one of caIntermediatesPath and caIntermediatesData")
        } else if fields.subject_email.is_none() && fields.subject_hostname.is_none() {
            Err("pki needs subjectEmail or subjectHostname")
        } else {
            Ok(Self(()))
        }
    }
}

/// Whom a signature must name: `signedIdentity`.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Identity {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    ExactReference {
        docker_reference: FullName,
    },
    ExactRepository {
        docker_repository: ImageName,
    },
    #[serde(rename = "remapIdentity")]
    Remapped {
        prefix: Prefix,
        signed_prefix: Prefix,
    },
}

/// A text that is not empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Text(());

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            Err("a text must not be empty")
        } else {
            Ok(Self(()))
        }
    }
}

/// Bytes as JSON has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Base64(());

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text: String = text.lines().collect();
        STANDARD
            .decode(&text)
            .map(|_| Self(()))
            .map_err(|_| format!("{text:?} is not base64"))
    }
}

/// At least one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<T>", bound = "T: Deserialize<'de>")]
struct Several<T>(std::marker::PhantomData<T>);

impl<T> TryFrom<Vec<T>> for Several<T> {
    type Error = &'static str;

    fn try_from(list: Vec<T>) -> Result<Self, Self::Error> {
        if list.is_empty() {
            Err("a list must not be empty")
        } else {
            Ok(Self(std::marker::PhantomData))
        }
    }
}

/// An image's name.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ImageName(());

impl TryFrom<String> for ImageName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse::<Name>()
            .map(|_| Self(()))
            .map_err(|error| error.to_string())
    }
}

/// An image's name with tag or digest.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FullName(());

impl TryFrom<String> for FullName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Name>().map_err(|error| error.to_string())? {
            Name {
                tag: None,
                digest: None,
                ..
            } => Err(format!("{text:?} has neither a tag nor a digest")),
            _ => Ok(Self(())),
        }
    }
}

/// A registry or a repository in one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Prefix(());

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // With something below it, a host alone has the form of a name, too.
        let name = format!("{text}/x").parse::<Name>();
        match name {
            Ok(Name {
                tag: None,
                digest: None,
                ..
            }) => Ok(Self(())),
            _ => Err(format!("prefix {text:?} is not valid")),
        }
    }
}

/// A key that is there has a value: null is none.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn count<const N: usize>(are_there: [bool; N]) -> usize {
    are_there.into_iter().filter(|is_there| *is_there).count()
}

#[cfg(test)]
mod tests {
    use super::super::document::Requirement;

    fn read(text: &str) -> Result<(), String> {
        serde_json::from_str::<Requirement>(text)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_makes_sense() {
        let identity =
            r#""signedIdentity": {"type": "remapIdentity", "prefix": "r.io", "signedPrefix": "s.io:5000/a"}"#;
        for text in [
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}"#,
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/k"], "signedIdentity": {"type": "matchExact"}}"#,
            r#"{"type": "signedBy", "keyType": "GPGKeys", "keyData": "a2V5"}"#,
            r#"{"type": "signedBaseLayer", "baseLayerIdentity": {"type": "exactReference", "dockerReference": "x.io/a:1"}}"#,
            r#"{"type": "sigstoreSigned", "keyPath": "/k", "rekorPublicKeyPath": "/r"}"#,
            r#"{"type": "sigstoreSigned", "rekorPublicKeyData": "a2V5",
                "fulcio": {"caPath": "/c", "oidcIssuer": "https://i", "subjectEmail": "a@b"}}"#,
            r#"{"type": "sigstoreSigned", "pki": {"caRootsPath": "/c", "subjectHostname": "h"}}"#,
            &format!(r#"{{"type": "sigstoreSigned", "keyDatas": ["a2V5"], {identity}}}"#),
        ] {
            read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn what_does_not_is_named() {
        for (text, part) in [
            (
                r#""type": "signedBy", "keyTpye": "GPGKeys", "keyPath": "/k""#,
                "keyTpye",
            ),
            (
                r#""type": "signedBy", "keyType": "gpgkeys", "keyPath": "/k""#,
                "gpgkeys",
            ),
            (r#""type": "signedBy", "keyType": "GPGKeys""#, "exactly one of keyPath"),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": """#,
                "must not be empty",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": 1"#,
                "expected a string",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "keyPath": "/l""#,
                "duplicate field `keyPath`",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "keyData": "a2V5""#,
                "exactly one of keyPath",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyData": "?""#,
                "not base64",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "matchExcat"}"#,
                "matchExcat",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": {"type": "matchExact", "x": 1}"#,
                "`x`",
            ),
            (
                r#""type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k", "signedIdentity": null"#,
                "null",
            ),
            (
                r#""type": "signedBaseLayer", "baseLayerIdentity": {"type": "exactReference", "dockerReference": "x.io/a"}"#,
                "neither a tag nor a digest",
            ),
            (r#""type": "sigstoreSigned", "keyPaths": []"#, "must not be empty"),
            (
                r#""type": "sigstoreSigned", "fulcio": {"caPath": "/c", "oidcIssuer": "i", "subjectEmail": "e"}"#,
                "rekorPublicKey",
            ),
            (
                r#""type": "sigstoreSigned", "pki": {"caRootsPath": "/c"}"#,
                "subjectEmail",
            ),
            (
                r#""type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": {"type": "remapIdentity", "prefix": "A b", "signedPrefix": "x.io"}"#,
                "prefix",
            ),
        ] {
            let error = read(&format!("{{{text}}}")).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
