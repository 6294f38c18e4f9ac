//! Floor 3: named volumes.
//!
//! ```text
//! /var/lib/unipod/volumes/NAME/volume.json   the record; a directory without one is unfinished and means nothing
//! /var/lib/unipod/volumes/NAME/_data         the content; the mount point if the volume has a device
//! /var/lib/unipod/volumes/NAME/populated     the image's content was copied in, or never will be
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`options`] | `--opt` values: what is mounted, who owns it, whether it is populated |
//! | `record` | create, find, find_exact, list, remove |
//! | `populate`, `copy` | the image's content into a volume that is used first |
//! | `error` | what can go wrong with volumes |
//! | [`verify`] | whether volumes are volumes |
//! | `attach`, `detach` | the host path to bind, after mounting the device if there is one; and back |
//!
//! It must not know who mounts a volume: whoever removes one says who uses it.
//!
//! ```
//! use unipod_volume::{Wanted, create, find};
//!
//! # let dir = tempfile::tempdir().unwrap();
//! let store = unipod_store::Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
//! let wanted = Wanted {
//!     name: Some("shop-data".to_owned()),
//!     ..Wanted::default()
//! };
//! create(&store, &wanted, false)?;
//! assert_eq!(find(&store, "shop-data")?.name, "shop-data");
//! # Ok::<(), unipod_volume::VolumeError>(())
//! ```

mod attach;
mod copy;
mod detach;
mod error;
pub mod options;
mod populate;
mod record;
pub mod verify;

pub use copy::Owner;
pub use error::VolumeError;
pub use options::Options;
pub use record::{
    Created, Volume, Wanted, check_name, create, find, find_exact, list, remove, remove_anonymous, sweep,
    sweep_earlier_boots,
};
