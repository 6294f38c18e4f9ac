//! What an entry says about a file apart from its content.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::archive::Entry;
use super::failure::{Failure, io};

/// Owner, mode and extended attributes.
pub(super) fn set_metadata(entry: &Entry, file: impl AsFd) -> Result<(), Failure> {
    let file = file.as_fd();
    // In this order: a change of owner clears the set-user-id bit and the file's capabilities.
    rustix::fs::fchown(file, Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)))
        .map_err(io("set the owner of"))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode)).map_err(io("set the mode of"))?;
    set_xattrs(entry, |key, value| {
        rustix::fs::fsetxattr(file, key, value, XattrFlags::empty())
    })
}

/// Sets extended attributes, except the host's labels and what would speak to overlayfs in the archive's name.
/// What the file system or a user namespace does not allow is left out, as all engines do.
pub(super) fn set_xattrs(entry: &Entry, set: impl Fn(&OsStr, &[u8]) -> rustix::io::Result<()>) -> Result<(), Failure> {
    for (key, value) in &entry.xattrs {
        let ours = [
            b"trusted.overlay.".as_slice(),
            b"user.overlay.",
            b"security.selinux",
            b"security.ima",
            b"security.evm",
        ];
        if ours.iter().any(|prefix| key.starts_with(prefix)) {
            continue;
        }
        match set(OsStr::from_bytes(key), value) {
            Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
            Err(e) => return Err(io("set an extended attribute of")(e)),
        }
    }
    Ok(())
}

/// The entry's time, for access and modification.
pub(super) fn times(entry: &Entry) -> Timestamps {
    let time = Timespec {
        tv_sec: entry.mtime.0,
        tv_nsec: entry.mtime.1.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
