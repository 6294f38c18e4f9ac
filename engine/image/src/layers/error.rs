//! What can go wrong between a blob and an unpacked layer.

use std::io;
use std::path::PathBuf;

use unipod_store::StoreError;

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
    /// The file system is full, or would be too full for others, or the quota is used up.
    #[error("no space is left in {} for {entry:?}", place.display())]
    DiskFull {
        /// Where layers are kept.
        place: PathBuf,
        /// The entry that did not fit.
        entry: String,
        /// What stands in the way: the kernel's word, or what is kept free.
        source: io::Error,
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
