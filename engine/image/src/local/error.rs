//! Why an image in files cannot be used.

use std::path::PathBuf;

use crate::layers::LayerError;
use crate::manifest::ManifestError;
use unipod_store::StoreError;

/// Why an image in files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file is missing or cannot be read.
    #[error("cannot read {what} of {}", path.display())]
    Read {
        /// The image's file or directory.
        path: PathBuf,
        /// Which part.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A document makes no sense.
    #[error("cannot use the image in {}", path.display())]
    Manifest {
        /// The image's file or directory.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// There is no such image, or one has to be named.
    #[error("{} holds {}; name one of them behind a colon", path.display(), if names.is_empty() { "no image".into() } else { names.join(", ") })]
    Which {
        /// The image's file or directory.
        path: PathBuf,
        /// What is there.
        names: Vec<String>,
    },
    /// A part is not what its digest says.
    #[error("{} is damaged: expected {expected}, got {got}", path.display())]
    Digest {
        /// The image's file or directory.
        path: PathBuf,
        /// The digest that the manifest names.
        expected: String,
        /// The digest of what is there.
        got: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A layer cannot be unpacked.
    #[error("cannot unpack a layer of {}", path.display())]
    Layer {
        /// The image's file or directory.
        path: PathBuf,
        /// Why.
        source: LayerError,
    },
}
