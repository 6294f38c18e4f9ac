//! Typed values of one section. Each method reads a key the way one family of keys is read; what is odd about a value
//! is noted as a [`Warning`] and never an error.
//!
//! Lists are reset by an assignment with an empty value: it discards all assignments before it, also across drop-ins.
//! For all others the last assignment wins, even an empty one.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use crate::document::{Entry, Line, Section, UnitFile};
use crate::error::{Problem, Warning};
use crate::words::{SplitError, split_args, split_words};

/// Reads the values of one section (which may be missing: then no key has a value) and collects warnings.
#[derive(Debug)]
pub struct Lookup<'a> {
    section: Option<&'a Section>,
    warnings: RefCell<Vec<Warning>>,
    /// Which assignments were warned about, by address, and where in them: thousands may be odd.
    warned: RefCell<HashSet<(usize, usize)>>,
}

impl UnitFile {
    /// A reader of one section.
    pub fn lookup(&self, section: &str) -> Lookup<'_> {
        Lookup {
            section: self.section(section),
            warnings: RefCell::default(),
            warned: RefCell::default(),
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

    /// The assignments of a list key after its last reset.
    pub fn entries(&self, key: &str) -> Vec<&'a Entry> {
        self.list(key).collect()
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
        self.literal(key).map(Entry::value).collect()
    }

    /// As [`lines`](Self::lines), the assignments.
    pub fn line_entries(&self, key: &str) -> Vec<&'a Entry> {
        self.literal(key).collect()
    }

    /// W: the words of all values; quotes removed, backslashes kept. A value with a quote that is not closed is left
    /// out, with a warning.
    pub fn words(&self, key: &str) -> Vec<String> {
        let mut words = Vec::new();
        for entry in self.list(key) {
            words.append(&mut self.sound(entry, split_words(entry.value())).unwrap_or_default());
        }
        words
    }

    /// A: the arguments of all values; quotes removed, C escapes decoded. A value with a bad escape is left out, with a
    /// warning.
    pub fn args(&self, key: &str) -> Vec<String> {
        let mut args = Vec::new();
        for mut line in self.arg_lines(key) {
            args.append(&mut line);
        }
        args
    }

    /// As [`args`](Self::args), those of each value by themselves.
    pub fn arg_lines(&self, key: &str) -> impl Iterator<Item = Vec<String>> {
        self.list(key).filter_map(|entry| self.split(entry))
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
        let body = self.section.map_or(&[][..], Section::body);
        let resets = |line: &Line| {
            line.entry()
                .is_some_and(|entry| entry.key == key && entry.value.is_empty())
        };
        let first = body.iter().rposition(resets).map_or(0, |reset| reset + 1);
        body[first..]
            .iter()
            .filter_map(Line::entry)
            .filter(move |entry| entry.key == key)
    }

    fn literal(&self, key: &str) -> impl Iterator<Item = &'a Entry> {
        self.list(key).inspect(|entry| {
            let value = entry.value();
            if let Some(offset) = value.find('"').or_else(|| value.starts_with('\'').then_some(0)) {
                self.warn(entry, offset, Problem::LiteralQuotes);
            }
        })
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
        if !self
            .warned
            .borrow_mut()
            .insert((std::ptr::from_ref(entry).addr(), offset))
        {
            return;
        }
        self.warnings.borrow_mut().push(Warning {
            place: entry.place_in_value(offset),
            key: entry.key().to_owned(),
            value: entry.value().to_owned(),
            problem,
        });
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

/// An unsigned number of 32 bits: decimal, `0x` hexadecimal, or octal after a leading 0, with a sign if need be.
pub fn parse_unsigned(text: &str) -> Option<u32> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What `read` gives for the values of key `k`, one per line, and the warnings.
    fn read<T>(lines: &str, read: impl FnOnce(&Lookup<'_>) -> T) -> (T, Vec<String>) {
        let text = format!("[A]\nk={}", lines.replace('\n', "\nk="));
        let file = UnitFile::parse("f", text.as_bytes()).expect("good");
        let lookup = file.lookup("A");
        let value = read(&lookup);
        let warnings = lookup.take_warnings().iter().map(ToString::to_string).collect();
        (value, warnings)
    }

    #[test]
    fn scalars() {
        let table = [
            ("a\nb c", "b c"),
            ("a\n ", ""),
            ("\"a b\"", "a b"),
            ("\"", "\""),
            ("\"\"", ""),
            ("'a'", "'a'"),
            ("\"a\" b", "\"a\" b"),
            ("\"\"a\"\"", "\"a\""),
            (r"a\tb", r"a\tb"),
        ];
        for (lines, expected) in table {
            let value = read(lines, |lookup| lookup.scalar("k").map(ToOwned::to_owned));
            assert_eq!(value, (Some(expected.to_owned()), vec![]), "{lines:?}");
        }
        let file = UnitFile::parse("f", b"[A]\ne=\nq=\"x\"").expect("good");
        let lookup = file.lookup("A");
        assert_eq!(
            (lookup.scalar("absent"), lookup.scalar("e"), lookup.nonempty("e")),
            (None, Some(""), None)
        );
        assert_eq!((lookup.raw("q"), lookup.nonempty("q")), (Some("\"x\""), Some("x")));
        assert_eq!(
            (lookup.has("e"), lookup.has("absent"), file.lookup("B").has("e")),
            (true, false, false)
        );
    }

    #[test]
    fn booleans() {
        for (lines, expected) in [
            ("1", true),
            ("yEs", true),
            ("\"true\"", true),
            ("yes\nON", true),
            ("yes\noff", false),
            ("0", false),
            ("No", false),
            ("FALSE", false),
            ("true\n ", false),
        ] {
            assert_eq!(
                read(lines, |lookup| lookup.boolean("k")),
                (Some(expected), vec![]),
                "{lines:?}"
            );
        }
        for typo in ["y", "t", "treu", "2"] {
            let warning = format!("f:2:3: not a boolean, taken as false: k={typo}");
            assert_eq!(read(typo, |lookup| lookup.boolean("k")), (Some(false), vec![warning]));
        }
        assert_eq!(UnitFile::new().lookup("A").boolean("k"), None);
    }

    #[test]
    fn numbers() {
        let table = [
            ("0", Some(0)),
            ("\"42\"", Some(42)),
            ("+7", Some(7)),
            ("-0", Some(0)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("0Xff", Some(255)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("08", None),
            ("0x", None),
            ("++1", None),
            ("1k", None),
        ];
        for (lines, expected) in table {
            let (value, warnings) = read(lines, |lookup| lookup.unsigned("k"));
            assert_eq!(
                (value, warnings.len()),
                (expected, usize::from(expected.is_none())),
                "{lines:?} {warnings:?}"
            );
        }
        assert_eq!(read(" ", |lookup| lookup.unsigned("k")), (None, vec![]));
    }

    #[test]
    fn lists() {
        let lines = |lookup: &Lookup<'_>| lookup.lines("k").join("|");
        assert_eq!(read("a b\nc", lines), ("a b|c".into(), vec![]));
        assert_eq!(read("a\n \nc", lines), ("c".into(), vec![]));
        assert_eq!(read("a\n ", lines), (String::new(), vec![]));
        let warning = "f:3:5: quotes are part of this value, they are not removed: k=b=\"c\"".to_owned();
        assert_eq!(read("a\nb=\"c\"", lines), ("a|b=\"c\"".into(), vec![warning]));

        let words = |lookup: &Lookup<'_>| lookup.words("k").join("|");
        assert_eq!(read("a 'b c'\nd\\n", words), ("a|b c|d\\n".into(), vec![]));
        assert_eq!(read("a\n\"\"", words), ("a|".into(), vec![]));
        let warning = "f:2:5: quote is never closed, line ignored: k=a 'b".to_owned();
        assert_eq!(read("a 'b\nc", words), ("c".into(), vec![warning]));
    }

    #[test]
    fn arguments() {
        let args = |lookup: &Lookup<'_>| lookup.args("k").join("|");
        assert_eq!(read("a\\tb \"\" 'c d'\ne", args), ("a\tb||c d|e".into(), vec![]));
        let bad = "f:3:5: unknown or incomplete escape after the backslash, line ignored: k=b \\q".to_owned();
        assert_eq!(read("a\nb \\q\nc", args), ("a|c".into(), vec![bad.clone()]));
        let open = "f:2:5: quote is never closed, taken to end with the line: k=a \"b c".to_owned();
        assert_eq!(read("a \"b c", args), ("a|b c".into(), vec![open]));

        let last = |lookup: &Lookup<'_>| lookup.last_args("k").map(|words| words.join("|"));
        assert_eq!(read("a\nb c", last), (Some("b|c".into()), vec![]));
        assert_eq!(read("a\n ", last), (Some(String::new()), vec![]));
        assert_eq!(read("a\nb \\q", last), (None, vec![bad]));
        assert_eq!(UnitFile::new().lookup("A").last_args("k"), None);
    }

    #[test]
    fn maps() {
        let map = |lookup: &Lookup<'_>| lookup.map("k").into_iter().collect::<Vec<_>>();
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(ToOwned::to_owned));
        let (pairs, warnings) = read("b=1 \"a=x y\" c\nb=2=3\n\"\" d=", map);
        assert_eq!(
            pairs,
            [
                pair("a", Some("x y")),
                pair("b", Some("2=3")),
                pair("c", None),
                pair("d", Some(""))
            ]
        );
        assert_eq!(
            warnings,
            ["f:4:3: empty word where NAME=VALUE is expected, ignored: k=\"\" d="]
        );
        assert_eq!(read("a=1\n \nb=2", map), (vec![pair("b", Some("2"))], vec![]));
    }

    #[test]
    fn a_warning_is_given_once() {
        let twice = |lookup: &Lookup<'_>| (lookup.boolean("k"), lookup.boolean("k"));
        assert_eq!(read("maybe", twice).1.len(), 1);
    }
}
