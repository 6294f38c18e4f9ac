//! Images in files: the transports `oci:`, `oci-archive:`, `docker-archive:` and `dir:` of containers-transports(5).
//!
//! What is found is copied into the content store and goes on as if it had been pulled. `tree` reads directories and
//! archives alike.

mod error;
mod tree;

pub use error::LocalError;

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::blobs::{Blobs, digest_text};
use super::layers;
use super::manifest::{self, Manifest, ManifestError};
use super::platform::Platform;
use super::reference::Name;
use super::registry::RawManifest;
use super::tracker::Tracker;
use super::{Image, ImageError, records};
use tree::Tree;
use unipod_store::{Lock, Store};

/// Documents in files are held to the same bound as those from registries.
const MAX_DOCUMENT: u64 = 4 << 20;

/// An image in a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub(super) transport: &'static str,
    pub(super) path: PathBuf,
    /// Which image of several: a tag, a name, or `@N`.
    which: Option<String>,
}

/// An image, and which file of the tree each of its blobs is.
struct Found {
    raw: RawManifest,
    file_of: Box<dyn Fn(&str) -> String>,
    name: Option<String>,
}

impl Source {
    /// The source that a name stands for, if it has the prefix of a transport to files.
    pub fn parse(name: &str) -> Option<Self> {
        let (transport, rest) = ["oci", "oci-archive", "docker-archive", "dir"]
            .into_iter()
            .find_map(|t| Some((t, name.strip_prefix(t)?.strip_prefix(':')?)))?;
        // `dir:` takes the whole rest; in the others the first colon ends the path.
        let (path, which) = match rest.split_once(':') {
            Some((path, which)) if transport != "dir" => (path, Some(which.to_owned()).filter(|w| !w.is_empty())),
            _ => (rest, None),
        };
        Some(Self {
            transport,
            path: path.into(),
            which,
        })
    }

    /// Copies the image into the store and gives it its name. The caller holds a share of the lock on garbage collection.
    pub(super) fn load(&self, store: &Store, wanted: &Platform, tracker: &Tracker<'_>) -> Result<Image, ImageError> {
        tracker.status(&format!("Reading {}:{}", self.transport, self.path.display()));
        let tree = Tree::open(&self.path).map_err(|e| self.unreadable("the files", e))?;
        let _lock = Lock::acquire(
            store,
            "pull",
            &digest_text(&Sha256::digest(self.path.as_os_str().as_encoded_bytes())),
        )?;
        let found = match self.transport {
            "docker-archive" => self.docker_archive(&tree)?,
            "dir" => self.dir(&tree)?,
            _ => self.oci(&tree, wanted)?,
        };
        self.copy(store, &tree, &found, tracker)?;
        tracker.status("Writing manifest to image destination");
        let name = found
            .name
            .as_deref()
            .and_then(local_name)
            .unwrap_or_else(|| self.own_name(&found.raw.digest));
        records::commit(store, &name, &found.raw.digest)
    }

    fn copy(&self, store: &Store, tree: &Tree, found: &Found, tracker: &Tracker<'_>) -> Result<(), LocalError> {
        let blobs = Blobs::new(store);
        let Manifest::Image(manifest) = Manifest::parse(&found.raw).map_err(|e| self.broken(e))? else {
            return Err(self.broken(ManifestError::Unsupported("a list of lists is not supported".into())));
        };
        blobs.put(&found.raw.digest, &found.raw.bytes)?;
        let config = manifest::checked(manifest.config().digest().as_ref()).map_err(|e| self.broken(e))?;
        let bytes = self.document(tree, &(found.file_of)(&config))?;
        self.verified(&config, digest_text(&Sha256::digest(&bytes)))?;
        blobs.put(&config, &bytes)?;
        let parsed = manifest::configuration(&bytes).map_err(|e| self.broken(e))?;
        let layers = manifest::layers(&manifest, &parsed).map_err(|e| self.broken(e))?;
        tracker.expect(layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size)));
        for layer in layers {
            if !layers::is_unpacked(store, &layer.chain_id) {
                let _lock = Lock::acquire(store, "blob", &layer.digest)?;
                self.blob(tree, &blobs, &layer.digest, &(found.file_of)(&layer.digest))?;
                let blob = blobs.path(&layer.digest);
                layers::unpack(store, &blob, &layer.media_type, &layer.diff_id, &layer.chain_id).map_err(|source| {
                    LocalError::Layer {
                        path: self.path.clone(),
                        source,
                    }
                })?;
            }
            tracker.advance(layer.size);
        }
        Ok(())
    }

    fn blob(&self, tree: &Tree, blobs: &Blobs, digest: &str, file: &str) -> Result<(), LocalError> {
        if blobs.has(digest) {
            return Ok(());
        }
        let mut partial = blobs.partial(digest)?;
        partial.restart()?;
        let mut input = tree.open_file(file).map_err(|e| self.unreadable(file, e))?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match input.read(&mut buffer).map_err(|e| self.unreadable(file, e))? {
                0 => break,
                n => partial.write(&buffer[..n])?,
            }
        }
        let matches = self.verified(digest, partial.digest());
        if matches.is_err() {
            partial.discard()?;
            return matches;
        }
        partial.commit()?;
        Ok(())
    }

    /// An OCI image layout: `index.json` names manifests, everything is in `blobs/`.
    fn oci(&self, tree: &Tree, wanted: &Platform) -> Result<Found, LocalError> {
        const REF: &str = "org.opencontainers.image.ref.name";
        let index = self.raw(tree, "index.json")?;
        let Manifest::Index(index) = Manifest::parse(&index).map_err(|e| self.broken(e))? else {
            return Err(self.broken(ManifestError::Invalid("index.json is no index".into())));
        };
        let name_of = |d: &oci_spec::image::Descriptor| d.annotations().as_ref().and_then(|a| a.get(REF)).cloned();
        let entries = index.manifests();
        let entry = match (&self.which, entries.as_slice()) {
            (Some(which), _) => entries.iter().find(|d| name_of(d).as_ref() == Some(which)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let names = || entries.iter().filter_map(name_of).collect();
        let entry = entry.ok_or_else(|| LocalError::Which {
            path: self.path.clone(),
            names: names(),
        })?;
        let name = name_of(entry);
        let mut raw = self.raw(tree, &blob_file(entry.digest().as_ref()))?;
        self.verified(entry.digest().as_ref(), raw.digest.clone())?;
        if let Manifest::Index(inner) = Manifest::parse(&raw).map_err(|e| self.broken(e))? {
            let chosen = manifest::choose(&inner, wanted).map_err(|e| self.broken(e))?;
            raw = self.raw(tree, &blob_file(chosen.digest().as_ref()))?;
            self.verified(chosen.digest().as_ref(), raw.digest.clone())?;
        }
        Ok(Found {
            raw,
            file_of: Box::new(blob_file),
            name,
        })
    }

    /// `dir:`: `manifest.json`, and blobs named by their digits.
    fn dir(&self, tree: &Tree) -> Result<Found, LocalError> {
        let raw = self.raw(tree, "manifest.json")?;
        let file_of = |digest: &str| digest.strip_prefix("sha256:").unwrap_or(digest).to_owned();
        Ok(Found {
            raw,
            file_of: Box::new(file_of),
            name: None,
        })
    }

    /// `docker save`: `manifest.json` names a configuration and plain archives; the manifest proper is made from them.
    fn docker_archive(&self, tree: &Tree) -> Result<Found, LocalError> {
        let syntax = |source| {
            self.broken(ManifestError::Syntax {
                what: "manifest.json",
                source,
            })
        };
        let mut items: Vec<Saved> = serde_json::from_slice(&self.document(tree, "manifest.json")?).map_err(syntax)?;
        let position = match &self.which {
            None if items.len() == 1 => Some(0),
            None => None,
            Some(which) => match which.strip_prefix('@') {
                Some(n) => n.parse().ok().filter(|n| *n < items.len()),
                None => items
                    .iter()
                    .position(|i| i.tags().iter().any(|t| hub_name(t) == hub_name(which))),
            },
        };
        let names = || items.iter().flat_map(|i| i.tags().to_vec()).collect();
        let position = position.ok_or_else(|| LocalError::Which {
            path: self.path.clone(),
            names: names(),
        })?;
        let Saved {
            config,
            repo_tags,
            layers,
        } = items.swap_remove(position);
        let bytes = self.document(tree, &config)?;
        let parsed = manifest::configuration(&bytes).map_err(|e| self.broken(e))?;
        let diff_ids = parsed.rootfs().diff_ids().clone();
        let mut descriptors = Vec::new();
        for (digest, file) in diff_ids.iter().zip(&layers) {
            let size = tree.size(file).map_err(|e| self.unreadable(file, e))?;
            let media_type = "application/vnd.docker.image.rootfs.diff.tar";
            descriptors.push(json!({"mediaType": media_type, "size": size, "digest": digest}));
        }
        let config_digest = digest_text(&Sha256::digest(&bytes));
        let document = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": bytes.len(), "digest": config_digest},
            "layers": descriptors,
        });
        let file_of = move |digest: &str| {
            let layer = diff_ids.iter().position(|d| d == digest).and_then(|n| layers.get(n));
            layer.unwrap_or(&config).clone()
        };
        let name = self
            .which
            .clone()
            .filter(|w| !w.starts_with('@'))
            .or(repo_tags.unwrap_or_default().into_iter().next());
        let name = name.and_then(|n| hub_name(&n));
        Ok(Found {
            raw: raw(document.to_string().into_bytes()),
            file_of: Box::new(file_of),
            name,
        })
    }

    fn raw(&self, tree: &Tree, file: &str) -> Result<RawManifest, LocalError> {
        self.document(tree, file).map(raw)
    }

    fn document(&self, tree: &Tree, file: &str) -> Result<Vec<u8>, LocalError> {
        tree.read(file, MAX_DOCUMENT).map_err(|e| self.unreadable(file, e))
    }

    fn verified(&self, expected: &str, got: String) -> Result<(), LocalError> {
        if expected == got {
            return Ok(());
        }
        Err(LocalError::Digest {
            path: self.path.clone(),
            expected: expected.to_owned(),
            got,
        })
    }

    /// What has no name is called after its path, as podman does it.
    fn own_name(&self, digest: &str) -> String {
        let path = self.path.to_string_lossy();
        let text = format!("localhost/{}", path.trim_matches('/'));
        local_name(&text).unwrap_or_else(|| format!("localhost/image-{}", &digest["sha256:".len()..][..12]))
    }

    fn unreadable(&self, what: &str, source: std::io::Error) -> LocalError {
        LocalError::Read {
            path: self.path.clone(),
            what: what.to_owned(),
            source,
        }
    }

    fn broken(&self, source: ManifestError) -> LocalError {
        LocalError::Manifest {
            path: self.path.clone(),
            source,
        }
    }
}

/// One image of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Saved {
    fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }
}

fn raw(bytes: Vec<u8>) -> RawManifest {
    RawManifest {
        digest: digest_text(&Sha256::digest(&bytes)),
        bytes,
        media_type: String::new(),
    }
}

fn blob_file(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// Docker's own names: a short one is on Docker Hub.
fn hub_name(text: &str) -> Option<String> {
    Some(text.parse::<Name>().ok()?.qualify("docker.io").to_string())
}

fn local_name(text: &str) -> Option<String> {
    Some(text.parse::<Name>().ok()?.qualify("localhost").to_string())
}
