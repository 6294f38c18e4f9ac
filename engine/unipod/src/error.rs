//! What can go wrong, whichever room it happens in.

use unipod_container::ContainerError;
use unipod_image::ImageError;
use unipod_network::NetworkError;
use unipod_pod::PodError;
use unipod_secret::SecretError;
use unipod_store::StoreError;
use unipod_systemd::manager::ManagerError;
use unipod_volume::VolumeError;

use unipod_container::service::StartError;

/// What can go wrong, whichever room it happens in.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program that a container's service would execute is nowhere.
    #[error(
        "cannot find the program unipod in PATH, which runs the containers: install it, or name it with Engine::with_program"
    )]
    NoProgram,
    /// A container does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// An image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A pod.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// systemd.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// A container of the foreground, or of nobody.
    #[error("container {0} has no log: it belongs to no unit")]
    NoLog(String),
    /// The journal cannot be read.
    #[error("cannot read the journal")]
    Journal(#[source] std::io::Error),
}
