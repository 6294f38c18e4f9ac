//! Network namespaces, pinned by a bind mount on a file so that they live without a process.
//!
//! A pin made inside a private mount namespace would not be seen outside it: pins are made before the engine enters its own.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::thread;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::NetworkError;
use crate::store::UserNamespace;

/// Makes a network namespace with its loopback interface up and pins it at `pin`. It belongs to the user namespace `owner`,
/// or to the caller's.
///
/// A thread of its own leaves for the new namespace and ends there; the caller stays where it is.
pub fn create(pin: &Path, owner: Option<&UserNamespace>) -> Result<(), NetworkError> {
    let fail = |action| {
        move |source: io::Error| NetworkError::Namespace {
            action,
            path: pin.into(),
            source,
        }
    };
    prepare(pin).map_err(fail("prepare the file of"))?;
    thread::scope(|scope| {
        let made = scope.spawn(|| {
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

fn enter_new(owner: Option<&UserNamespace>) -> io::Result<()> {
    match owner {
        Some(owner) => setns(owner.network_namespace()?, CloneFlags::CLONE_NEWNET)?,
        None => unshare(CloneFlags::CLONE_NEWNET)?,
    }
    Ok(())
}

/// Removes a pin; the namespace goes when its last process has gone. A pin that is not there is fine.
pub fn remove(pin: &Path) -> Result<(), NetworkError> {
    let fail = |action| {
        move |source: io::Error| NetworkError::Namespace {
            action,
            path: pin.into(),
            source,
        }
    };
    loop {
        match umount2(pin, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
            // There may be several on top of each other after a kill in the middle.
            Ok(()) => {}
            Err(Errno::EINVAL | Errno::ENOENT) => break,
            Err(e) => return Err(fail("unmount")(e.into())),
        }
    }
    match fs::remove_file(pin) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(fail("remove the file of")(e)),
        _ => Ok(()),
    }
}

fn prepare(pin: &Path) -> io::Result<()> {
    if let Some(dir) = pin.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
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
