//! Keys that one should not use any more, and keys that the target does not have yet.

use systemd_unit_parser::{Entry, split_words};

use crate::check::target::{Target, release};
use crate::keys::{Key, replacement};
use crate::locate::{place_of_key, place_of_word};
use crate::preamble::DEPENDENCIES;
use crate::unit::{Unit, UnitType};
use crate::{Place, Problem, Rule};

/// The release whose generator first read `[Quadlet]`.
const QUADLET_SECTION: &str = "5.3";

/// The release whose generator first translated names of units in `[Unit]`.
const DEPENDENCY_NAMES: &str = "5.5";

/// What is to be said about the keys of a unit.
pub fn lint(unit: &Unit, target: Option<Target>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in entries(unit, unit.unit_type.section()) {
        let Some(key) = unit.unit_type.keys().iter().find(|row| row.name == entry.key()) else {
            continue;
        };
        problems.extend(deprecated(unit, entry));
        problems.extend(target.and_then(|target| newer(unit, entry, key, target)));
    }
    if let Some(target) = target {
        problems.extend(newer_type(unit, target));
        problems.extend(newer_quadlet_section(unit, target));
        problems.extend(newer_dependencies(unit, target));
    }
    problems
}

fn entries<'a>(unit: &'a Unit, section: &str) -> impl Iterator<Item = &'a Entry> {
    let section = unit.document.section(section);
    section.into_iter().flat_map(systemd_unit_parser::Section::entries)
}

fn deprecated(unit: &Unit, entry: &Entry) -> Option<Problem> {
    let instead = replacement(entry.key())?;
    let message = format!("{}= is deprecated", entry.key());
    let problem = Problem::warning(place_of_key(unit, entry), message).of(Rule::DeprecatedKey);
    Some(problem.help(Some(format!("use {instead}"))))
}

fn newer(unit: &Unit, entry: &Entry, key: &Key, target: Target) -> Option<Problem> {
    let is_new = !target.has(key.since) && target.has(since(unit.unit_type));
    is_new.then(|| missing(place_of_key(unit, entry), &format!("{}=", key.name), target, key.since))
}

fn newer_type(unit: &Unit, target: Target) -> Option<Problem> {
    let since = since(unit.unit_type);
    let what = format!("unit files of type .{}", unit.unit_type.extension());
    (!target.has(since)).then(|| missing(Place::file(unit.path.clone()), &what, target, since))
}

fn newer_quadlet_section(unit: &Unit, target: Target) -> Option<Problem> {
    let entry = entries(unit, "Quadlet")
        .next()
        .filter(|_| !target.has(QUADLET_SECTION))?;
    Some(missing(
        place_of_key(unit, entry),
        "the section [Quadlet]",
        target,
        QUADLET_SECTION,
    ))
}

fn newer_dependencies(unit: &Unit, target: Target) -> Vec<Problem> {
    if target.has(DEPENDENCY_NAMES) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for entry in entries(unit, "Unit").filter(|entry| DEPENDENCIES.contains(&entry.key())) {
        let words = split_words(entry.value()).unwrap_or_default();
        for word in words.iter().filter(|word| UnitType::of(word).is_some()) {
            let place = place_of_word(unit, entry, word);
            let what = format!("the name of a unit file in {}=", entry.key());
            let problem = missing(place, &what, target, DEPENDENCY_NAMES);
            problems.push(problem.help(Some("write the name of its service")));
        }
    }
    problems
}

fn missing(place: Place, what: &str, target: Target, since: &str) -> Problem {
    let message = format!("{target} does not know {what}, which came with {since}");
    Problem::error(place, message).of(Rule::NewerKey)
}

/// The release that brought a type: no key of it is older.
fn since(unit_type: UnitType) -> &'static str {
    let releases = unit_type.keys().iter().map(|row| row.since);
    releases.min_by_key(|since| release(since)).unwrap_or("4.4")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::unit_from_bytes;

    fn linted(name: &str, text: &str, target: Option<&str>) -> Vec<String> {
        let unit_type = UnitType::of(name).expect("the name of a unit");
        let unit = unit_from_bytes(name, name, unit_type, text.as_bytes());
        let target = target.map(|target| target.parse().expect("a version"));
        let problems = lint(&unit, target);
        let line = |problem: &Problem| problem.to_string().lines().next().unwrap_or_default().to_owned();
        problems.iter().map(line).collect()
    }

    #[test]
    fn types_are_as_old_as_their_oldest_key() {
        for (unit_type, release) in [
            (UnitType::Container, "4.4"),
            (UnitType::Pod, "5.0"),
            (UnitType::Image, "4.8"),
            (UnitType::Build, "5.2"),
            (UnitType::Artifact, "5.7"),
        ] {
            assert_eq!(since(unit_type), release, "{unit_type:?}");
        }
    }

    #[test]
    fn deprecated_keys_come_with_what_to_write_instead() {
        assert_eq!(
            linted("a.container", "[Container]\nImage=x\nVolatileTmp=yes\n", None),
            ["a.container:3: warning: VolatileTmp= is deprecated; use Tmpfs=/tmp"]
        );
    }

    #[test]
    fn an_older_target_lacks_keys_types_and_rules() {
        let text = "[Unit]\nAfter=b.container x.service\n[Quadlet]\nDefaultDependencies=no\n[Container]\nImage=x\nReloadCmd=y\n";
        assert_eq!(linted("a.container", text, Some("podman-5.5")), Vec::<String>::new());
        assert_eq!(
            linted("a.container", text, Some("podman-5.2")),
            [
                "a.container:7: podman 5.2 does not know ReloadCmd=, which came with 5.5",
                "a.container:4: podman 5.2 does not know the section [Quadlet], which came with 5.3",
                "a.container:2: podman 5.2 does not know the name of a unit file in After=, which came with 5.5; \
                 write the name of its service",
            ]
        );
        assert_eq!(
            linted("a.artifact", "[Artifact]\nArtifact=x\n", Some("podman-5.2")),
            ["a.artifact: podman 5.2 does not know unit files of type .artifact, which came with 5.7"]
        );
    }
}
