//! Why containers.conf has no say.

use std::path::PathBuf;

/// Why containers.conf has no say.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is not there, no regular file, too large, or may not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or a value is of the wrong kind.
    #[error("{path}:{line}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line in it.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A module that was asked for is in none of the directories.
    #[error("--module {module}: no such file; looked in {}", searched.iter().map(|d| d.display().to_string()).collect::<Vec<_>>().join(", "))]
    Module {
        /// As it was named.
        module: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
}
