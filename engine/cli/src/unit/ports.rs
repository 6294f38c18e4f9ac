//! `PublishPort=`, read as the engine reads `--publish`: values that it refuses, and ports of the host that are wanted twice.

use std::net::IpAddr;

use systemd_unit_parser::Entry;
use unipod_generator::locate::place_of;
use unipod_generator::names::Registry;
use unipod_generator::{Problem, Rule, Unit};

use unipod::network::{PortMapping, parse_publish};

const KEY: &str = "PublishPort";

/// A line that asks for ports of the host.
struct Published<'a> {
    unit: &'a Unit,
    entry: &'a Entry,
    mapping: PortMapping,
}

/// What is to be said about the ports of the `chosen` units, among all units.
pub fn lint(registry: &Registry, chosen: &[usize]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut known: Vec<Published> = Vec::new();
    let others = (0..registry.units.len()).filter(|index| !chosen.contains(index));
    for index in others {
        known.extend(entries(&registry.units[index].unit).filter_map(|(unit, entry)| read(unit, entry)?.ok()));
    }
    for &index in chosen {
        for (unit, entry) in entries(&registry.units[index].unit) {
            match read(unit, entry) {
                None => {}
                Some(Err(problem)) => problems.push(problem),
                Some(Ok(new)) => {
                    problems.extend(known.iter().find_map(|old| clash(old, &new)));
                    known.push(new);
                }
            }
        }
    }
    problems
}

/// The assignments after the last reset.
fn entries(unit: &Unit) -> impl Iterator<Item = (&Unit, &Entry)> {
    let lookup = unit.document.lookup(unit.unit_type.section());
    let count = lookup.lines(KEY).len();
    let section = lookup.section().into_iter();
    let mut entries: Vec<&Entry> = section.flat_map(|section| section.assignments(KEY)).collect();
    entries
        .split_off(entries.len() - count)
        .into_iter()
        .map(move |entry| (unit, entry))
}

/// Nothing where systemd's specifiers decide, and where the host's port is left to the engine.
fn read<'a>(unit: &'a Unit, entry: &'a Entry) -> Option<Result<Published<'a>, Problem>> {
    if entry.value().contains('%') {
        return None;
    }
    match parse_publish(entry.value()) {
        Ok(mapping) if mapping.host_port == 0 => None,
        Ok(mapping) => Some(Ok(Published { unit, entry, mapping })),
        Err(error) => Some(Err(Problem::error(place_of(unit, entry), error.to_string()))),
    }
}

fn clash(old: &Published<'_>, new: &Published<'_>) -> Option<Problem> {
    let same_unit = std::ptr::eq(old.unit, new.unit);
    if !same_unit && is_one_template(old.unit, new.unit) {
        return None;
    }
    let port = common_port(&old.mapping, &new.mapping)?;
    let port = format!("port {port}/{} of the host", new.mapping.protocol);
    let message = if same_unit {
        format!("{port} is published twice")
    } else {
        format!("{port} is published by {}, too", old.unit.name)
    };
    let problem = Problem::warning(place_of(new.unit, new.entry), message).of(Rule::PortPublishedTwice);
    Some(problem.related(place_of(old.unit, old.entry)))
}

/// A template and its instance say the same in two files; only the instance runs.
pub(super) fn is_one_template(one: &Unit, other: &Unit) -> bool {
    one.unit_type == other.unit_type
        && (one.is_template() || other.is_template())
        && one.parts().prefix() == other.parts().prefix()
}

/// The first port that both want on one address.
fn common_port(one: &PortMapping, other: &PortMapping) -> Option<u16> {
    let last = |mapping: &PortMapping| u32::from(mapping.host_port) + u32::from(mapping.range.max(1)) - 1;
    let first = one.host_port.max(other.host_port);
    let meet = u32::from(first) <= last(one).min(last(other));
    let same = one.protocol == other.protocol && share_address(&one.host_ip, &other.host_ip);
    (meet && same).then_some(first)
}

/// Whether a port on one address takes the port of the other: `""` is all addresses, `0.0.0.0` and `::` all of a family.
fn share_address(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => {
            one == other || (one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified()))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_meet_on_addresses_protocols_and_ranges() {
        for (one, other, port) in [
            ("80:80", "80:8080", Some(80)),
            ("80:80", "81:80", None),
            ("80:80/udp", "80:80", None),
            ("127.0.0.1:80:80", "80:80", Some(80)),
            ("127.0.0.1:80:80", "0.0.0.0:80:80", Some(80)),
            ("127.0.0.1:80:80", "127.0.0.2:80:80", None),
            ("[::1]:80:80", "0.0.0.0:80:80", None),
            ("[::1]:80:80", "[::]:80:80", Some(80)),
            ("8000-8010:1-11", "8010-8020:1-11", Some(8010)),
            ("8000-8009:1-10", "8010-8020:1-11", None),
            ("65000-65535:1-536", "65535:1", Some(65535)),
        ] {
            let parse = |text| parse_publish(text).expect(text);
            assert_eq!(common_port(&parse(one), &parse(other)), port, "{one} {other}");
        }
    }
}
