//! Names that the machine's own units have already (systemd.unit(5), "unit file load path").

use std::fs;
use std::path::{Path, PathBuf};

use crate::manager;
use crate::names::Named;
use crate::places::configuration;
use crate::{Environment, Place, Problem, Rule};

/// What systemd prefers to a generated service.
const BEFORE: [&str; 2] = ["/etc/systemd", "/run/systemd"];

/// What a generated service hides.
const BEHIND: [&str; 2] = ["/usr/local/lib/systemd", "/usr/lib/systemd"];

/// Whether another unit of the machine has the name of a unit's service.
pub fn lint(environment: &Environment, named: &Named) -> Option<Problem> {
    let file = named.service_file();
    let manager = if environment.user_mode { "user" } else { "system" };
    let place = |directory: &str| PathBuf::from(directory).join(manager).join(&file);
    let mut before: Vec<PathBuf> = own_directory(environment)
        .into_iter()
        .map(|own| own.join(&file))
        .collect();
    before.extend(BEFORE.map(place));
    let is_strange = |path: &&PathBuf| is_other_unit(&environment.root, path, &named.unit.path);
    if let Some(other) = before.iter().find(is_strange) {
        let message = format!("{file} is hidden by {}, which systemd prefers", other.display());
        return Some(clash(named, message, other));
    }
    let behind = BEHIND.map(place);
    let other = behind.iter().find(is_strange)?;
    let message = format!("{file} hides {}, a unit of the machine", other.display());
    Some(clash(named, message, other))
}

fn clash(named: &Named, message: String, other: &Path) -> Problem {
    let problem = Problem::warning(Place::file(named.unit.path.clone()), message).of(Rule::NameClash);
    let problem = problem.help(Some("set ServiceName=, or rename the file"));
    problem.related(Place::file(other.to_string_lossy().into()))
}

/// Where users keep their own units.
fn own_directory(environment: &Environment) -> Option<PathBuf> {
    let config = configuration(environment).filter(|_| environment.user_mode)?;
    Some(config.join("systemd/user"))
}

/// Whether there is a unit that was not made from this very file, nor from one that has gone since the last run. A mask (an empty file, or a link to `/dev/null`) is
/// a decision of the administrator about our own.
fn is_other_unit(root: &Path, path: &Path, source: &str) -> bool {
    let path = root.join(path.strip_prefix("/").unwrap_or(path));
    if fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null")) {
        return false;
    }
    let Ok(text) = fs::read(&path) else { return false };
    let text = String::from_utf8_lossy(&text);
    let is_ours = |line: &str| {
        line.strip_prefix("SourcePath=")
            .is_some_and(|made_from| made_from.trim() == source)
    };
    !text.is_empty() && !manager::is_managed(&path) && !text.lines().any(is_ours)
}
