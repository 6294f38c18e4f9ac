//! What can go wrong with networks.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use unipod_linux::pin::PinError;
use unipod_store::StoreError;

/// A network operation that failed: what was wanted, on what, and why not.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something the user wrote makes no sense.
    #[error("{what} {value:?}: {why}")]
    Invalid {
        /// What kind of value, in the user's words: "subnet", "published port".
        what: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// It makes sense, but this engine or this host cannot do it.
    #[error("{0}")]
    Unsupported(String),
    /// No such network.
    #[error("unable to find network with name or ID {0}: network not found")]
    NotFound(String),
    /// A network of that name is there already.
    #[error("network name {0} already used: network already exists")]
    Exists(String),
    /// The network has containers on it.
    #[error("network {name} is being used by {}", users.join(", "))]
    InUse {
        /// The network.
        name: String,
        /// The containers.
        users: Vec<String>,
    },
    /// A container asks for an address that another one has.
    #[error("address {address} of network {network} is in use by container {holder}")]
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// The network.
        network: String,
        /// The container that has it.
        holder: String,
    },
    /// Every address of a network is leased.
    #[error("no free address is left in {range} of network {network}")]
    Exhausted {
        /// The subnet or lease range.
        range: String,
        /// The network.
        network: String,
    },
    /// No subnet is free for a new network.
    #[error("no free subnet is left for a new network; choose one with --subnet")]
    NoSubnet,
    /// A host port is taken.
    #[error("port {port}/{protocol} on {address} is already in use{}", by.as_ref().map(|b| format!(" by {kind} {b}")).unwrap_or_default())]
    PortTaken {
        /// The host port.
        port: u16,
        /// `tcp` or `udp`.
        protocol: String,
        /// The host address.
        address: String,
        /// The container or pod that has it; absent if it is another program.
        by: Option<String>,
        /// Which of the two.
        kind: &'static str,
    },
    /// A helper program is not installed.
    #[error("{program} is not installed: looked in {} and PATH", searched.join(", "))]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// Where it was looked for, PATH apart.
        searched: Vec<String>,
    },
    /// A helper program could not be run.
    #[error("cannot run {}", program.display())]
    Run {
        /// Its path.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A helper program reported a failure.
    #[error("{program} {action} failed: {message}")]
    Helper {
        /// `netavark` or `pasta`.
        program: &'static str,
        /// What it was to do.
        action: &'static str,
        /// Its own words.
        message: String,
    },
    /// netavark's answer is not what it is known to answer.
    #[error("netavark's answer makes no sense")]
    Answer(#[source] serde_json::Error),
    /// A network namespace could not be made or pinned.
    #[error(transparent)]
    Namespace(#[from] PinError),
}

impl NetworkError {
    /// The ID of the container that has what was asked for.
    pub fn holder(&self) -> Option<&str> {
        match self {
            Self::AddressTaken { holder, .. } => Some(holder),
            Self::PortTaken { by, .. } => by.as_deref(),
            _ => None,
        }
    }

    /// Shorthand for [`NetworkError::Invalid`].
    pub(crate) fn invalid(what: &'static str, value: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            what,
            value: value.into(),
            why: why.into(),
        }
    }
}
