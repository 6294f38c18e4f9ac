//! What can be wrong with a request for a bundle.

use std::io;
use std::path::{Path, PathBuf};

/// Why a bundle cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// An option's value that means nothing.
    #[error("{option} {value:?}: {reason}")]
    Invalid {
        /// The option's name with its dashes.
        option: &'static str,
        /// As given.
        value: String,
        /// What is wrong, or what is accepted.
        reason: String,
    },
    /// An option that this machine cannot grant.
    #[error("{option} {value} is refused here: {reason}")]
    Lacking {
        /// The option's name with its dashes.
        option: &'static str,
        /// As given.
        value: String,
        /// What the machine lacks.
        reason: String,
    },
    /// An operating system error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A seccomp profile that cannot be read.
    #[error("the seccomp profile {} is not understood", path.display())]
    Profile {
        /// The profile.
        path: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },
    /// Nothing to run.
    #[error("no command: neither the command line nor the image names one")]
    NoCommand,
}

impl BundleError {
    /// A value that means nothing.
    pub fn invalid(option: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            option,
            value: value.into(),
            reason: reason.into(),
        }
    }

    /// A value that this machine cannot grant.
    pub(crate) fn lacking(option: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Lacking {
            option,
            value: value.into(),
            reason: reason.into(),
        }
    }

    /// For `map_err` on an operating system error.
    pub fn io<E: Into<io::Error>>(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(E) -> Self {
        move |source| Self::Io {
            action,
            path: path.as_ref().to_path_buf(),
            source: source.into(),
        }
    }
}
