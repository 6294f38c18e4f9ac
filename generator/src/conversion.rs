//! A conversion under way: what the tables and handlers of all types work with.

use systemd_unit_parser::{Entry, Lookup, Warning, parse_unsigned};

use crate::host::{Host, LARGEST_ID};
use crate::locate::{from_warning, place_of, place_of_key, place_of_word};
use crate::names::{Named, Registry};
use crate::problem::{Place, Problem, shorten};
use crate::rule::Rule;
use crate::suggest;
use crate::text::Text;
use crate::unit::{Unit, UnitType};

/// No table of keys is longer than this.
const MOST_ROWS: usize = 128;

/// The result of one conversion.
#[derive(Debug)]
pub struct Converted<'a> {
    /// The service's text, complete if there is no error among the problems.
    pub service: Vec<u8>,
    /// What is wrong with the unit.
    pub problems: Vec<Problem>,
    /// The units it cannot work without, and the assignments that name them.
    pub references: Vec<(usize, &'a Entry)>,
    /// The pod that starts this container.
    pub member_of: Option<usize>,
}

/// A conversion under way.
#[derive(Debug)]
pub struct Conversion<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// The machine.
    pub host: &'a Host,
    /// The values of the type's own section.
    pub section: Lookup<'a>,
    /// The values of the user's `[Service]`.
    pub service: Lookup<'a>,
    /// For a pod: the services of the containers it starts.
    pub members: Vec<String>,
    /// The pod that starts this container.
    pub member_of: Option<usize>,
    pub(crate) registry: &'a Registry,
    pub(crate) text: Text<'a>,
    named: &'a Named,
    /// Which rows of the table have an assignment.
    pub(crate) present: [bool; MOST_ROWS],
    problems: Vec<Problem>,
    references: Vec<(usize, &'a Entry)>,
}

impl<'a> Conversion<'a> {
    /// Nothing converted yet.
    pub(crate) fn new(registry: &'a Registry, index: usize, host: &'a Host, members: Vec<String>) -> Self {
        let named = &registry.units[index];
        let unit = &named.unit;
        Self {
            unit,
            host,
            section: unit.document.lookup(unit.unit_type.section()),
            service: unit.document.lookup("Service"),
            members,
            member_of: None,
            registry,
            text: Text::new(unit),
            named,
            present: [false; MOST_ROWS],
            problems: Vec::new(),
            references: Vec::new(),
        }
    }

    /// All is converted.
    pub(crate) fn finish(mut self) -> Converted<'a> {
        let odd = [self.section.take_warnings(), self.service.take_warnings()].concat();
        self.note_all(&odd);
        Converted {
            service: self.text.to_bytes(),
            problems: self.problems,
            references: self.references,
            member_of: self.member_of,
        }
    }

    /// Keeps what was odd about the values that were looked up.
    pub(crate) fn note(&mut self, lookup: &Lookup<'_>) {
        self.note_all(&lookup.take_warnings());
    }

    fn note_all(&mut self, odd: &[Warning]) {
        self.problems.extend(odd.iter().map(|odd| from_warning(self.unit, odd)));
    }

    /// Notes that a row of the table has an assignment.
    pub(crate) fn mark_present(&mut self, row: usize) {
        self.present[row] = true;
    }

    /// Appends a line to `[Unit]`.
    pub fn add_unit(&mut self, key: &str, value: impl AsRef<str>) {
        self.text.unit.add(key, value.as_ref());
    }

    /// Appends `Requires=` and `After=` to `[Unit]`.
    pub fn require(&mut self, service: &str) {
        self.add_unit("Requires", service);
        self.add_unit("After", service);
    }

    /// Appends a line to `[Service]`.
    pub fn add_service(&mut self, key: &str, value: impl AsRef<str>) {
        self.text.service.add(key, value.as_ref());
    }

    /// Sets a key of `[Service]`, whatever the user has said.
    pub fn set_service(&mut self, key: &str, value: &'static str) {
        match self.service.last(key) {
            Some(entry) => self.text.service.replace(entry, value),
            None => self.add_service(key, value),
        }
    }

    /// Sets a key of `[Service]` unless the user has.
    pub fn default_service(&mut self, key: &str, value: &str) {
        if !self.service.has(key) {
            self.add_service(key, value);
        }
    }

    /// The assignments of a list key after its last reset.
    pub fn lines(&self, key: &str) -> Vec<&'a Entry> {
        self.section.line_entries(key)
    }

    /// The last assignment of a scalar that is not empty, and its value.
    pub fn text_entry(&self, key: &str) -> Option<(&'a Entry, &'a str)> {
        self.section.last(key).zip(self.section.nonempty(key))
    }

    /// The id that a key names: a number, or an account of the host; what systemd expands is passed on.
    pub fn id(&mut self, key: &str, accounts: &str) -> Option<String> {
        let value = self.section.scalar(key)?;
        if !value.starts_with(|first: char| !first.is_ascii_digit() && !matches!(first, '+' | '-')) {
            let number = parse_unsigned(value).filter(|number| *number <= LARGEST_ID);
            let no_number = self.section.last(key).filter(|_| number.is_none() && !value.is_empty());
            if let Some(entry) = no_number {
                let message = format!(
                    "\"{}\" is no number of a user or group: those are 0 to {LARGEST_ID}",
                    shorten(value)
                );
                self.error(entry, message);
            }
            return Some(number.unwrap_or(0).to_string());
        }
        let id = self.host.id_of(accounts, value).map(|id| id.to_string());
        if id.is_none() && !value.contains('%') {
            self.warning_at(key, format!("there is no \"{}\" in {accounts}", shorten(value)));
        }
        Some(id.unwrap_or_else(|| value.to_owned()))
    }

    /// The name of the volume, network or pod that this unit stands for.
    pub fn own_resource(&self) -> &'a str {
        self.named.resource.as_deref().unwrap_or_default()
    }

    /// The unit that `entry` refers to by its file name. It is an error if there is none; if it exists and fails, this
    /// unit fails with it.
    pub fn reference(&mut self, entry: &'a Entry, name: &str) -> Option<usize> {
        let Some(target) = self.registry.find(name) else {
            self.missing_unit(entry, name);
            return None;
        };
        self.references.push((target, entry));
        Some(target)
    }

    /// An error about the name of a unit that is not there.
    pub(crate) fn missing_unit(&mut self, entry: &Entry, name: &str) {
        let hint = suggest::unit_hint(name, self.registry.names());
        let place = place_of_word(self.unit, entry, name);
        let problem = Problem::error(place, format!("there is no unit {}", shorten(name)));
        self.report(problem.of(Rule::MissingReference).help(hint));
    }

    /// The name that the referred unit hands out.
    pub fn resource(&mut self, entry: &Entry, target: usize) -> Option<&'a str> {
        let target = &self.registry.units[target];
        // Another type that hands out nothing fails for that very reason, and says so itself.
        if target.resource.is_none() && target.unit.unit_type == UnitType::Container {
            let name = &target.unit.name;
            let message = format!("the container of {name} has a name that only systemd knows");
            let problem = Problem::error(place_of(self.unit, entry), message);
            self.report(problem.help(Some("set ContainerName= there")));
        }
        target.resource.as_deref()
    }

    /// The service of a referred unit, `data-volume.service`.
    pub fn service_of(&self, target: usize) -> String {
        [&self.registry.units[target].service, ".service"].concat()
    }

    /// Keeps a problem.
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// An error about the value of an assignment.
    pub fn error(&mut self, entry: &Entry, message: impl Into<String>) {
        self.report(Problem::error(place_of(self.unit, entry), message));
    }

    /// A warning about the value of an assignment.
    pub fn warning(&mut self, entry: &Entry, message: impl Into<String>) {
        self.report(Problem::warning(place_of(self.unit, entry), message));
    }

    /// An error about keys that do not go together; it is shown at the last assignment of this one.
    pub fn error_at(&mut self, key: &str, message: impl Into<String>) {
        match self.section.last(key) {
            Some(entry) => {
                self.report(Problem::error(place_of_key(self.unit, entry), message).of(Rule::KeyCombination));
            }
            None => self.error_section(message),
        }
    }

    /// A warning about the last assignment of a key of the type's own section.
    pub fn warning_at(&mut self, key: &str, message: impl Into<String>) {
        if let Some(entry) = self.section.last(key) {
            self.warning(entry, message);
        }
    }

    /// An error about what the type's own section lacks.
    pub fn error_section(&mut self, message: impl Into<String>) {
        let name = self.unit.unit_type.section();
        let place = match self.section.section().and_then(|section| section.place()) {
            Some(place) => Place::section(place.source.clone(), place.line as usize, name),
            None => Place {
                is_section: true,
                ..Place::file(self.unit.path.clone())
            },
        };
        self.report(Problem::error(place, message).of(Rule::MissingKey));
    }
}
