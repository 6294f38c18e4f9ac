//! What a container gets from the pod that it is in. Which pods there are, and how they live, is not known here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use unipod_bundle::{IdMappings, Namespace, SharedFiles};
use unipod_network::Status;
use unipod_store::{self as store, Store, StoreError, undamaged};

/// The pod that a container is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodUse {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The service that it is, without which no member's service goes on.
    pub unit: String,
    /// The slice for services of members, where they are ours to make.
    pub slice: Option<String>,
    /// What its members share, in the words of `--share`.
    #[serde(default)]
    pub share: Vec<String>,
    /// Its host name, which is theirs if they share it.
    #[serde(default)]
    pub hostname: Option<String>,
}

impl PodUse {
    /// Whether its members share a namespace, by the word of `--share`.
    pub fn shares(&self, word: &str) -> bool {
        self.share.iter().any(|shared| shared == word)
    }
}

/// What a pod that runs has for its members. A namespace that is absent is each member's own.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// The network namespace, or that there is none but the host's.
    pub network: Option<Namespace>,
    /// What its networks gave it.
    pub status: Option<Status>,
    /// The IPC namespace.
    pub ipc: Option<PathBuf>,
    /// The shared memory that belongs to it, a mount of the host's.
    pub shm: Option<PathBuf>,
    /// The UTS namespace.
    pub uts: Option<PathBuf>,
    /// The PID namespace.
    pub pid: Option<PathBuf>,
    /// The user namespace.
    pub users: Option<PathBuf>,
    /// Host name and files of `/etc`.
    pub files: SharedFiles,
}

/// The IDs of the host that pods have, except the pod `except`: nobody else may get them. This is all of a pod's record that is
/// read here.
///
/// # Errors
/// The store cannot be read.
pub(super) fn id_mappings(store: &Store, except: &str) -> Result<Vec<IdMappings>, StoreError> {
    #[derive(Deserialize)]
    struct Range {
        id: String,
        id_mappings: Option<IdMappings>,
    }
    let mut all = Vec::new();
    for ephemeral in [true, false] {
        for record in store::read_all(&store.pod_records(ephemeral))? {
            let range = undamaged(record.map(Some))?.filter(|range: &Range| range.id != except);
            all.extend(range.and_then(|range| range.id_mappings));
        }
    }
    Ok(all)
}
