//! Floor 1: what is on disk, and how it gets there without ever being half there.
//!
//! ```text
//! /var/lib/unipod/  (rootless: $XDG_DATA_HOME/unipod)     what outlives a boot
//!   blobs/sha256/HEX        content store in OCI image-layout form
//!   layers/CHAINID/         unpacked layers, read-only once committed
//!   layers/CHAINID.json     what is known about one
//!   layers/CHAINID.files    what it consists of
//!   mount-points/           below every image's layers: empty files and directories to mount over
//!   images/                 one small record per reference
//!   volumes/ networks/ secrets/
//!   containers/NAME.json    records of containers that outlive a boot (no `--rm`)
//!   containers/ID/          upper and work directory of such a container
//!   pods/NAME.json          records of pods that outlive a boot: those of the command line
//!   ephemeral/STAMP/ID/     the same for `--rm` containers; STAMP is this boot's, others are garbage
//!   run.json                the run directory that it is used with, and in which boot
//!   tmp/                    unfinished work; each entry is flocked by its maker, unlocked means abandoned
//! /run/unipod/  (rootless: $XDG_RUNTIME_DIR/unipod)       what must not outlive a boot
//!   boot                    the stamp of this boot
//!   containers/NAME.json    records of `--rm` containers
//!   bundles/ID/             config.json, generated /etc files, the OCI runtime's state
//!   netns/ID                pinned network namespaces
//!   pods/NAME.json          records of pods of units
//!   pods/ID/                pinned namespaces, shared memory and `/etc` files of a pod that runs
//!   leases/NETWORK/ADDRESS  addresses in use, the content is the container's ID
//!   seccomp/NAME            compiled system call filters
//!   locks/KIND-NAME         flock files, one per object
//! ```
//!
//! It must not know what is kept: containers, images, volumes and networks are the business of those above.
//!
//! | module | job |
//! |---|---|
//! | [`atomic`] | files that are there whole or not at all: written without a name, synced, then named |
//! | [`chown`] | giving a whole tree to somebody, while a container may be changing it: no name is followed, and only the directory in which the change is at work is open, for trees are deeper than there are descriptors |
//! | [`directory`] | directories that are made with the right mode from the start, and names that are on the disk |
//! | `error` | what can go wrong with the store |
//! | [`id`] | container identifiers, 64 hexadecimal digits, as every engine writes them; and what may be a name |
//! | [`lock`] | one lock per object, held briefly, released by the kernel if its holder dies |
//! | [`named`] | small files that a caller names, in places where others may have put something else: no link is followed, and nobody waits at a FIFO, where signals may be blocked and a lock is held |
//! | `pairing` | which run directory a data directory is used with during a boot |
//! | [`paths`] | where everything is |
//! | [`problem`] | what a check of the store finds, and what can be done about it |
//! | [`removal`] | removing trees, however deep they are: what a container writes, or an image brings, decides that |
//! | [`scratch`] | unfinished work in `tmp/`: flocked by its maker, so that what a killed process left behind can be told and removed |
//!
//! ```
//! use unipod_store::{Durability, Store, read_json, write_json};
//!
//! # let dir = tempfile::tempdir().unwrap();
//! let store = Store::at(dir.path().join("data"), dir.path().join("run"))?;
//! let file = store.networks().join("shop.json");
//! // Whoever is killed while this runs leaves the file as it was.
//! write_json(&file, &"a record", Durability::Synced)?;
//! assert_eq!(read_json::<String>(&file)?.as_deref(), Some("a record"));
//! # Ok::<(), unipod_store::StoreError>(())
//! ```

pub mod atomic;
pub mod chown;
pub mod directory;
mod error;
pub mod id;
pub mod lock;
pub mod named;
mod pairing;
pub mod paths;
pub mod problem;
pub mod removal;
pub mod scratch;

pub use atomic::{names_in, read_all, read_json, remove_record, set_mode, undamaged, write_atomic, write_json};
pub use chown::chown_tree;
pub use directory::{Durability, create_private};
pub use error::StoreError;
pub use id::ContainerId;
pub use lock::Lock;
pub use paths::Store;
pub use removal::remove_tree;
pub use scratch::{Scratch, sweep_tmp};

/// What tests of all floors begin with.
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test ends there")]
pub mod testing {
    use super::Store;

    /// An empty store in a directory of its own, which goes with the first value.
    pub fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        (dir, store)
    }
}
