//! What can be wrong with registries.conf, or with a name under its rules.

use std::path::PathBuf;

use crate::reference::ReferenceError;

/// What can be wrong with registries.conf, or with a name under its rules.
#[derive(Debug, thiserror::Error)]
pub enum RegistriesError {
    /// A file that was named, or is there, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what containers-registries.conf(5) describes.
    #[error("cannot understand {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: Box<toml::de::Error>,
    },
    /// `blocked = true`.
    #[error("registry {prefix} is blocked in registries.conf, so {image} may not be pulled")]
    Blocked {
        /// The name that was to be pulled.
        image: String,
        /// The table that forbids it.
        prefix: String,
    },
    /// Neither alias nor search list knows the short name.
    #[error(
        "short name {name:?} has no alias and registries.conf has no unqualified-search-registries; \
         write the registry too, such as docker.io/{name}"
    )]
    NoRegistry {
        /// The short name.
        name: String,
    },
    /// `short-name-mode = "enforcing"` and more than one registry to choose from.
    #[error("short name {name:?} could be in any of {}; short-name-mode is enforcing, so write the registry too", registries.join(", "))]
    Ambiguous {
        /// The short name.
        name: String,
        /// The search list.
        registries: Vec<String>,
    },
    /// A rewritten or aliased name is no image reference.
    #[error("registries.conf leads to something that is no image name")]
    Reference(#[from] ReferenceError),
}
