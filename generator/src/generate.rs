//! All units of a run, from loaded files to finished services.

use std::collections::{HashMap, HashSet};

use crate::claims;
use crate::convert::{Converted, Host, convert};
use crate::install::{self, Link};
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
    pub source: String,
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

/// A run under way.
struct Run<'a> {
    registry: &'a Registry,
    host: &'a Host,
    /// For each unit whether it gets no service: its name is another's, or none.
    nameless: Vec<bool>,
    results: Vec<Option<Converted>>,
    /// For each unit the links that its `[Install]` asks for, and those it does not get.
    links: Vec<(Vec<Link>, Vec<String>)>,
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
    let (nameless, findings) = claims::check(&registry.units);
    let mut run = Run {
        registry: &registry,
        host,
        nameless,
        results: (0..count).map(|_| None).collect(),
        links: Vec::with_capacity(count),
        findings,
        inherited: vec![None; count],
        spread: HashSet::new(),
    };
    let pods = registry
        .units
        .partition_point(|named| named.unit.unit_type.class() < UnitType::Pod.class());
    let indices: Vec<usize> = (0..pods).collect();
    let converted = parallel::map(&indices, |index| (run.convert(*index, &[]), run.install(*index)));
    for (index, (converted, links)) in converted.into_iter().enumerate() {
        run.keep(index, converted);
        run.links.push(links);
    }
    run.spread_failures();
    let mut members = run.members();
    for index in pods..count {
        let converted = run.convert(index, &members.remove(&index).unwrap_or_default());
        run.keep(index, converted);
        run.links.push(run.install(index));
    }
    run.spread_failures();
    let outcome = run.finish();
    Outcome { registry, ..outcome }
}

impl Run<'_> {
    fn convert(&self, index: usize, members: &[String]) -> Option<Converted> {
        let readable = self.registry.units[index].unit.reading != Reading::Failed;
        readable.then(|| convert(self.registry, index, self.host, members))
    }

    /// The links of a unit, broken or not: a service that explains why it fails has to be started, too.
    fn install(&self, index: usize) -> (Vec<Link>, Vec<String>) {
        let named = &self.registry.units[index];
        install::links(&named.unit.document, &named.service, &named.unit.path)
    }

    fn keep(&mut self, index: usize, mut converted: Option<Converted>) {
        let mut problems = converted
            .as_mut()
            .map(|converted| std::mem::take(&mut converted.problems))
            .unwrap_or_default();
        if self.registry.units[index].unit.reading == Reading::Part {
            // What a file lacks is no news while lines of it cannot be read.
            problems.retain(|problem| problem.place.as_ref().is_none_or(|place| !place.is_section));
        }
        limit(&mut problems);
        self.findings[index].append(&mut problems);
        self.results[index] = converted;
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
            for index in 0..self.results.len() {
                spreads |= self.fail_with_references(index);
            }
        }
    }

    /// Returns whether there was something new.
    fn fail_with_references(&mut self, index: usize) -> bool {
        let references = self.results[index]
            .as_ref()
            .map_or(&[][..], |converted| &converted.references);
        let is_new = |target: usize| target != index && self.failed(target) && !self.spread.contains(&(index, target));
        let broken: Vec<_> = references
            .iter()
            .filter(|(target, _)| is_new(*target))
            .cloned()
            .collect();
        for (target, place) in &broken {
            let name = &self.registry.units[*target].unit.name;
            let reason = self.reason(*target);
            let message = format!("{name} cannot be used: {reason}");
            if !self.failed(index) {
                self.inherited[index] = Some(reason);
            }
            let mut problem = Problem::general(message).of(Rule::BrokenReference);
            problem.place.clone_from(place);
            self.findings[index].push(problem);
            self.spread.insert((index, *target));
        }
        !broken.is_empty()
    }

    /// For each pod the services of its containers, in order.
    fn members(&self) -> HashMap<usize, Vec<String>> {
        let mut members: HashMap<usize, Vec<String>> = HashMap::new();
        for (index, converted) in self.results.iter().enumerate() {
            if let Some(pod) = converted
                .as_ref()
                .and_then(|converted| converted.member_of)
                .filter(|_| !self.failed(index))
            {
                members
                    .entry(pod)
                    .or_default()
                    .push(self.registry.units[index].service_file());
            }
        }
        members
    }

    fn finish(mut self) -> Outcome {
        let links = std::mem::take(&mut self.links);
        let mut outcome = Outcome::default();
        outcome.services.reserve(links.len());
        for (index, (links, refused)) in links.into_iter().enumerate() {
            if !self.nameless[index] {
                outcome.remarks.extend(refused.into_iter().take(MOST));
                let service = self.service(index, links);
                outcome.services.push(service);
            }
        }
        drop_colliding_aliases(&mut outcome);
        keep_last_links(&mut outcome.services);
        outcome.problems = unique((0..self.results.len()).flat_map(|index| self.problems(index)));
        outcome
    }

    fn service(&mut self, index: usize, links: Vec<Link>) -> Service {
        let named = &self.registry.units[index];
        let unit = &named.unit;
        let is_stub = self.failed(index);
        let content = match self.results[index].take() {
            Some(converted) if !is_stub => converted.service,
            broken => {
                let service = broken.map(|broken| broken.service).unwrap_or_default();
                stub(unit, &service, &self.problems_of_service(index)).to_bytes()
            }
        };
        Service {
            file_name: named.service_file(),
            source: unit.path.to_string(),
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
        let owners = (0..self.results.len()).filter(|owner| self.registry.units[*owner].service == *name);
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
    let owners: HashMap<&str, usize> = links.collect();
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
