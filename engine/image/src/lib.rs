//! Floor 2: images, from a name to unpacked layers.
//!
//! It owns registries and who may speak to them, the content store, layers, and the records that give them names. It must not know
//! what containers are; who uses an image is asked of the caller. The only async code of the engine is in here.
//!
//! | module | job |
//! |---|---|
//! | [`auth`] | credentials for registries, from the files and helpers that every engine shares |
//! | [`blobs`] | the content store: `blobs/sha256/HEX`, each file named by the digest of what it holds |
//! | `download` | blobs from a registry into the content store, and from there into layers |
//! | [`fetch`] | a single file from the web, for commands that take an address where a path may be |
//! | [`find`](mod@find) | from what a user calls an image to the image: qualified names, short names, digests, IDs |
//! | [`layers`] | layers: from a compressed tar archive to a directory that overlayfs can stack |
//! | [`local`] | images in files: the transports `oci:`, `oci-archive:`, `docker-archive:` and `dir:` of containers-transports(5) |
//! | [`login`] | `login`: credentials are stored only after the registry took them |
//! | [`manifest`] | manifests: OCI and Docker schema 2, single images and lists by platform |
//! | [`platform`] | platforms: operating system, architecture and variant, in Go's spelling, as images name them |
//! | [`policy`] | policy.json: which images may be used at all |
//! | [`pull`] | `pull`: from a name to an image in the store |
//! | [`records`] | which images there are: one small record per reference in `images/`, naming content by digest |
//! | [`reference`](mod@reference) | image references: the grammar of distribution/reference, with Docker's defaults |
//! | [`registries`] | registries.conf: where an image name really leads, and what a short name means |
//! | [`registry`] | the client of the OCI distribution API: manifests and blobs from one endpoint |
//! | [`remove`] | taking names away, and with the last one the image: `rmi`, `untag`, `image prune` |
//! | `retry` | trying again, with growing pauses, what may work in a moment |
//! | `tracker` | how far a pull is: workers count, and a tick tells whoever wants to know |
//! | [`verify`] | whether images are what they were when they were pulled: records, blobs, unpacked layers; and what nobody needs |
//!
//! ```
//! use unipod_image::reference::Reference;
//!
//! let reference: Reference = "docker.io/library/nginx:1.27".parse()?;
//! assert_eq!(reference.to_string(), "docker.io/library/nginx:1.27");
//! # Ok::<(), unipod_image::reference::ReferenceError>(())
//! ```

pub mod auth;
pub mod blobs;
mod download;
pub mod fetch;
pub mod find;
pub mod layers;
pub mod local;
pub mod login;
pub mod manifest;
pub mod platform;
pub mod policy;
pub mod pull;
pub mod records;
pub mod reference;
pub mod registries;
pub mod registry;
pub mod remove;
mod retry;
#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    reason = "a test ends there"
)]
pub mod testing;
mod tracker;
pub mod verify;

use std::path::PathBuf;
use std::str::FromStr;

use oci_spec::image::ImageConfiguration;
use serde::{Deserialize, Serialize};

pub use find::find;
pub use pull::{ensure, ensure_all};
pub use records::{keep, list};

/// An image in the store, complete and verified.
#[derive(Debug, Clone)]
pub struct Image {
    /// Digest of the configuration, `sha256:HEX`: the image ID of podman and docker.
    pub id: String,
    /// Digest of the manifest, `sha256:HEX`.
    pub manifest_digest: String,
    /// Names that point to this image, fully qualified with tag or digest; from [`find`](find()) the one it was found by.
    pub names: Vec<String>,
    /// The configuration.
    pub config: ImageConfiguration,
    /// Unpacked layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// Unpacked size in bytes.
    pub size: u64,
    /// Something in it opens standard streams by name, see [`layers::streams`].
    pub reopens_streams: bool,
}

/// This machine's architecture as images name it (Go's spelling).
pub fn host_arch() -> String {
    platform::Platform::wanted(None, None, None).arch
}

/// When to ask the registry (`--pull`, `Pull=`, `Policy=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Always; fail if the registry does not answer.
    Always,
    /// Only if the image is not there.
    #[default]
    Missing,
    /// Never.
    Never,
    /// If the registry has another one; use the local one if it does not answer.
    Newer,
}

/// A word that says of no time to pull.
#[derive(Debug, thiserror::Error)]
#[error("expected always, missing, never or newer")]
pub struct UnknownPolicy;

impl FromStr for PullPolicy {
    type Err = UnknownPolicy;

    /// podman's words; nothing is the default.
    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        match text {
            "always" | "true" => Ok(Self::Always),
            "missing" | "ifmissing" | "ifnotpresent" | "" => Ok(Self::Missing),
            "never" | "false" => Ok(Self::Never),
            "newer" | "ifnewer" => Ok(Self::Newer),
            _ => Err(UnknownPolicy),
        }
    }
}

/// Where a pull reports how far it is.
pub trait Progress: Send + Sync {
    /// One line of status with the bytes that are there and that are expected, called a few times a second.
    fn report(&self, status: &str, done: u64, total: u64);
}

/// How to pull.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PullOptions {
    /// When to ask the registry.
    pub policy: PullPolicy,
    /// `--authfile`.
    pub authfile: Option<PathBuf>,
    /// `--creds USER[:PASSWORD]`; never stored.
    #[serde(skip)]
    pub creds: Option<String>,
    /// `--cert-dir`.
    pub cert_dir: Option<PathBuf>,
    /// `--tls-verify`; `None` leaves it to registries.conf.
    pub tls_verify: Option<bool>,
    /// `--os`, `--arch`, `--variant`, `--platform`.
    pub os: Option<String>,
    /// See `os`.
    pub arch: Option<String>,
    /// See `os`.
    pub variant: Option<String>,
    /// `--retry`: how often to try again, 3 if not said.
    pub retry: Option<u32>,
    /// `--retry-delay`, a duration as Go writes it.
    pub retry_delay: Option<String>,
}

/// What can go wrong with images.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] unipod_store::StoreError),
    /// An image in files cannot be used.
    #[error(transparent)]
    Local(#[from] local::LocalError),
    /// An image cannot be pulled.
    #[error(transparent)]
    Pull(#[from] pull::PullError),
    /// A layer cannot be unpacked.
    #[error(transparent)]
    Layer(#[from] layers::LayerError),
    /// What is given is no image name.
    #[error(transparent)]
    Name(#[from] reference::ReferenceError),
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
    /// What no image needs cannot go now.
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
