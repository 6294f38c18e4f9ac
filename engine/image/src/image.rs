//! An image of the store.

use std::path::PathBuf;

use oci_spec::image::ImageConfiguration;

/// An image in the store, complete and verified.
#[derive(Debug, Clone)]
pub struct Image {
    /// Digest of the configuration, `sha256:HEX`: the image ID of podman and docker.
    pub id: String,
    /// Digest of the manifest, `sha256:HEX`.
    pub manifest_digest: String,
    /// Names that point to this image, fully qualified with tag or digest; from [`find`](crate::find()) the one it was found by.
    pub names: Vec<String>,
    /// The configuration.
    pub config: ImageConfiguration,
    /// Unpacked layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// Unpacked size in bytes.
    pub size: u64,
    /// Something in it opens standard streams by name, see [`layers::streams`](crate::layers::streams).
    pub reopens_streams: bool,
}
