//! What can go wrong with the store.

use std::path::{Path, PathBuf};

/// A failed operation on the store: what was done, on which path, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operating system error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "create", "rename".
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A record that exists but cannot be understood.
    #[error("the record {} is damaged", path.display())]
    Damaged {
        /// The record's path.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// Two run directories would be used with one data directory.
    #[error(
        "{} is used with the run directory {} during this boot: use that one (--runroot), or another data directory (--root)",
        data.display(),
        run.display()
    )]
    UsedElsewhere {
        /// The data directory.
        data: PathBuf,
        /// The run directory that it is used with.
        run: PathBuf,
    },
    /// The environment does not say where the store is.
    #[error("cannot find a place for the store: {0}")]
    NoPlace(&'static str),
}

impl StoreError {
    /// Whether it is about what is there and makes no sense or cannot be read, and not about us (no descriptors, no memory).
    pub fn is_damage(&self) -> bool {
        const UNREADABLE: [i32; 8] = [
            libc::EISDIR,
            libc::ENOTDIR,
            libc::ELOOP,
            libc::ENXIO,
            libc::EACCES,
            libc::EIO,
            libc::EBADMSG,
            libc::EUCLEAN,
        ];
        match self {
            Self::Damaged { .. } => true,
            Self::Io { source, .. } => source.raw_os_error().is_some_and(|code| UNREADABLE.contains(&code)),
            Self::UsedElsewhere { .. } | Self::NoPlace(_) => false,
        }
    }

    /// For `map_err`: `fs::read(p).map_err(StoreError::io("read", p))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
