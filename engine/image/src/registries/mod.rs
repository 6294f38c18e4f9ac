//! registries.conf: where an image name really leads, and what a short name means.
//!
//! Source: containers-registries.conf(5), containers-registries.conf.d(5), version 2 of the format.
//!
//! | file | job |
//! |---|---|
//! | `files` | which files are read, and how they are merged |
//! | `rules` | where a name leads: candidates of a short name, mirrors, what is blocked |

mod error;
mod files;
mod rules;

pub use error::RegistriesError;
pub use files::Files;
pub use rules::{Endpoint, Registries};
