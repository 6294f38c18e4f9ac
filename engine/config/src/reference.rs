//! The table of keys for people: `docs/containers.conf.md` is what this writes.

use std::fmt::Write;

use super::keys::{KEYS, Kind, tables};

/// What stands before the tables.
const PREFACE: &str = "\
# The keys of containers.conf

Made from the engine's table; do not edit. What the keys are about is in containers.conf(5); here is what becomes of them.
The files are those of containers.conf(5), in its order: `/usr/share/containers/containers.conf`, `/etc/containers/containers.conf`,
`$XDG_CONFIG_HOME/containers/containers.conf`, each with the `*.conf` of a directory `containers.conf.d` beside it; `CONTAINERS_CONF` in
place of all of them, `--module` after them, `CONTAINERS_CONF_OVERRIDE` last. An option or a unit wins over every file.

A key that nobody knows is a warning with file and line, and so is one that asks for something that is not here. A value of a wrong kind
is an error for what is about to start, and for nothing that shows or takes down.
";

/// The document.
pub fn reference() -> String {
    let mut text = PREFACE.to_owned();
    for table in tables() {
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "\n## `[{table}]`\n\n| Key | Value | What it does here |\n|---|---|---|\n"
        );
        for key in KEYS.iter().filter(|key| key.table() == table) {
            let _ = writeln!(text, "| `{}` | {} | {} |", key.short(), value(key.kind), key.meaning());
        }
    }
    text
}

fn value(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Switch => "true, false",
        Kind::Number => "number",
        Kind::List => "list",
        Kind::Lists => "table of lists",
        Kind::Texts => "table of texts",
        Kind::Pools => "list of base and size",
        Kind::Any => "",
    }
}

#[cfg(test)]
mod tests {
    /// `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/containers.conf.md");
        let made = super::reference();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &made).expect("can be written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == made, "{path} is old: run the test with UPDATE_GOLDEN=1");
    }
}
