//! All units of a run, from loaded files to finished services.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::claims;
use crate::conversion::Converted;
use crate::convert::convert;
use crate::host::Host;
use crate::install::{self, Link};
use crate::locate::place_of_word;
use crate::names::Registry;
use crate::parallel;
use crate::problem::{MOST, Problem, limit, shorten};
use crate::rule::Rule;
use crate::stub::stub;
use crate::unit::{Reading, Unit, UnitType};

/// A finished service.
#[derive(Debug)]
pub struct Service {
    /// File name, `web.service`.
    pub file_name: String,
    /// Path of the unit it was made from.
    pub source: Arc<str>,
    /// Its text.
    pub content: Vec<u8>,
    /// The links that `[Install]` asks for.
    pub links: Vec<Link>,
    /// Whether it only explains why the unit cannot be used.
    pub is_stub: bool,
}

/// Everything that came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In order of conversion, one for each service name.
    pub services: Vec<Service>,
    /// All that is wrong, each once.
    pub problems: Vec<Problem>,
    /// Links that are not made, and why; no errors.
    pub remarks: Vec<String>,
    /// The units that all this came of.
    pub registry: Registry,
}

/// What came of one unit.
struct Attempt<'a> {
    /// Nothing if its file cannot be read.
    converted: Option<Converted<'a>>,
    /// The links that its `[Install]` asks for.
    links: Vec<Link>,
    /// Why it does not get other ones.
    refused: Vec<String>,
}

/// A run under way.
struct Run<'a> {
    registry: &'a Registry,
    host: &'a Host,
    /// For each unit whether systemd accepts the name of its service, and no other unit has it.
    has_service: Vec<bool>,
    attempts: Vec<Attempt<'a>>,
    /// For each unit what is wrong with its name, and what its conversion found.
    findings: Vec<Vec<Problem>>,
    /// For each unit that failed with another one: why that one failed.
    inherited: Vec<Option<String>>,
    /// Pairs of a unit and a failed one it refers to that are reported.
    spread: HashSet<(usize, usize)>,
}

/// Converts all units. Every unit with a usable name yields a service: itself, or a stub.
pub fn generate(units: Vec<Unit>, host: &Host) -> Outcome {
    let registry = Registry::new(units);
    let count = registry.units.len();
    let (has_service, findings) = claims::check(&registry.units);
    let mut run = Run {
        registry: &registry,
        host,
        has_service,
        attempts: Vec::new(),
        findings,
        inherited: vec![None; count],
        spread: HashSet::new(),
    };
    let pods = registry
        .units
        .partition_point(|named| named.unit.unit_type.class() < UnitType::Pod.class());
    let indices: Vec<usize> = (0..pods).collect();
    run.attempts = parallel::map(&indices, |index| run.attempt(*index, Vec::new()));
    for index in indices {
        run.keep_problems(index);
    }
    run.spread_failures();
    let mut members = run.members();
    for index in pods..count {
        let attempt = run.attempt(index, members.remove(&index).unwrap_or_default());
        run.attempts.push(attempt);
        run.keep_problems(index);
    }
    run.spread_failures();
    run.settle_claims();
    let outcome = run.finish();
    Outcome { registry, ..outcome }
}

impl<'a> Run<'a> {
    fn attempt(&self, index: usize, members: Vec<String>) -> Attempt<'a> {
        let named = &self.registry.units[index];
        // The links of a unit, broken or not: a service that explains why it fails has to be started, too.
        let (links, refused) = install::links(&named.unit.document, &named.service, &named.unit.path);
        let readable = named.unit.reading != Reading::Failed;
        Attempt {
            converted: readable.then(|| convert(self.registry, index, self.host, members)),
            links,
            refused,
        }
    }

    fn keep_problems(&mut self, index: usize) {
        let Some(converted) = &mut self.attempts[index].converted else {
            return;
        };
        let mut problems = std::mem::take(&mut converted.problems);
        if self.registry.units[index].unit.reading == Reading::Part {
            // What a file lacks is no news while lines of it cannot be read.
            problems.retain(|problem| problem.place.as_ref().is_none_or(|place| !place.is_section));
        }
        limit(&mut problems);
        self.findings[index].append(&mut problems);
    }

    fn failed(&self, index: usize) -> bool {
        self.registry.units[index].unit.reading != Reading::Whole || self.findings[index].iter().any(Problem::is_error)
    }

    /// The first thing that is wrong with a failed unit, or with the one that it failed with.
    fn reason(&self, index: usize) -> String {
        if let Some(inherited) = &self.inherited[index] {
            return inherited.clone();
        }
        let problems = self.problems(index);
        let first = problems.into_iter().find(|problem| problem.is_error());
        first.map_or_else(String::new, |problem| {
            shorten(problem.to_string().lines().next().unwrap_or_default())
        })
    }

    /// Who refers to a failed unit fails with it, and so on.
    fn spread_failures(&mut self) {
        let mut spreads = true;
        while std::mem::take(&mut spreads) {
            for index in 0..self.attempts.len() {
                spreads |= self.fail_with_references(index);
            }
        }
    }

    /// Returns whether there was something new.
    fn fail_with_references(&mut self, index: usize) -> bool {
        let converted = self.attempts[index].converted.as_ref();
        let references = converted.map_or(&[][..], |converted| &converted.references);
        let is_new = |target: usize| target != index && self.failed(target) && !self.spread.contains(&(index, target));
        let broken: Vec<_> = references
            .iter()
            .filter(|(target, _)| is_new(*target))
            .copied()
            .collect();
        for (target, entry) in &broken {
            let name = &self.registry.units[*target].unit.name;
            let reason = self.reason(*target);
            let message = format!("{name} cannot be used: {reason}");
            if !self.failed(index) {
                self.inherited[index] = Some(reason);
            }
            let place = place_of_word(&self.registry.units[index].unit, entry, name);
            self.findings[index].push(Problem::error(place, message).of(Rule::BrokenReference));
            self.spread.insert((index, *target));
        }
        !broken.is_empty()
    }

    /// For each pod the services of its containers, in order.
    fn members(&self) -> HashMap<usize, Vec<String>> {
        let mut members: HashMap<usize, Vec<String>> = HashMap::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            if let Some(pod) = attempt
                .converted
                .as_ref()
                .and_then(|converted| converted.member_of)
                .filter(|_| !self.failed(index))
            {
                let service = self.registry.units[index].service_file();
                let members = members.entry(pod).or_default();
                if !members.contains(&service) && service != self.registry.units[pod].service_file() {
                    members.push(service);
                }
            }
        }
        members
    }

    /// Of several units with one service one has it, the others are told.
    fn settle_claims(&mut self) {
        for (loser, problem) in claims::losers(&self.registry.units, |index| self.failed(index)) {
            self.has_service[loser] = false;
            self.findings[loser].push(problem);
        }
    }

    fn finish(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let attempts = std::mem::take(&mut self.attempts).into_iter().enumerate();
        let named = attempts.filter(|(index, _)| self.has_service[*index]);
        let services = named.map(|(index, attempt)| {
            outcome.remarks.extend(attempt.refused.into_iter().take(MOST));
            self.service(index, attempt.converted, attempt.links)
        });
        outcome.services = services.collect();
        drop_colliding_aliases(&mut outcome);
        keep_last_links(&mut outcome.services);
        outcome.problems = unique((0..self.registry.units.len()).flat_map(|index| self.problems(index)));
        outcome
    }

    fn service(&self, index: usize, converted: Option<Converted>, links: Vec<Link>) -> Service {
        let named = &self.registry.units[index];
        let unit = &named.unit;
        let is_stub = self.failed(index);
        let content = match converted {
            Some(converted) if !is_stub => converted.service,
            broken => {
                let service = broken.map(|broken| broken.service).unwrap_or_default();
                stub(unit, &service, &self.problems_of_service(index)).to_bytes()
            }
        };
        Service {
            file_name: named.service_file(),
            source: unit.path.clone(),
            content,
            links,
            is_stub,
        }
    }

    /// Everything about one unit, in the order of its file, then of its drop-ins.
    fn problems(&self, index: usize) -> Vec<&Problem> {
        let unit = &self.registry.units[index].unit;
        if unit.problems.is_empty() && self.findings[index].is_empty() {
            return Vec::new();
        }
        let mut problems: Vec<&Problem> = unit.problems.iter().chain(&self.findings[index]).collect();
        // What is missing from a section comes after what is wrong in it.
        problems.sort_by_cached_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|place| {
                (
                    place.path != unit.path,
                    place.path.clone(),
                    place.is_section,
                    place.line,
                )
            })
        });
        problems
    }

    /// The errors of all units that share the service's name.
    fn problems_of_service(&self, index: usize) -> Vec<&Problem> {
        let name = &self.registry.units[index].service;
        let owners = (0..self.registry.units.len()).filter(|owner| self.registry.units[*owner].service == *name);
        owners
            .flat_map(|owner| self.problems(owner))
            .filter(|problem| problem.is_error())
            .collect()
    }
}

/// An alias must not take the place of another unit's service.
fn drop_colliding_aliases(outcome: &mut Outcome) {
    let mut links = outcome.services.iter().flat_map(|service| &service.links);
    if links.all(|link| link.path.contains('/')) {
        return;
    }
    let names: HashSet<String> = outcome
        .services
        .iter()
        .map(|service| service.file_name.clone())
        .collect();
    for service in &mut outcome.services {
        service.links.retain(|link| {
            let collides = names.contains(&link.path);
            if collides {
                let remark = format!("{}: Alias={} is the service of another unit", service.source, link.path);
                outcome.remarks.push(remark);
            }
            !collides
        });
    }
}

/// Of two services that ask for one link the last one has it.
fn keep_last_links(services: &mut [Service]) {
    let links = services.iter().enumerate().flat_map(|(index, service)| {
        let paths = service.links.iter().map(|link| link.path.as_str());
        paths.map(move |path| (path, index))
    });
    let count = services.iter().map(|service| service.links.len()).sum();
    let mut owners: HashMap<&str, usize> = HashMap::with_capacity(count);
    owners.extend(links);
    if owners.len() == count {
        return;
    }
    let owners: HashMap<String, usize> = owners
        .into_iter()
        .map(|(path, owner)| (path.to_owned(), owner))
        .collect();
    for (index, service) in services.iter_mut().enumerate() {
        service.links.retain(|link| owners[&link.path] == index);
    }
}

/// Each problem once: units share drop-ins, and what is wrong with them.
fn unique<'a>(problems: impl Iterator<Item = &'a Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    problems
        .filter(|problem| seen.insert(problem.to_string()))
        .cloned()
        .collect()
}
