//! Floor 2: secrets, one file `secrets/NAME.json` of mode 0600 each, record and content together so that they change in one step.
//!
//! Contents are never logged: [`SecretData`] shows nothing of itself.

mod error;
mod record;
mod usage;
pub mod verify;

pub use error::SecretError;
pub use record::{Secret, SecretData, Wanted, WhenExists, check_name, create, find, list, remove};
pub use usage::{SecretUse, Target, parse_use};
