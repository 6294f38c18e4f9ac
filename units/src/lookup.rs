//! Typed values of one section. Each method reads a key the way one family of keys is read; what is odd about a value
//! is noted as a [`Warning`] and never an error.
//!
//! Lists are reset by an assignment with an empty value: it discards all assignments before it, also across drop-ins.
//! For all others the last assignment wins, even an empty one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::document::{Entry, Section, UnitFile};
use crate::error::{Problem, Warning};
use crate::words::{SplitError, split_args, split_words};

/// Reads the values of one section (which may be missing: then no key has a value) and collects warnings.
#[derive(Debug)]
pub struct Lookup<'a> {
    section: Option<&'a Section>,
    warnings: RefCell<Vec<Warning>>,
}

impl UnitFile {
    /// A reader of one section.
    pub fn lookup(&self, section: &str) -> Lookup<'_> {
        Lookup {
            section: self.section(section),
            warnings: RefCell::default(),
        }
    }
}

impl<'a> Lookup<'a> {
    /// The section, if there is one.
    pub fn section(&self) -> Option<&'a Section> {
        self.section
    }

    /// Whether the key is assigned at all, be it empty.
    pub fn has(&self, key: &str) -> bool {
        self.last(key).is_some()
    }

    /// The last assignment of the key.
    pub fn last(&self, key: &str) -> Option<&'a Entry> {
        self.section?.last(key)
    }

    /// The warnings of all lookups so far, each once; they are taken away.
    pub fn take_warnings(&self) -> Vec<Warning> {
        self.warnings.take()
    }

    /// S: the last value without white space at its end and without one pair of `"` around it. No escapes.
    pub fn scalar(&self, key: &str) -> Option<&'a str> {
        self.last(key).map(scalar_value)
    }

    /// S, if it is not empty.
    pub fn nonempty(&self, key: &str) -> Option<&'a str> {
        self.scalar(key).filter(|value| !value.is_empty())
    }

    /// S0: the last value, as it is.
    pub fn raw(&self, key: &str) -> Option<&'a str> {
        self.last(key).map(Entry::value)
    }

    /// B: true for 1, yes, true, on in any case; false for everything else, with a warning if it is not empty and not 0,
    /// no, false, off.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        let entry = self.last(key)?;
        let value = scalar_value(entry);
        let is_one_of = |words: [&str; 4]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
        let yes = is_one_of(["1", "yes", "true", "on"]);
        if !yes && !value.is_empty() && !is_one_of(["0", "no", "false", "off"]) {
            self.warn(entry, 0, Problem::NotABoolean);
        }
        Some(yes)
    }

    /// U: an unsigned number of 32 bits: decimal, `0x` hexadecimal, or octal after a leading 0. A value that is none is
    /// a warning and counts as absent, so that the caller's default is used.
    pub fn unsigned(&self, key: &str) -> Option<u32> {
        let entry = self.last(key)?;
        let value = scalar_value(entry);
        let number = parse_unsigned(value);
        if number.is_none() && !value.is_empty() {
            self.warn(entry, 0, Problem::NotANumber);
        }
        number
    }

    /// L: every value as it is, one element each. Quotes stay, with a warning.
    pub fn lines(&self, key: &str) -> Vec<&'a str> {
        let read = |entry: &'a Entry| {
            if let Some(offset) = entry
                .value()
                .find('"')
                .or_else(|| entry.value().starts_with('\'').then_some(0))
            {
                self.warn(entry, offset, Problem::LiteralQuotes);
            }
            entry.value()
        };
        self.list(key).map(read).collect()
    }

    /// W: the words of all values; quotes removed, backslashes kept. A value with a quote that is not closed is left
    /// out, with a warning.
    pub fn words(&self, key: &str) -> Vec<String> {
        self.list(key)
            .flat_map(|entry| self.sound(entry, split_words(entry.value())).unwrap_or_default())
            .collect()
    }

    /// A: the arguments of all values; quotes removed, C escapes decoded. A value with a bad escape is left out, with a
    /// warning.
    pub fn args(&self, key: &str) -> Vec<String> {
        self.list(key)
            .flat_map(|entry| self.split(entry).unwrap_or_default())
            .collect()
    }

    /// X: the arguments of the last value only. A bad escape is a warning and counts as absent; an empty value is an
    /// empty list.
    pub fn last_args(&self, key: &str) -> Option<Vec<String>> {
        self.last(key).and_then(|entry| self.split(entry))
    }

    /// K: as A, each word cut at its first `=`; a word without `=` is a name without a value. Later names replace
    /// earlier ones. Sorted by name, byte-wise.
    pub fn map(&self, key: &str) -> BTreeMap<String, Option<String>> {
        let mut map = BTreeMap::new();
        for entry in self.list(key) {
            for word in self.split(entry).unwrap_or_default() {
                match word.split_once('=') {
                    Some((name, value)) => map.insert(name.to_owned(), Some(value.to_owned())),
                    None if word.is_empty() => {
                        self.warn(entry, 0, Problem::EmptyName);
                        None
                    }
                    None => map.insert(word, None),
                };
            }
        }
        map
    }

    /// The assignments of a list key after its last reset.
    fn list(&self, key: &str) -> impl Iterator<Item = &'a Entry> {
        let all: Vec<_> = self
            .section
            .into_iter()
            .flat_map(|section| section.assignments(key))
            .collect();
        let reset = all
            .iter()
            .rposition(|entry| entry.value().is_empty())
            .map_or(0, |index| index + 1);
        all.into_iter().skip(reset)
    }

    fn split(&self, entry: &Entry) -> Option<Vec<String>> {
        let args = self.sound(entry, split_args(entry.value()))?;
        if let Some(offset) = args.unclosed {
            self.warn(entry, offset, Problem::UnclosedQuoteRuns);
        }
        Some(args.words)
    }

    fn sound<T>(&self, entry: &Entry, split: Result<T, SplitError>) -> Option<T> {
        split
            .map_err(|error| self.warn(entry, error.offset, error.problem))
            .ok()
    }

    fn warn(&self, entry: &Entry, offset: usize, problem: Problem) {
        let warning = Warning {
            place: entry.place_in_value(offset),
            key: entry.key().to_owned(),
            value: entry.value().to_owned(),
            problem,
        };
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// The value without white space at its end and without one pair of `"` around it.
fn scalar_value(entry: &Entry) -> &str {
    let value = entry.value().trim_end();
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value)
}

fn parse_unsigned(text: &str) -> Option<u32> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = if let Some(rest) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, rest)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    // `from_str_radix` would take a second sign.
    let number = digits
        .chars()
        .all(|digit| digit.is_digit(radix))
        .then(|| u32::from_str_radix(digits, radix).ok())??;
    (!negative || number == 0).then_some(number)
}
