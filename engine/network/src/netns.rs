//! Network namespaces, pinned by a bind mount on a file so that they live without a process.
//!
//! A pin made inside a private mount namespace would not be seen outside it: pins are made and removed in the host's, whatever
//! the unit's sandboxing is.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::NetworkError;
use unipod_linux::UserNamespace;
use unipod_linux::host::HostMounts;
use unipod_store::Durability;

/// Makes a network namespace with its loopback interface up and pins it at `pin`, for the whole host. It belongs to the user
/// namespace `owner`, or to the caller's.
///
/// A thread of its own leaves for the new namespace and ends there; the caller stays where it is.
pub fn create(pin: &Path, owner: Option<&UserNamespace>) -> Result<(), NetworkError> {
    let dir = pin.parent().unwrap_or(Path::new("/"));
    let fail = |action| failure(action, pin);
    unipod_store::create_private(dir, Durability::ThisBoot)?;
    let host = HostMounts::beside(dir);
    thread::scope(|scope| {
        let made = scope.spawn(|| {
            enter_host(host.as_ref(), pin)?;
            prepare(pin).map_err(fail("prepare the file of"))?;
            enter_new(owner).map_err(fail("make"))?;
            loopback_up().map_err(fail("bring up loopback in"))?;
            let from = Some("/proc/thread-self/ns/net");
            mount(from, pin, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .map_err(io::Error::from)
                .map_err(fail("pin"))
        });
        made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The name by which programs that we start find the namespace that is pinned at `pin`: in a mount namespace that gets nothing
/// from the host's (`MountFlags=private` of systemd.exec(5)), the pin is an empty file.
pub fn name_for_programs(pin: &Path) -> PathBuf {
    match pin.parent().and_then(HostMounts::beside) {
        Some(_) => HostMounts::path(pin),
        None => pin.to_owned(),
    }
}

fn failure(action: &'static str, pin: &Path) -> impl Fn(io::Error) -> NetworkError {
    move |source| NetworkError::Namespace {
        action,
        path: pin.into(),
        source,
    }
}

fn enter_host(host: Option<&HostMounts>, pin: &Path) -> Result<(), NetworkError> {
    host.map_or(Ok(()), HostMounts::enter)
        .map_err(failure("enter the host's mount namespace for", pin))
}

fn enter_new(owner: Option<&UserNamespace>) -> io::Result<()> {
    match owner {
        Some(owner) => setns(owner.network_namespace()?, CloneFlags::CLONE_NEWNET)?,
        None => unshare(CloneFlags::CLONE_NEWNET)?,
    }
    Ok(())
}

/// Removes a pin; the namespace goes when its last process has gone. A pin that is not there is fine.
pub fn remove(pin: &Path) -> Result<(), NetworkError> {
    match pin.parent().and_then(HostMounts::beside) {
        None => remove_here(pin),
        Some(host) => thread::scope(|scope| {
            let removed = scope.spawn(|| {
                enter_host(Some(&host), pin)?;
                remove_here(pin)
            });
            removed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }),
    }
}

fn remove_here(pin: &Path) -> Result<(), NetworkError> {
    loop {
        match umount2(pin, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            // There may be several on top of each other after a kill in the middle.
            Ok(()) => {}
            // Who may not unmount could not pin either; a file that something is mounted on cannot be removed below.
            Err(Errno::EINVAL | Errno::ENOENT | Errno::EPERM) => break,
            Err(e) => return Err(failure("unmount", pin)(e.into())),
        }
    }
    match fs::remove_file(pin) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failure("remove the file of", pin)(e)),
        _ => Ok(()),
    }
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

/// Sets interface 1, always the loopback, up.
pub(super) fn loopback_up() -> io::Result<()> {
    request(libc::RTM_NEWLINK, 1, libc::IFF_UP.cast_unsigned())
}

/// Deletes the bridge `name` of this namespace if it is there and has no ports.
pub(super) fn delete_idle_bridge(name: &str) -> io::Result<()> {
    let ports = Path::new("/sys/class/net").join(name).join("brif");
    if !fs::read_dir(ports).is_ok_and(|mut ports| ports.next().is_none()) {
        return Ok(());
    }
    let index = nix::net::if_::if_nametoindex(name)?;
    request(libc::RTM_DELLINK, index.cast_signed(), 0)
}

/// One request about an interface, rtnetlink(7): a header, an `ifinfomsg` without attributes; `flags` are set.
fn request(kind: u16, interface: i32, flags_set: u32) -> io::Result<()> {
    // NLM_F_REQUEST | NLM_F_ACK of netlink(7), a 16-bit field.
    const FLAGS: u16 = 0x1 | 0x4;
    let flags = SockFlag::SOCK_CLOEXEC;
    let route = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    let mut message = Vec::with_capacity(32);
    // struct nlmsghdr: length, type, flags, sequence number, port.
    message.extend(32u32.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    message.extend(1u32.to_ne_bytes());
    message.extend(0u32.to_ne_bytes());
    // struct ifinfomsg: family, padding and type (0), index, flags, which flags to change.
    message.extend(0u32.to_ne_bytes());
    message.extend(interface.to_ne_bytes());
    message.extend(flags_set.to_ne_bytes());
    message.extend(flags_set.to_ne_bytes());
    send(route.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 128];
    let length = recv(route.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // struct nlmsgerr follows the header: 0, or a negative errno.
    let code = answer[..length]
        .get(16..20)
        .map_or(-libc::EPROTO, |b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(-code))
    }
}
