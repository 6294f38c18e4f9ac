//! Tables: headings made of field names, columns aligned at tabs.

use serde_json::{Map, Value};

use unipod_template::{Data, Template};

/// Columns are at least this wide, as podman's (text/tabwriter with a least width of 12 and a padding of 2).
const LEAST_WIDTH: usize = 12;

/// Blanks between columns.
const PADDING: usize = 2;

/// The line of headings: the template filled in with headings in the place of values. Nothing if the template does with
/// its fields what cannot be done with a heading.
pub fn heading_line(template: &Template, overrides: &[(&str, &str)]) -> String {
    let heading_of = |name: &str| {
        let given = overrides.iter().find(|(known, _)| *known == name);
        given.map_or_else(|| heading(name), |(_, heading)| (*heading).to_owned())
    };
    let dot: Map<_, _> = template
        .fields()
        .map(|name| (name.to_owned(), Value::from(heading_of(name))))
        .collect();
    let dot = Value::Object(dot);
    let line = template.render(Data { dot: &dot, json: &dot }).unwrap_or_default();
    if line.is_empty() || line.ends_with('\n') {
        line
    } else {
        line + "\n"
    }
}

/// `CreatedAt` is `CREATED AT`, `ID` is `ID`, `VolumeID` is `VOLUME ID`.
fn heading(field: &str) -> String {
    let characters: Vec<char> = field.chars().collect();
    let mut heading = String::with_capacity(field.len() + 4);
    for (index, character) in characters.iter().enumerate() {
        let after_lower = index > 0 && !characters[index - 1].is_uppercase();
        let before_lower = index > 0 && characters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if character.is_uppercase() && (after_lower || before_lower) {
            heading.push(' ');
        }
        heading.extend(character.to_uppercase());
    }
    heading
}

/// Aligns the cells of all lines. What follows a line's last tab belongs to no column and is not padded.
pub fn align(lines: &str) -> String {
    let rows: Vec<Vec<&str>> = lines.lines().map(|line| line.split('\t').collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width_of = |column: usize| {
        let cells = rows
            .iter()
            .filter(|row| column + 1 < row.len())
            .map(|row| row[column].chars().count() + PADDING);
        cells.max().unwrap_or_default().max(LEAST_WIDTH)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut text = String::with_capacity(lines.len() * 2);
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', widths[column] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}
