//! Problems for people: every one with its line, the characters marked, and what helps.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use unipod_generator::{Place, Problem};

use super::Report;
use super::location::{Location, Marked};

/// All problems and a line that counts them.
pub fn render(report: &Report, colour: bool) -> String {
    let mut text: String = report
        .problems
        .iter()
        .map(|found| problem(found, colour) + "\n\n")
        .collect();
    text.push_str(&summary(report));
    text.push('\n');
    text
}

/// One problem.
pub fn problem(problem: &Problem, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let level = if problem.is_error() {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let title = level.primary_title(&problem.message).id(problem.rule.id());
    let mut group = Group::with_title(title);
    if let Some(place) = &problem.place {
        group = show(group, place, AnnotationKind::Primary);
    }
    for place in problem.related.iter().filter(|place| place.line > 0) {
        group = show(group, place, AnnotationKind::Context);
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

fn show<'a>(group: Group<'a>, place: &Place, kind: AnnotationKind) -> Group<'a> {
    let Location { path, line } = Location::of(place);
    let Some(line) = line else {
        return group.element(Origin::path(path));
    };
    let span = line.bytes();
    let Marked { number, text, .. } = line;
    let snippet = Snippet::source(text).line_start(number).path(path);
    group.element(snippet.annotation(kind.span(span)))
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
