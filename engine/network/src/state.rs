//! What a set-up network consists of, on disk, so that it can be undone whatever happens to the engine.
//!
//! ```text
//! /run/unipod/netstate/ID.json      netavark's input for this container; written before setup, deleted last
//! /run/unipod/netstate/ID.status    what came of it; its presence says that setup was finished and teardown not begun
//! /run/unipod/netstate/ID.leaving   the same file once teardown has begun
//! /run/unipod/netns/ID              the pinned namespace; made before anything below is leased
//! /run/unipod/leases/NET/ADDRESS    address leases, see `lease`
//! /run/unipod/leases/.ports/…       claims on host ports, see `claim`
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::definition::Network;
use super::{NetworkError, PortMapping, Status};
use unipod_store::{Durability, Store, StoreError, names_in, read_json, remove_tree, undamaged, write_json};

/// The input of `netavark setup` and `netavark teardown`, as versions 1.4 to 1.17 read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Input {
    pub container_id: String,
    pub container_name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    pub networks: BTreeMap<String, PerNetwork>,
    pub network_info: BTreeMap<String, Network>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_servers: Option<Vec<IpAddr>>,
    /// `firewall_driver` of containers.conf(5) as it was at the setup; netavark reads neither this nor the next here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall_driver: Option<String>,
    /// `dns_bind_port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_port: Option<u16>,
}

/// What the container gets on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PerNetwork {
    pub interface_name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub static_ips: Vec<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_mac: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl Input {
    /// Whether aardvark-dns serves any of the networks.
    pub(crate) fn needs_dns(&self) -> bool {
        self.network_info
            .values()
            .any(|n| n.dns_enabled && n.driver == "bridge")
    }
}

/// A container on a network.
#[derive(Debug, Clone)]
pub struct User {
    /// Container ID.
    pub id: String,
    /// Container name.
    pub name: String,
    /// What it has there; empty while it is being set up.
    pub status: Status,
}

fn dir(store: &Store) -> PathBuf {
    store.run().join("netstate")
}

/// Where netavark's input for `id` is.
pub(super) fn input_path(store: &Store, id: &str) -> PathBuf {
    dir(store).join(format!("{id}.json"))
}

fn status_path(store: &Store, id: &str) -> PathBuf {
    dir(store).join(format!("{id}.status"))
}

pub(super) fn write_input(store: &Store, input: &Input) -> Result<(), NetworkError> {
    Ok(write_json(
        &input_path(store, &input.container_id),
        input,
        Durability::ThisBoot,
    )?)
}

pub(super) fn read_input(store: &Store, id: &str) -> Result<Option<Input>, NetworkError> {
    Ok(read_json(&input_path(store, id))?)
}

/// What is known of the network of somebody else: if it is damaged, only the teardown of that container has to do with it.
fn undamaged_input(store: &Store, id: &str) -> Result<Option<Input>, NetworkError> {
    Ok(undamaged(read_json(&input_path(store, id)))?)
}

pub(super) fn write_status(store: &Store, id: &str, status: &Status) -> Result<(), NetworkError> {
    Ok(write_json(&status_path(store, id), status, Durability::ThisBoot)?)
}

/// What came of the setup for `id`; `None` while it is not finished.
pub(crate) fn read_status(store: &Store, id: &str) -> Result<Option<Status>, NetworkError> {
    Ok(undamaged(read_json(&status_path(store, id)))?)
}

fn leaving_path(store: &Store, id: &str) -> PathBuf {
    dir(store).join(format!("{id}.leaving"))
}

/// Notes that the teardown of `id` has begun.
pub(super) fn leave(store: &Store, id: &str) -> Result<(), NetworkError> {
    let status = status_path(store, id);
    match fs::rename(&status, leaving_path(store, id)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("rename", &status)(e).into()),
        _ => Ok(()),
    }
}

/// Whether the setup of `id` was finished and no teardown begun: then netavark finds everything that it looks for.
pub(super) fn is_whole(store: &Store, id: &str) -> bool {
    status_path(store, id).exists()
}

/// Whether a container other than `id` is on the network `name`, set up and not about to leave.
pub(super) fn is_anyone_staying(store: &Store, name: &str, id: &str) -> Result<bool, NetworkError> {
    for other in ids(store, "status")? {
        let on_it = |input: Input| input.networks.contains_key(name);
        if other != id && undamaged_input(store, &other)?.is_some_and(on_it) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The containers that have a file of this kind.
fn ids(store: &Store, kind: &str) -> Result<Vec<String>, NetworkError> {
    let names = names_in(&dir(store))?;
    let id = |name: &String| Some(name.strip_suffix(kind)?.strip_suffix('.')?.to_owned());
    Ok(names.iter().filter_map(id).collect())
}

/// Deletes all files, the input last.
pub(super) fn forget(store: &Store, id: &str) -> Result<(), NetworkError> {
    remove_tree(&status_path(store, id))?;
    remove_tree(&leaving_path(store, id))?;
    Ok(remove_tree(&input_path(store, id))?)
}

/// Whether anything of the container's network may still be there. What belongs to a container that is not alive is stale.
pub(super) fn alive(store: &Store, id: &str) -> bool {
    !id.is_empty() && (store.netns(id).exists() || input_path(store, id).exists())
}

/// The containers that are on the network `name` now.
pub fn users(store: &Store, name: &str) -> Result<Vec<User>, NetworkError> {
    let mut users = Vec::new();
    for id in ids(store, "json")? {
        // It may be torn down between the listing and the reading.
        let Some(input) = undamaged_input(store, &id)? else {
            continue;
        };
        if input.networks.contains_key(name) {
            let status = read_status(store, &id)?.unwrap_or_default();
            users.push(User {
                id,
                name: input.container_name,
                status,
            });
        }
    }
    users.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(users)
}
