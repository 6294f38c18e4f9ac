//! Directories of a layer that is being unpacked, reached by name and never outside of it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use unipod_linux::inside::open_in_root;
use unipod_linux::mount;
use unipod_store::removal;

/// A name that cannot be used.
pub(super) const ESCAPES: &str = "its name leaves the layer";

/// The layer's root, with the directory that was used last kept open: archives list a directory's files together.
pub(super) struct Root {
    root: Rc<OwnedFd>,
    last: Option<(PathBuf, Rc<OwnedFd>)>,
}

impl Root {
    pub(super) fn new(dir: &File) -> std::io::Result<Self> {
        Ok(Self {
            root: Rc::new(dir.try_clone()?.into()),
            last: None,
        })
    }

    /// Opens the directory at `path`, making it and those above it where they are missing. Symbolic links are followed as
    /// if the layer's root were `/`.
    pub(super) fn directory(&mut self, path: &Path) -> rustix::io::Result<Rc<OwnedFd>> {
        if path.as_os_str().is_empty() {
            return Ok(self.root.clone());
        }
        if let Some((last, fd)) = &self.last
            && last == path
        {
            return Ok(fd.clone());
        }
        let fd = match self.open(path) {
            Err(Errno::NOENT) => self.make(path)?,
            other => other?,
        };
        let fd = Rc::new(fd);
        self.last = Some((path.to_owned(), fd.clone()));
        Ok(fd)
    }

    /// Opens the directory at `path` if it is there.
    pub(super) fn open(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        open_in_root(&self.root, path, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// A directory was removed or replaced: what is kept open may not be what its name says any more.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    fn make(&mut self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let (above, name) = split(path).ok_or(Errno::NOENT)?;
        let parent = self.directory(above)?;
        // If the name exists, it is a symbolic link to nothing: EEXIST says so.
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
        rustix::fs::chmodat(&parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?;
        self.open(path)
    }
}

/// The path inside the layer that an archive's name means: `/a`, `./a` and `b/../a` are `a`, the root is empty.
///
/// # Errors
/// Why the name is refused.
pub(super) fn clean(name: &[u8]) -> Result<PathBuf, &'static str> {
    if name.contains(&0) {
        return Err("its name holds a NUL byte");
    }
    let mut path = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::ParentDir if !path.pop() => return Err(ESCAPES),
            _ => {}
        }
    }
    // PATH_MAX; also bounds how deep a name can nest.
    if path.as_os_str().len() >= 4096 {
        Err("its name is too long")
    } else {
        Ok(path)
    }
}

/// Directory and last part; `None` for the root.
pub(super) fn split(path: &Path) -> Option<(&Path, &OsStr)> {
    Some((path.parent()?, path.file_name()?))
}

/// Removes what is at `name`, directories with all they hold, following no link.
pub(super) fn remove(parent: impl AsFd, name: &OsStr) -> std::io::Result<()> {
    let parent = parent.as_fd();
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {
            let place = mount::fd_path(parent);
            removal::remove_directory(&place.join(name))
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_the_layer() {
        for (name, expected) in [
            ("a/b", Ok("a/b")),
            ("./a//b/", Ok("a/b")),
            ("/etc/passwd", Ok("etc/passwd")),
            ("a/../b", Ok("b")),
            (".", Ok("")),
            ("./", Ok("")),
            ("..", Err(ESCAPES)),
            ("a/../../b", Err(ESCAPES)),
            ("/../etc", Err(ESCAPES)),
        ] {
            assert_eq!(clean(name.as_bytes()), expected.map(PathBuf::from), "{name}");
        }
    }
}
