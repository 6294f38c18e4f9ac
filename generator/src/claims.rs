//! Which unit gets the service that it names: the name must be one that systemd accepts, and only one unit can have it.

use crate::names::{Named, is_valid_name};
use crate::problem::{Place, Problem};
use crate::rule::Rule;

/// For each unit whether systemd accepts the name of its service, and what is wrong with it.
pub(crate) fn check(units: &[Named]) -> (Vec<bool>, Vec<Vec<Problem>>) {
    let accepted = units.iter().map(|named| is_valid_name(&named.service)).collect();
    let findings = units
        .iter()
        .map(|named| spelling(named).into_iter().collect())
        .collect();
    (accepted, findings)
}

/// The units that do not get the service that they name, because another one has it; and what each is told.
///
/// In Podman the last one that can be used overwrites the others', in the order of conversion. If none can be used, the last one
/// explains it.
pub(crate) fn losers(units: &[Named], failed: impl Fn(usize) -> bool) -> Vec<(usize, Problem)> {
    let mut by_service: Vec<usize> = (0..units.len()).collect();
    by_service.sort_by(|a, b| units[*a].service.cmp(&units[*b].service));
    let several = by_service
        .chunk_by(|a, b| units[*a].service == units[*b].service)
        .filter(|owners| owners.len() > 1);
    let mut losers = Vec::new();
    for owners in several {
        let usable = owners.iter().rfind(|owner| !failed(**owner));
        let Some(winner) = usable.or(owners.last()) else {
            continue;
        };
        let others = owners.iter().filter(|owner| *owner != winner);
        losers.extend(others.map(|loser| (*loser, clash(&units[*loser], &units[*winner]))));
    }
    losers
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

fn clash(loser: &Named, winner: &Named) -> Problem {
    let message = format!(
        "gets no service: {}.service is that of {}",
        loser.service, winner.unit.path
    );
    let problem = Problem::warning(Place::file(loser.unit.path.clone()), message).of(Rule::NameClash);
    problem
        .help(Some("set ServiceName= in one of them"))
        .related(Place::file(winner.unit.path.clone()))
}
