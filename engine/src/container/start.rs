//! Starting a container: everything between its record and its first instruction.

use std::net::IpAddr;
use std::path::PathBuf;

use super::process::Process;
use super::record::{Record, SdNotify};
use super::storage::Storage;
use super::{ContainerError, health, limits, remove, rootfs, storage};
use crate::image::Image;
use crate::network::{self, NetworkMode, Pending, Request, Status};
use crate::runtime::{self, BundleRequest, Namespace, OciRuntime, RunRequest};
use crate::store::{self, Store, mount};
use crate::systemd::{Invocation, activation, notify};

/// Starts a container and returns once its init runs. Its record then says so.
///
/// # Errors
/// Any part cannot be prepared, or the OCI runtime refuses. A start that fails leaves nothing behind but the record.
pub fn start(store: &Store, record: &mut Record, image: Option<&Image>) -> Result<Process, ContainerError> {
    let started = bring_up(store, record, image);
    if started.is_err() {
        for problem in remove::tear_down(store, record) {
            tracing::warn!("while cleaning up after a failed start: {problem}");
        }
    }
    started
}

fn bring_up(store: &Store, record: &mut Record, image: Option<&Image>) -> Result<Process, ContainerError> {
    let mode = network::parse_modes(&record.options.networks, !nix::unistd::geteuid().is_root())?;
    // The pin of a network namespace must be visible to everybody, so it is made outside of the private namespace.
    let network = begin_network(store, record, &mode)?;
    mount::in_private_namespace(|| {
        let root = rootfs::mount(store, record, image)?;
        let resolved = storage::resolve(store, record, image, &root)?;
        record.network = network.map(Pending::finish).transpose()?;
        write_bundle(store, record, image, &mode, root, resolved)?;
        run(store, record)
    })?
}

/// netavark runs while the caller goes on.
fn begin_network(store: &Store, record: &Record, mode: &NetworkMode) -> Result<Option<Pending>, ContainerError> {
    let NetworkMode::Bridge(attachments) = mode else { return Ok(None) };
    let options = &record.options;
    let ports = options.publish.iter().map(|p| network::parse_publish(p)).collect::<Result<Vec<_>, _>>()?;
    let dns: Vec<IpAddr> = options.dns.iter().filter_map(|d| d.parse().ok()).collect();
    let request = Request { id: record.id.as_str(), name: &record.name, attachments, ports: &ports, dns: &dns };
    Ok(Some(network::begin_setup(store, &request)?))
}
