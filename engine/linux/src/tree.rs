//! Detached mounts: a view of a directory or file with attributes of its own, attached nowhere (open_tree(2),
//! mount_setattr(2)). It lasts as long as its descriptor, or as what was executed or opened through it.

// mount_setattr(2) has no safe wrapper yet.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};

/// A view of `path` that nobody can write through, nor make writable again.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`, or the kernel is older than 5.12.
pub fn read_only(path: &Path) -> io::Result<OwnedFd> {
    let tree = clone(path)?;
    set_attribute(&tree, libc::MOUNT_ATTR_RDONLY, None)?;
    Ok(tree)
}

/// A view of `path` with its owners shifted as `namespace`, a user namespace, maps them.
///
/// # Errors
/// The file system knows no such mounts, or as [`read_only`].
pub fn shifted(path: &Path, namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let tree = clone(path)?;
    set_attribute(&tree, libc::MOUNT_ATTR_IDMAP, Some(namespace)).map_err(|e| match e.raw_os_error() {
        Some(libc::EINVAL) => io::Error::new(
            e.kind(),
            "this file system does not support mounts with shifted owners (idmapped mounts)",
        ),
        _ => e,
    })?;
    Ok(tree)
}

fn clone(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    Ok(open_tree(CWD, path, flags)?)
}

fn set_attribute(tree: &OwnedFd, attribute: u64, namespace: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attribute,
        attr_clr: 0,
        propagation: 0,
        userns_fd: namespace.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs())),
    };
    let size = size_of_val(&attributes);
    // SAFETY: the descriptors are open, the path is an empty C string, and the kernel reads `size` bytes of a live structure.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::fd_path;

    #[test]
    fn nothing_is_written_through_a_read_only_view() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "before").unwrap();
        let view = read_only(&file).unwrap();
        let error = std::fs::write(fd_path(&view), "after").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EROFS));
        std::fs::write(&file, "after").unwrap();
        assert_eq!(
            std::fs::read_to_string(fd_path(&view)).unwrap(),
            "after",
            "it is the same file"
        );
    }
}
