//! Problems as a SARIF log (Static Analysis Results Interchange Format 2.1.0, an OASIS standard), as code hosts and editors
//! read it. A log has a handful of objects: they are written as they are, a crate of the whole schema would be larger than
//! the rest of the command.

use std::fmt::Write;

use serde_json::{Value, json};
use unipod_generator::{Place, Problem, Rule};

use super::report::Report;
use crate::unit::location::Location;

/// A log of one run.
pub fn document(report: &Report) -> Value {
    let rules: Vec<Value> = Rule::ALL.iter().map(|rule| self::rule(*rule)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "unipod", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": report.problems.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn rule(rule: Rule) -> Value {
    json!({"id": rule.id(), "shortDescription": {"text": format!("{}.", rule.summary())}})
}

fn result(problem: &Problem) -> Value {
    let text = match &problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message.clone(),
    };
    let level = if problem.is_error() { "error" } else { "warning" };
    let index = Rule::ALL.iter().position(|rule| *rule == problem.rule);
    let mut object = json!({
        "ruleId": problem.rule.id(), "ruleIndex": index, "level": level, "message": {"text": text},
        "locations": problem.place.iter().map(location).collect::<Vec<_>>(),
    });
    if !problem.related.is_empty() {
        object["relatedLocations"] = problem.related.iter().map(location).collect();
    }
    object
}

fn location(place: &Place) -> Value {
    let Location { path, line } = Location::of(place);
    let mut physical = json!({"artifactLocation": {"uri": uri(&path)}});
    if let Some(line) = line {
        let (start, end) = line.columns();
        physical["region"] = json!({
            "startLine": line.number, "startColumn": start, "endColumn": end, "snippet": {"text": line.text},
        });
    }
    json!({"physicalLocation": physical})
}

/// A path as a URI, RFC 3986: absolute ones with their scheme, others relative to the root of what is checked.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("/etc/a b@.container"), "file:///etc/a%20b%40.container");
        assert_eq!(uri("ä:1.pod"), "%C3%A4%3A1.pod");
    }
}
