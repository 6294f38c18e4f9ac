//! Starting a container: everything between its record and its first instruction.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use super::process::Process;
use super::record::{Record, SdNotify};
use super::{ContainerError, limits, remove, rootfs, storage};
use crate::image::Image;
use crate::network::{self, NetworkMode, Pending};
use crate::runtime::{self, BundleRequest, Namespace, OciRuntime, RunRequest};
use crate::store::{self, Store};
use crate::systemd::{Invocation, activation, notify};

/// Starts a container and returns once its init runs. Its record then says so.
///
/// The calling process ends up in a mount namespace of its own and, with limits, in a control group of its own: it
/// should have little else to do. A start that fails leaves nothing behind but the record.
///
/// # Errors
/// Any part cannot be prepared, or the OCI runtime refuses.
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
    // Before the mount namespace: the pin of a network namespace must be visible to everybody.
    let network = begin_network(store, record, &mode)?;
    store::mount::enter_private_namespace()?;
    let root = rootfs::mount(store, record, image)?;
    let resolved = storage::resolve(store, record, image, &root)?;
    // From here on removing the container removes its anonymous volumes.
    record.volumes.clone_from(&resolved.volumes);
    record.mounts.clone_from(&resolved.mounts);
    record.network = network.map(Pending::finish).transpose()?;
    write_bundle(store, record, image, &mode, root, resolved)?;
    run(store, record)
}
