//! The house's rule (see `engine/src/lib.rs`): a module imports only from floors below its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the engine, floor by floor from the bottom.
const FLOORS: [&[&str]; 5] = [
    &["store", "config"],
    &["image", "network", "runtime", "systemd"],
    &["volume", "secret"],
    &["container"],
    &["cli"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&module))
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the engine's sources are readable") {
        let path = entry.expect("the engine's sources are readable").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The top-level modules that a source names with `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let names = rest
                .strip_prefix('{')
                .map_or_else(|| vec![rest], |list| list.split(", ").collect());
            found.extend(names.iter().map(|name| {
                name.chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect::<String>()
            }));
        }
    }
    found
}

#[test]
fn modules_import_only_from_floors_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "the engine's sources are in {}", root.display());
    let mut broken = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("it was found there");
        let module = inside
            .components()
            .next()
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        let module = module.unwrap_or_default().trim_end_matches(".rs").to_owned();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let own =
            floor(&module).unwrap_or_else(|| panic!("{module} has no floor: name it in engine/src/lib.rs and here"));
        let text = fs::read_to_string(&file).expect("the engine's sources are readable");
        for import in imports(&text).into_iter().filter(|import| *import != module) {
            if floor(&import).is_some_and(|other| other >= own) {
                broken.push(format!("{}: imports {import}", inside.display()));
            }
        }
    }
    assert!(broken.is_empty(), "not from a floor below:\n{}", broken.join("\n"));
}

#[test]
fn the_table_of_floors_is_the_documented_one() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src/lib.rs")).expect("it is there");
    for (number, rooms) in FLOORS.iter().enumerate() {
        let line = page.lines().find(|line| line.starts_with(&format!("//! | {number} |")));
        let line = line.unwrap_or_else(|| panic!("floor {number} is in the table"));
        for room in *rooms {
            assert!(line.contains(&format!("[`{room}`]")), "{room} in {line}");
        }
    }
}
