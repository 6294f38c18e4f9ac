//! `.network` units: `[Network]` becomes a one-shot `network create --ignore`.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::service;
use crate::keys::{
    Emit::{Always, Elsewhere, Pair, Switch, Verbatim},
    Key,
    Kind::{Arguments, Boolean, Lines, Map, Scalar},
    key,
};
use crate::shared::shared;

/// The keys of `[Network]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "4.8"),
    shared("GlobalArgs", "4.8"),
    key("DisableDNS", Boolean, "4.4", Switch("--disable-dns"), "No name server in this network"),
    key("Internal", Boolean, "4.4", Switch("--internal"), "No way out of this network"),
    key("IPv6", Boolean, "4.4", Switch("--ipv6"), "IPv6 beside IPv4"),
    key("Driver", Scalar, "4.4", Pair("--driver"), "Network driver: bridge, macvlan, ipvlan"),
    key("IPAMDriver", Scalar, "4.4", Pair("--ipam-driver"), "Where addresses come from: host-local, dhcp, none"),
    key("InterfaceName", Scalar, "5.6", Pair("--interface-name"), "Name of the bridge, or parent of a macvlan"),
    key("DNS", Lines, "4.7", Pair("--dns"), "Name server that the network's own asks"),
    key("Subnet", Lines, "4.4", Always(subnets), "Subnet, ADDRESS/BITS"),
    key("Gateway", Lines, "4.4", Elsewhere, "Gateway of the subnet at the same place"),
    key("IPRange", Lines, "4.4", Elsewhere, "Range to give addresses from, of the subnet at the same place"),
    key("Options", Map, "4.4", Pair("--opt"), "Driver options, NAME=VALUE"),
    shared("Label", "4.4"),
    key("PodmanArgs", Arguments, "4.6", Verbatim, "Further options of network create"),
    key("NetworkName", Scalar, "4.7", Elsewhere, "Name of the network; by default systemd-NAME"),
    key("NetworkDeleteOnStop", Boolean, "5.5", Elsewhere, "Delete the network when the service stops"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.network` unit.
pub fn convert(c: &mut Conversion<'_>) {
    let name = c.own_resource();
    if c.section.boolean("NetworkDeleteOnStop") == Some(true) {
        let remove = c.command("", &["network", "rm", name]);
        c.add_service("ExecStopPost", remove);
    }
    service::one_command(c, KEYS, &["network", "create", "--ignore"], name);
}

/// Gateways and ranges belong to the subnet at the same place in its list.
fn subnets(c: &mut Conversion<'_>, command: &mut Command) {
    let [subnets, gateways, ranges] = ["Subnet", "Gateway", "IPRange"].map(|key| c.lines(key));
    for (others, what) in [(&gateways, "Gateway="), (&ranges, "IPRange=")] {
        if let Some(extra) = others.get(subnets.len()) {
            let message = if subnets.is_empty() {
                format!("{what} needs Subnet=")
            } else {
                format!("there are more {what} lines than Subnet= lines")
            };
            c.error(extra, message);
        }
    }
    for (i, subnet) in subnets.iter().enumerate() {
        command.option("--subnet", subnet.value());
        for (others, flag) in [(&gateways, "--gateway"), (&ranges, "--ip-range")] {
            if let Some(other) = others.get(i) {
                command.option(flag, other.value());
            }
        }
    }
}
