//! A machine with unipod on it, installed as `make install PREFIX=/usr` does, and the registry with all images.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::images::registry;
use crate::machine::{Machine, MachineConfig};

/// Where the engine is installed.
pub const ENGINE: &str = "/usr/bin/unipod";

/// Where the system generator is installed (systemd.generator(7)).
pub const GENERATOR: &str = "/usr/lib/systemd/system-generators/unipod-system-generator";

/// Where the user generator is installed.
pub const USER_GENERATOR: &str = "/usr/lib/systemd/user-generators/unipod-user-generator";

/// The configuration of a machine with unipod and the registry.
///
/// # Errors
/// unipod is not built, or the images cannot be built.
pub fn config() -> io::Result<MachineConfig> {
    let config = MachineConfig::default()
        .file(built("unipod")?, ENGINE)
        .file(built("unipod-generator")?, GENERATOR)
        .file(built("unipod-generator")?, USER_GENERATOR);
    registry::with_images(config)
}

/// Boots a machine with unipod and waits for the registry.
///
/// # Panics
/// unipod is not built, or the machine does not come up.
#[track_caller]
pub fn boot() -> Machine {
    match config() {
        Ok(config) => boot_with(&config),
        Err(error) => panic!("no machine with unipod: {error}"),
    }
}

/// Boots a machine from a configuration made of [`config`] and waits for the registry.
///
/// # Panics
/// The machine does not come up.
#[track_caller]
pub fn boot_with(config: &MachineConfig) -> Machine {
    let machine = Machine::boot(config);
    registry::wait(&machine);
    machine
}

/// An example program of the library.
///
/// # Errors
/// It is not built, or older than its sources.
pub fn example(name: &str) -> io::Result<PathBuf> {
    built(&format!("examples/{name}"))
}

/// A program of this workspace, built in the same profile as the running one.
fn built(name: &str) -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let found = program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    let found = found.ok_or_else(|| {
        io::Error::other(format!(
            "`{name}` is not built: run `make build` (looked beside {})",
            shown(&program)
        ))
    })?;
    match newer_source(&found)? {
        None => Ok(found),
        Some(source) => Err(io::Error::other(format!(
            "`{name}` is older than {}: run `make build`, or the tests tell nothing about it",
            source.display()
        ))),
    }
}

/// A source that has changed since the program was built, or is gone; `cargo nextest run -p unipod-tests` builds the tests alone.
/// Cargo lists the sources beside the program; without such a list it was built elsewhere, and nobody knows.
fn newer_source(program: &Path) -> io::Result<Option<PathBuf>> {
    let list = match fs::read_to_string(program.with_extension("d")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        list => list?,
    };
    let built = fs::metadata(program)?.modified()?;
    let is_newer = |source: &PathBuf| {
        let changed = fs::metadata(source).and_then(|meta| meta.modified());
        changed.map_or(true, |changed| changed > built)
    };
    Ok(sources(&list).into_iter().find(is_newer))
}

/// The prerequisites in a rule of make, `PROGRAM: SOURCE SOURCE…`; blanks in names are escaped.
fn sources(rule: &str) -> Vec<PathBuf> {
    let (_, sources) = rule.split_once(": ").unwrap_or_default();
    let joined = sources.replace("\\ ", "\0");
    let names = joined.split_whitespace().map(|name| name.replace('\0', " "));
    names.map(PathBuf::from).collect()
}

fn shown(program: &Path) -> String {
    program.parent().unwrap_or(program).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_program_older_than_its_sources_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let [program, source] = ["unipod", "a source.rs"].map(|name| dir.path().join(name));
        for path in [&program, &source] {
            fs::write(path, "").expect("written");
        }
        let newer = || newer_source(&program).expect("readable");
        let set_age = |path: &Path, age: u64| {
            let file = fs::File::options().write(true).open(path).expect("there");
            file.set_modified(SystemTime::now() - Duration::from_secs(age))
                .expect("set");
        };
        set_age(&source, 60);
        assert_eq!(newer(), None, "without a list nobody knows");
        let name = source.display().to_string().replace(' ', "\\ ");
        fs::write(dir.path().join("unipod.d"), format!("{}: {name}\n", program.display())).expect("written");
        assert_eq!(newer(), None);
        set_age(&program, 90);
        assert_eq!(newer(), Some(source.clone()));
        set_age(&program, 0);
        fs::remove_file(&source).expect("removed");
        assert_eq!(newer(), Some(source), "one that is gone has changed");
    }
}
