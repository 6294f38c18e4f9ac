//! What is on the search path: every directory is read once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::places::{Environment, Filter, Places, below};
use crate::problem::{Place, Problem};
use crate::rule::Rule;
use crate::unit::UnitType;

/// A directory of the search path.
#[derive(Debug)]
pub struct Directory {
    /// Where it really is.
    pub real: PathBuf,
    /// Its path below the root.
    pub shown: Arc<str>,
    /// The unit files in it, sorted by name.
    pub units: Vec<(String, UnitType)>,
}

/// All directories of the search path, in the order of precedence.
#[derive(Debug, Default)]
pub struct Found {
    /// The directories.
    pub directories: Vec<Directory>,
    /// Which of them are the trees that came before the search path.
    pub trees: Range<usize>,
    /// For each name of a drop-in directory (`web.container.d`), the search directories that have it, in order.
    pub dropins: HashMap<String, Vec<usize>>,
    /// What could not be read. An error costs the exit status, never another directory.
    pub problems: Vec<Problem>,
    /// What was wrong with the environment.
    pub complaints: Vec<String>,
}

/// Reads the whole search path.
pub fn search(environment: &Environment) -> Found {
    search_after(environment, &[], &[])
}

/// Reads the whole search path after directories that come before it: of `single` only what is in them, of `trees` what
/// is below them, too.
pub fn search_after(environment: &Environment, single: &[PathBuf], trees: &[PathBuf]) -> Found {
    let mut walk = Walk {
        root: resolved_root(environment),
        seen: HashSet::new(),
        found: Found::default(),
    };
    for path in single {
        walk.top(path, &Filter::Only(path.clone()));
        // The search path may lead to it again, and then to what is below it.
        walk.seen.clear();
    }
    let first = walk.found.directories.len();
    for path in trees {
        walk.top(path, &Filter::All);
    }
    walk.found.trees = first..walk.found.directories.len();
    let places = Places::of(environment, &walk.root);
    for (path, filter) in &places.list {
        walk.top(path, filter);
    }
    walk.found.complaints = places.complaints;
    // The walk meets `a/x.container.d` before `x.container.d`, but the upper one has precedence.
    walk.found
        .dropins
        .values_mut()
        .for_each(|places| places.sort_unstable());
    walk.found
}

fn resolved_root(environment: &Environment) -> PathBuf {
    if environment.root.as_os_str().is_empty() || environment.root == Path::new("/") {
        return PathBuf::from("/");
    }
    fs::canonicalize(&environment.root).unwrap_or_else(|_| environment.root.clone())
}

struct Walk {
    root: PathBuf,
    seen: HashSet<PathBuf>,
    found: Found,
}

impl Walk {
    /// The path as the administrator knows it.
    fn shown(&self, real: &Path) -> String {
        match real.strip_prefix(&self.root) {
            Ok(below) => format!("/{}", below.display()),
            Err(_) => real.display().to_string(),
        }
    }

    fn top(&mut self, path: &Path, filter: &Filter) {
        match fs::canonicalize(below(&self.root, path)) {
            Ok(real) if real.is_dir() => self.directory(&real, filter),
            Err(error) if error.kind() != ErrorKind::NotFound => self.unreadable(&path.display().to_string(), &error),
            _ => {}
        }
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        let problem = Problem::error(Place::file(path.into()), format!("this cannot be read: {error}"));
        self.found.problems.push(problem.of(Rule::Unreadable));
    }

    /// A directory whose symlinks are resolved, and all below it: itself, then its entries by name, depth first.
    fn directory(&mut self, real: &Path, filter: &Filter) {
        if real.as_os_str().as_bytes().ends_with(b".d") || !filter.admits(real) || !self.seen.insert(real.to_owned()) {
            return;
        }
        let shown: Arc<str> = self.shown(real).into();
        let entries = match sorted_entries(real) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(&shown, &error),
        };
        let index = self.found.directories.len();
        self.found.directories.push(Directory {
            real: real.to_owned(),
            shown,
            units: Vec::new(),
        });
        for entry in entries {
            self.entry(index, real, entry, filter);
        }
    }

    fn entry(&mut self, index: usize, directory: &Path, entry: Entry, filter: &Filter) {
        let unit_type = UnitType::of(&entry.name.to_string_lossy());
        let path = entry.may_be_directory().then(|| directory.join(&entry.name));
        match (entry.name.into_string(), unit_type) {
            (Ok(name), Some(unit_type)) => self.found.directories[index].units.push((name, unit_type)),
            (Ok(name), None) if path.is_some() && is_dropin_directory(&name) => {
                self.found.dropins.entry(name).or_default().push(index);
            }
            (Err(name), Some(_)) => {
                let place = Place::file(self.shown(&directory.join(name)).into());
                let problem = Problem::error(place, "the name of this file is not UTF-8");
                self.found.problems.push(problem.of(Rule::Unreadable));
            }
            _ => {}
        }
        match (entry.kind, path) {
            (EntryKind::Directory, Some(path)) => self.directory(&path, filter),
            (EntryKind::Symlink, Some(path)) => self.symlink(&path, unit_type.is_some(), filter),
            _ => {}
        }
    }

    fn symlink(&mut self, path: &Path, is_unit: bool, filter: &Filter) {
        match fs::canonicalize(path) {
            Ok(real) if real.is_dir() => self.directory(&real, filter),
            // The file itself will be reported, if it is a unit.
            Err(error) if error.kind() != ErrorKind::NotFound && !is_unit => {
                let shown = self.shown(path);
                self.unreadable(&shown, &error);
            }
            _ => {}
        }
    }
}

struct Entry {
    name: OsString,
    kind: EntryKind,
}

#[derive(Clone, Copy, PartialEq)]
enum EntryKind {
    Directory,
    Symlink,
    Other,
}

impl Entry {
    fn may_be_directory(&self) -> bool {
        self.kind != EntryKind::Other
    }
}

fn sorted_entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_dir() => EntryKind::Directory,
            Ok(kind) if kind.is_symlink() => EntryKind::Symlink,
            _ => EntryKind::Other,
        };
        entries.push(Entry {
            name: entry.file_name(),
            kind,
        });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// `web.container.d`, `container.d` and their like.
fn is_dropin_directory(name: &str) -> bool {
    let Some(unit) = name.strip_suffix(".d") else {
        return false;
    };
    UnitType::of(unit).is_some() || UnitType::ALL.iter().any(|unit_type| unit_type.extension() == unit)
}
