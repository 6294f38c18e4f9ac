//! What can go wrong with a container.

use unipod_bundle::BundleError;
use unipod_image::ImageError;
use unipod_linux::MountError;
use unipod_network::NetworkError;
use unipod_runtime::RuntimeError;
use unipod_secret::SecretError;
use unipod_store::StoreError;
use unipod_systemd::manager::ManagerError;
use unipod_volume::VolumeError;

/// What can go wrong with a container.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// No container has this name or ID.
    #[error("no container with name or ID \"{0}\" found: no such container")]
    NotFound(String),
    /// More than one ID begins like this.
    #[error("more than one container has an ID that begins with {0}: give more digits, or the name")]
    Ambiguous(String),
    /// The name is not one.
    #[error("container name {0:?} is invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*")]
    Name(String),
    /// The name is taken.
    #[error("the container name \"{name}\" is already in use by {id}: remove that container first, or use --replace")]
    NameInUse {
        /// The name.
        name: String,
        /// Who has it.
        id: String,
    },
    /// It must be stopped first, or removed by force: its ID. The words are podman's.
    #[error(
        "cannot remove container {0} as it is running - running or paused containers cannot be removed without force: container state \
         improper"
    )]
    Running(String),
    /// It must run.
    #[error("container {0} is not running (it is {1})")]
    NotRunning(String, &'static str),
    /// What is asked does not go with what it does now. Scripts look for the last words, which are podman's.
    #[error("{0}: container state improper")]
    Improper(String),
    /// It may not be signalled.
    #[error("cannot signal container {name}")]
    Signal {
        /// The container.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not even SIGKILL ended it.
    #[error("container {0} is still there after SIGKILL: its init is stuck in the kernel, see /proc/PID/stack")]
    Undead(String),
    /// The image is not there and was not to be pulled.
    #[error("the image {0} of this container is not in the store: pull it")]
    ImageGone(String),
    /// A file or directory that the user named.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "read", "write".
        action: &'static str,
        /// The path.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An option whose value cannot be used.
    #[error("{option}: {reason}")]
    Option {
        /// The option as the user knows it.
        option: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mount.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// An image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A volume.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The container as it was asked for cannot be put into words for the OCI runtime.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The OCI runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// systemd.
    #[error(transparent)]
    Manager(#[from] ManagerError),
}

impl ContainerError {
    /// The exit code that podman-run(1) gives this failure: 125, or what the OCI runtime makes of a command that cannot be run.
    pub fn code(&self) -> u8 {
        match self {
            Self::Runtime(error) => error.code(),
            _ => 125,
        }
    }
}
