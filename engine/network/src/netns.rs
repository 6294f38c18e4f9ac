//! Network namespaces, and requests about the interfaces in them.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::NetworkError;
use unipod_linux::UserNamespace;
use unipod_linux::pin::{self, Kind};
use unipod_store::{Durability, create_private};

/// Makes a network namespace with its loopback interface up and pins it at `pin`, for the whole host. It belongs to the user
/// namespace `owner`, or to the caller's.
///
/// # Errors
/// The kernel refuses, or the pin cannot be made.
pub fn create(pin: &Path, owner: Option<&UserNamespace>) -> Result<(), NetworkError> {
    create_private(pin.parent().unwrap_or(Path::new("/")), Durability::ThisBoot)?;
    Ok(pin::create(&[(Kind::Network, pin)], owner, loopback_up)?)
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
