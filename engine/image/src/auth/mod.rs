//! Credentials for registries, from the files and helpers that every engine shares.
//!
//! Source: containers-auth.json(5); the protocol of docker-credential-helpers.

//! | file | job |
//! |---|---|
//! | `read` | which credentials a registry gets, and from where |
//! | `write` | where `login` keeps them, and `logout` takes them from |

mod read;
mod write;

pub(crate) use read::from_option;
pub use read::{AuthError, AuthFiles, Credentials};
pub use write::{logout, logout_all, remember};
