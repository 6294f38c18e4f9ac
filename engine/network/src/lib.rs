//! Floor 2: networks. Definitions on disk, network namespaces, and netavark, which does the work in the kernel.
//!
//! | module | what it does |
//! |---|---|
//! | [`definition`] | networks on disk, in podman's JSON form |
//! | [`create`], `wanted`, `complete`, [`subnet`] | new networks: options checked, free subnets and bridges found |
//! | `mode`, `ports` | `--network` and `--publish` values |
//! | `request` | what a container asks of the network |
//! | `setup` | a container's network from nothing to netavark's answer, and back |
//! | `driver_options` | `--opt` values of the drivers |
//! | `error` | what can go wrong with networks |
//! | [`verify`] | whether networks can be read, and whether anything is left of their containers |
//! | `bridge` | its hardware address stays |
//! | `lease`, `claim` | addresses and host ports in use |
//! | [`netns`] | network namespaces without a process |
//! | `netavark`, `dns`, [`pasta`], `program` | the helper programs |
//! | `turn` | which runs of netavark may go on at the same time |
//! | `status` | what came of a setup |
//! | [`state`] | what teardown needs to know, on disk before anything is set up |
//!
//! It must not know what a container is: it is given an ID, a namespace, and what was asked for.
//!
//! ```
//! use unipod_network::parse_publish;
//!
//! let port = parse_publish("127.0.0.1:8080:80/tcp")?;
//! assert_eq!((port.host_port, port.container_port), (8080, 80));
//! # Ok::<(), unipod_network::NetworkError>(())
//! ```

mod bridge;
mod claim;
mod complete;
pub mod create;
pub mod definition;
mod dns;
mod driver_options;
mod error;
mod lease;
#[cfg(test)]
mod live;
mod mode;
mod netavark;
pub mod netns;
pub mod pasta;
mod ports;
mod program;
mod request;
mod setup;
pub mod state;
mod status;
pub mod subnet;
mod turn;
pub mod verify;
mod wanted;

pub use definition::Network;
pub use error::NetworkError;
pub use mode::{parse_interface, parse_mac, parse_modes};
pub use ports::{parse_publish, published};
pub use request::{Attachment, NetworkMode, PortMapping, Request};
pub use setup::{Pending, begin_setup, teardown};
pub use status::{Endpoint, Status};

use std::path::PathBuf;

/// Where netavark is, if it is installed.
pub fn netavark_program() -> Option<PathBuf> {
    program::find("netavark").ok()
}

/// The address that the host is known by: the one that it would speak from to the world. `None` if it has no way there.
pub fn host_address() -> Option<std::net::IpAddr> {
    // Nothing is sent: connecting a datagram socket only asks for the route (udp(7)). The addresses are for documentation.
    let from = |own: &str, other: &str| {
        let socket = std::net::UdpSocket::bind((own, 0)).ok()?;
        socket.connect((other, 9)).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    from("0.0.0.0", "192.0.2.1").or_else(|| from("::", "2001:db8::1"))
}
