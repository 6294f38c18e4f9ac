//! The language as a document, made from the tables of keys.

use std::fmt::Write;

use crate::keys::{Kind, replacement};
use crate::unit::UnitType;

/// All keys of all types, in Markdown.
pub fn reference() -> String {
    let mut text = String::from("# The keys of unit files\n\nMade from the generator's tables; do not edit.\n\n");
    text.push_str("| Code | How the value is read |\n|---|---|\n");
    for kind in KINDS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {} |", kind.code(), meaning(kind));
    }
    for unit_type in UnitType::ALL {
        section(&mut text, unit_type);
    }
    text
}

const KINDS: [Kind; 9] = [
    Kind::Scalar,
    Kind::Raw,
    Kind::Boolean,
    Kind::Number,
    Kind::Lines,
    Kind::Words,
    Kind::Arguments,
    Kind::LastArguments,
    Kind::Map,
];

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar => "the last line counts; one pair of double quotes around the value is removed",
        Kind::Raw => "the last line counts, as it is written",
        Kind::Boolean => "1, yes, true, on; everything else is false",
        Kind::Number => "a number: decimal, 0x hexadecimal, 0 octal",
        Kind::Lines => "every line is one value, as it is written; an empty line forgets those before",
        Kind::Words => "every line holds words; quotes group; an empty line forgets those before",
        Kind::Arguments => "as W, with C escapes",
        Kind::LastArguments => "as A, but only the last line counts",
        Kind::Map => "as A, each word NAME=VALUE; the last VALUE of a NAME counts",
    }
}

fn section(text: &mut String, unit_type: UnitType) {
    let extension = unit_type.extension();
    let _ = write!(text, "\n## `.{extension}` units, `[{}]`\n\n", unit_type.section());
    text.push_str("| Key | Code | Since | Option | Meaning |\n|---|---|---|---|---|\n");
    let mut rows: Vec<_> = unit_type.keys().iter().collect();
    rows.sort_by_key(|row| row.name);
    for row in rows {
        let option = row.emit.describe();
        let option = if option.is_empty() {
            option
        } else {
            format!("`{option}`")
        };
        let deprecated = if replacement(row.name).is_some() {
            "; deprecated"
        } else {
            ""
        };
        let (name, code, since, help) = (row.name, row.kind.code(), row.since, row.help);
        let _ = writeln!(text, "| `{name}=` | {code} | {since} | {option} | {help}{deprecated} |");
    }
}
