//! Where in its files something of a unit stands.

use systemd_unit_parser::{Entry, Place as SourcePlace, Warning};

use crate::problem::{Place, Problem};
use crate::unit::Unit;

/// Where an assignment stands; its value is what counts.
pub fn place_of(unit: &Unit, entry: &Entry) -> Place {
    place_of_word(unit, entry, entry.value())
}

/// Where an assignment stands; its key is what counts.
pub fn place_of_key(unit: &Unit, entry: &Entry) -> Place {
    let length = entry.key().chars().count();
    place_of_span(unit, entry, entry.place(), length)
}

/// Where an assignment stands; a part of its value is what counts.
pub fn place_of_word(unit: &Unit, entry: &Entry, word: &str) -> Place {
    let offset = entry.value().find(word).filter(|_| !word.is_empty());
    match offset.and_then(|offset| entry.place_in_value(offset)) {
        // A value that is continued on further lines ends somewhere else.
        Some(place) if word == entry.value() => place_of_span(unit, entry, Some(&place), 0),
        Some(place) => place_of_span(unit, entry, Some(&place), word.chars().count()),
        None => place_of_key(unit, entry),
    }
}

/// Where an assignment stands. Its characters are named if they stand on the line of its key, which is the one shown.
fn place_of_span(unit: &Unit, entry: &Entry, span: Option<&SourcePlace>, length: usize) -> Place {
    let Some(key) = entry.place() else {
        return Place::file(unit.path.clone());
    };
    let place = at(key, &[entry.key(), "=", entry.value()].concat());
    match span.filter(|span| span.line == key.line) {
        Some(span) => place.from_column(span.column, length),
        None => place.from_column(key.column, 0),
    }
}

fn at(place: &SourcePlace, text: &str) -> Place {
    Place::line(place.source.clone(), place.line as usize, text)
}

/// What is odd about a value.
pub(crate) fn from_warning(unit: &Unit, warning: &Warning) -> Problem {
    let text = format!("{}={}", warning.key, warning.value);
    let place = match &warning.place {
        Some(place) => at(place, &text).from_column(place.column, 0),
        None => Place::file(unit.path.clone()),
    };
    Problem::warning(place, warning.problem.to_string())
}
