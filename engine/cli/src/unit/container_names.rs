//! `ContainerName=` and `PodName=`: whichever of two units with one name starts later replaces what the other one runs.

use systemd_unit_parser::Entry;
use unipod_generator::locate::place_of;
use unipod_generator::names::Registry;
use unipod_generator::{Problem, Rule, Unit, UnitType};

use super::ports::is_one_template;

/// A line that names a container or a pod: no container has the name of a pod.
struct Name<'a> {
    unit: &'a Unit,
    entry: &'a Entry,
}

/// What is to be said about the names in the `chosen` units, among all units.
pub fn lint(registry: &Registry, chosen: &[usize]) -> Vec<Problem> {
    let others = (0..registry.units.len()).filter(|index| !chosen.contains(index));
    let mut known: Vec<Name> = others
        .filter_map(|index| name_of(&registry.units[index].unit))
        .collect();
    let mut problems = Vec::new();
    for new in chosen.iter().filter_map(|&index| name_of(&registry.units[index].unit)) {
        problems.extend(known.iter().find_map(|old| clash(old, &new)));
        known.push(new);
    }
    problems
}

/// The last assignment. Nothing where systemd's specifiers decide.
fn name_of(unit: &Unit) -> Option<Name<'_>> {
    let key = match unit.unit_type {
        UnitType::Container => "ContainerName",
        UnitType::Pod => "PodName",
        _ => return None,
    };
    let section = unit.document.lookup(unit.unit_type.section()).section()?;
    let entry = section.assignments(key).last()?;
    let is_plain = !entry.value().is_empty() && !entry.value().contains('%');
    is_plain.then_some(Name { unit, entry })
}

fn clash(old: &Name<'_>, new: &Name<'_>) -> Option<Problem> {
    if old.entry.value() != new.entry.value() || is_one_template(old.unit, new.unit) {
        return None;
    }
    let message = format!(
        "{} has this name, too: each of the two replaces the other when it starts",
        old.unit.name
    );
    let problem = Problem::warning(place_of(new.unit, new.entry), message).of(Rule::NameClash);
    Some(problem.related(place_of(old.unit, old.entry)))
}
