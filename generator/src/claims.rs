//! Which unit gets the service that it names: the name must be one that systemd accepts, and only one unit can have it.

use std::fmt::Write;

use crate::names::{Named, is_valid_name};
use crate::problem::{Place, Problem};
use crate::rule::Rule;

/// How many units a message names; of more it tells the number.
const NAMED: usize = 3;

/// For each unit whether it gets no service, because the name is another's or none; and for each what is wrong with the name.
pub(crate) fn check(units: &[Named]) -> (Vec<bool>, Vec<Vec<Problem>>) {
    let mut nameless = vec![false; units.len()];
    let mut findings = vec![Vec::new(); units.len()];
    let mut by_service: Vec<usize> = (0..units.len()).collect();
    by_service.sort_by(|a, b| units[*a].service.cmp(&units[*b].service));
    for owners in by_service.chunk_by(|a, b| units[*a].service == units[*b].service) {
        for &index in owners {
            findings[index].extend(spelling(&units[index]));
            if owners.len() > 1 {
                findings[index].push(clash(units, index, owners));
            }
            nameless[index] = index != owners[0] || !is_valid_name(&units[index].service);
        }
    }
    (nameless, findings)
}

fn spelling(named: &Named) -> Option<Problem> {
    let name = &named.service;
    let file = || Place::file(named.unit.path.clone());
    if !is_valid_name(name) {
        let message = format!("systemd does not accept \"{name}.service\" as the name of a service");
        return Some(Problem::error(file(), message).of(Rule::ServiceName));
    }
    name.ends_with(".service").then(|| {
        let problem = Problem::warning(file(), format!("becomes {name}.service"));
        let problem = problem.help(Some("ServiceName= is written without .service"));
        problem.of(Rule::ServiceName)
    })
}

/// The unit at `index` is one of several `owners`.
fn clash(units: &[Named], index: usize, owners: &[usize]) -> Problem {
    let Named { unit, service, .. } = &units[index];
    let others = owners.iter().filter(|other| **other != index).take(NAMED);
    let others: Vec<&str> = others.map(|other| &*units[*other].unit.path).collect();
    let mut others = others.join(" and ");
    if let Some(more) = owners.len().checked_sub(NAMED + 1).filter(|more| *more > 0) {
        let _ = write!(others, " and {more} more");
    }
    let message = format!("becomes {service}.service, and so does {others}");
    let problem = Problem::error(Place::file(unit.path.clone()), message).of(Rule::NameClash);
    problem.help(Some("set ServiceName= in one of them"))
}
