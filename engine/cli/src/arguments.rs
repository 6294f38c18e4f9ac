//! What the command lines of several nouns share: values, `KEY=VALUE` pairs, `--filter`, lists, one thing done to each name.

use std::collections::BTreeMap;

use clap::{Arg, Args};
use jiff::Timestamp;

use super::error::CliError;
use super::output::{self, Row};

/// An option takes the next word as its value whatever that begins with, as podman's do: `--hostname -x`.
pub fn any_value(arg: Arg) -> Arg {
    if arg.is_positional() || arg.is_require_equals_set() || !arg.get_action().takes_values() {
        return arg;
    }
    arg.allow_hyphen_values(true)
}

/// `KEY=VALUE` words as a map; a word without `=` has an empty value, and the last of several with one key counts.
pub fn key_values(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        (key.to_owned(), value.to_owned())
    };
    words.iter().map(pair).collect()
}

/// `--filter KEY=VALUE` words: those of one key are alternatives, different keys must all match (podman's rule).
#[derive(Debug)]
pub struct Filters {
    values: BTreeMap<String, Vec<String>>,
}

impl Filters {
    /// Reads the words; keys other than `known` are refused.
    pub fn parse(words: &[String], known: &[&str]) -> Result<Self, CliError> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            if !known.contains(&key) {
                let known = known.join(", ");
                return Err(
                    CliError::new(format!("{key:?} is an invalid filter")).hint(format!("known filters: {known}"))
                );
            }
            values.entry(key.into()).or_default().push(value.into());
        }
        Ok(Self { values })
    }

    /// The values that are given for `key`.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.values.get(key).into_iter().flatten().map(String::as_str)
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether something whose `key` is tested by `test` passes.
    pub fn pass(&self, key: &str, test: impl Fn(&str) -> bool) -> bool {
        self.values.get(key).is_none_or(|wanted| wanted.iter().any(|w| test(w)))
    }

    /// Whether labels pass: every `label=KEY[=VALUE]` must be there, and no `label!=KEY[=VALUE]`.
    pub fn pass_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |wanted: &str| match wanted.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|v| v == value),
            None => labels.contains_key(wanted),
        };
        self.values("label").all(has) && !self.values("label!").any(has)
    }

    /// Whether `is` is what a `key=true|false` asks for.
    pub fn pass_bool(&self, key: &str, is: bool) -> bool {
        self.pass(key, |wanted| matches!(wanted, "true" | "1" | "") == is)
    }
}

/// A time, a date, seconds since 1970, or a duration before now.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(date) = text.parse::<jiff::civil::DateTime>() {
        return Some(date.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp());
    }
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Timestamp::now().checked_sub(duration).ok()
}

/// The options of a list.
#[derive(Debug, Args)]
pub struct Listing {
    /// A Go template, `table …`, or `json`.
    #[arg(long)]
    pub format: Option<String>,
    /// Leave out the line of headings.
    #[arg(short, long, alias = "no-heading")]
    noheading: bool,
    /// Show only names or IDs.
    #[arg(short, long)]
    pub quiet: bool,
}

impl Listing {
    /// What is printed unless `--format` says it: `table`, with `--quiet` only `key`.
    pub fn default<'a>(&self, key: &'a str, table: &'a str) -> &'a str {
        if self.quiet { key } else { table }
    }

    /// Prints rows as [`output::print_list`] does. Returns the exit code.
    pub fn print(&self, rows: &[Row], default: &str, headings: &[(&str, &str)]) -> Result<u8, CliError> {
        let noheading = self.noheading || self.quiet;
        output::print_list(rows, default, headings, self.format.as_deref(), noheading)?;
        Ok(0)
    }
}

/// Does something to each of `names` and prints what comes of it. One failure does not keep the others from being done;
/// all failures are reported, and the gravest one decides the exit code, which is returned.
pub fn each<'a>(
    names: impl IntoIterator<Item = &'a String>,
    mut action: impl FnMut(&str) -> Result<Option<String>, CliError>,
) -> u8 {
    let mut gravest = 0;
    for name in names {
        match action(name) {
            Ok(done) => done.iter().for_each(|line| output::print_line(line)),
            Err(error) => {
                error.report();
                gravest = gravest.max(error.code);
            }
        }
    }
    gravest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn everything_gets_its_turn_and_the_gravest_failure_counts() {
        let mut turns = Vec::new();
        let code = each(&words(&["in use", "fine", "missing"]), |name| {
            turns.push(name.to_owned());
            match name {
                "in use" => Err(CliError::new("").code(2)),
                "missing" => Err(CliError::new("").code(1)),
                _ => Ok(None),
            }
        });
        assert_eq!((code, turns.len()), (2, 3));
    }

    #[test]
    fn pairs() {
        let pairs = key_values(&words(&["a=b=c", "d", "a=e"]));
        assert_eq!(
            pairs,
            BTreeMap::from([("a".into(), "e".into()), ("d".into(), String::new())])
        );
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_labels_all_needed() {
        let filters = Filters::parse(
            &words(&["name=a", "name=b", "label=x", "label=y=1"]),
            &["name", "label"],
        )
        .unwrap();
        assert!(filters.pass("name", |n| n == "b") && !filters.pass("name", |n| n == "c"));
        assert!(filters.pass_labels(&key_values(&words(&["x=9", "y=1"]))));
        assert!(!filters.pass_labels(&key_values(&words(&["x=9", "y=2"]))));
        let without = Filters::parse(&words(&["label!=x=9"]), &["label!"]).unwrap();
        assert!(
            !without.pass_labels(&key_values(&words(&["x=9"]))) && without.pass_labels(&key_values(&words(&["x=1"])))
        );
        assert!(Filters::parse(&words(&["colour=red"]), &["name"]).is_err());
    }
}
