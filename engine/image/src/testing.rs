//! Images made on the spot, for tests of what works on images.

use std::fs;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Image, layers, records};
use unipod_store::Store;

/// A store in a directory that is gone with it.
#[derive(Debug)]
pub struct Lab {
    /// The store.
    pub store: Store,
    _dir: tempfile::TempDir,
}

impl Lab {
    /// With nothing in it.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        Self { store, _dir: dir }
    }

    /// Puts bytes into the content store. Returns their digest.
    pub fn blob(&self, content: &[u8]) -> String {
        let hex = hex::encode(Sha256::digest(content));
        fs::create_dir_all(self.store.blobs()).unwrap();
        fs::write(self.store.blobs().join(&hex), content).unwrap();
        format!("sha256:{hex}")
    }

    /// An image of a common layer and one with the file `content`; the same content makes the same image.
    pub fn image(&self, name: &str, content: &str) -> Image {
        records::commit(&self.store, name, &self.manifest(content)).unwrap()
    }

    /// Everything an image needs except a record. Returns the digest of its manifest.
    pub fn manifest(&self, content: &str) -> String {
        let tars = [tar("common"), tar(content)];
        let blobs: Vec<String> = tars.iter().map(|tar| self.blob(tar)).collect();
        let chain = layers::chain_ids(&blobs);
        let tar_type = "application/vnd.oci.image.layer.v1.tar";
        for (n, diff_id) in blobs.iter().enumerate() {
            let blob = self.store.blobs().join(&diff_id["sha256:".len()..]);
            layers::unpack(&self.store, &blob, tar_type, diff_id, &chain[n]).unwrap();
        }
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-05-06T07:08:09Z",
            "config": {"Cmd": [content], "Labels": {"content": content}, "Healthcheck": {"Test": ["CMD", "true"]}},
            "rootfs": {"type": "layers", "diff_ids": blobs},
            "history": [
                {"created": "2024-05-06T07:08:09Z", "created_by": "ADD common /"},
                {"created": "2024-05-06T07:08:09Z", "created_by": "ENV A=B", "empty_layer": true},
                {"created": "2024-05-06T07:08:09Z", "created_by": "ADD own /"},
            ],
        });
        let config = config.to_string();
        let layers: Vec<_> = blobs
            .iter()
            .zip(&tars)
            .map(|(digest, tar)| json!({"mediaType": tar_type, "digest": digest, "size": tar.len()}))
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": layers,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": self.blob(config.as_bytes()), "size": config.len()},
        });
        self.blob(manifest.to_string().as_bytes())
    }
}

fn tar(content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    builder
        .append_data(&mut header, content.replace(' ', "_"), content.as_bytes())
        .unwrap();
    builder.into_inner().unwrap()
}
