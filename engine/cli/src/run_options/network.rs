//! Network and names.

use std::net::{Ipv4Addr, Ipv6Addr};

use clap::Args;

use super::values::{Switch, lists, replace};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::values::servers;

/// Options of the network.
#[derive(Debug, Args)]
pub(crate) struct NetworkOptions {
    /// Network to join, or bridge, none, host, container:NAME, ns:PATH, pasta
    #[arg(long, alias = "net", value_name = "MODE")]
    network: Vec<String>,
    /// Further name on the networks
    #[arg(long, value_name = "NAME")]
    network_alias: Vec<String>,
    /// IPv4 address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<Ipv4Addr>,
    /// IPv6 address
    #[arg(long, value_name = "ADDRESS")]
    ip6: Option<Ipv6Addr>,
    /// Hardware address
    #[arg(long, value_name = "ADDRESS")]
    mac_address: Option<String>,
    /// Publish a port, [[IP:][HOST]:]CONTAINER[/PROTOCOL]
    #[arg(short, long, value_name = "PORT")]
    publish: Vec<String>,
    /// Publish all exposed ports
    #[arg(short = 'P', long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    publish_all: Option<Switch>,
    /// Expose a port
    #[arg(long, value_name = "PORT")]
    expose: Vec<String>,
    /// Name server, or none to keep the image's resolv.conf
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,
    /// Option for resolv.conf
    #[arg(long, alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
    /// Search domain
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,
    /// Line for /etc/hosts, NAME:ADDRESS or NAME:host-gateway
    #[arg(long, value_name = "NAME:ADDRESS")]
    add_host: Vec<String>,
    /// Keep the image's /etc/hosts
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_hosts: Option<Switch>,
    /// Keep the image's /etc/hostname
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_hostname: Option<Switch>,
    /// What /etc/hosts starts from: a file, image, or none
    #[arg(long, value_name = "FILE")]
    hosts_file: Option<String>,
}

impl NetworkOptions {
    /// Of containers only.
    pub(crate) fn refuse_for_pods(&self) -> Result<(), CliError> {
        if !self.expose.is_empty() || self.publish_all.is_some() {
            return Err(CliError::new(
                "--expose, --publish-all: a pod has no image that exposes ports; name them with --publish",
            ));
        }
        Ok(())
    }

    pub(crate) fn apply(self, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            network,
            network_alias,
            ip,
            ip6,
            mac_address,
            publish,
            publish_all,
            expose,
            dns,
            dns_option,
            dns_search,
            add_host,
            no_hosts,
            no_hostname,
            hosts_file,
        } = self;
        replace(&mut options.networks, network);
        options.network_aliases = lists("--network-alias", network_alias)?;
        options.ips = ip.map(Into::into).into_iter().chain(ip6.map(Into::into)).collect();
        options.mac = mac_address;
        options.publish = lists("--publish", publish)?;
        options.publish_all = Switch::is_on(publish_all);
        options.expose = lists("--expose", expose)?;
        if !has_names(&options.networks) {
            options.dns.clear();
            options.dns_options.clear();
            options.dns_search.clear();
        }
        add(&mut options.dns, servers::parse(lists("--dns", dns)?)?, "none");
        add(&mut options.dns_options, lists("--dns-option", dns_option)?, "");
        add(&mut options.dns_search, lists("--dns-search", dns_search)?, ".");
        options.add_hosts = lists("--add-host", add_host)?;
        // Whoever names hosts wants the file.
        options.no_hosts = Switch::or(no_hosts, options.no_hosts && options.add_hosts.is_empty());
        options.no_hostname = Switch::is_on(no_hostname);
        options.hosts_file = hosts_file.or(options.hosts_file.take());
        Ok(())
    }
}

/// Whether the container asks for names by itself, and not without a network or as another container does.
fn has_names(networks: &[String]) -> bool {
    !networks
        .iter()
        .any(|mode| mode == "none" || mode.starts_with("container:"))
}

/// The options come after the defaults, as in podman, but for the one that clears them.
fn add(defaults: &mut Vec<String>, options: Vec<String>, nothing: &str) {
    let clears = |list: &[String]| list.iter().any(|text| text == nothing);
    if clears(&options) || (!options.is_empty() && clears(defaults)) {
        defaults.clear();
    }
    defaults.extend(options);
}
