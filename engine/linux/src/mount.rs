//! Mounts: a private mount namespace, and an overlay in it.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{chroot, fchdir};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags};

use super::host::HostMounts;
use super::inside::open_without_links;

/// So many read-only layers overlayfs takes at most (Linux, fs/overlayfs/params.h, `OVL_MAX_STACK`).
pub const MAX_LOWER: usize = 500;

/// A failed mount, or what leads to one: what was done, on which path, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct MountError {
    /// What was tried, as a verb: "open", "mount at".
    pub action: &'static str,
    /// What it was tried on.
    pub path: PathBuf,
    /// Why it failed.
    pub source: std::io::Error,
}

impl MountError {
    /// For `map_err`: `fs::create_dir(p).map_err(MountError::io("create", p))`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

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
    pub fn mount(&self, target: &Path) -> Result<(), MountError> {
        let result = match self.alone() {
            Some((directory, writable)) => bind(directory, target, writable),
            None => self.mount_any(target),
        };
        result.map_err(|e| MountError::io("mount an overlay at", target)(e.into()))
    }

    /// overlayfs wants two directories: an image of one layer that stays as it is, or of none, is mounted as it is.
    fn alone(&self) -> Option<(&Path, bool)> {
        match (self.lower.as_slice(), &self.upper) {
            ([], Some((upper, _))) => Some((upper, true)),
            ([only], None) => Some((only, false)),
            _ => None,
        }
    }

    fn mount_any(&self, target: &Path) -> rustix::io::Result<()> {
        match self.mount_through(target) {
            // Kernels before 6.8 know no `lowerdir+`, those before 5.2 no fsopen(2).
            Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => self.mount_by_page(target),
            other => other,
        }
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
        let attributes = if self.upper.is_none() {
            MountAttrFlags::MOUNT_ATTR_RDONLY
        } else {
            MountAttrFlags::empty()
        };
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        move_mount(
            &mount,
            "",
            rustix::fs::CWD,
            target,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )
    }

    /// mount(2) with its one page of options: layers are named by the number of a descriptor, and looked for where those are.
    /// The target is absolute.
    fn mount_by_page(&self, target: &Path) -> rustix::io::Result<()> {
        let mut open = Vec::new();
        let mut options = OsString::new();
        let mut lower = OsString::from("lowerdir=");
        for (key, path) in self.directories("lowerdir") {
            let fd = open_directory(path)?;
            let name = fd.as_raw_fd().to_string();
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
        let flags = if self.upper.is_none() {
            MountFlags::RDONLY
        } else {
            MountFlags::empty()
        };
        let here = open_directory(Path::new("."))?;
        rustix::process::chdir("/proc/self/fd")?;
        let result = rustix::mount::mount("overlay", target, "overlay", flags, &*data);
        rustix::process::fchdir(&here)?;
        result
    }

    /// The directories and the option that each belongs to; layers topmost first.
    fn directories<'a>(&'a self, lower: &'a str) -> impl Iterator<Item = (&'a str, &'a Path)> {
        let upper = self
            .upper
            .iter()
            .flat_map(|(upper, work)| [("upperdir", upper.as_path()), ("workdir", work)]);
        self.lower.iter().map(move |path| (lower, path.as_path())).chain(upper)
    }

    /// `xino=off`: inode numbers need not be unique across layers, and a host where it is on by default prints a warning per mount.
    fn options(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        let volatile = (self.volatile && self.upper.is_some()).then_some(("volatile", None));
        let user = in_user_namespace().then_some(("userxattr", None));
        [Some(("xino", Some("off"))), volatile, user].into_iter().flatten()
    }
}

fn bind(source: &Path, target: &Path, writable: bool) -> rustix::io::Result<()> {
    rustix::mount::mount_bind(source, target)?;
    if writable {
        Ok(())
    } else {
        rustix::mount::mount_remount(target, MountFlags::BIND | MountFlags::RDONLY, c"")
    }
}

/// Attaches a directory or file of the engine's, with what is mounted in it, at `target` as well, which is made.
///
/// # Errors
/// `target` cannot be made, or the kernel refuses.
pub fn bind_tree(source: &Path, target: &Path) -> Result<(), MountError> {
    let make = || {
        let dir = target.parent().unwrap_or(target);
        fs::create_dir_all(dir)?;
        if fs::metadata(source)?.is_dir() {
            fs::create_dir(target)
        } else {
            fs::File::create_new(target).map(drop)
        }
    };
    make().map_err(MountError::io("create", target))?;
    rustix::mount::mount_bind_recursive(source, target)
        .map_err(|e| MountError::io("mount a volume at", target)(e.into()))
}

/// Attaches a directory of another process's mount namespace at `target`, which is made. None of its path is a link.
///
/// # Errors
/// The process is gone, has no such directory, or `target` cannot be made; or the kernel refuses.
pub fn attach_from_process(pid: u32, path: &Path, target: &Path) -> Result<(), MountError> {
    use rustix::mount::{OpenTreeFlags, move_mount, open_tree};
    let namespace = PathBuf::from(format!("/proc/{pid}/ns/mnt"));
    let theirs = fs::File::open(&namespace).map_err(MountError::io("open", &namespace))?;
    let home = Home::of_this_thread()?;
    let copy = setns(&theirs, CloneFlags::CLONE_NEWNS)
        .map_err(std::io::Error::from)
        .and_then(|()| {
            let root = open_directory(Path::new("/"))?;
            let relative = path.strip_prefix("/").unwrap_or(path);
            let directory = open_without_links(&root, relative, OFlags::PATH | OFlags::DIRECTORY)?;
            // Not bound to any namespace until it is attached.
            let flags =
                OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
            Ok(open_tree(&directory, "", flags)?)
        });
    home.come_back()?;
    let copy = copy.map_err(MountError::io("share", path))?;
    fs::create_dir_all(target).map_err(MountError::io("create", target))?;
    move_mount(
        &copy,
        "",
        rustix::fs::CWD,
        target,
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
    )
    .map_err(|e| MountError::io("mount at", target)(e.into()))
}

/// Attaches a directory of the engine's with the mount of the host that is on it at `target`, which is made; also where that mount
/// does not reach our own mount namespace.
///
/// # Errors
/// As [`bind_tree`] and [`attach_from_process`].
pub fn attach_from_host(path: &Path, target: &Path) -> Result<(), MountError> {
    match HostMounts::beside(path.parent().unwrap_or(path)) {
        Some(_) => attach_from_process(1, path, target),
        None => bind_tree(path, target),
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

/// Does `work` in a mount namespace of its own, where mounts arrive from the host but none go out: the kernel unmounts
/// everything when the last process in it is gone. Programs that `work` starts live in it; the caller does not, and can
/// still undo what it has mounted for everybody.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN` or `CAP_SYS_CHROOT`.
pub fn in_private_namespace<T>(work: impl FnOnce() -> T) -> Result<T, MountError> {
    let home = Home::of_this_thread()?;
    enter_private_namespace()?;
    let result = work();
    home.come_back()?;
    Ok(result)
}

/// Where a thread is at home: what setns(2) changes with the mount namespace.
struct Home {
    namespace: OwnedFd,
    root: OwnedFd,
    working_directory: OwnedFd,
}

impl Home {
    fn of_this_thread() -> Result<Self, MountError> {
        let namespace = Path::new("/proc/thread-self/ns/mnt");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self {
            namespace: rustix::fs::open(namespace, flags, Mode::empty())
                .map_err(|e| MountError::io("open", namespace)(e.into()))?,
            root: open_home(Path::new("/"))?,
            working_directory: open_home(Path::new("."))?,
        })
    }

    fn come_back(&self) -> Result<(), MountError> {
        let back = setns(&self.namespace, CloneFlags::CLONE_NEWNS)
            .and_then(|()| fchdir(&self.root))
            .and_then(|()| chroot("."))
            .and_then(|()| fchdir(&self.working_directory));
        back.map_err(|e| MountError::io("come back from a mount namespace to", Path::new("/"))(e.into()))
    }
}

fn open_home(path: &Path) -> Result<OwnedFd, MountError> {
    open_directory(path).map_err(|e| MountError::io("open", path)(e.into()))
}

/// Moves the calling thread into a mount namespace of its own, for good.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`.
pub fn enter_private_namespace() -> Result<(), MountError> {
    let root = Path::new("/");
    unshare(CloneFlags::CLONE_NEWNS).map_err(|e| MountError::io("make a mount namespace for", root)(e.into()))?;
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_SLAVE | MsFlags::MS_REC,
        None::<&str>,
    )
    .map_err(|e| MountError::io("make mounts private below", root)(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::mount::{UnmountFlags, unmount};

    struct Lab(tempfile::TempDir);

    impl Lab {
        fn path(&self, name: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        }

        /// Layers that each have a file of their own and a version of `same`; topmost first.
        fn overlay(&self, layers: usize, upper: bool) -> Overlay {
            let lower = (0..layers).rev().map(|n| {
                let path = self.path(&format!("layer,with:signs-{n}/{}", "x".repeat(200)));
                fs::write(path.join(format!("own-{n}")), b"").unwrap();
                fs::write(path.join("same"), n.to_string()).unwrap();
                path
            });
            let lower = lower.collect();
            Overlay {
                lower,
                upper: upper.then(|| (self.path("upper"), self.path("work"))),
                volatile: true,
            }
        }
    }

    /// Unmounts also when an assertion fails.
    struct Mounted(PathBuf);

    impl Drop for Mounted {
        fn drop(&mut self) {
            unmount(&self.0, UnmountFlags::DETACH).unwrap();
        }
    }

    type Way = fn(&Overlay, &Path) -> rustix::io::Result<()>;
    const WAYS: [Way; 2] = [Overlay::mount_through, Overlay::mount_by_page];

    #[test]
    fn both_interfaces_mount_as_many_layers_as_there_may_be() {
        for way in WAYS {
            let lab = Lab(tempfile::tempdir().unwrap());
            let overlay = lab.overlay(MAX_LOWER, true);
            let target = lab.path("target");
            way(&overlay, &target).unwrap();
            let _mounted = Mounted(target.clone());
            assert_eq!(fs::read_to_string(target.join("same")).unwrap(), "499");
            assert!(target.join("own-0").exists());
            fs::write(target.join("new"), b"").unwrap();
            assert!(lab.path("upper").join("new").exists());
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            let options = mounts.lines().find(|l| l.contains(target.to_str().unwrap())).unwrap();
            assert!(options.contains("volatile"), "{options}");
        }
    }

    #[test]
    fn without_upper_it_is_read_only() {
        for (layers, way) in [
            (2, WAYS[0]),
            (2, WAYS[1]),
            (1, |o, t| o.mount(t).map_err(|_| Errno::INVAL)),
        ] {
            let lab = Lab(tempfile::tempdir().unwrap());
            let overlay = lab.overlay(layers, false);
            let target = lab.path("target");
            way(&overlay, &target).unwrap();
            let _mounted = Mounted(target.clone());
            assert!(target.join("own-0").exists());
            let error = fs::write(target.join("new"), b"").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EROFS));
        }
    }

    #[test]
    fn an_image_without_layers_is_an_empty_writable_root() {
        let lab = Lab(tempfile::tempdir().unwrap());
        let target = lab.path("target");
        lab.overlay(0, true).mount(&target).unwrap();
        let _mounted = Mounted(target.clone());
        fs::write(target.join("new"), b"").unwrap();
        assert!(lab.path("upper").join("new").exists());
    }

    #[test]
    fn a_missing_layer_is_an_error_that_names_the_target() {
        let lab = Lab(tempfile::tempdir().unwrap());
        let mut overlay = lab.overlay(2, true);
        overlay.lower.push(lab.0.path().join("missing"));
        let error = overlay.mount(&lab.path("target")).unwrap_err();
        assert!(error.to_string().contains("target"), "{error}");
    }

    #[test]
    fn what_is_mounted_in_a_private_namespace_is_seen_there_only() {
        let dir = tempfile::tempdir().unwrap();
        let link = |name: &str| fs::read_link(format!("/proc/thread-self/{name}")).unwrap();
        std::env::set_current_dir(dir.path()).unwrap();
        let outside = ["ns/mnt", "root", "cwd"].map(link);
        let inside = in_private_namespace(|| {
            mount(None::<&str>, dir.path(), Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
            fs::write(dir.path().join("file"), b"").unwrap();
            link("ns/mnt")
        });
        assert_ne!(inside.unwrap(), outside[0]);
        assert_eq!(["ns/mnt", "root", "cwd"].map(link), outside);
        assert!(!dir.path().join("file").exists());
        std::env::set_current_dir("/").unwrap();
    }
}
