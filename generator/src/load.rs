//! Reads unit files. A file that cannot be read costs itself and nothing else.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, open};
use systemd_unit_parser::{ParseErrors, UnitFile};

use crate::problem::{Place, Problem, limit};
use crate::read::{from_errors, join, read};
use crate::rule::Rule;
use crate::search::{Directory, Found};
use crate::unit::{Reading, Unit, UnitType};
use crate::{merge_dropins, parallel};

/// Reads every unit on the search path, drop-ins merged. Problems that cost no unit are added to `problems`.
pub fn load(found: &Found, problems: &mut Vec<Problem>) -> Vec<Unit> {
    let count = found.directories.iter().map(|directory| directory.units.len()).sum();
    let mut units: Vec<Unit> = Vec::with_capacity(count);
    let mut broken: Vec<(&str, Unit)> = Vec::new();
    let mut claimed: HashSet<&str> = HashSet::with_capacity(count);
    for directory in &found.directories {
        for ((name, _), unit) in directory.units.iter().zip(load_directory(directory)) {
            match unit.reading {
                Reading::Whole if claimed.insert(name) => units.push(unit),
                Reading::Part | Reading::Failed if !claimed.contains(name.as_str()) => broken.push((name, unit)),
                // A file of that name before it on the search path counts.
                _ => {}
            }
        }
    }
    // A broken file does not hide a good one of the same name; the first of several broken ones stands for all.
    for (name, unit) in broken {
        if claimed.insert(name) {
            units.push(unit);
        } else {
            problems.extend(unit.problems);
        }
    }
    merge_dropins::merge(found, &mut units);
    units
}

/// All units of a directory. They are opened relative to it: the kernel walks no path for each of them.
fn load_directory(directory: &Directory) -> Vec<Unit> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = open(&directory.real, flags, Mode::empty());
    parallel::map(&directory.units, |(name, unit_type)| {
        let handle = handle.as_ref().map_err(|error| io::Error::from(*error));
        let bytes = handle.and_then(|handle| read(handle, name));
        unit(join(&directory.shown, name), name, *unit_type, bytes)
    })
}

fn unit(path: String, name: &str, unit_type: UnitType, bytes: io::Result<Vec<u8>>) -> Unit {
    let path: Arc<str> = path.into();
    match bytes {
        Ok(bytes) => unit_from_bytes(path, name, unit_type, &bytes),
        Err(error) => {
            let place = Place::file(Arc::clone(&path));
            let problem = Problem::error(place, format!("this file cannot be read: {error}")).of(Rule::Unreadable);
            Unit {
                reading: Reading::Failed,
                problems: vec![problem],
                ..unit_from_bytes(path, name, unit_type, b"")
            }
        }
    }
}

/// A unit from the content of its file, without drop-ins. Takes any bytes.
pub fn unit_from_bytes(path: impl Into<Arc<str>>, name: &str, unit_type: UnitType, bytes: &[u8]) -> Unit {
    let path = path.into();
    let mut problems = Vec::new();
    let (document, reading) = parse(&path, bytes, &mut problems);
    Unit {
        name: name.to_owned(),
        unit_type,
        path,
        document,
        reading,
        problems,
    }
}

/// Parses a file; if lines of it are wrong, they are reported and the rest is read without them.
fn parse(path: &Arc<str>, bytes: &[u8], problems: &mut Vec<Problem>) -> (UnitFile, Reading) {
    let errors = match UnitFile::parse(Arc::clone(path), bytes) {
        Ok(document) => return (document, Reading::Whole),
        Err(errors) => errors,
    };
    problems.extend(from_errors(&errors));
    limit(problems);
    match without_lines(path, bytes, &errors) {
        Some(document) => (document, Reading::Part),
        None => (UnitFile::new(), Reading::Failed),
    }
}

/// The document without the lines that are wrong, if one more try is enough to read it.
fn without_lines(path: &Arc<str>, bytes: &[u8], errors: &ParseErrors) -> Option<UnitFile> {
    let wrong: HashSet<usize> = errors.0.iter().map(|error| error.place.line as usize).collect();
    let mut kept = Vec::with_capacity(bytes.len());
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        kept.extend_from_slice(if wrong.contains(&(index + 1)) { b"\n" } else { line });
    }
    UnitFile::parse(Arc::clone(path), &kept).ok()
}
