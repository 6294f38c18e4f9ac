//! Namespaces that live without a process: each is held by a bind mount of it on a file, its pin (as `ip netns` does).
//!
//! A pin made inside a private mount namespace would not be seen outside it: pins are made and removed in the host's, whatever
//! the unit's sandboxing is.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use super::UserNamespace;
use super::host::HostMounts;

/// A namespace could not be made, pinned or let go.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the {what} {}{}", pin.display(), forbidden(source))]
pub struct PinError {
    /// What was tried, as a verb.
    action: &'static str,
    /// On what.
    what: &'static str,
    /// The pin.
    pin: PathBuf,
    /// Why it failed.
    source: io::Error,
}

impl PinError {
    /// For `map_err`.
    pub fn of(action: &'static str, what: &'static str, pin: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let pin = pin.to_owned();
        move |source| Self {
            action,
            what,
            pin,
            source,
        }
    }
}

/// One of which it is not known of what kind.
const NAMESPACE: &str = "namespace";

/// What to look at when the kernel forbids what root may do.
fn forbidden(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::PermissionDenied {
        " (do RestrictNamespaces= or CapabilityBoundingSet= of the unit forbid it?)"
    } else {
        ""
    }
}

/// A kind of namespace that can be pinned while it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `net`.
    Network,
    /// `ipc`.
    Ipc,
    /// `uts`.
    Uts,
}

impl Kind {
    /// Its name in `/proc/PID/ns`, namespaces(7).
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "net",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Network => "network namespace",
            Self::Ipc => "IPC namespace",
            Self::Uts => "UTS namespace",
        }
    }

    fn flag(self) -> CloneFlags {
        match self {
            Self::Network => CloneFlags::CLONE_NEWNET,
            Self::Ipc => CloneFlags::CLONE_NEWIPC,
            Self::Uts => CloneFlags::CLONE_NEWUTS,
        }
    }
}

/// Makes a namespace of each of these kinds, has `furnish` do in them what is to be done, and pins them for the whole host. They
/// belong to the user namespace `owner`, or to the caller's. All pins are in the directory of
/// the run files, in directories that are there.
///
/// A thread of its own leaves for the new namespaces and ends there; the caller stays where it is.
///
/// # Errors
/// The kernel refuses a namespace or its mount, `furnish` fails, or a pin cannot be made.
pub fn create(
    pins: &[(Kind, &Path)],
    owner: Option<&UserNamespace>,
    furnish: impl FnOnce() -> io::Result<()> + Send,
) -> Result<(), PinError> {
    let Some((kind, first)) = pins.first() else {
        return Ok(());
    };
    let fail = |action| PinError::of(action, kind.title(), first);
    on_the_host(first, || {
        for (kind, pin) in pins {
            prepare(pin).map_err(PinError::of("prepare the file of", kind.title(), pin))?;
        }
        enter_new(pins, owner).map_err(fail("make"))?;
        furnish().map_err(fail("furnish"))?;
        for (kind, pin) in pins {
            attach(Path::new(&format!("/proc/thread-self/ns/{}", kind.name())), pin)?;
        }
        Ok(())
    })
}

/// Pins a user namespace.
///
/// # Errors
/// The kernel refuses, or the file cannot be made.
pub fn create_of_users(pin: &Path, users: &UserNamespace) -> Result<(), PinError> {
    create_of(pin, &users.path())
}

/// Pins a namespace that a process has, by its file in `/proc/PID/ns`.
///
/// # Errors
/// There is no such process, it may not be looked into, or the file of the pin cannot be made.
pub fn create_of(pin: &Path, namespace: &Path) -> Result<(), PinError> {
    on_the_host(pin, || {
        prepare(pin).map_err(PinError::of("prepare the file of", NAMESPACE, pin))?;
        attach(namespace, pin)
    })
}

/// The name by which programs that we start find the namespace that is pinned at `pin`: in a mount namespace that gets nothing
/// from the host's (`MountFlags=private` of systemd.exec(5)), the pin is an empty file.
pub fn name_for_programs(pin: &Path) -> PathBuf {
    match HostMounts::beside(directory(pin)) {
        Some(_) => HostMounts::path(pin),
        None => pin.to_owned(),
    }
}

/// Removes a pin; the namespace goes when its last process has gone. A pin that is not there is fine.
///
/// # Errors
/// It cannot be unmounted, or its file cannot be removed.
pub fn remove(pin: &Path) -> Result<(), PinError> {
    on_the_host(pin, || {
        unmount(pin)?;
        match fs::remove_file(pin) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(PinError::of("remove the file of", NAMESPACE, pin)(e)),
            _ => Ok(()),
        }
    })
}

/// Does `work` where mounts are there for the whole host, on a thread of its own.
///
/// # Errors
/// As `work`; or the host's mount namespace cannot be entered.
pub fn on_the_host<T: Send>(place: &Path, work: impl FnOnce() -> Result<T, PinError> + Send) -> Result<T, PinError> {
    let host = HostMounts::beside(directory(place));
    thread::scope(|scope| {
        let done = scope.spawn(|| {
            if let Some(host) = &host {
                host.enter()
                    .map_err(PinError::of("enter the host's mount namespace for", "pin", place))?;
            }
            work()
        });
        done.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Takes away whatever is mounted at `place`; nothing is fine.
///
/// # Errors
/// The kernel refuses.
pub fn unmount(place: &Path) -> Result<(), PinError> {
    loop {
        match umount2(place, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            // There may be several on top of each other after a kill in the middle.
            Ok(()) => {}
            // Who may not unmount could not mount either; a file that something is mounted on cannot be removed.
            Err(Errno::EINVAL | Errno::ENOENT | Errno::EPERM) => return Ok(()),
            Err(e) => return Err(PinError::of("unmount", "pin", place)(e.into())),
        }
    }
}

fn directory(pin: &Path) -> &Path {
    pin.parent().unwrap_or(Path::new("/"))
}

fn prepare(pin: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o444)
        .open(pin)
        .map(drop)
}

fn enter_new(pins: &[(Kind, &Path)], owner: Option<&UserNamespace>) -> io::Result<()> {
    let kinds: CloneFlags = pins.iter().map(|(kind, _)| kind.flag()).collect();
    let Some(owner) = owner else {
        return Ok(unshare(kinds)?);
    };
    let names: Vec<&str> = pins.iter().map(|(kind, _)| kind.name()).collect();
    let namespaces: Vec<OwnedFd> = owner.namespaces(kinds, &names)?;
    for namespace in namespaces {
        setns(namespace, CloneFlags::empty())?;
    }
    Ok(())
}

fn attach(namespace: &Path, pin: &Path) -> Result<(), PinError> {
    mount(Some(namespace), pin, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|e| PinError::of("pin", NAMESPACE, pin)(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_namespaces_are_pinned_at_once_and_belong_to_their_users() {
        let dir = tempfile::tempdir().unwrap();
        let [ipc, uts, user] = ["ipc", "uts", "user"].map(|name| dir.path().join(name));
        let users = UserNamespace::create(&[(0, 300_000, 5)], &[(0, 300_000, 5)]).unwrap();
        create_of_users(&user, &users).unwrap();
        let name = || Ok(nix::unistd::sethostname("shop")?);
        create(&[(Kind::Ipc, &ipc), (Kind::Uts, &uts)], Some(&users), name).unwrap();
        let enter = std::process::Command::new("nsenter")
            .args([format!("--uts={}", uts.display()), format!("--ipc={}", ipc.display())])
            .arg("hostname")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&enter.stdout).trim(), "shop", "{enter:?}");
        let again = UserNamespace::open(&user).unwrap().unwrap();
        assert_eq!(again.mappings().unwrap().0, [(0, 300_000, 5)]);
        for pin in [&ipc, &uts, &user, &user] {
            remove(pin).unwrap();
            assert!(!pin.exists());
        }
    }
}
