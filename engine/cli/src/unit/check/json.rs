//! Problems as one JSON object.

use serde_json::{Value, json};
use unipod_generator::{Place, Problem};

use super::report::Report;
use crate::unit::location::Location;

/// The whole report.
pub fn document(report: &Report) -> Value {
    json!({
        "files": report.files,
        "errors": report.errors(),
        "warnings": report.warnings(),
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn problem(problem: &Problem) -> Value {
    let severity = if problem.is_error() { "error" } else { "warning" };
    let mut object = json!({"rule": problem.rule.id(), "severity": severity, "message": problem.message});
    if let Some(help) = &problem.help {
        object["help"] = Value::from(help.as_str());
    }
    if let Some(place) = &problem.place {
        object["location"] = location(place);
    }
    if !problem.related.is_empty() {
        object["related"] = problem.related.iter().map(location).collect();
    }
    object
}

fn location(place: &Place) -> Value {
    let Location { path, line } = Location::of(place);
    let mut object = json!({"path": path});
    if let Some(line) = line {
        let (column, end) = line.columns();
        object["line"] = line.number.into();
        object["column"] = column.into();
        object["endColumn"] = end.into();
        object["text"] = line.text.into();
    }
    object
}
