//! The report for people.

use super::report::Report;
use crate::unit::diagnostic;

/// All problems and a line that counts them.
pub fn render(report: &Report, colour: bool) -> String {
    let shown = report
        .problems
        .iter()
        .map(|problem| diagnostic::render(problem, colour));
    let mut text: String = shown.map(|shown| shown + "\n\n").collect();
    text.push_str(&summary(report));
    text.push('\n');
    text
}

/// `2 errors and 1 warning in 5 unit files`.
fn summary(report: &Report) -> String {
    let files = match report.files {
        0 => "no unit files found".to_owned(),
        files => format!("in {}", count(files, "unit file")),
    };
    match (report.errors(), report.warnings()) {
        (0, 0) if report.files == 0 => files,
        (0, 0) => format!("no problems {files}"),
        (0, warnings) => format!("{} {files}", count(warnings, "warning")),
        (errors, 0) => format!("{} {files}", count(errors, "error")),
        (errors, warnings) => format!("{} and {} {files}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
