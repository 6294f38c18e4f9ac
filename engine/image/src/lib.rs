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
//! | `error` | what can go wrong with images |
//! | [`fetch`] | a single file from the web, for commands that take an address where a path may be |
//! | [`find`](mod@find) | from what a user calls an image to the image: qualified names, short names, digests, IDs |
//! | `image` | an image of the store |
//! | [`layers`] | layers: from a compressed tar archive to a directory that overlayfs can stack |
//! | [`local`] | images in files: the transports `oci:`, `oci-archive:`, `docker-archive:` and `dir:` of containers-transports(5) |
//! | [`login`] | `login`: credentials are stored only after the registry took them |
//! | [`manifest`] | manifests: OCI and Docker schema 2, single images and lists by platform |
//! | `options` | how an image is pulled |
//! | [`platform`] | platforms: operating system, architecture and variant, in Go's spelling, as images name them |
//! | [`policy`] | policy.json: which images may be used at all |
//! | `progress` | who is told how far a pull is |
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
mod error;
pub mod fetch;
pub mod find;
mod image;
pub mod layers;
pub mod local;
pub mod login;
pub mod manifest;
mod options;
pub mod platform;
pub mod policy;
mod progress;
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

pub use error::ImageError;
pub use find::find;
pub use image::Image;
pub use options::{PullOptions, PullPolicy, UnknownPolicy};
pub use progress::{Progress, Silent};
pub use pull::{ensure, ensure_all};
pub use records::{keep, list};

/// This machine's architecture as images name it (Go's spelling).
pub fn host_arch() -> String {
    platform::Platform::wanted(None, None, None).arch
}
