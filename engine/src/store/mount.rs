//! Mounts: a private mount namespace, and an overlay in it.

use std::path::{Path, PathBuf};

use super::StoreError;

/// What an overlay is made of.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// Read-only layers, topmost first.
    pub lower: Vec<PathBuf>,
    /// The writable layer and its work directory; `None` mounts read-only.
    pub upper: Option<(PathBuf, PathBuf)>,
    /// The content is thrown away after use, so the kernel need not sync it.
    pub volatile: bool,
}

/// Moves the calling process into a mount namespace of its own, where mounts arrive from the host but none go out:
/// the kernel unmounts everything when the last process in it is gone.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`.
pub fn enter_private_namespace() -> Result<(), StoreError> {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let root = Path::new("/");
    unshare(CloneFlags::CLONE_NEWNS).map_err(|e| StoreError::io("make a mount namespace for", root)(e.into()))?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)
        .map_err(|e| StoreError::io("make mounts private below", root)(e.into()))
}
