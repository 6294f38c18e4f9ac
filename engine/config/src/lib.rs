//! Floor 0: containers.conf(5), what an administrator wants of every container unless its options or its unit say otherwise.
//!
//! | module | what it does |
//! |---|---|
//! | [`keys`] | the one table of keys: kind, whether it acts here, as what, and what is built in (the default capabilities) |
//! | [`places`] | which files are read, in which order |
//! | [`reference`](mod@reference) | the table for people |
//! | `load`, `values` | all files that are there, and what they say together |
//! | `file` | one file: parsed, checked against the table, every complaint with its line |
//! | `shared` | the values that helpers of the whole process need: where programs are, how netavark is called, which subnets new networks get |
//! | `environment` | the variables of the engine itself |
//!
//! Later files win key by key; a list that holds `{append=true}` adds to what was there, and so do those after it.
//!
//! A file that cannot be read or parsed, and a value of a wrong kind, is an error as in Podman: a container must not start with fewer
//! protections than it was given. A key that nobody knows is a warning.
//!
//! ```
//! use std::path::Path;
//! use unipod_config::Config;
//!
//! let mut config = Config::default();
//! config.merge(Path::new("containers.conf"), "[containers]\ntz = \"Europe/Berlin\"\n")?;
//! assert_eq!(config.text("containers.tz"), Some("Europe/Berlin"));
//! # Ok::<(), unipod_config::ConfigError>(())
//! ```

mod environment;
mod error;
mod file;
pub mod keys;
mod load;
pub mod places;
pub mod reference;
mod shared;
mod values;

pub use environment::apply_environment;
pub use error::ConfigError;
pub use load::load;
pub use shared::{Shared, set_modules, set_shared, shared};
pub use values::{Config, SubnetPool};

#[cfg(test)]
mod tests;
