//! Everything that is wrong with unit files, for the people who write them: what the conversion finds, and what only
//! shows beside the machine's other units or another version of the language.

mod host;
mod keys;
mod member;
mod scope;
mod sections;
mod target;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::search::search_after;
use crate::unit::Unit;
use crate::{Environment, Host, Outcome, Place, Problem, Rule, generate, load};

pub use scope::{Scope, ScopeError};
pub use target::Target;

/// The units of the search path and of a [`Scope`], and what is wrong with those in scope.
#[derive(Debug)]
pub struct Checked {
    /// What came of all units.
    pub outcome: Outcome,
    /// Which of the units are in scope, by their index in the outcome's registry.
    pub units: Vec<usize>,
    /// What is wrong with them; [`sort`] brings it into order.
    pub problems: Vec<Problem>,
}

/// Converts everything and keeps what concerns the scope. Nothing is written.
pub fn check(environment: &Environment, host: &Host, scope: &Scope, target: Option<Target>) -> Checked {
    let mut found = search_after(environment, &scope.directories(), &scope.trees);
    let mut problems = std::mem::take(&mut found.problems);
    let complaints = std::mem::take(&mut found.complaints);
    let loaded = load::load(&found, &mut problems);
    let mut outcome = generate(loaded, host);
    problems.append(&mut outcome.problems);
    problems.extend(remarks(&outcome));

    let registry = &outcome.registry;
    // A tree may hold links to directories outside of it.
    let trees = &found.directories[found.trees.clone()];
    let is_meant = |path: &str| {
        let mut trees = trees.iter();
        scope.contains(path) || trees.any(|tree| Path::new(path).starts_with(&*tree.shown))
    };
    let chosen = |index: &usize| is_meant(&registry.units[*index].unit.path);
    let units: Vec<usize> = (0..registry.units.len()).filter(chosen).collect();
    let mut sources: HashSet<Arc<str>> = HashSet::new();
    for &index in &units {
        sources.extend(self::sources(&registry.units[index].unit));
    }
    problems.retain(|problem| {
        let place = problem.place.as_ref();
        place.is_none_or(|place| sources.contains(&place.path) || is_meant(&place.path))
    });
    if scope.is_everything() {
        let warnings = complaints.into_iter().map(|text| Problem::general(text).into_warning());
        problems.extend(warnings);
    }
    problems.extend(scope.hidden(trees, registry));
    for &index in &units {
        let named = &registry.units[index];
        problems.extend(sections::lint(&named.unit));
        problems.extend(keys::lint(&named.unit, target));
        problems.extend(host::lint(environment, named));
        problems.extend(member::lint(registry, &named.unit));
    }
    Checked {
        outcome,
        units,
        problems,
    }
}

/// In the order of files, lines and columns, each problem once.
pub fn sort(problems: &mut Vec<Problem>) {
    problems.sort_by_cached_key(|problem| {
        let place = problem.place.as_ref();
        place.map(|place| (place.path.clone(), place.line, place.span.map(|span| span.column)))
    });
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert(problem.to_string()));
}

/// The problems of one unit: those in its file and in its drop-ins.
pub fn of_unit<'a>(problems: &'a [Problem], unit: &Unit) -> impl Iterator<Item = &'a Problem> + use<'a> {
    let sources: HashSet<Arc<str>> = sources(unit).into_iter().collect();
    let is_its = move |problem: &&Problem| {
        problem
            .place
            .as_ref()
            .is_some_and(|place| sources.contains(&place.path))
    };
    problems.iter().filter(is_its)
}

/// The files that a unit is made of: its own and its drop-ins.
fn sources(unit: &Unit) -> Vec<Arc<str>> {
    let sections = unit.document.sections();
    let entries = sections.iter().flat_map(systemd_unit_parser::Section::entries);
    let mut sources: Vec<Arc<str>> = entries
        .filter_map(|entry| Some(entry.place()?.source.clone()))
        .collect();
    let broken = unit.problems.iter().filter_map(|problem| problem.place.as_ref());
    sources.extend(broken.map(|place| place.path.clone()));
    sources.push(unit.path.clone());
    sources.dedup();
    sources
}

/// What the conversion could not do about `[Install]`.
fn remarks(outcome: &Outcome) -> impl Iterator<Item = Problem> {
    outcome.remarks.iter().map(|remark| {
        let owner = |path: &&Arc<str>| remark.strip_prefix(&***path).is_some_and(|rest| rest.starts_with(':'));
        let path = outcome.registry.units.iter().map(|named| &named.unit.path).find(owner);
        let problem = match path {
            Some(path) => {
                let message = remark[path.len() + 1..].trim_start();
                Problem::warning(Place::file(path.clone()), message)
            }
            None => Problem::general(remark.as_str()).into_warning(),
        };
        problem.of(Rule::InstallLink)
    })
}
