//! Mounts: a private mount namespace, and an overlay in it.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags};

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

impl Overlay {
    /// Mounts it at `target`, an existing directory.
    ///
    /// # Errors
    /// A layer is missing, or the kernel refuses; its log then says why.
    pub fn mount(&self, target: &Path) -> Result<(), StoreError> {
        let result = match self.mount_through(target) {
            // Kernels before 6.8 know no `lowerdir+`, those before 5.2 no fsopen(2).
            Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => self.mount_by_page(target),
            other => other,
        };
        result.map_err(|e| StoreError::io("mount an overlay at", target)(e.into()))
    }

    /// The new mount interface: one call per layer, so that their number has no bound.
    fn mount_through(&self, target: &Path) -> rustix::io::Result<()> {
        use rustix::mount::{fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount};
        let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let mut open = Vec::new();
        fsconfig_set_string(&context, "source", "overlay")?;
        for (key, path) in self.directories("lowerdir+") {
            fsconfig_set_string(&context, key, spelled(path, &mut open)?)?;
        }
        for (key, value) in self.options() {
            match value {
                Some(value) => fsconfig_set_string(&context, key, value)?,
                None => fsconfig_set_flag(&context, key)?,
            }
        }
        fsconfig_create(&context)?;
        let attributes = if self.upper.is_none() { MountAttrFlags::MOUNT_ATTR_RDONLY } else { MountAttrFlags::empty() };
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        move_mount(&mount, "", rustix::fs::CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    }

    /// mount(2) with its one page of options: layers are named by descriptor, 16 bytes each.
    fn mount_by_page(&self, target: &Path) -> rustix::io::Result<()> {
        let mut open = Vec::new();
        let mut options = OsString::new();
        let mut lower = OsString::from("lowerdir=");
        for (key, path) in self.directories("lowerdir") {
            let fd = open_directory(path)?;
            let name = fd_path(fd.as_fd());
            open.push(fd);
            if key == "lowerdir" {
                lower.push(if lower == "lowerdir=" { "" } else { ":" });
                lower.push(name);
            } else {
                options.push(",");
                options.push(key);
                options.push("=");
                options.push(name);
            }
        }
        for (key, value) in self.options() {
            options.push(value.map_or(format!(",{key}"), |value| format!(",{key}={value}")));
        }
        lower.push(options);
        let data = std::ffi::CString::new(lower.as_bytes()).map_err(|_| Errno::INVAL)?;
        let flags = if self.upper.is_none() { MountFlags::RDONLY } else { MountFlags::empty() };
        rustix::mount::mount("overlay", target, "overlay", flags, &*data)
    }

    /// The directories and the option that each belongs to; layers topmost first.
    fn directories<'a>(&'a self, lower: &'a str) -> impl Iterator<Item = (&'a str, &'a Path)> {
        let upper = self.upper.iter().flat_map(|(upper, work)| [("upperdir", upper.as_path()), ("workdir", work)]);
        self.lower.iter().map(move |path| (lower, path.as_path())).chain(upper)
    }

    /// `xino=off`: inode numbers need not be unique across layers, and a host where it is on by default prints a warning per mount.
    fn options(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        let volatile = (self.volatile && self.upper.is_some()).then_some(("volatile", None));
        let user = in_user_namespace().then_some(("userxattr", None));
        [Some(("xino", Some("off"))), volatile, user].into_iter().flatten()
    }
}

/// The name by which an open descriptor can be reached, for calls that know only path names.
pub fn fd_path(fd: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// Whether the process is in a user namespace, where `trusted.*` attributes and devices are out of reach.
pub fn in_user_namespace() -> bool {
    // The initial one maps every id to itself (user_namespaces(7)).
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// fsconfig(2) takes strings of less than 256 bytes; what is longer is named by a descriptor that is kept in `open`.
fn spelled(path: &Path, open: &mut Vec<OwnedFd>) -> rustix::io::Result<PathBuf> {
    if path.as_os_str().len() < 256 {
        return Ok(path.to_owned());
    }
    let fd = open_directory(path)?;
    let name = fd_path(fd.as_fd());
    open.push(fd);
    Ok(name)
}

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
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
