//! Keys of a container that its pod has already: the generator passes them on, and the engine refuses them.

use systemd_unit_parser::Entry;

use crate::locate::place_of_key;
use crate::names::Registry;
use crate::unit::{Unit, UnitType};
use crate::{Problem, Rule};

/// Those that go with a network, of which a pod has one for all; a member that stays out of it may set them.
const NETWORK: [&str; 6] = ["AddHost", "ExposeHostPort", "IP", "IP6", "NetworkAlias", "PublishPort"];

/// Those of other namespaces that members share.
const NAMESPACES: [&str; 6] = ["HostName", "UserNS", "UIDMap", "GIDMap", "SubUIDMap", "SubGIDMap"];

/// What is to be said about a member of a pod.
pub fn lint(registry: &Registry, unit: &Unit) -> Vec<Problem> {
    let Some(pod) = pod(registry, unit).filter(|pod| shares_the_usual(pod)) else {
        return Vec::new();
    };
    let network = set(unit, "Network");
    let joins = network.filter(|entry| !stays_out(entry.value()));
    let of_network = NETWORK.iter().filter(|_| network.is_none());
    let others = of_network.chain(&NAMESPACES).filter_map(|key| set(unit, key));
    joins
        .into_iter()
        .chain(others)
        .map(|entry| problem(unit, entry, pod))
        .collect()
}

fn pod<'a>(registry: &'a Registry, unit: &Unit) -> Option<&'a Unit> {
    let lookup = unit.document.lookup(unit.unit_type.section());
    let name = lookup
        .nonempty("Pod")
        .filter(|_| unit.unit_type == UnitType::Container)?;
    let pod = &registry.units[registry.find(name)?].unit;
    (pod.unit_type == UnitType::Pod).then_some(pod)
}

/// Options may change what members share.
fn shares_the_usual(pod: &Unit) -> bool {
    let arguments = pod.document.lookup("Pod").lines("PodmanArgs");
    !arguments
        .iter()
        .any(|line| line.contains("--share") || line.contains("--infra"))
}

/// The last assignment of a key, unless it is empty.
fn set<'a>(unit: &'a Unit, key: &str) -> Option<&'a Entry> {
    let last = unit.document.last(unit.unit_type.section(), key);
    last.filter(|entry| !entry.value().trim().is_empty())
}

/// Whether a member with this `Network=` is not in the pod's network.
fn stays_out(value: &str) -> bool {
    let mode = value.trim().split(':').next().unwrap_or_default();
    ["container", "host", "none", "ns", "pasta", "private", "slirp4netns"].contains(&mode)
}

fn problem(unit: &Unit, entry: &Entry, pod: &Unit) -> Problem {
    let (key, pod_name) = (entry.key(), &pod.name);
    let message = format!("{key}= cannot be set in a member of {pod_name}, which has it for all");
    let problem = Problem::error(place_of_key(unit, entry), message).of(Rule::KeyCombination);
    let is_pods = UnitType::Pod.keys().iter().any(|row| row.name == key);
    problem.help(is_pods.then(|| format!("set it in {pod_name}")))
}
