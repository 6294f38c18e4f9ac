//! A container's network from nothing to netavark's answer, and back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::definition::{Network, load};
use super::netavark::{self, Action};
use super::program::{self, Run};
use super::state::{Input, PerNetwork, forget, is_whole, read_input, write_input, write_status};
use super::turn::{Held, Turn};
use super::{Attachment, NetworkError, Request, Status, bridge, claim, dns, lease, netns};
use unipod_config::shared;
use unipod_linux::pin;
use unipod_store::Store;

/// A setup under way: netavark is running while the caller prepares the rest of the container.
///
/// Dropped without [`Pending::finish`], it waits for netavark; [`teardown`] undoes what that did.
#[derive(Debug)]
pub struct Pending {
    store: Store,
    input: Input,
    attachments: Vec<Attachment>,
    netns: PathBuf,
    run: Run,
    // Dropped after `run`, so that the locks outlive netavark.
    turn: Turn,
    names: Option<Held>,
}

impl Pending {
    /// Waits for netavark and returns what it did. A failed setup is undone before this returns.
    pub fn finish(self) -> Result<Status, NetworkError> {
        let Self {
            store,
            input,
            attachments,
            netns,
            run,
            turn,
            names,
        } = self;
        let answer = netavark::wait(run, Action::Setup).and_then(|text| netavark::parse_answer(&text));
        let done = answer.and_then(|answer| {
            keep_bridge_addresses(&input);
            let status = status(&answer, &input, &attachments, netns);
            write_status(&store, &input.container_id, &status)?;
            Turn::done(&store, &input)?;
            Ok(status)
        });
        // Undoing takes the locks anew.
        drop((turn, names));
        done.inspect_err(|_| undo(&store, &input.container_id))
    }

    /// Kills netavark and forgets everything, as a crash would.
    #[cfg(test)]
    pub(super) fn crash(mut self) {
        self.run.kill();
    }

    /// The pinned namespace, which the container can be prepared for before the setup is finished.
    pub fn netns(&self) -> &std::path::Path {
        &self.netns
    }
}

/// A bridge that cannot be asked (none of its own: macvlan) or refuses works as netavark left it.
fn keep_bridge_addresses(input: &Input) {
    for network in input.network_info.values().filter(|n| n.driver == "bridge") {
        let Some(interface) = &network.network_interface else {
            continue;
        };
        if let Err(error) = bridge::keep_address(interface) {
            tracing::warn!("cannot fix the hardware address of {interface}: {error}");
        }
    }
}

/// Leases addresses, makes and pins the namespace, writes down what teardown will need, and starts netavark.
///
/// A failed setup is undone before this returns.
pub fn begin_setup(store: &Store, request: &Request<'_>) -> Result<Pending, NetworkError> {
    let networks = definitions(store, request.attachments)?;
    // Whatever an earlier attempt with this ID has left.
    if super::state::alive(store, request.id) {
        teardown(store, request.id)?;
    }
    let netns = store.netns(request.id);
    let start = || {
        netns::create(&netns, request.owner)?;
        let input = input(store, request, networks)?;
        write_input(store, &input)?;
        let turn = Turn::to_set_up(store, &input)?;
        let names = input.needs_dns().then(|| dns::to_add_names(store)).transpose()?;
        let run = netavark::start(store, Action::Setup, &input)?;
        let attachments = request.attachments.to_vec();
        Ok(Pending {
            store: store.clone(),
            input,
            attachments,
            netns: netns.clone(),
            run,
            turn,
            names,
        })
    };
    match start() {
        Ok(pending) => Ok(pending),
        Err(error) => {
            undo(store, request.id);
            Err(error)
        }
    }
}

/// Undoes a setup from what is on disk, however far it had come. Doing it twice is harmless.
///
/// Everything is undone even if netavark fails; its error is returned at the end, unless the setup had never been finished
/// or an earlier teardown was interrupted: then it only says what it did not find.
pub fn teardown(store: &Store, id: &str) -> Result<(), NetworkError> {
    let mut first = None;
    let mut keep = |result: Result<(), NetworkError>| {
        if let Err(error) = result {
            first.get_or_insert(error);
        }
    };
    match read_input(store, id) {
        Ok(Some(input)) => {
            let whole = is_whole(store, id);
            let networks: Vec<String> = input.networks.keys().cloned().collect();
            let ports = !input.port_mappings.is_empty();
            match run_teardown(store, input) {
                Err(error) if !whole => tracing::debug!(%error, id, "what was left of a network was undone"),
                result => keep(result),
            }
            for network in networks {
                keep(lease::release(store, &network, id));
            }
            if ports {
                keep(claim::release(store, id));
            }
        }
        // Killed before the state was written, or the state is damaged: look everywhere.
        Ok(None) if store.netns(id).exists() => keep(lease::release_all(store, id)),
        Ok(None) => {}
        Err(error) => {
            keep(Err(error));
            keep(lease::release_all(store, id));
        }
    }
    keep(pin::remove(&store.netns(id)).map_err(Into::into));
    keep(forget(store, id));
    first.map_or(Ok(()), Err)
}

fn run_teardown(store: &Store, mut input: Input) -> Result<(), NetworkError> {
    if !store.netns(&input.container_id).exists() {
        // The pin is removed after netavark has done its work: it has.
        return Ok(());
    }
    if input.needs_dns() {
        dns::remove_names(store, &input)?;
        // So that netavark leaves the names alone, and this is not done again.
        input.network_info.values_mut().for_each(|n| n.dns_enabled = false);
        write_input(store, &input)?;
    }
    let _turn = Turn::to_tear_down(store, &input)?;
    let run = netavark::start(store, Action::Teardown, &input)?;
    let result = netavark::wait(run, Action::Teardown).map(drop);
    if result.is_err() {
        // netavark deletes a bridge only together with the last interface on it; killed in between, it never looks again.
        for bridge in input.network_info.values().filter_map(Network::managed_bridge) {
            if let Err(error) = netns::delete_idle_bridge(bridge) {
                tracing::debug!(%error, bridge, "a bridge was left behind");
            }
        }
    }
    result
}

/// After a failure that is going to be reported: what cannot be undone either is only logged.
fn undo(store: &Store, id: &str) {
    if let Err(error) = teardown(store, id) {
        tracing::debug!(%error, id, "a failed network setup could not be undone entirely");
    }
}

fn definitions(store: &Store, attachments: &[Attachment]) -> Result<BTreeMap<String, Network>, NetworkError> {
    let mut networks = BTreeMap::new();
    for attachment in attachments {
        let name = &attachment.network;
        let mut network = load(store, name)?.ok_or_else(|| NetworkError::NotFound(name.clone()))?;
        if network.dns_enabled && program::find("aardvark-dns").is_err() {
            if !attachment.aliases.is_empty() {
                let aliases = attachment.aliases.join(", ");
                let why = format!("network {name} cannot serve the aliases {aliases}: aardvark-dns is not installed");
                return Err(NetworkError::Unsupported(why));
            }
            tracing::warn!("network {name} has no names: aardvark-dns is not installed");
            network.dns_enabled = false;
        }
        networks.insert(name.clone(), network);
    }
    Ok(networks)
}

fn input(store: &Store, request: &Request<'_>, network_info: BTreeMap<String, Network>) -> Result<Input, NetworkError> {
    let Request {
        id,
        owner: _,
        name,
        hostname,
        attachments,
        ports,
        dns,
    } = *request;
    let mut networks = BTreeMap::new();
    for (attachment, interface_name) in
        attachments
            .iter()
            .zip(interfaces(attachments, &network_info, shared().interface_of_device))
    {
        let network = &network_info[&attachment.network];
        let static_ips = lease::acquire(store, network, id, &attachment.ips)?;
        let aliases = if network.dns_enabled {
            aliases(attachment, id, name, hostname)
        } else {
            Vec::new()
        };
        let per_network = PerNetwork {
            interface_name,
            static_ips,
            static_mac: attachment.mac.clone(),
            aliases,
        };
        networks.insert(attachment.network.clone(), per_network);
    }
    Ok(Input {
        container_id: id.into(),
        container_name: name.into(),
        port_mappings: claim::acquire(store, id, ports)?,
        networks,
        network_info,
        dns_servers: Some(dns.to_vec()).filter(|d| !d.is_empty()),
        firewall_driver: shared().firewall_driver.clone(),
        dns_port: shared().dns_port,
    })
}

/// Besides its name, which netavark adds, a container is found under its short ID and its host name, as in podman.
fn aliases(attachment: &Attachment, id: &str, name: &str, hostname: Option<&str>) -> Vec<String> {
    let mut aliases = attachment.aliases.clone();
    for more in [Some(&id[..id.len().min(12)]), hostname].into_iter().flatten() {
        if !more.is_empty() && more != name && !aliases.iter().any(|alias| alias == more) {
            aliases.push(more.to_owned());
        }
    }
    aliases
}

/// The names asked for, or with `of_device` those of the host's devices that networks other than bridges are on; for the others
/// the first free `ethN`.
fn interfaces(attachments: &[Attachment], networks: &BTreeMap<String, Network>, of_device: bool) -> Vec<String> {
    let asked: Vec<&String> = attachments.iter().filter_map(|a| a.interface.as_ref()).collect();
    let mut names: Vec<String> = Vec::new();
    for attachment in attachments {
        let is_free = |name: &String| !names.contains(name) && !asked.contains(&name);
        let network = networks.get(&attachment.network);
        let device = || {
            let network = network.filter(|network| of_device && network.driver != "bridge")?;
            network.network_interface.clone().filter(is_free)
        };
        let numbered = || (0..=attachments.len()).map(|n| format!("eth{n}")).find(is_free);
        let name = attachment.interface.clone().or_else(device).or_else(numbered);
        names.push(name.unwrap_or_default());
    }
    names
}

fn status(
    answer: &BTreeMap<String, netavark::StatusBlock>,
    input: &Input,
    attachments: &[Attachment],
    netns: PathBuf,
) -> Status {
    let mut status = Status {
        netns,
        networks: netavark::endpoints(answer, input, attachments),
        ports: input.port_mappings.clone(),
        ..Status::default()
    };
    for attachment in attachments {
        let Some(block) = answer.get(&attachment.network) else {
            continue;
        };
        let servers = block.dns_server_ips.iter().flatten();
        let domains = block.dns_search_domains.iter().flatten();
        push_new(&mut status.dns_servers, servers);
        push_new(&mut status.search_domains, domains);
    }
    if status.dns_servers.is_empty() {
        status.dns_servers = input.dns_servers.clone().unwrap_or_default();
    }
    status
}

fn push_new<'a, T: Clone + PartialEq + 'a>(list: &mut Vec<T>, more: impl Iterator<Item = &'a T>) {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_numbered_around_the_names_asked_for() {
        let named = |interface: Option<&str>| Attachment {
            interface: interface.map(Into::into),
            ..Attachment::default()
        };
        let numbered = interfaces(
            &[named(None), named(Some("eth1")), named(None), named(Some("wan"))],
            &BTreeMap::new(),
            true,
        );
        assert_eq!(numbered, ["eth0", "eth1", "eth2", "wan"]);
    }

    #[test]
    fn networks_on_a_device_may_be_called_like_it() {
        let network = |driver: &str, device: &str| Network {
            driver: driver.into(),
            network_interface: Some(device.into()),
            ..Network::default_network()
        };
        let on = |network: &str| Attachment {
            network: network.into(),
            ..Attachment::default()
        };
        let networks = BTreeMap::from([
            ("bridge".to_owned(), network("bridge", "podman1")),
            ("lan".to_owned(), network("macvlan", "eth1")),
            ("other".to_owned(), network("ipvlan", "eth1")),
        ]);
        let all = [on("bridge"), on("lan"), on("other")];
        assert_eq!(interfaces(&all, &networks, true), ["eth0", "eth1", "eth2"]);
        assert_eq!(interfaces(&all[1..], &networks, true), ["eth1", "eth0"]);
        assert_eq!(interfaces(&all[1..], &networks, false), ["eth0", "eth1"]);
    }

    #[test]
    fn a_container_is_found_under_its_short_id_and_host_name_too() {
        let attachment = Attachment {
            aliases: vec!["www".into()],
            ..Attachment::default()
        };
        let named = |hostname| aliases(&attachment, "0123456789abcdef", "web", hostname);
        assert_eq!(named(None), ["www", "0123456789ab"]);
        assert_eq!(named(Some("my-host")), ["www", "0123456789ab", "my-host"]);
        assert_eq!(named(Some("web")), named(None));
        assert_eq!(named(Some("www")), named(None));
    }
}
