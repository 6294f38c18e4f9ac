//! From `--network` and `--publish` to a network namespace.

use std::net::IpAddr;

use super::ContainerError;
use super::record::{self, Record};
use super::remove;
use super::userns::Users;
use unipod_bundle::{ContainerOptions, Namespace};
use unipod_image::Image;
use unipod_network::{self as network, Attachment, NetworkMode, Pending, PortMapping, Request};
use unipod_store::Store;

/// A container's network, as far as it is known while netavark still runs.
#[derive(Debug)]
pub struct Networking {
    /// Where the container's processes will be.
    pub namespace: Namespace,
    /// The setup under way.
    pub pending: Option<Pending>,
    /// The container whose network it shares.
    pub shared_with: Option<Box<Record>>,
}

/// Reads the options and starts the setup; the network is that of the container's user namespace, if it has one. To be
/// called outside of any private mount namespace: a network namespace is pinned for everybody to see.
///
/// # Errors
/// An option means nothing, a network is not there, an address or port is taken.
pub fn begin(
    store: &Store,
    record: &Record,
    image: Option<&Image>,
    users: Option<&Users>,
) -> Result<Networking, ContainerError> {
    let without_setup = |namespace| {
        Ok(Networking {
            namespace,
            pending: None,
            shared_with: None,
        })
    };
    let mode = network::parse_modes(&record.options.networks, !nix::unistd::geteuid().is_root())?;
    if !matches!(mode, NetworkMode::Bridge(_)) {
        warn_of_ports(record);
    }
    match mode {
        NetworkMode::Host => without_setup(Namespace::Host),
        NetworkMode::None | NetworkMode::Private => without_setup(Namespace::New),
        NetworkMode::Path(path) => without_setup(Namespace::Path(path)),
        NetworkMode::Container(name) => shared(store, &name),
        NetworkMode::Pasta(_) => Err(ContainerError::Option {
            option: "--network pasta".to_owned(),
            reason: "containers without root are not supported yet; use a bridge network or host".to_owned(),
        }),
        NetworkMode::Bridge(attachments) => {
            let pending = begin_bridge(store, record, image, users, attachments)?;
            let namespace = Namespace::Path(network::netns::name_for_programs(pending.netns()));
            Ok(Networking {
                namespace,
                pending: Some(pending),
                shared_with: None,
            })
        }
    }
}

fn begin_bridge(
    store: &Store,
    record: &Record,
    image: Option<&Image>,
    users: Option<&Users>,
    mut attachments: Vec<Attachment>,
) -> Result<Pending, ContainerError> {
    let options = &record.options;
    for attachment in &mut attachments {
        attachment.aliases.extend(options.network_aliases.iter().cloned());
    }
    if let Some(first) = attachments.first_mut() {
        first.ips.extend(options.ips.iter().copied());
        first.mac = first.mac.take().or_else(|| options.mac.clone());
    }
    let dns: Vec<IpAddr> = options.dns.iter().filter_map(|d| d.parse().ok()).collect();
    let request = Request {
        id: record.id.as_str(),
        name: &record.name,
        hostname: options.hostname.as_deref(),
        attachments: &attachments,
        ports: &ports(options, image)?,
        dns: &dns,
        owner: users.map(|users| &users.namespace),
    };
    loop {
        match network::begin_setup(store, &request) {
            Err(error) if remove::leftover(store, error.holder())? => {}
            result => return Ok(result?),
        }
    }
}

/// What `--publish` says, and with `--publish-all` whatever is exposed and not yet published.
pub(super) fn ports(options: &ContainerOptions, image: Option<&Image>) -> Result<Vec<PortMapping>, ContainerError> {
    let mut ports = Vec::new();
    for value in &options.publish {
        ports.extend(network::published(value)?);
    }
    if options.publish_all {
        let of_image = image
            .and_then(|i| i.config.config().as_ref())
            .and_then(|c| c.exposed_ports().clone());
        for exposed in options.expose.iter().cloned().chain(of_image.unwrap_or_default()) {
            let new = network::published(&exposed)?;
            let same = |p: &PortMapping, port: &PortMapping| {
                p.container_port == port.container_port && p.protocol == port.protocol
            };
            if !ports.iter().any(|p| new.iter().any(|port| same(p, port))) {
                ports.extend(new);
            }
        }
    }
    Ok(ports)
}

/// Ports can only be published where there is a network of the container's own; elsewhere podman drops them with a warning.
fn warn_of_ports(record: &Record) {
    if !record.options.publish.is_empty() {
        tracing::warn!(
            "--publish {} does nothing with --network {}",
            record.options.publish.join(" "),
            record.options.networks.join(" ")
        );
    }
}

fn shared(store: &Store, name: &str) -> Result<Networking, ContainerError> {
    let (other, process) = record::running(store, name)?;
    let namespace = Namespace::Path(format!("/proc/{}/ns/net", process.pid).into());
    Ok(Networking {
        namespace,
        pending: None,
        shared_with: Some(Box::new(other)),
    })
}
