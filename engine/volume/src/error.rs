//! What can go wrong with volumes.

use std::io;
use std::path::PathBuf;

use unipod_store::StoreError;

/// A volume operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such volume.
    #[error("no volume with name {0:?} found: no such volume")]
    NotFound(String),
    /// A volume of that name is there already.
    #[error("volume with name {0} already exists: volume already exists")]
    Exists(String),
    /// Containers use the volume.
    #[error("volume {name} is being used by the following container(s): {}", users.join(", "))]
    InUse {
        /// The volume.
        name: String,
        /// The containers.
        users: Vec<String>,
    },
    /// Something the user wrote makes no sense.
    #[error("volume {what} {value:?}: {why}")]
    Invalid {
        /// What kind of value: "name", "option".
        what: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// No such driver.
    #[error("unsupported volume driver {0}: known are local and image")]
    Driver(String),
    /// The device cannot be mounted.
    #[error("cannot mount {device} for volume {name}{}", said.as_ref().map(|s| format!(": {s}")).unwrap_or_default())]
    Mount {
        /// The volume.
        name: String,
        /// What was to be mounted.
        device: String,
        /// What mount(8) said, if it was asked.
        said: Option<String>,
        /// Why, if the kernel refused.
        source: Option<io::Error>,
    },
    /// The image's content cannot be copied.
    #[error("cannot copy the image's content to volume {name}, at {}", path.display())]
    Copy {
        /// The volume.
        name: String,
        /// Where it failed.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl VolumeError {
    /// Shorthand for [`VolumeError::Invalid`].
    pub(crate) fn invalid(what: &'static str, value: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            what,
            value: value.into(),
            why: why.into(),
        }
    }
}
