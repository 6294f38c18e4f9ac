//! An OCI image layout on disk (OCI image specification, `image-layout.md`): what `skopeo` pushes from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::digest::hex_digest;
use super::layer::Packed;

/// An image layout being written.
#[derive(Debug)]
pub struct ImageLayout {
    dir: PathBuf,
    manifests: Vec<Value>,
}

impl ImageLayout {
    /// Starts an empty layout.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn create(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir.join("blobs/sha256"))?;
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self {
            dir: dir.to_owned(),
            manifests: Vec::new(),
        })
    }

    /// Adds an image for one architecture; returns its descriptor, which nothing names yet.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn image(&self, layers: &[&Packed], config: &Value, architecture: &str) -> io::Result<Value> {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({
            "created": "2025-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.blob(
            "application/vnd.oci.image.config.v1+json",
            config.to_string().as_bytes(),
        )?;
        let layers = layers
            .iter()
            .map(|layer| self.blob(layer.kind, &layer.blob))
            .collect::<io::Result<Vec<_>>>()?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
        let mut descriptor = self.blob(kind, manifest.to_string().as_bytes())?;
        descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
        Ok(descriptor)
    }

    /// Adds an index over images of several architectures; returns its descriptor.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn index(&self, images: &[Value]) -> io::Result<Value> {
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": images });
        self.blob(kind, index.to_string().as_bytes())
    }

    /// Gives a descriptor a name.
    pub fn name(&mut self, name: &str, mut descriptor: Value) {
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        self.manifests.push(descriptor);
    }

    /// Writes the index of names.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn finish(self) -> io::Result<()> {
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        fs::write(self.dir.join("index.json"), index.to_string())
    }

    fn blob(&self, kind: &str, bytes: &[u8]) -> io::Result<Value> {
        let digest = hex_digest(Sha256::new_with_prefix(bytes));
        fs::write(self.dir.join("blobs").join(digest.replace(':', "/")), bytes)?;
        Ok(json!({ "mediaType": kind, "digest": digest, "size": bytes.len() }))
    }
}
