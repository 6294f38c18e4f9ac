//! Why an archive could not be unpacked, before it is known which layer it belongs to.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::LayerError;
use super::archive::CopyError;

/// Why an archive could not be unpacked; the entry's name is added where it is known.
#[derive(Debug)]
pub(super) enum Failure {
    Archive(io::Error),
    Refused(&'static str),
    Io(&'static str, io::Error),
    At(PathBuf, Box<Failure>),
}

impl Failure {
    pub(super) fn into_layer_error(self, place: &Path, diff_id: &str) -> LayerError {
        let (entry, failure) = match self {
            Self::At(path, failure) => (path.display().to_string(), *failure),
            other => (String::new(), other),
        };
        match failure {
            Self::Io(_, source)
                if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                LayerError::DiskFull {
                    place: place.into(),
                    entry,
                    source,
                }
            }
            Self::Io(action, source) => LayerError::Entry { action, entry, source },
            Self::Refused(reason) => LayerError::Refused { entry, reason },
            Self::Archive(source) => LayerError::Archive {
                diff_id: diff_id.into(),
                source,
            },
            Self::At(_, inner) => inner.into_layer_error(place, diff_id),
        }
    }
}

/// For `map_err`.
pub(super) fn io<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Failure {
    move |e| Failure::Io(action, e.into())
}

/// The archive's end or the file's.
pub(super) fn copy_failure(error: CopyError) -> Failure {
    match error {
        CopyError::Read(e) => Failure::Archive(e),
        CopyError::Write(e) => Failure::Io("write", e),
    }
}

/// Why the directory of an entry cannot be reached or made.
pub(super) fn parent_failure(error: Errno) -> Failure {
    match error {
        Errno::EXIST => Failure::Refused("its directory is a symbolic link to nothing"),
        Errno::NOTDIR => Failure::Refused("its directory is a file"),
        Errno::LOOP => Failure::Refused("its directory is a loop of symbolic links"),
        e => io("create the directory of")(e),
    }
}
