//! From what a user calls an image to the image: qualified names, short names, digests, IDs.
//!
//! A name that has a record is found by that alone; the directory is read only for IDs, digests, and short names without record.

use std::collections::BTreeSet;

use super::records::{self, Record};
use super::reference::{Name, Reference, ReferenceError};
use super::registries::Registries;
use super::{Image, ImageError};
use unipod_store::{Store, problem::with_causes};

/// Finds a local image by name (short names and aliases included), digest, or ID prefix (at least three digits).
///
/// # Errors
/// The name fits several images, or the image is damaged.
pub fn find(store: &Store, name: &str) -> Result<Option<Image>, ImageError> {
    find_record(store, name)?
        .map(|record| records::load(store, &record))
        .transpose()
}

/// [`find`] without loading the image. A record found by ID has a name if the image has one.
///
/// # Errors
/// The name fits several images.
pub fn find_record(store: &Store, name: &str) -> Result<Option<Record>, ImageError> {
    let name = name.strip_prefix("docker://").unwrap_or(name);
    let name = name.strip_prefix("containers-storage:").unwrap_or(name);
    if let Some(hex) = full_id(name) {
        return by_id(store, name, hex);
    }
    for candidate in local_candidates(name) {
        if let Some(record) = records::read(store, &candidate)? {
            return Ok(Some(record));
        }
    }
    if let Some((repository, digest)) = name.split_once('@') {
        return by_digest(store, without_tag(repository), digest);
    }
    if is_hex(name) && name.len() >= 3 {
        let found = by_id(store, name, name)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    by_suffix(store, name)
}

/// Whether `name` names the image itself (by its ID) and not one of its references.
pub(crate) fn is_id_of(name: &str, record: &Record) -> bool {
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    let hex = record.id.strip_prefix("sha256:").unwrap_or(&record.id);
    is_hex(digits) && digits.len() >= 3 && hex.starts_with(digits)
}

/// The reference that `name` stands for when it is given to an image of ours (`tag`, `build`): short names belong to `localhost`.
///
/// # Errors
/// It is no image name, or a digest, which nobody can give.
pub(crate) fn qualify_local(name: &str) -> Result<String, ReferenceError> {
    let parsed: Name = name.parse()?;
    if parsed.digest.is_some() {
        return Err(ReferenceError::Invalid {
            name: name.to_owned(),
            reason: "a digest cannot be given to an image",
        });
    }
    Ok(parsed.qualify("localhost").to_string())
}

/// The references under which the store may know `name`, the likeliest first; none for what is no image name.
pub(crate) fn local_candidates(name: &str) -> Vec<String> {
    let Ok(name) = name.parse::<Name>() else {
        return Vec::new();
    };
    if let Some(registry) = &name.registry {
        return vec![name.qualify(registry).to_string()];
    }
    let configured = Registries::load().and_then(|registries| registries.local_candidates(&name));
    let references = configured.unwrap_or_else(|error| {
        // Local images can be found without it.
        tracing::warn!("registries.conf is left out: {}", with_causes(&error));
        vec![name.qualify("localhost"), name.qualify("docker.io")]
    });
    references.iter().map(Reference::to_string).collect()
}

fn by_id(store: &Store, name: &str, prefix: &str) -> Result<Option<Record>, ImageError> {
    let mut records = records::all(store)?;
    records.retain(|record| {
        record
            .id
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.starts_with(prefix))
    });
    only_one(name, records)
}

fn by_digest(store: &Store, repository: &str, digest: &str) -> Result<Option<Record>, ImageError> {
    let repositories: Vec<String> = local_candidates(repository)
        .iter()
        .map(|candidate| without_tag(candidate).to_owned())
        .collect();
    let mut records = records::all(store)?;
    records.retain(|record| {
        let own = record.name.as_deref().map(repository_of);
        record.manifest == digest && own.is_some_and(|own| repositories.iter().any(|r| r == own))
    });
    only_one(repository, records)
}

/// A short name also means any image whose last path parts it gives, as long as there is only one.
fn by_suffix(store: &Store, name: &str) -> Result<Option<Record>, ImageError> {
    let wanted = with_tag(name);
    if has_registry(&wanted) {
        return Ok(None);
    }
    let wanted = format!("/{wanted}");
    let mut records = records::all(store)?;
    records.retain(|record| record.name.as_deref().is_some_and(|own| own.ends_with(&wanted)));
    only_one(name, records)
}

/// One image, by its first name; nameless records come last.
fn only_one(name: &str, mut records: Vec<Record>) -> Result<Option<Record>, ImageError> {
    records.sort_by_key(|record| record.name.is_none());
    let ids: BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    if ids.len() > 1 {
        let fitting = records
            .iter()
            .map(|r| r.name.clone().unwrap_or_else(|| r.id.clone()))
            .collect();
        return Err(ImageError::Ambiguous {
            name: name.to_owned(),
            fitting,
        });
    }
    Ok(records.into_iter().next())
}

/// The repository of a reference, without tag or digest.
pub fn repository_of(name: &str) -> &str {
    without_tag(name.split_once('@').map_or(name, |(repository, _)| repository))
}

fn full_id(name: &str) -> Option<&str> {
    let digits = name.strip_prefix("sha256:");
    digits
        .filter(|d| is_hex(d))
        .or_else(|| Some(name).filter(|n| n.len() == 64 && is_hex(n)))
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn tag_start(name: &str) -> Option<usize> {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..].find(':').map(|colon| last + colon)
}

fn without_tag(name: &str) -> &str {
    tag_start(name).map_or(name, |colon| &name[..colon])
}

fn with_tag(name: &str) -> String {
    if name.contains('@') || tag_start(name).is_some() {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

/// Docker's rule: what stands before the first slash is a registry if it looks like a host.
fn has_registry(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(host, _)| host == "localhost" || host.contains(['.', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn what_users_call_an_image() {
        let lab = Lab::new();
        let nginx = lab.image("docker.io/library/nginx:latest", "nginx");
        lab.image("docker.io/library/nginx:1.25", "nginx-old");
        lab.image("localhost/app:latest", "local app");
        lab.image("docker.io/library/app:latest", "docker app");
        lab.image("quay.io/team/tool:latest", "tool");
        lab.image("quay.io/one/twice:latest", "one");
        lab.image("ghcr.io/two/twice:latest", "two");
        lab.image("quay.io/one/same:latest", "same");
        lab.image("ghcr.io/two/same:latest", "same");
        lab.image("registry.local:5000/web:v1", "web");
        let hex = &nginx.id["sha256:".len()..];
        let by_manifest = format!("nginx@{}", nginx.manifest_digest);
        let tag_and_digest = format!("docker.io/library/nginx:9@{}", nginx.manifest_digest);
        let elsewhere = format!("quay.io/nginx@{}", nginx.manifest_digest);
        for (name, expected) in [
            ("docker.io/library/nginx:latest", Some("nginx")),
            ("docker.io/nginx", Some("nginx")),
            ("index.docker.io/library/nginx", Some("nginx")),
            ("docker://docker.io/library/nginx", Some("nginx")),
            ("library/nginx", Some("nginx")),
            ("nginx", Some("nginx")),
            ("nginx:1.25", Some("nginx-old")),
            ("nginx:2", None),
            ("app", Some("local app")),
            ("docker.io/app", Some("docker app")),
            ("tool", Some("tool")),
            ("team/tool", Some("tool")),
            ("m/tool", None),
            ("ool", None),
            ("same", Some("same")),
            ("quay.io/tool", None),
            ("web", None),
            ("web:v1", Some("web")),
            ("registry.local:5000/web:v1", Some("web")),
            ("registry.local:5000/web", None),
            (&by_manifest, Some("nginx")),
            (&tag_and_digest, Some("nginx")),
            (&elsewhere, None),
            (&nginx.id, Some("nginx")),
            (hex, Some("nginx")),
            (&hex[..12], Some("nginx")),
            (&hex[..6], Some("nginx")),
            (&hex[..2], None),
            ("", None),
        ] {
            let found = find(&lab.store, name).unwrap();
            let content = found.map(|image| image.config.labels_of_config().unwrap()["content"].clone());
            assert_eq!(content.as_deref(), expected, "{name}");
        }
        let error = find(&lab.store, "twice").unwrap_err().to_string();
        assert!(
            error.contains("quay.io/one/twice:latest") && error.contains("ghcr.io/two/twice:latest"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_store_has_nothing() {
        let lab = Lab::new();
        for name in ["nginx", "docker.io/library/nginx:latest", "abcdef"] {
            assert!(find(&lab.store, name).unwrap().is_none());
        }
    }

    #[test]
    fn names_given_to_local_images() {
        for (name, expected) in [
            ("app", "localhost/app:latest"),
            ("team/app:1", "localhost/team/app:1"),
            ("docker.io/app", "docker.io/library/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
        ] {
            assert_eq!(qualify_local(name).unwrap(), expected);
        }
    }
}
