//! What is mounted on a volume's directory, and how it is unmounted.

use std::path::Path;

use nix::mount::{MntFlags, umount2};
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use unipod_store::StoreError;

/// Whether something is mounted on `path`.
pub(super) fn is_mount_root(path: &Path) -> bool {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
        .is_ok_and(|s| s.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Unmounts whatever is on `path`, so that removing the volume does not empty the device.
pub(super) fn detach(path: &Path) -> Result<(), StoreError> {
    while is_mount_root(path) {
        umount2(path, MntFlags::UMOUNT_NOFOLLOW).map_err(|e| StoreError::io("unmount", path)(e.into()))?;
    }
    Ok(())
}
