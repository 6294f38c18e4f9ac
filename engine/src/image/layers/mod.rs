//! Layers: from a compressed tar archive to a directory that overlayfs can stack.
//!
//! A layer is unpacked aside, checked against its diff-id, synced, and renamed to `layers/CHAINID`: a layer that is there
//! is complete. Beside it, `layers/CHAINID.json` says how big it is, and an empty `layers/CHAINID.streams` that something in it
//! opens standard streams by name.
//!
//! | module | job |
//! |---|---|
//! | [`stream`] | bytes of the blob → bytes of the archive, with its digest |
//! | [`archive`] | bytes of the archive → entries |
//! | [`sparse`] | where the data of a sparse file goes |
//! | [`root`] | names of entries → directories, never outside the layer |
//! | [`extract`] | entries → files |
//! | [`metadata`] | owners, modes, times, extended attributes |
//! | [`streams`] | files → whether they open standard streams by name |
//! | [`failure`] | why an archive could not be unpacked |

mod archive;
mod extract;
mod failure;
mod metadata;
mod root;
mod sparse;
mod stream;
pub mod streams;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::scratch::create_private;
use crate::store::{self, Durability, Lock, Scratch, Store, StoreError};
use stream::TarStream;

pub(super) use extract::{OPAQUE_TRUSTED, OPAQUE_USER};

/// What can go wrong between a blob and an unpacked layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Encrypted layers, and artifacts that are no file systems.
    #[error("layers of type {0:?} are not supported")]
    MediaType(String),
    /// The archive cannot be read: it is cut off, badly compressed, or no tar archive.
    #[error("cannot read the archive of layer {diff_id}")]
    Archive {
        /// The layer.
        diff_id: String,
        /// Why.
        source: io::Error,
    },
    /// The archive asks for something that no honest layer needs.
    #[error("the layer's entry {entry:?} is refused: {reason}")]
    Refused {
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry cannot be written.
    #[error("cannot {action} {entry:?} of the layer")]
    Entry {
        /// What was tried, as a verb.
        action: &'static str,
        /// The entry's name.
        entry: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The file system is full (or the quota is used up).
    #[error("no space is left in {} for {entry:?}", place.display())]
    DiskFull {
        /// Where layers are kept.
        place: PathBuf,
        /// The entry that did not fit.
        entry: String,
    },
    /// The archive is not the one that the image's configuration names.
    #[error("the layer's content has the digest {actual}, but the image's configuration says {expected}")]
    DiffId {
        /// What the configuration says.
        expected: String,
        /// What the archive is.
        actual: String,
    },
}

/// What is known about an unpacked layer, `layers/CHAINID.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LayerInfo {
    /// Digest of the uncompressed archive.
    pub diff_id: String,
    /// Bytes of its files.
    pub size: u64,
}

/// Where the layer with this chain id is, or will be.
pub fn directory(store: &Store, chain_id: &str) -> PathBuf {
    store.layers().join(hex_of(chain_id))
}

/// Whether the layer is there, complete.
pub fn is_unpacked(store: &Store, chain_id: &str) -> bool {
    directory(store, chain_id).is_dir()
}

/// What is known about an unpacked layer. A damaged record counts as none.
///
/// # Errors
/// The record cannot be read.
pub fn info(store: &Store, chain_id: &str) -> Result<Option<LayerInfo>, StoreError> {
    store::undamaged(store::read_json(&info_path(store, chain_id)))
}

/// Removes an unpacked layer. A reader sees it whole or not at all.
///
/// # Errors
/// It cannot be moved aside or deleted.
pub fn remove(store: &Store, chain_id: &str) -> Result<(), StoreError> {
    Scratch::discard(store, &directory(store, chain_id))?;
    store::remove_tree(&streams_path(store, chain_id))?;
    store::remove_tree(&info_path(store, chain_id))
}

/// The layer that a file or directory in `layers/` belongs to.
pub(super) fn owner(name: &str) -> &str {
    name.strip_suffix(".json")
        .or(name.strip_suffix(".streams"))
        .unwrap_or(name)
}

/// Whether something in the unpacked layer opens standard streams by name, see [`streams`].
pub fn reopens_streams(store: &Store, chain_id: &str) -> bool {
    streams_path(store, chain_id).exists()
}

/// Unpacks the layer in `blob` to `layers/CHAINID`, unless it is there already. Blocks; any number of threads and processes may call it at once.
///
/// # Errors
/// Nothing appears in `layers/` then. See [`LayerError`].
pub fn unpack(store: &Store, blob: &Path, media_type: &str, diff_id: &str, chain_id: &str) -> Result<(), LayerError> {
    if is_unpacked(store, chain_id) {
        return Ok(());
    }
    if !stream::is_supported(media_type) {
        return Err(LayerError::MediaType(media_type.into()));
    }
    let _lock = Lock::acquire(store, "layer", hex_of(chain_id))?;
    if is_unpacked(store, chain_id) {
        return Ok(());
    }
    let scratch = Scratch::dir(store)?;
    let size = unpack_into(scratch.handle(), store, blob, diff_id)?;
    let info = LayerInfo {
        diff_id: diff_id.into(),
        size,
    };
    create_private(&store.layers(), Durability::Synced)?;
    // Synced with everything else when the layer is published.
    store::write_json(&info_path(store, chain_id), &info, Durability::ThisBoot)?;
    if streams::reopens_streams(scratch.handle()).map_err(StoreError::io("search", scratch.path()))? {
        store::write_atomic(&streams_path(store, chain_id), b"", Durability::ThisBoot)?;
    }
    scratch.publish(&directory(store, chain_id))?;
    Ok(())
}

/// The chain ids of a stack of layers, lowest first (OCI image specification, config.md, "Layer `ChainID`").
pub fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.clone(),
            Some(below) => format!("sha256:{}", hex::encode(Sha256::digest(format!("{below} {diff_id}")))),
        };
        chain.push(next);
    }
    chain
}

/// Returns the bytes of the files.
fn unpack_into(dir: &File, store: &Store, blob: &Path, diff_id: &str) -> Result<u64, LayerError> {
    let file = File::open(blob).map_err(StoreError::io("open", blob))?;
    let broken = |source| LayerError::Archive {
        diff_id: diff_id.into(),
        source,
    };
    let mut stream = TarStream::new(file).map_err(broken)?;
    let size = extract::extract(&mut stream, dir).map_err(|e| e.into_layer_error(&store.layers(), diff_id))?;
    let actual = stream.finish().map_err(broken)?;
    if actual == diff_id {
        Ok(size)
    } else {
        Err(LayerError::DiffId {
            expected: diff_id.into(),
            actual,
        })
    }
}

fn info_path(store: &Store, chain_id: &str) -> PathBuf {
    store.layers().join(format!("{}.json", hex_of(chain_id)))
}

fn streams_path(store: &Store, chain_id: &str) -> PathBuf {
    store.layers().join(format!("{}.streams", hex_of(chain_id)))
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}
