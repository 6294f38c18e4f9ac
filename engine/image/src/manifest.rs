//! Manifests: OCI and Docker schema 2, single images and lists by platform.
//!
//! Source: OCI image specification 1.1; distribution, "Image Manifest Version 2, Schema 2". Apart from their media types
//! the two families are the same documents.

use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::blobs::digest_text;
use super::platform::Platform;
use super::reference::sha256_hex;
use super::registry::RawManifest;
use unipod_linux::mount::MAX_LOWER;

/// Layers of an image; below them there is one more directory, with places to mount at.
const MAX_LAYERS: usize = MAX_LOWER - 1;

/// A parsed manifest.
#[derive(Debug)]
pub enum Manifest {
    /// Of one image.
    Image(Box<ImageManifest>),
    /// A list of images by platform.
    Index(Box<ImageIndex>),
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the blob.
    pub digest: String,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Media type of the blob.
    pub media_type: String,
    /// Digest of the uncompressed tar archive.
    pub diff_id: String,
    /// Digest that stands for this layer on top of those below it (OCI image-spec, "Layer `ChainID`").
    pub chain_id: String,
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the document it should be.
    #[error("the {what} cannot be understood")]
    Syntax {
        /// Manifest, index or configuration.
        what: &'static str,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// A kind of document that holds no image for us.
    #[error("{0}")]
    Unsupported(String),
    /// It belongs to a signature, a chart or the like.
    #[error("this is no container image but an artifact ({0})")]
    Artifact(String),
    /// It contradicts itself.
    #[error("the manifest is invalid: {0}")]
    Invalid(String),
    /// No entry of an index fits.
    #[error("there is no image for {wanted} in the list{}", only_for(offered))]
    NoPlatform {
        /// What was looked for.
        wanted: String,
        /// What is there.
        offered: Vec<String>,
    },
}

fn only_for(offered: &[String]) -> String {
    if offered.is_empty() {
        ", nor for another platform".to_owned()
    } else {
        format!(", only for {}", offered.join(", "))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: u32,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
}

const LISTS: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const IMAGES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

impl Manifest {
    /// Parses a manifest or an index. The document's own `mediaType` decides, then `Content-Type`, then its fields.
    pub fn parse(raw: &RawManifest) -> Result<Self, ManifestError> {
        let outline: Outline = json("manifest", &raw.bytes)?;
        if outline.schema_version != 2 {
            let found = outline.schema_version;
            return Err(ManifestError::Unsupported(format!(
                "manifests of schema {found} are not supported, only of schema 2"
            )));
        }
        // A document that is both means different images to different readers (CVE-2021-41190).
        if outline.manifests.is_some() && outline.layers.is_some() {
            return Err(ManifestError::Invalid("it has both manifests and layers".into()));
        }
        let media_type = outline.media_type.as_deref().unwrap_or(&raw.media_type);
        let known = LISTS.contains(&media_type) || IMAGES.contains(&media_type);
        if LISTS.contains(&media_type) || (!known && outline.manifests.is_some()) {
            return Ok(Self::Index(Box::new(json("index", &raw.bytes)?)));
        }
        if !known && outline.config.is_none() {
            return Err(ManifestError::Unsupported(format!(
                "manifests of type {media_type:?} are not supported"
            )));
        }
        let manifest: ImageManifest = json("manifest", &raw.bytes)?;
        let config = manifest.config().media_type().to_string();
        if !CONFIGS.contains(&config.as_str()) {
            return Err(ManifestError::Artifact(config));
        }
        Ok(Self::Image(Box::new(manifest)))
    }
}

/// The entry of an index for a platform.
pub fn choose<'a>(index: &'a ImageIndex, wanted: &Platform) -> Result<&'a Descriptor, ManifestError> {
    let entries = index.manifests();
    let of = |d: &Descriptor| d.platform().as_ref().map(Platform::of_entry);
    if let [only] = entries.as_slice()
        && only.platform().is_none()
    {
        return Ok(only);
    }
    let best = entries
        .iter()
        .filter_map(|d| Some((wanted.rank(&of(d)?)?, d)))
        .min_by_key(|(rank, _)| *rank);
    best.map(|(_, descriptor)| descriptor)
        .ok_or_else(|| ManifestError::NoPlatform {
            wanted: wanted.to_string(),
            offered: entries
                .iter()
                .filter_map(of)
                .filter(|p| p.os != "unknown")
                .map(|p| p.to_string())
                .collect(),
        })
}

/// Joins a manifest's layers with the diff-ids of its configuration.
pub fn layers(manifest: &ImageManifest, config: &ImageConfiguration) -> Result<Vec<Layer>, ManifestError> {
    let diff_ids = config.rootfs().diff_ids();
    let descriptors = manifest.layers();
    if diff_ids.len() != descriptors.len() {
        let (n, m) = (descriptors.len(), diff_ids.len());
        return Err(ManifestError::Invalid(format!(
            "it has {n} layers, but its configuration {m}"
        )));
    }
    if descriptors.len() > MAX_LAYERS {
        let n = descriptors.len();
        return Err(ManifestError::Unsupported(format!(
            "it has {n} layers, and the kernel mounts no more than {MAX_LAYERS}; squash them where it is built"
        )));
    }
    let mut chain_id = String::new();
    let join = |(descriptor, diff_id): (&Descriptor, &String)| {
        let diff_id = checked(diff_id)?;
        chain_id = match chain_id.as_str() {
            "" => diff_id.clone(),
            below => digest_text(Sha256::digest(format!("{below} {diff_id}")).as_slice()),
        };
        Ok(Layer {
            digest: checked(descriptor.digest().as_ref())?,
            size: descriptor.size(),
            media_type: descriptor.media_type().to_string(),
            diff_id,
            chain_id: chain_id.clone(),
        })
    };
    descriptors.iter().zip(diff_ids).map(join).collect()
}

/// Parses an image configuration.
pub fn configuration(bytes: &[u8]) -> Result<ImageConfiguration, ManifestError> {
    json("image configuration", bytes)
}

/// Whether an image that stood in no list of platforms can be of use. Another architecture is only worth a warning, as in
/// podman: there may be an emulator, and old builders did not set it.
///
/// # Errors
/// It is for another operating system.
pub(crate) fn check_platform(config: &ImageConfiguration, wanted: &Platform) -> Result<(), ManifestError> {
    let (os, arch) = (config.os().to_string(), config.architecture().to_string());
    if !os.is_empty() && os != wanted.os {
        return Err(ManifestError::Unsupported(format!(
            "the image is for {os}/{arch}, not for {wanted}"
        )));
    }
    if arch != wanted.arch {
        tracing::warn!("the image is for {os}/{arch}, not for {wanted}");
    }
    Ok(())
}

/// The digest, if it is one that the store can hold.
pub fn checked(digest: &str) -> Result<String, ManifestError> {
    match sha256_hex(digest) {
        Some(_) => Ok(digest.to_owned()),
        None => Err(ManifestError::Unsupported(format!(
            "digest {digest:?} is not supported, only sha256"
        ))),
    }
}

fn json<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|source| ManifestError::Syntax { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> RawManifest {
        RawManifest {
            bytes: text.into(),
            media_type: "text/plain".into(),
            digest: String::new(),
        }
    }

    fn entry(n: u8, platform: &str) -> String {
        let digest = format!("sha256:{}", hex::encode([n; 32]));
        format!(
            "{{\"mediaType\": {:?}, \"size\": 1, \"digest\": {digest:?}{platform}}}",
            IMAGES[1]
        )
    }

    fn index(entries: &[String]) -> ImageIndex {
        let text = format!(
            "{{\"schemaVersion\": 2, \"mediaType\": {:?}, \"manifests\": [{}]}}",
            LISTS[1],
            entries.join(",")
        );
        match Manifest::parse(&raw(&text)).unwrap() {
            Manifest::Index(index) => *index,
            Manifest::Image(_) => panic!("an index was taken for an image"),
        }
    }

    #[test]
    fn an_index_is_searched_for_the_platform() {
        let platform = |os: &str, arch: &str, variant: &str| {
            format!(", \"platform\": {{\"os\": {os:?}, \"architecture\": {arch:?}, \"variant\": {variant:?}}}")
        };
        let list = index(&[
            entry(1, &platform("linux", "arm", "v5")),
            entry(2, &platform("linux", "arm", "v7")),
            entry(3, &platform("linux", "amd64", "")),
            entry(4, &platform("linux", "arm64", "v8")),
            entry(5, &platform("linux", "amd64", "v3")),
            entry(6, &platform("unknown", "unknown", "")),
        ]);
        for (arch, variant, expected) in [
            ("amd64", None, Some(3)),
            ("amd64", Some("v3"), Some(5)),
            ("amd64", Some("v4"), Some(5)),
            ("x86_64", None, Some(3)),
            ("arm", Some("v7"), Some(2)),
            ("arm", Some("v6"), Some(1)),
            ("arm64", None, Some(4)),
            ("aarch64", Some("v8"), Some(4)),
            ("s390x", None, None),
        ] {
            let wanted = Platform::wanted(None, Some(arch), variant);
            let chosen = choose(&list, &wanted).ok().map(|d| d.digest().to_string());
            assert_eq!(
                chosen,
                expected.map(|n: u8| format!("sha256:{}", hex::encode([n; 32]))),
                "{arch} {variant:?}"
            );
        }
        let error = choose(&list, &Platform::wanted(None, Some("s390x"), None))
            .unwrap_err()
            .to_string();
        let nothing = choose(&index(&[]), &Platform::wanted(None, None, None))
            .unwrap_err()
            .to_string();
        assert!(nothing.ends_with("nor for another platform"), "{nothing}");
        assert!(
            error.contains("linux/s390x") && error.contains("linux/arm/v7") && !error.contains("unknown"),
            "{error}"
        );
    }

    #[test]
    fn an_image_has_no_more_layers_than_can_be_mounted() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let with = |number: usize| {
            let blob = format!("{{\"mediaType\": \"application/x\", \"size\": 1, \"digest\": {digest:?}}}");
            let layers = vec![blob.as_str(); number].join(",");
            let manifest = format!("{{\"schemaVersion\": 2, \"config\": {blob}, \"layers\": [{layers}]}}");
            let ids = vec![format!("{digest:?}"); number].join(",");
            let rootfs = format!("{{\"type\": \"layers\", \"diff_ids\": [{ids}]}}");
            let config = format!("{{\"architecture\": \"amd64\", \"os\": \"linux\", \"rootfs\": {rootfs}}}");
            layers_of(&manifest, &config)
        };
        assert_eq!(with(499).unwrap().len(), 499);
        let error = with(500).unwrap_err().to_string();
        assert!(error.contains("500 layers"), "{error}");
    }

    fn layers_of(manifest: &str, config: &str) -> Result<Vec<Layer>, ManifestError> {
        layers(
            &serde_json::from_str(manifest).unwrap(),
            &configuration(config.as_bytes())?,
        )
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let artifact = format!(
            "{{\"schemaVersion\": 2, \"config\": {{\"mediaType\": \"application/vnd.oci.empty.v1+json\", \"size\": 2, \"digest\": \"sha256:{}\"}}, \"layers\": []}}",
            "0".repeat(64)
        );
        for (text, expected) in [
            ("{\"schemaVersion\": 1}", "schema 1"),
            (
                "{\"schemaVersion\": 2, \"manifests\": [], \"layers\": []}",
                "both manifests and layers",
            ),
            ("[]", "cannot be understood"),
            (
                "{\"schemaVersion\": 2, \"mediaType\": \"text/odd\"}",
                "\"text/odd\" are not supported",
            ),
            (artifact.as_str(), "artifact"),
        ] {
            let error = Manifest::parse(&raw(text)).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
