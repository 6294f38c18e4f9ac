//! Values of several options: switches, lists, pairs; and what is said of one that is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// A switch: `--init` and `--init=true` are on, `--init=false` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

impl std::str::FromStr for Switch {
    type Err = &'static str;

    /// The words of Go's `strconv.ParseBool`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => Err("expected true or false"),
        }
    }
}

impl Switch {
    /// What it says, or the default where it is not there.
    pub(crate) fn or(switch: Option<Self>, default: bool) -> bool {
        switch.map_or(default, |switch| switch.0)
    }

    pub(crate) fn is_on(switch: Option<Self>) -> bool {
        switch.is_some_and(|switch| switch.0)
    }
}

/// A list of options in place of the default one, if there are any.
pub(crate) fn replace(default: &mut Vec<String>, options: Vec<String>) {
    if !options.is_empty() {
        *default = options;
    }
}

/// A value that was refused, with what is accepted.
pub(crate) fn refused(option: &str, value: &str, accepted: &str) -> CliError {
    CliError::new(format!("{option} {value:?}: {accepted}"))
}

/// Options of which podman takes several in one, with commas between them: comma-separated values as a line of CSV (a value
/// that has a comma itself is quoted).
pub(crate) fn lists(option: &str, values: Vec<String>) -> Result<Vec<String>, CliError> {
    let mut all = Vec::with_capacity(values.len());
    for text in values {
        if !text.contains([',', '"']) {
            all.push(text);
            continue;
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        for line in reader.records() {
            let line = line.map_err(|e| refused(option, &text, &format!("a list with commas was expected: {e}")))?;
            all.extend(line.iter().map(str::to_owned));
        }
    }
    Ok(all)
}

/// `NAME=VALUE` or `NAME`, the last of a name wins.
pub(crate) fn pairs(option: &str, values: Vec<String>) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |text: String| {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        if name.is_empty() {
            return Err(refused(option, &text, "the name is empty, expected NAME=VALUE"));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    values.into_iter().map(pair).collect()
}

/// Labels of files, and those of options, which win.
pub(crate) fn labels(given: Vec<String>, files: &[PathBuf]) -> Result<BTreeMap<String, String>, CliError> {
    let mut labels = Vec::new();
    for file in files {
        labels.extend(lines("--label-file", file)?);
    }
    labels.extend(given);
    pairs("--label", labels)
}

/// The lines of a file of `NAME=VALUE` lines; empty lines and those that begin with `#` do not count.
pub(crate) fn lines(option: &str, path: &Path) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        refused(
            option,
            &path.display().to_string(),
            &format!("cannot read this file: {e}"),
        )
    })?;
    let kept = |line: &&str| !line.is_empty() && !line.starts_with('#');
    Ok(text
        .lines()
        .map(str::trim_start)
        .filter(kept)
        .map(str::to_owned)
        .collect())
}
