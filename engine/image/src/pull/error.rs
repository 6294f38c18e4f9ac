//! Why an image cannot be pulled.

use crate::download::DownloadError;
use crate::manifest::ManifestError;
use crate::policy::PolicyError;
use crate::reference::ReferenceError;
use crate::registries::RegistriesError;

/// Why an image cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] ReferenceError),
    /// registries.conf stands in the way.
    #[error(transparent)]
    Registries(#[from] RegistriesError),
    /// policy.json stands in the way.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy is `never` and there is no such image.
    #[error("{0}: image not known, and the pull policy is never")]
    Never(String),
    /// Credentials are for one registry, and it is not said which. (podman shows them to each.)
    #[error(
        "--creds would show the password to each registry that {name} may be in: write the whole name, one of {}",
        candidates.join(", ")
    )]
    ManyPlaces {
        /// The short name.
        name: String,
        /// What it may stand for.
        candidates: Vec<String>,
    },
    /// `--retry-delay` is no duration.
    #[error("invalid --retry-delay {0:?}: write a duration such as 500ms, 5s or 1m")]
    Delay(String),
    /// No place has it, or none could be asked.
    #[error("cannot pull {image}: {}", attempts.join("; "))]
    Unavailable {
        /// What was asked for, as written.
        image: String,
        /// Every place that was tried, with the reason why it failed.
        attempts: Vec<String>,
    },
    /// `--all-tags` and what else was said exclude each other, or there are none.
    #[error("cannot pull all tags of {name}: {reason}")]
    AllTags {
        /// What was asked for.
        name: String,
        /// What stands in the way.
        reason: &'static str,
    },
    /// Some tags of a repository could not be pulled; the others are there.
    #[error("{} of {tags} tags of {name} could not be pulled: {}", failures.len(), failures.join("; "))]
    SomeTags {
        /// The repository.
        name: String,
        /// How many tags it has.
        tags: usize,
        /// What went wrong with which.
        failures: Vec<String>,
    },
    /// Its manifest or configuration cannot be used.
    #[error("cannot use image {image}")]
    Manifest {
        /// The image.
        image: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// A part of it cannot be fetched or unpacked.
    #[error("cannot pull {image}")]
    Download {
        /// The image.
        image: String,
        /// Which part, and why.
        source: DownloadError,
    },
}
