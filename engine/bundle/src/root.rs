//! Reading inside a root file system that nobody trusts: symbolic links never lead out of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::BundleError;
use unipod_linux::inside::open_in_root;

/// Files larger than this are no account databases.
const LIMIT: u64 = 16 << 20;

/// A container's root directory.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens the directory.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty()).map_err(BundleError::io("open the root", path))?;
        Ok(Self {
            dir,
            path: path.to_path_buf(),
        })
    }

    /// Whether nothing is in a directory; so it is if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_empty(&self, path: &str) -> Result<bool, BundleError> {
        let io = |e| BundleError::io("read", self.path.join(path.trim_start_matches('/')))(e);
        let entries = match open_in_root(&self.dir, Path::new(path), OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => Dir::new(fd).map_err(io)?,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(true),
            Err(e) => return Err(io(e)),
        };
        for entry in entries {
            if !matches!(entry.map_err(io)?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Opens a directory to change what is in it.
    pub(super) fn open_dir(&self, path: &str) -> Result<OwnedFd, Errno> {
        open_in_root(&self.dir, Path::new(path), OFlags::PATH | OFlags::DIRECTORY)
    }

    /// Whether a path leads to a regular file.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub(super) fn has_file(&self, path: &Path) -> Result<bool, BundleError> {
        let io = |e: Errno| BundleError::io("look at", self.path.join(path.strip_prefix("/").unwrap_or(path)))(e);
        match open_in_root(&self.dir, path, OFlags::PATH) {
            Ok(fd) => {
                let mode = rustix::fs::fstat(fd).map_err(io)?.st_mode;
                Ok(rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::RegularFile)
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(e) => Err(io(e)),
        }
    }

    /// The text of a file; `None` if it is missing or no regular file.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    pub fn read(&self, path: &str) -> Result<Option<String>, BundleError> {
        let io = |e: io::Error| BundleError::io("read", self.path.join(path.trim_start_matches('/')))(e);
        // NONBLOCK: a FIFO planted by the image must not stop the engine.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match open_in_root(&self.dir, Path::new(path), flags) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(e) => return Err(io(e.into())),
        };
        if !file.metadata().map_err(io)?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(LIMIT).read_to_end(&mut bytes).map_err(io)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("secret");
        std::fs::write(&outside, "outside").unwrap();
        let inside = dir.path().join("root");
        std::fs::create_dir_all(inside.join("etc")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("etc/passwd")).unwrap();
        std::os::unix::fs::symlink("../../../../secret", inside.join("etc/group")).unwrap();
        let root = Root::open(&inside).unwrap();
        assert_eq!(root.read("/etc/passwd").unwrap(), None);
        assert_eq!(root.read("/etc/group").unwrap(), None);
        std::fs::write(inside.join("secret"), "inside").unwrap();
        assert_eq!(root.read("/etc/group").unwrap().as_deref(), Some("inside"));
    }
}
