//! Floor 3: secrets, one file `secrets/NAME.json` of mode 0600 each, record and content together so that they change in one step.
//!
//! Contents are never logged: [`SecretData`] shows nothing of itself.
//!
//! It must not know who is told a secret, nor say one itself.
//!
//! | module | job |
//! |---|---|
//! | `error` | what can go wrong with secrets |
//! | `record` | secrets on disk: create, find, list, remove |
//! | `usage` | `--secret` values: `NAME[,type=mount\|env][,target=…][,uid=…][,gid=…][,mode=…]` (podman-run(1)) |
//! | [`verify`] | whether secrets can be read |
//!
//! ```
//! use unipod_secret::SecretData;
//!
//! let secret = SecretData::new(b"hunter2".to_vec());
//! assert_eq!(secret.expose(), b"hunter2");
//! assert!(!format!("{secret:?}").contains("hunter2"));
//! ```

mod error;
mod record;
mod usage;
pub mod verify;

pub use error::SecretError;
pub use record::{Secret, SecretData, Wanted, WhenExists, check_name, create, find, list, remove};
pub use usage::{SecretUse, Target, parse_use};
