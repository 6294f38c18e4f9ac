//! Images built from bytes.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::blobs::digest_text;

/// Media types of one family.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub index: &'static str,
    pub manifest: &'static str,
    pub config: &'static str,
    pub layer: &'static str,
}

pub const OCI: Family = Family {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

pub const DOCKER: Family = Family {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/// Manifests and blobs, by digest; the last manifest is the one that a tag points to.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub blobs: BTreeMap<String, Vec<u8>>,
    pub manifests: Vec<(String, &'static str, Vec<u8>)>,
    pub layers: Vec<String>,
}

impl Sample {
    /// An image of one file per layer.
    pub fn image(family: Family, arch: &str, files: &[(&str, &str)]) -> Self {
        let mut sample = Self::default();
        let mut diff_ids = Vec::new();
        let mut layers = Vec::new();
        for (name, text) in files {
            let archive = archive(name, text.as_bytes());
            diff_ids.push(digest(&archive));
            let blob = gzip(&archive);
            layers.push(sample.descriptor(family.layer, blob.clone()));
            sample.layers.push(digest(&blob));
        }
        let config = json!({
            "architecture": arch, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": [],
        });
        let config = sample.descriptor(family.config, config.to_string().into_bytes());
        sample.manifest(
            family.manifest,
            &json!({
                "schemaVersion": 2, "mediaType": family.manifest, "config": config, "layers": layers,
            }),
        );
        sample
    }

    /// A list of images by architecture.
    pub fn list(family: Family, images: &[(&str, Sample)]) -> Self {
        let mut list = Self::default();
        let mut entries = Vec::new();
        for (arch, image) in images {
            let (digest, media_type, bytes) = image.manifests.last().unwrap();
            entries.push(json!({
                "mediaType": media_type, "size": bytes.len(), "digest": digest,
                "platform": {"os": "linux", "architecture": arch},
            }));
            list.blobs.extend(image.blobs.clone());
            list.manifests.extend(image.manifests.clone());
        }
        list.manifest(
            family.index,
            &json!({"schemaVersion": 2, "mediaType": family.index, "manifests": entries}),
        );
        list
    }

    /// The digest of what a tag points to.
    pub fn digest(&self) -> &str {
        &self.manifests.last().unwrap().0
    }

    fn descriptor(&mut self, media_type: &str, blob: Vec<u8>) -> Value {
        let digest = digest(&blob);
        let descriptor = json!({"mediaType": media_type, "size": blob.len(), "digest": digest});
        self.blobs.insert(digest, blob);
        descriptor
    }

    fn manifest(&mut self, media_type: &'static str, document: &Value) {
        let bytes = document.to_string().into_bytes();
        self.manifests.push((digest(&bytes), media_type, bytes));
    }
}

pub fn digest(content: &[u8]) -> String {
    digest_text(Sha256::digest(content).as_slice())
}

fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

/// Stored, so that a large file makes a large blob.
fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
