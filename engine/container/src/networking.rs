//! From `--network` and `--publish` to a network namespace, for containers and for pods.

use std::net::IpAddr;

use super::ContainerError;
use super::pod::Shared;
use super::record::{self, Record};
use super::remove;
use super::userns::Users;
use unipod_bundle::{ContainerOptions, Namespace};
use unipod_image::Image;
use unipod_linux::{UserNamespace, pin};
use unipod_network::{self as network, Attachment, NetworkMode, Pending, PortMapping, Request, Status};
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
    /// What the networks of its pod gave that.
    pub status: Option<Status>,
}

impl Networking {
    fn without_setup(namespace: Namespace) -> Self {
        Self {
            namespace,
            pending: None,
            shared_with: None,
            status: None,
        }
    }
}

/// Who wants a network, a container or a pod.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its ID.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it asks for.
    pub options: &'a ContainerOptions,
    /// Its image, which may expose ports.
    pub image: Option<&'a Image>,
}

/// The network of a container: its pod's, or one of its own.
///
/// # Errors
/// As [`begin`].
pub(super) fn of_container(
    store: &Store,
    record: &Record,
    image: Option<&Image>,
    users: Option<&Users>,
    pod: Option<&Shared>,
) -> Result<Networking, ContainerError> {
    let of_pod = pod.filter(|_| record.options.networks.is_empty());
    if let Some((namespace, pod)) = of_pod.and_then(|pod| Some((pod.network.clone()?, pod))) {
        return Ok(Networking {
            status: pod.status.clone(),
            ..Networking::without_setup(namespace)
        });
    }
    let wanted = Wanted {
        id: record.id.as_str(),
        name: &record.name,
        options: &record.options,
        image,
    };
    begin(store, &wanted, users.map(|users| &users.namespace))
}

/// Reads the options and starts the setup; the network is that of the user namespace `users`, if there is one. To be called
/// outside of any private mount namespace: a network namespace is pinned for everybody to see.
///
/// # Errors
/// An option means nothing, a network is not there, an address or port is taken.
pub fn begin(store: &Store, wanted: &Wanted<'_>, users: Option<&UserNamespace>) -> Result<Networking, ContainerError> {
    let mode = network::parse_modes(&wanted.options.networks, !nix::unistd::geteuid().is_root())?;
    if !matches!(mode, NetworkMode::Bridge(_)) {
        warn_of_ports(wanted.options);
    }
    match mode {
        NetworkMode::Host => Ok(Networking::without_setup(Namespace::Host)),
        NetworkMode::None | NetworkMode::Private => Ok(Networking::without_setup(Namespace::New)),
        NetworkMode::Path(path) => Ok(Networking::without_setup(Namespace::Path(path))),
        NetworkMode::Container(name) => shared(store, &name),
        NetworkMode::Pasta(_) => Err(ContainerError::Option {
            option: "--network pasta".to_owned(),
            reason: "containers without root are not supported yet; use a bridge network or host".to_owned(),
        }),
        NetworkMode::Bridge(attachments) => {
            let pending = begin_bridge(store, wanted, users, attachments)?;
            let namespace = Namespace::Path(pin::name_for_programs(pending.netns()));
            Ok(Networking {
                pending: Some(pending),
                ..Networking::without_setup(namespace)
            })
        }
    }
}

fn begin_bridge(
    store: &Store,
    wanted: &Wanted<'_>,
    users: Option<&UserNamespace>,
    mut attachments: Vec<Attachment>,
) -> Result<Pending, ContainerError> {
    let options = wanted.options;
    for attachment in &mut attachments {
        attachment.aliases.extend(options.network_aliases.iter().cloned());
    }
    if let Some(first) = attachments.first_mut() {
        first.ips.extend(options.ips.iter().copied());
        first.mac = first.mac.take().or_else(|| options.mac.clone());
    }
    let dns: Vec<IpAddr> = options.dns.iter().filter_map(|d| d.parse().ok()).collect();
    let request = Request {
        id: wanted.id,
        name: wanted.name,
        hostname: options.hostname.as_deref(),
        attachments: &attachments,
        ports: &ports(options, wanted.image)?,
        dns: &dns,
        owner: users,
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
fn warn_of_ports(options: &ContainerOptions) {
    if !options.publish.is_empty() {
        tracing::warn!(
            "--publish {} does nothing with --network {}",
            options.publish.join(" "),
            options.networks.join(" ")
        );
    }
}

fn shared(store: &Store, name: &str) -> Result<Networking, ContainerError> {
    let (other, process) = record::running(store, name)?;
    let namespace = Namespace::Path(format!("/proc/{}/ns/net", process.pid).into());
    Ok(Networking {
        shared_with: Some(Box::new(other)),
        ..Networking::without_setup(namespace)
    })
}
