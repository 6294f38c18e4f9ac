//! What can go wrong with images.

use std::path::PathBuf;

use super::layers::LayerError;
use super::local::LocalError;
use super::pull::PullError;
use super::reference::ReferenceError;
use unipod_store::StoreError;

/// What can go wrong with images.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An image in files cannot be used.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// An image cannot be pulled.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// A layer cannot be unpacked.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// What is given is no image name.
    #[error(transparent)]
    Name(#[from] ReferenceError),
    /// No image has this name or ID.
    #[error("{name}: image not known")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// Something of the image is missing or not what its digest says.
    #[error("image {name} is damaged, pull it again: {reason}")]
    Damaged {
        /// The image.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The name fits more than one image.
    #[error("the name {name:?} is ambiguous, it fits {}", fitting.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Names of the images it fits.
        fitting: Vec<String>,
    },
    /// Containers use the image.
    #[error("image {name} ({id}) is in use by a container")]
    InUse {
        /// What was asked for.
        name: String,
        /// The image's ID.
        id: String,
    },
    /// What containers have mounted cannot be replaced below them.
    #[error("layer {layer} is in use by {}: stop it and repair the layer then", users.join(", "))]
    LayerInUse {
        /// The layer.
        layer: String,
        /// Names of the containers.
        users: Vec<String>,
    },
    /// Garbage has to stay for now.
    #[error("{} cannot be removed now: a pull is under way, or the record of an image is damaged", .0.display())]
    Kept(PathBuf),
    /// An ID was given where one name of several was probably meant.
    #[error("image {id} has several names ({}), force its removal", names.join(", "))]
    SeveralNames {
        /// The image's ID.
        id: String,
        /// Its names.
        names: Vec<String>,
    },
}

impl ImageError {
    /// Whether a pull would mend it.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }
}
