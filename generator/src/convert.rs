//! One unit's conversion: what is common to all types, and what the tables and handlers work with.

use std::path::PathBuf;

use systemd_unit_parser::{Entry, Lookup, Place as SourcePlace, Warning, parse_unsigned};

use crate::names::{Named, Registry};
use crate::problem::{Place, Problem, shorten};
use crate::rule::Rule;
use crate::text::Text;
use crate::unit::{Unit, UnitType};
use crate::{keys, preamble, suggest};

/// The largest number of a user or group that the engine takes, too.
const LARGEST_ID: u32 = 2_147_483_647;

/// What a conversion may know about the machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The program word of every generated command.
    pub engine: String,
    /// Whether the services are for a user manager.
    pub user_mode: bool,
    /// The directory that absolute paths are looked up in; `/` in real life.
    pub root: PathBuf,
}

impl Host {
    /// Whether the services run Podman, as `PODMAN=` may have it, and not unipod.
    pub fn drives_podman(&self) -> bool {
        let program = self.engine.rsplit('/').next().unwrap_or_default();
        program.starts_with("podman")
    }

    /// Whether a path surely does not exist. "Cannot be seen" is not "does not exist".
    pub fn lacks(&self, path: &str) -> bool {
        let path = self.root.join(path.trim_start_matches('/'));
        std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// The id of a user or group of the host, from 0 to `LARGEST_ID`; `accounts` is the file that lists them, passwd(5) or group(5).
    pub fn id_of(&self, accounts: &str, name: &str) -> Option<u32> {
        let text = std::fs::read_to_string(self.root.join(accounts.trim_start_matches('/'))).ok()?;
        let mut lines = text.lines().map(|line| line.split(':'));
        let mut fields = lines.find(|fields| fields.clone().next() == Some(name))?;
        // 4294967295 is -1 to the kernel, which then leaves the user as it is: root.
        fields.nth(2)?.parse().ok().filter(|id| *id <= LARGEST_ID)
    }
}

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
    pub(crate) present: [bool; keys::MOST],
    problems: Vec<Problem>,
    references: Vec<(usize, &'a Entry)>,
}

/// Converts one unit; everything that is wrong with it is reported.
pub fn convert<'a>(registry: &'a Registry, index: usize, host: &'a Host, members: Vec<String>) -> Converted<'a> {
    let named = &registry.units[index];
    let unit = &named.unit;
    let mut conversion = Conversion {
        unit,
        host,
        section: unit.document.lookup(unit.unit_type.section()),
        service: unit.document.lookup("Service"),
        members,
        member_of: None,
        registry,
        text: Text::new(unit),
        named,
        present: [false; keys::MOST],
        problems: Vec::new(),
        references: Vec::new(),
    };
    preamble::prepare(&mut conversion);
    unit.unit_type.converter()(&mut conversion);
    conversion.finish()
}

impl<'a> Conversion<'a> {
    fn finish(mut self) -> Converted<'a> {
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

    /// Notes which row an assignment belongs to; false if the type has no such key.
    pub(crate) fn mark_present(&mut self, key: &str) -> bool {
        let row = self.unit.unit_type.keys().iter().position(|row| row.name == key);
        if let Some(row) = row {
            self.present[row] = true;
        }
        row.is_some()
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

/// Where an assignment stands; its value is what counts.
pub fn place_of(unit: &Unit, entry: &Entry) -> Place {
    place_of_word(unit, entry, entry.value())
}

/// Where an assignment stands; its key is what counts.
pub fn place_of_key(unit: &Unit, entry: &Entry) -> Place {
    let length = entry.key().chars().count();
    place_of_span(unit, entry, entry.place(), length)
}

/// Where an assignment stands; a part of its value is what counts.
pub fn place_of_word(unit: &Unit, entry: &Entry, word: &str) -> Place {
    let offset = entry.value().find(word).filter(|_| !word.is_empty());
    match offset.and_then(|offset| entry.place_in_value(offset)) {
        // A value that is continued on further lines ends somewhere else.
        Some(place) if word == entry.value() => place_of_span(unit, entry, Some(&place), 0),
        Some(place) => place_of_span(unit, entry, Some(&place), word.chars().count()),
        None => place_of_key(unit, entry),
    }
}

/// Where an assignment stands. Its characters are named if they stand on the line of its key, which is the one shown.
fn place_of_span(unit: &Unit, entry: &Entry, span: Option<&SourcePlace>, length: usize) -> Place {
    let Some(key) = entry.place() else {
        return Place::file(unit.path.clone());
    };
    let place = at(key, &[entry.key(), "=", entry.value()].concat());
    match span.filter(|span| span.line == key.line) {
        Some(span) => place.from_column(span.column, length),
        None => place.from_column(key.column, 0),
    }
}

fn at(place: &SourcePlace, text: &str) -> Place {
    Place::line(place.source.clone(), place.line as usize, text)
}

fn from_warning(unit: &Unit, warning: &Warning) -> Problem {
    let text = format!("{}={}", warning.key, warning.value);
    let place = match &warning.place {
        Some(place) => at(place, &text).from_column(place.column, 0),
        None => Place::file(unit.path.clone()),
    };
    Problem::warning(place, warning.problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_account_files_have_a_range() {
        let root = std::env::temp_dir().join(format!("unipod-accounts-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let text = "web:x:33:33::/:\nlast:x:2147483647:1::/:\nall:x:4294967295:1::/:\nodd:x:-1:1::/:\n";
        std::fs::write(root.join("passwd"), text).unwrap();
        let host = Host {
            engine: String::new(),
            user_mode: false,
            root: root.clone(),
        };
        let ids = ["web", "last", "all", "odd", "nobody"].map(|name| host.id_of("/passwd", name));
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(ids, [Some(33), Some(2_147_483_647), None, None, None]);
    }
}
