//! The language, case by case: `golden/*.case` hold unit files and the services they become.
//!
//! A case is `>>> in PATH` blocks (a path ending in ` -> TARGET` is a link; `>>> user` makes it a user's run, `>>> podman`
//! one for podman in place of unipod), then `>>> out` with everything that comes of them. `UPDATE_GOLDEN=1` writes the second part anew: read the difference.

mod common;

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use common::TempDir;
use unipod_generator::{Outcome, UnitType};

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = fs::read_dir(directory).expect("the cases are there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("can be read").path()).collect();
    cases.sort();
    cases
}

struct Case {
    text: String,
    files: Vec<(String, String)>,
    user: bool,
    podman: bool,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("is a text");
        let input = text
            .split_once(">>> out\n")
            .map_or(text.as_str(), |(input, _)| input)
            .to_owned();
        let mut case = Self {
            text,
            files: Vec::new(),
            user: false,
            podman: false,
        };
        for block in input.split(">>> ").skip(1) {
            let (head, body) = block.split_once('\n').expect("a block has a head");
            match head.split_once(' ') {
                Some(("in", path)) => case.files.push((path.to_owned(), body.to_owned())),
                None if head == "user" => case.user = true,
                None if head == "podman" => case.podman = true,
                _ => panic!("{}: what is {head}?", path.display()),
            }
        }
        case
    }

    fn input(&self) -> &str {
        self.text.split_once(">>> out\n").map_or(&self.text, |(input, _)| input)
    }

    fn unpack(&self) -> TempDir {
        let root = TempDir::new();
        for (path, body) in &self.files {
            match path.split_once(" -> ") {
                Some((path, target)) => root.link(path, target),
                None => drop(root.file(path, body)),
            }
        }
        root
    }

    fn run(&self) -> String {
        render(&self.outcome(&self.unpack()))
    }

    fn outcome(&self, root: &TempDir) -> Outcome {
        let environment = if self.user { root.user() } else { root.system() };
        common::run_for(self.engine(), &environment)
    }

    fn engine(&self) -> &'static str {
        if self.podman {
            "/usr/bin/podman"
        } else {
            "/usr/bin/unipod"
        }
    }
}

fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    for service in &outcome.services {
        let stub = if service.is_stub { " (stub)" } else { "" };
        let content = String::from_utf8_lossy(&service.content);
        let _ = write!(text, "--- {}{stub}\n{content}", service.file_name);
        for link in &service.links {
            let _ = writeln!(text, "link {} -> {}", link.path, link.target);
        }
    }
    for problem in &outcome.problems {
        let _ = writeln!(text, "--- {:?}\n{problem}", problem.severity);
    }
    for remark in &outcome.remarks {
        let _ = writeln!(text, "--- Remark\n{remark}");
    }
    text
}

#[test]
fn all_cases_come_out_as_written() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut failures = String::new();
    for path in cases() {
        let case = Case::read(&path);
        let whole = format!("{}>>> out\n{}", case.input(), case.run());
        if whole == case.text {
            continue;
        }
        if update {
            fs::write(&path, whole).expect("can be written");
        } else {
            let _ = writeln!(failures, "=== {}\n{}", path.display(), difference(&case.text, &whole));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The first lines that differ.
fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let same = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let show = |lines: &[&str]| lines.iter().skip(same).take(3).copied().collect::<Vec<_>>().join("\n");
    format!(
        "line {}: expected\n{}\nfound\n{}",
        same + 1,
        show(&expected),
        show(&found)
    )
}

#[test]
fn every_key_of_every_table_has_a_case() {
    let mut used = HashSet::new();
    for path in cases() {
        for (file, body) in Case::read(&path).files {
            let name = file.split(" -> ").next().unwrap_or_default();
            let keys = body
                .lines()
                .filter_map(|line| line.split_once('='))
                .map(|(key, _)| key.trim().to_owned());
            if let Some(unit_type) = UnitType::of(name) {
                used.extend(keys.map(|key| (unit_type, key)));
            }
        }
    }
    let rows = UnitType::ALL
        .into_iter()
        .flat_map(|unit_type| unit_type.keys().iter().map(move |row| (unit_type, row.name)));
    let missing: Vec<_> = rows
        .filter(|(unit_type, key)| !used.contains(&(*unit_type, (*key).to_owned())))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn tables_have_the_size_of_the_language() {
    let sizes = UnitType::ALL.map(|unit_type| (unit_type.extension(), unit_type.keys().len()));
    let expected = [
        ("artifact", 13),
        ("image", 18),
        ("network", 18),
        ("volume", 16),
        ("build", 28),
        ("container", 94),
        ("kube", 19),
        ("pod", 29),
    ];
    assert_eq!(sizes, expected);
    for unit_type in UnitType::ALL {
        let names: HashSet<_> = unit_type.keys().iter().map(|row| row.name).collect();
        assert_eq!(names.len(), unit_type.keys().len(), "a key twice in {unit_type:?}");
        assert!(
            unit_type
                .keys()
                .iter()
                .all(|row| !row.help.is_empty() && !row.help.ends_with('.'))
        );
    }
}

/// systemd itself finds nothing wrong with what is generated: services of all types and stubs, templates as an instance.
/// Needs systemd-analyze, which needs no running systemd.
#[test]
fn systemd_accepts_every_service() {
    let analyze = std::process::Command::new("systemd-analyze").arg("--version").output();
    assert!(analyze.is_ok(), "systemd-analyze is missing: install systemd");
    let mut accepted = HashSet::new();
    for path in cases() {
        let services = verify(&path, &Case::read(&path)).services;
        accepted.extend(
            services
                .iter()
                .map(|service| (UnitType::of(&service.source), service.is_stub)),
        );
    }
    for unit_type in UnitType::ALL.map(Some) {
        assert!(accepted.contains(&(unit_type, false)), "no service of {unit_type:?}");
        assert!(accepted.contains(&(unit_type, true)), "no stub of {unit_type:?}");
    }
}

fn verify(path: &Path, case: &Case) -> Outcome {
    let root = case.unpack();
    let outcome = case.outcome(&root);
    let mut units = Vec::new();
    for service in &outcome.services {
        // The engine is not installed where the test runs, nor are the directories of the cases.
        let content = String::from_utf8_lossy(&service.content).replace(case.engine(), "/bin/true");
        units.push(root.file(&format!("out/{}", service.file_name), content));
    }
    if units.is_empty() {
        return outcome;
    }
    let output = std::process::Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no", "--generators=no"])
        .args(if case.user { &["--user"][..] } else { &[] })
        .args(&units)
        .env("SYSTEMD_UNIT_PATH", format!("{}:", root.path().join("out").display()))
        .env("SYSTEMD_LOG_LEVEL", "warning")
        .env("XDG_RUNTIME_DIR", root.path())
        .output()
        .expect("systemd-analyze starts");
    let said = String::from_utf8_lossy(&output.stderr);
    // Users may write UpheldBy=; systemd knows it since 254.
    let (known, said): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.contains("Unknown key 'UpheldBy'"));
    let accepted = said.is_empty() && (output.status.success() || !known.is_empty());
    assert!(accepted, "{}:\n{said:#?}\n{}", path.display(), root.tree());
    outcome
}
