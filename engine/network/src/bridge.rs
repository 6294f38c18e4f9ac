//! A bridge's hardware address. Left alone, it is the lowest of its ports' and changes as containers come and go; whoever
//! has the old one in its neighbour table then talks to nobody for seconds, name server included. Newer netavark sets it
//! for good, 1.4 does not.

// ioctl(2) has no safe form for this request.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `NET_ADDR_SET` of linux/netdevice.h: somebody has set the address, and the kernel leaves it.
const SET: &str = "3";

/// Makes the bridge keep the hardware address that it has now. Nothing happens if somebody has set one.
pub(super) fn keep_address(interface: &str) -> io::Result<()> {
    let attribute = |name: &str| fs::read_to_string(format!("/sys/class/net/{interface}/{name}"));
    if attribute("addr_assign_type")?.trim() == SET {
        return Ok(());
    }
    let address = parse(attribute("address")?.trim()).ok_or(io::ErrorKind::InvalidData)?;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let request = request(interface, address)?;
    // SAFETY: the request is a whole ifreq, which the kernel only reads, netdevice(7).
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFHWADDR, &raw const request) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn request(interface: &str, address: [u8; 6]) -> io::Result<libc::ifreq> {
    // SAFETY: an ifreq is plain data, for which zeroes are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The kernel wants a final NUL.
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    let mut hardware = libc::sockaddr {
        sa_family: libc::ARPHRD_ETHER,
        sa_data: [0; 14],
    };
    for (to, from) in hardware.sa_data.iter_mut().zip(address) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_hwaddr = hardware;
    Ok(request)
}

fn parse(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses() {
        assert_eq!(parse("02:00:0a:ff:10:01"), Some([2, 0, 10, 255, 16, 1]));
        for bad in ["", "02:00", "zz:00:00:00:00:00", "02:00:0a:ff:10:01:07"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        assert!(request("a-name-of-16-byt", [0; 6]).is_err());
        assert!(request("podman0", [0; 6]).is_ok());
    }
}
