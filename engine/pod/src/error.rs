//! What can go wrong with a pod.

use std::path::PathBuf;

use unipod_bundle::BundleError;
use unipod_container::ContainerError;
use unipod_container::record::Failure;
use unipod_container::service::StartError;
use unipod_linux::MountError;
use unipod_linux::pin::PinError;
use unipod_network::NetworkError;
use unipod_store::StoreError;
use unipod_systemd::manager::ManagerError;

/// What can go wrong with a pod.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// No pod has this name or ID.
    #[error("no pod with name or ID {0} found: no such pod")]
    NotFound(String),
    /// There are none at all.
    #[error("no such pod")]
    None,
    /// More than one ID begins like this.
    #[error("more than one pod has an ID that begins with {0}: give more digits, or the name")]
    Ambiguous(String),
    /// The name is not one.
    #[error("running pod create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")]
    Name(String),
    /// The name is taken.
    #[error("adding pod to state: name \"{name}\" is in use: {kind} already exists")]
    NameInUse {
        /// The name.
        name: String,
        /// Who has it: a pod or a container.
        kind: &'static str,
    },
    /// It has to be started before.
    #[error("pod {0} is not running: start it first, see: unipod pod start --help")]
    NotRunning(String),
    /// Members run, and force was not asked for. The words are podman's.
    #[error("not all containers could be removed from pod {id}: removing pod containers")]
    InUse {
        /// The pod.
        id: String,
        /// A sentence for each member that runs.
        members: Vec<String>,
    },
    /// A member asks for what the pod has for all.
    #[error("invalid config provided: {0}")]
    Member(&'static str),
    /// A limit of a pod that is a unit.
    #[error(
        "{0}: the members of a .pod file are units that have slices of their own: set Slice= in the [Service] of each, and the limit on that slice"
    )]
    LimitInUnit(&'static str),
    /// A member asks for users of its own.
    #[error("cannot set user namespace mode when joining pod with infra container: invalid argument")]
    Users,
    /// Our own program is nowhere.
    #[error("cannot find our own program")]
    Program(#[source] std::io::Error),
    /// The process that some pods have.
    #[error("cannot start or end the process that holds the pod")]
    Holder(#[source] std::io::Error),
    /// The file that a unit waits for.
    #[error("cannot write the file of --infra-conmon-pidfile, {}", .0.display())]
    PidFile(PathBuf, #[source] std::io::Error),
    /// A member.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The pod or a member does not start: what the engine in its unit has said.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// A namespace.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// A mount.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A file of `/etc`.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// systemd.
    #[error(transparent)]
    Manager(#[from] ManagerError),
}

impl From<StartError> for PodError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Failed(failure) => Self::Failed(failure),
            StartError::Container(error) => Self::Container(error),
        }
    }
}

impl PodError {
    /// The exit code that podman-run(1) and its neighbours give it: a container's own, else 125.
    pub fn code(&self) -> u8 {
        match self {
            Self::Container(error) => error.code(),
            Self::Failed(failure) => failure.code,
            _ => 125,
        }
    }

    /// The exit code that podman-pod-rm(1) and its neighbours give it: 1 for a pod that is not there, else 125.
    pub fn code_of_removal(&self) -> u8 {
        match self {
            Self::NotFound(_) | Self::None => 1,
            _ => 125,
        }
    }
}
