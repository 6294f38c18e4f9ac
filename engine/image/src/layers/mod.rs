//! Layers: from a compressed tar archive to a directory that overlayfs can stack.
//!
//! A layer is unpacked aside, checked against its diff-id, synced, and renamed to `layers/CHAINID`: a layer that is there
//! is complete. Beside it, `layers/CHAINID.json` says how big it is, `layers/CHAINID.files` what it consists of, and an empty
//! `layers/CHAINID.streams` that something in it opens standard streams by name.
//!
//! | module | job |
//! |---|---|
//! | `stream` | bytes of the blob → bytes of the archive, with its digest |
//! | `archive` | bytes of the archive → entries |
//! | `sparse` | where the data of a sparse file goes |
//! | `root` | names of entries → directories, never outside the layer |
//! | `extract` | entries → files |
//! | `metadata` | owners, modes, times, extended attributes |
//! | [`inventory`](mod@inventory) | files → what they were, for whoever doubts them later |
//! | [`streams`] | files → whether they open standard streams by name |
//! | `failure` | why an archive could not be unpacked |

mod archive;
mod error;
mod extract;
mod failure;
pub mod inventory;
#[cfg(test)]
mod lab;
mod metadata;
pub(super) mod room;
mod root;
mod sparse;
mod stream;
pub mod streams;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use inventory::{Depth, Inventory};
use stream::TarStream;
use unipod_store::create_private;
use unipod_store::{self as store, Durability, Lock, Scratch, Store, StoreError};

pub use error::LayerError;
pub(super) use extract::{OPAQUE_TRUSTED, OPAQUE_USER};

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
    store::remove_tree(&inventory_path(store, chain_id))?;
    store::remove_tree(&info_path(store, chain_id))
}

/// The layer that a file or directory in `layers/` belongs to.
pub(super) fn owner(name: &str) -> &str {
    [".json", ".files", ".streams"]
        .iter()
        .find_map(|kind| name.strip_suffix(kind))
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
    let _lock = lock(store, chain_id)?;
    if is_unpacked(store, chain_id) {
        return Ok(());
    }
    let unpacked = Unpacked::new(store, blob, media_type, diff_id, chain_id)?;
    unpacked.describe(store)?;
    unpacked.scratch.publish(&directory(store, chain_id))?;
    Ok(())
}

/// Held by whoever makes the layer.
///
/// # Errors
/// The lock cannot be taken.
pub fn lock(store: &Store, chain_id: &str) -> Result<Lock, StoreError> {
    Lock::acquire(store, "layer", hex_of(chain_id))
}

/// A layer that has been unpacked and is not in its place yet.
#[derive(Debug)]
pub struct Unpacked<'a> {
    scratch: Scratch,
    chain_id: &'a str,
    info: LayerInfo,
    inventory: Inventory,
}

impl<'a> Unpacked<'a> {
    /// Unpacks the layer in `blob`. The caller holds its [`lock`].
    ///
    /// # Errors
    /// See [`LayerError`]; nothing is left then.
    pub fn new(
        store: &Store,
        blob: &Path,
        media_type: &str,
        diff_id: &str,
        chain_id: &'a str,
    ) -> Result<Self, LayerError> {
        if !stream::is_supported(media_type) {
            return Err(LayerError::MediaType(media_type.into()));
        }
        let scratch = Scratch::dir(store)?;
        let (size, sums) = unpack_into(scratch.handle(), store, blob, diff_id)?;
        let inventory = Inventory::take(scratch.handle(), Depth::Contents, &sums)
            .map_err(StoreError::io("look at", scratch.path()))?;
        let diff_id = diff_id.into();
        Ok(Self {
            scratch,
            chain_id,
            info: LayerInfo { diff_id, size },
            inventory,
        })
    }

    /// What it consists of.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Writes down what is known of the layer; on the disk with the next sync of the file system.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn describe(&self, store: &Store) -> Result<(), StoreError> {
        let (chain_id, place) = (self.chain_id, self.scratch.path());
        create_private(&store.layers(), Durability::Synced)?;
        store::write_json(&info_path(store, chain_id), &self.info, Durability::ThisBoot)?;
        let inventory = self.inventory.to_bytes().map_err(StoreError::io("describe", place))?;
        store::write_atomic(&inventory_path(store, chain_id), &inventory, Durability::ThisBoot)?;
        if streams::reopens_streams(self.scratch.handle()).map_err(StoreError::io("search", place))? {
            store::write_atomic(&streams_path(store, chain_id), b"", Durability::ThisBoot)?;
        }
        Ok(())
    }

    /// Puts it in the place of the layer that is there, in one step. Nobody must be using that: it is removed.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn replace(self, store: &Store) -> Result<(), StoreError> {
        self.describe(store)?;
        let place = directory(store, self.chain_id);
        match fs::symlink_metadata(&place) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.scratch.publish(&place),
            _ => self.scratch.exchange(&place),
        }
    }
}

/// What the layer consisted of when it was unpacked; `None` if nobody has noted it, or that is damaged.
///
/// # Errors
/// It cannot be read.
pub fn inventory(store: &Store, chain_id: &str) -> Result<Option<Inventory>, StoreError> {
    let path = inventory_path(store, chain_id);
    match fs::read(&path).and_then(|bytes| Inventory::from_bytes(&bytes)) {
        Ok(inventory) => Ok(Some(inventory)),
        Err(e) if matches!(e.kind(), io::ErrorKind::OutOfMemory) => Err(StoreError::io("read", &path)(e)),
        Err(_) => Ok(None),
    }
}

/// What it consists of now.
///
/// # Errors
/// It is not there, or cannot be read.
pub fn look(store: &Store, chain_id: &str, depth: Depth) -> Result<Inventory, StoreError> {
    let place = directory(store, chain_id);
    File::open(&place)
        .and_then(|dir| Inventory::take(&dir, depth, &HashMap::new()))
        .map_err(StoreError::io("look at", &place))
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

/// Returns the bytes of the files, and the sums of their contents by inode number.
fn unpack_into(dir: &File, store: &Store, blob: &Path, diff_id: &str) -> Result<(u64, HashMap<u64, u32>), LayerError> {
    let file = File::open(blob).map_err(StoreError::io("open", blob))?;
    let broken = |source| LayerError::Archive {
        diff_id: diff_id.into(),
        source,
    };
    let mut stream = TarStream::new(file).map_err(broken)?;
    let extracted = extract::extract(&mut stream, dir).map_err(|e| e.into_layer_error(&store.layers(), diff_id))?;
    let actual = stream.finish().map_err(broken)?;
    if actual == diff_id {
        Ok(extracted)
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

fn inventory_path(store: &Store, chain_id: &str) -> PathBuf {
    store.layers().join(format!("{}.files", hex_of(chain_id)))
}

fn streams_path(store: &Store, chain_id: &str) -> PathBuf {
    store.layers().join(format!("{}.streams", hex_of(chain_id)))
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}
