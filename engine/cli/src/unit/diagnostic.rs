//! One problem for people: its line, the characters marked, and what helps.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use unipod_generator::{Place, Problem};

use super::location::{Location, Marked};

/// Draws a problem, without a line break at the end.
pub fn render(problem: &Problem, colour: bool) -> String {
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
