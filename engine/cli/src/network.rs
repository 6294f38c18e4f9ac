//! `unipod network …`.

use std::net::IpAddr;

use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::{Filters, Listing, any_value, each, key_values};
use super::error::CliError;
use super::human;
use super::output::{self, Row, print_inspect};
use unipod::network::create::{Created, Wanted, WantedSubnet, create, remove};
use unipod::network::definition::{Route, default_name, find, list, load};
use unipod::network::state::{User, users};
use unipod::network::{Network, NetworkError};
use unipod::pod::service::remove_named;
use unipod::store::Store;

const TABLE: &str = "table {{.ID}}\t{{.Name}}\t{{.Driver}}";

/// The subcommands of `unipod network`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum NetworkCommand {
    Create(Box<CreateArgs>),
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    Inspect(InspectArgs),
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Say by the exit code whether a network exists: 0 yes, 1 no.
    ///
    /// Example: unipod network exists shop || unipod network create shop
    Exists {
        /// Name or ID.
        network: String,
    },
    Prune(PruneArgs),
}

impl NetworkCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match self {
            Self::Create(args) => args.run(store),
            Self::Ls(args) => args.run(store),
            Self::Inspect(args) => args.run(store),
            Self::Rm(args) => Ok(args.run(store)),
            Self::Exists { network } => Ok(u8::from(inspect(store, &network)?.is_none())),
            Self::Prune(args) => args.run(store),
        }
    }
}

/// Create a network.
///
/// Example: unipod network create --subnet 10.90.0.0/24 shop
#[derive(Debug, Args)]
#[command(mut_args(any_value))]
#[allow(clippy::struct_excessive_bools, reason = "they are the switches of the command line")]
pub struct CreateArgs {
    /// Containers do not find each other by name.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    disable_dns: bool,
    /// No way out of this network.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    internal: bool,
    /// An IPv6 subnet as well.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    ipv6: bool,
    /// A network that exists is no error; it is brought up to date if options are given and no container is on it.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    ignore: bool,
    /// bridge, macvlan or ipvlan.
    #[arg(short, long, default_value = "bridge")]
    driver: String,
    /// host-local or none.
    #[arg(long, default_value = "")]
    ipam_driver: String,
    /// Name of the bridge, or the parent interface for macvlan and ipvlan.
    #[arg(long)]
    interface_name: Option<String>,
    /// Server that unknown names are asked from.
    #[arg(long, value_delimiter = ',')]
    dns: Vec<IpAddr>,
    /// Subnet in CIDR form; may be repeated.
    #[arg(long)]
    subnet: Vec<ipnet::IpNet>,
    /// Gateway of the subnet at the same position.
    #[arg(long)]
    gateway: Vec<IpAddr>,
    /// Addresses to give out, CIDR or FIRST-LAST, of the subnet at the same position.
    #[arg(long)]
    ip_range: Vec<String>,
    /// Driver option, KEY=VALUE.
    #[arg(short, long)]
    opt: Vec<String>,
    /// Label, KEY=VALUE.
    #[arg(long)]
    label: Vec<String>,
    /// Static route, DESTINATION,GATEWAY[,METRIC].
    #[arg(long)]
    route: Vec<String>,
    /// Name of the network; made up if absent.
    name: Option<String>,
}

impl CreateArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let ignore = self.ignore;
        let wanted = self.wanted(store)?;
        match create(store, &wanted, ignore)? {
            Created::KeptInUse(users) => {
                let users = users.join(", ");
                let name = &wanted.name;
                output::say_line(&format!(
                    "Note: network {name} keeps its old definition, because it is in use by {users}"
                ));
            }
            Created::Replaced => {
                output::say_line(&format!("Note: network {} has a new definition", wanted.name));
            }
            Created::New | Created::Same => {}
        }
        output::print_line(&wanted.name);
        Ok(0)
    }

    fn wanted(self, store: &Store) -> Result<Wanted, CliError> {
        let Self {
            disable_dns,
            internal,
            ipv6,
            ignore: _,
            driver,
            ipam_driver,
            interface_name,
            dns,
            ..
        } = self;
        let subnets = subnets(&self.subnet, &self.gateway, &self.ip_range)?;
        Ok(Wanted {
            name: self.name.map_or_else(|| made_up_name(store), Ok)?,
            driver,
            ipam_driver,
            interface: interface_name.filter(|n| !n.is_empty()),
            subnets,
            dns,
            disable_dns,
            internal,
            ipv6,
            options: key_values(
                &self
                    .opt
                    .iter()
                    .flat_map(|o| o.split(','))
                    .map(Into::into)
                    .collect::<Vec<_>>(),
            ),
            labels: key_values(&self.label),
            routes: self.route.iter().map(|r| route(r)).collect::<Result<_, _>>()?,
        })
    }
}

fn made_up_name(store: &Store) -> Result<String, NetworkError> {
    Ok(unipod::network::subnet::free_bridge(&list(store)?))
}

/// Gateways and ranges go with the subnet at their position.
fn subnets(subnets: &[ipnet::IpNet], gateways: &[IpAddr], ranges: &[String]) -> Result<Vec<WantedSubnet>, CliError> {
    if gateways.len() > subnets.len() || ranges.len() > subnets.len() {
        let what = if gateways.len() > subnets.len() {
            "gateways"
        } else {
            "ip ranges"
        };
        return Err(CliError::new(format!("cannot set more {what} than subnets")).hint("add a --subnet for each"));
    }
    let subnet = |(n, subnet): (usize, &ipnet::IpNet)| WantedSubnet {
        subnet: *subnet,
        gateway: gateways.get(n).copied(),
        range: ranges.get(n).cloned(),
    };
    Ok(subnets.iter().enumerate().map(subnet).collect())
}

fn route(text: &str) -> Result<Route, CliError> {
    let bad = || CliError::new(format!("route {text:?}: it is not DESTINATION,GATEWAY[,METRIC]"));
    let mut parts = text.split(',').map(str::trim);
    let destination = parts.next().and_then(|d| d.parse().ok()).ok_or_else(bad)?;
    let gateway = parts.next().and_then(|g| g.parse().ok()).ok_or_else(bad)?;
    let metric = parts.next().map(|m| m.parse().map_err(|_| bad())).transpose()?;
    if parts.next().is_some() {
        Err(bad())
    } else {
        Ok(Route {
            destination,
            gateway,
            metric,
        })
    }
}

/// List networks.
///
/// Example: unipod network ls --filter driver=bridge
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only those that match: name, id, driver, label, dangling.
    #[arg(short, long)]
    filter: Vec<String>,
    /// IDs in full.
    #[arg(long)]
    no_trunc: bool,
    #[command(flatten)]
    listing: Listing,
}

impl LsArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let Self {
            filter,
            no_trunc,
            listing,
        } = self;
        let networks = filtered(store, &filter)?;
        let rows: Vec<Row> = networks.iter().map(|n| row(n, no_trunc)).collect::<Result<_, _>>()?;
        listing.print(&rows, listing.default("{{.Name}}", TABLE), &[("ID", "NETWORK ID")])
    }
}

fn filtered(store: &Store, words: &[String]) -> Result<Vec<Network>, CliError> {
    let filters = Filters::parse(words, &["name", "id", "driver", "label", "dangling"])?;
    let mut networks = list(store)?;
    networks.retain(|n| {
        filters.pass("name", |w| n.name.contains(w))
            && filters.pass("id", |w| n.id.starts_with(w))
            && filters.pass("driver", |w| n.driver == w)
            && filters.pass_labels(&n.labels)
    });
    let mut kept = Vec::new();
    for network in networks {
        let dangling = users(store, &network.name)?.is_empty() && network.name != default_name();
        if filters.pass_bool("dangling", dangling) {
            kept.push(network);
        }
    }
    Ok(kept)
}

fn row(network: &Network, no_trunc: bool) -> Result<Row, CliError> {
    let id = if no_trunc {
        network.id.as_str()
    } else {
        &network.id[..network.id.len().min(12)]
    };
    let fields = vec![
        ("ID", id.to_owned()),
        ("Name", network.name.clone()),
        ("Driver", network.driver.clone()),
        ("Labels", human::pairs(&network.labels)),
        ("Options", human::pairs(&network.options)),
        ("Created", network.created.clone()),
        (
            "NetworkInterface",
            network.network_interface.clone().unwrap_or_default(),
        ),
        (
            "Subnets",
            network
                .subnets
                .iter()
                .map(|s| s.subnet.to_string())
                .collect::<Vec<_>>()
                .join(","),
        ),
        ("IPv6Enabled", network.ipv6_enabled.to_string()),
        ("Internal", network.internal.to_string()),
        ("DNSEnabled", network.dns_enabled.to_string()),
    ];
    Ok(Row {
        json: serde_json::to_value(network)?,
        fields,
    })
}

/// Show networks in full.
///
/// Example: unipod network inspect --format '{{.Driver}}' shop
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A Go template.
    #[arg(short, long)]
    format: Option<String>,
    /// Names or IDs.
    #[arg(required = true)]
    networks: Vec<String>,
}

impl InspectArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let describe = |name: &String| describe(store, &find(store, name)?);
        let objects: Vec<Value> = self.networks.iter().map(describe).collect::<Result<_, CliError>>()?;
        print_inspect(&objects, self.format.as_deref())?;
        Ok(0)
    }
}

/// What `inspect` shows of the network `name`; `None` if there is none.
pub fn inspect(store: &Store, name: &str) -> Result<Option<Value>, CliError> {
    match find(store, name) {
        Ok(network) => describe(store, &network).map(Some),
        Err(NetworkError::NotFound(_) | NetworkError::Invalid { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The definition and the containers that are on the network now, in podman's form.
fn describe(store: &Store, network: &Network) -> Result<Value, CliError> {
    let mut object = serde_json::to_value(network)?;
    let users = users(store, &network.name)?;
    let containers = users.iter().map(|u| (u.id.clone(), container(u, &network.name)));
    object["containers"] = Value::Object(containers.collect());
    Ok(object)
}

fn container(user: &User, network: &str) -> Value {
    let endpoints = user.status.networks.iter().filter(|e| e.network == network);
    let interface = |endpoint: &unipod::network::Endpoint| {
        let gateway = |address: &str| endpoint.gateways.iter().find(|g| g.is_ipv6() == address.contains(':'));
        let subnet = |address: &String| match gateway(address) {
            Some(gateway) => json!({"ipnet": address, "gateway": gateway}),
            None => json!({"ipnet": address}),
        };
        let subnets: Vec<Value> = endpoint.addresses.iter().map(subnet).collect();
        (
            endpoint.interface.clone(),
            json!({"subnets": subnets, "mac_address": endpoint.mac}),
        )
    };
    json!({"name": user.name, "interfaces": Value::Object(endpoints.map(interface).collect())})
}

/// Remove networks.
///
/// Example: unipod network rm shop
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Also a network that containers are on, which are removed; one that is not there is no error.
    #[arg(short, long)]
    force: bool,
    /// Seconds to wait for containers that are stopped; accepted for compatibility.
    #[arg(short, long)]
    time: Option<i64>,
    /// Names or IDs.
    #[arg(required = true)]
    networks: Vec<String>,
}

impl RmArgs {
    fn run(self, store: &Store) -> u8 {
        each(&self.networks, |name| {
            if self.force {
                remove_users(store, name)?;
            }
            match remove(store, name, self.force) {
                Ok(_) => Ok(Some(name.to_owned())),
                // Podman's exit codes.
                Err(NetworkError::NotFound(_)) if self.force => Ok(None),
                Err(error @ NetworkError::NotFound(_)) => Err(CliError::from(error).code(1)),
                Err(error @ NetworkError::InUse { .. }) => Err(CliError::from(error).code(2)),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// Removes the containers and pods on a network; the default one stays, and so do they.
fn remove_users(store: &Store, name: &str) -> Result<(), CliError> {
    match find(store, name) {
        Ok(network) if network.name != default_name() => {
            let names: Vec<String> = users(store, &network.name)?.into_iter().map(|user| user.name).collect();
            Ok(remove_named(store, &names)?)
        }
        Ok(_) | Err(NetworkError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Remove networks that no container is on.
///
/// Example: unipod network prune --force
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Do not ask. Nothing is ever asked; accepted for compatibility.
    #[arg(short, long)]
    force: bool,
    /// Only those that match: name, id, driver, label.
    #[arg(long)]
    filter: Vec<String>,
}

impl PruneArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        for network in filtered(store, &self.filter)? {
            if network.name == default_name() || load(store, &network.name)?.is_none() {
                continue;
            }
            match remove(store, &network.name, false) {
                Ok(network) => output::print_line(&network.name),
                Err(NetworkError::InUse { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}
