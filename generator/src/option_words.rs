//! The rows of a table become options, and the words of a unit become commands.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::keys::{Emit, Key, Kind};

impl Conversion<'_> {
    /// Adds the options of all rows, in the table's order.
    pub fn emit(&mut self, keys: &'static [Key], command: &mut Command) {
        for (index, row) in keys.iter().enumerate() {
            if self.present[index] || matches!(row.emit, Emit::Always(_)) {
                self.emit_row(row, command);
            }
        }
    }

    fn emit_row(&mut self, row: &Key, command: &mut Command) {
        match row.emit {
            Emit::Pair(flag) => self.elements(row, |value| {
                command.option(flag, value);
            }),
            Emit::Joined(flag) => self.elements(row, |value| {
                command.joined(flag, value);
            }),
            Emit::Prefixed(flag, prefix) => self.elements(row, |value| {
                command.word(flag).concatenated(&[prefix, value]);
            }),
            Emit::PairEvenEmpty(flag) => {
                command.option(flag, self.section.scalar(row.name).unwrap_or_default());
            }
            Emit::JoinedEvenEmpty(flag) => {
                command.joined(flag, self.section.scalar(row.name).unwrap_or_default());
            }
            Emit::PrefixedEvenEmpty(flag, prefix) => {
                let value = self.section.scalar(row.name).unwrap_or_default();
                command.word(flag).concatenated(&[prefix, value]);
            }
            Emit::Switch(flag) => match self.section.boolean(row.name) {
                Some(true) => drop(command.word(flag)),
                _ => drop(command.joined(flag, "false")),
            },
            Emit::WhenTrue(words) => {
                if self.section.boolean(row.name) == Some(true) {
                    command.words(words);
                }
            }
            Emit::Verbatim => drop(command.words(self.options(row.name))),
            Emit::With(add) | Emit::Always(add) => add(self, command),
            Emit::Elsewhere => {}
        }
    }

    /// Every element of a key that is not empty.
    fn elements(&self, row: &Key, mut each: impl FnMut(&str)) {
        match row.kind {
            Kind::Lines => self.section.lines(row.name).into_iter().for_each(each),
            Kind::Words => self.words(row.name).iter().for_each(|word| each(word)),
            Kind::Arguments => self.args(row.name).iter().for_each(|word| each(word)),
            Kind::Map => {
                for (name, value) in self.section.map(row.name) {
                    each(&value.map_or(name.clone(), |value| format!("{name}={value}")));
                }
            }
            _ => self.section.nonempty(row.name).into_iter().for_each(each),
        }
    }

    /// The beginning of every command (H9.1): the program behind systemd's `prefix`, modules, global arguments.
    pub fn base(&self, prefix: &str) -> Command {
        let mut command = if prefix.is_empty() {
            Command::new(&self.host.engine)
        } else {
            Command::new(&[prefix, &self.host.engine].concat())
        };
        for module in self.section.lines("ContainersConfModule") {
            command.joined("--module", module);
        }
        command.words(self.options("GlobalArgs"));
        command
    }

    /// A whole command.
    pub fn command(&self, prefix: &str, words: &[&str]) -> String {
        let mut command = self.base(prefix);
        command.words(words);
        command.into_line()
    }

    /// The words of a list key; an empty one asks for nothing.
    pub fn words(&self, key: &str) -> Vec<String> {
        without_empty(self.section.words(key))
    }

    /// The arguments of a list key; an empty one asks for nothing.
    pub fn args(&self, key: &str) -> Vec<String> {
        without_empty(self.section.args(key))
    }

    /// Whole options as the user writes them; an empty word is one only where it can be an option's value.
    pub fn options(&self, key: &str) -> Vec<String> {
        let mut options = Vec::new();
        for line in self.section.arg_lines(key) {
            options.append(&mut without_stray_empty(line));
        }
        options
    }

    /// The words of a command inside of the container, of the last assignment; empty words alone are no command.
    pub fn command_words(&self, key: &str) -> Option<Vec<String>> {
        let words = self.section.last_args(key)?;
        words.iter().any(|word| !word.is_empty()).then_some(words)
    }
}

/// The words without the empty ones that follow no option.
fn without_stray_empty(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if !word.is_empty() || kept.last().is_some_and(|before| before.starts_with('-')) {
            kept.push(word);
        }
    }
    kept
}

fn without_empty(mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| !word.is_empty());
    words
}
