//! One mount that was asked for, whatever option asked for it.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::BundleError;

/// One mount that a container shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRequest {
    /// What.
    pub source: MountSource,
    /// Where in the container; absolute and without `.` and `..`.
    pub destination: PathBuf,
    /// As written: `ro`, `Z`, `U`, `size=5m` …
    pub options: Vec<String>,
    /// The option and its value, for messages.
    pub origin: Origin,
}

/// How a mount was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    kind: OriginKind,
    /// The option's value; the destination for an image's volume.
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OriginKind {
    Volume,
    Mount,
    Tmpfs,
    Image,
}

impl Origin {
    /// The option's name.
    pub fn option(&self) -> &'static str {
        match self.kind {
            OriginKind::Volume => "--volume",
            OriginKind::Mount => "--mount",
            OriginKind::Tmpfs => "--tmpfs",
            OriginKind::Image => "the image's volume",
        }
    }

    /// An error about this mount.
    pub fn invalid(&self, reason: impl Into<String>) -> BundleError {
        BundleError::invalid(self.option(), &self.value, reason)
    }
}

/// What is mounted. Volumes, images and artifacts are resolved into [`crate::HostMount`]s by the caller; the rest is
/// done where the bundle is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountSource {
    /// A file or directory of the host.
    HostPath(PathBuf),
    /// A named volume, or a directory in it.
    NamedVolume {
        /// The volume's name.
        name: String,
        /// `subpath=`.
        subpath: Option<PathBuf>,
    },
    /// A volume that nobody names; it ends with the container.
    Anonymous,
    /// The root of an image, or a directory in it.
    Image {
        /// The image as named by the user.
        reference: String,
        /// `subpath=`.
        subpath: Option<PathBuf>,
        /// Changes are kept until the container ends.
        writable: bool,
    },
    /// An OCI artifact.
    Artifact(String),
    /// All files of the host that a pattern matches, each below the destination.
    Glob(String),
    /// Memory.
    Tmpfs,
    /// Memory without a limit.
    Ramfs,
    /// Terminals.
    Devpts,
}

impl MountRequest {
    pub(super) fn of_mount(
        source: MountSource,
        destination: &str,
        options: Vec<String>,
        text: &str,
    ) -> Result<Self, BundleError> {
        Self::new(source, destination, options, OriginKind::Mount, text)
    }

    pub(super) fn new(
        source: MountSource,
        destination: &str,
        options: Vec<String>,
        kind: OriginKind,
        text: &str,
    ) -> Result<Self, BundleError> {
        let origin = Origin {
            kind,
            value: text.to_owned(),
        };
        let destination = clean(destination).map_err(|reason| origin.invalid(reason))?;
        Ok(Self {
            source,
            destination,
            options,
            origin,
        })
    }
}

/// A path of the host; a relative one is below the working directory.
pub(super) fn host_path(path: &str) -> Result<PathBuf, BundleError> {
    std::path::absolute(path).map_err(BundleError::io("find", path))
}

/// A path in the container, which must be absolute and not the root, without `.`, `..` and doubled slashes.
pub(crate) fn clean(destination: &str) -> Result<PathBuf, &'static str> {
    if !destination.starts_with('/') {
        return Err("the destination is no absolute path");
    }
    let mut path = PathBuf::from("/");
    for component in Path::new(destination).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    if path == Path::new("/") {
        Err("the destination is the root itself")
    } else {
        Ok(path)
    }
}
