//! Drop-ins (systemd.unit(5)): found beside any unit of the search path, read once, merged into the units they apply to.
//! Which apply, and which of one name wins, is known to [`systemd_unit_parser::precedence`].

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::CWD;
use systemd_unit_parser::{UnitFile, dropin_directories, select_dropins};

use crate::problem::{Place, Problem, limit};
use crate::read::{from_errors, join, read};
use crate::rule::Rule;
use crate::search::{Directory, Found};
use crate::unit::{Reading, Unit};

/// Merges into every unit the drop-ins that apply to it.
pub(crate) fn merge(found: &Found, units: &mut [Unit]) {
    if found.dropins.is_empty() {
        return;
    }
    let mut cache = Cache::default();
    for unit in units.iter_mut().filter(|unit| unit.reading != Reading::Failed) {
        merge_into(found, unit, &mut cache);
    }
}

fn merge_into(found: &Found, unit: &mut Unit, cache: &mut Cache) {
    let mut candidates = Vec::new();
    for name in dropin_directories(&unit.name) {
        for &index in found.dropins.get(&name).into_iter().flatten() {
            let listing = cache.listing(found, index, &name);
            unit.problems.extend(listing.problem.clone());
            candidates.extend(listing.names.iter().map(|file| (file.clone(), (index, name.clone()))));
        }
    }
    for (file, (index, name)) in select_dropins(candidates) {
        match cache.file(&found.directories[index], &name, &file) {
            Ok(dropin) => unit.document.merge(dropin.clone()),
            Err(problems) => unit.problems.extend(problems.iter().cloned()),
        }
    }
}

/// What is known about drop-ins; many units share some.
#[derive(Default)]
struct Cache {
    /// The files of each drop-in directory, by search directory and name.
    listings: HashMap<(usize, String), Arc<Listing>>,
    files: HashMap<Arc<str>, Result<UnitFile, Vec<Problem>>>,
}

#[derive(Default)]
struct Listing {
    names: Vec<String>,
    problem: Option<Problem>,
}

impl Cache {
    fn listing(&mut self, found: &Found, index: usize, name: &str) -> Arc<Listing> {
        let list = || {
            let directory = &found.directories[index];
            Arc::new(match list_directory(&directory.real.join(name)) {
                Ok(names) => Listing { names, problem: None },
                Err(error) => {
                    let place = Place::file(join(&directory.shown, name).into());
                    let message = format!("this directory cannot be read: {error}");
                    let problem = Problem::error(place, message).of(Rule::Unreadable);
                    Listing {
                        names: Vec::new(),
                        problem: Some(problem),
                    }
                }
            })
        };
        Arc::clone(self.listings.entry((index, name.to_owned())).or_insert_with(list))
    }

    fn file(&mut self, directory: &Directory, name: &str, file: &str) -> &Result<UnitFile, Vec<Problem>> {
        let path: Arc<str> = format!("{}/{file}", join(&directory.shown, name)).into();
        self.files.entry(Arc::clone(&path)).or_insert_with(|| {
            let bytes = read(CWD, directory.real.join(name).join(file)).map_err(|error| {
                let message = format!("this file cannot be read: {error}");
                vec![Problem::error(Place::file(Arc::clone(&path)), message).of(Rule::Unreadable)]
            })?;
            UnitFile::parse(Arc::clone(&path), &bytes).map_err(|errors| {
                let mut problems = from_errors(&errors).collect();
                limit(&mut problems);
                problems
            })
        })
    }
}

/// The names in a directory; none if it is gone, or no directory at all.
fn list_directory(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
