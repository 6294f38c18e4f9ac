//! How answers are printed: tables, JSON, and Go templates, as podman's `--format` has them.
//!
//! - no format: the command's own table
//! - `table`, or `table TEMPLATE`: aligned columns under headings made of the field names
//! - `json`: an indented list
//! - any other template: one line per row, no headings
//!
//! Output into a pipe that nobody reads any more ends quietly.

mod table;

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use unipod_template::{self as template, Data, Template};

/// One row of a list.
#[derive(Debug, Clone)]
pub struct Row {
    /// What `--format json` and `{{json .}}` print. Its fields can be named in templates, too.
    pub json: Value,
    /// What a template can name (`{{.ID}}`), in podman's spelling.
    pub fields: Vec<(&'static str, String)>,
}

/// A format that cannot be used, or output that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OutputError(String);

/// Prints rows: `format` absent uses `default`, a template such as `table {{.ID}}\t{{.Names}}`; `json` prints `Row::json`s.
/// Some headings are not made of the field's name: `[("ID", "CONTAINER ID")]`.
pub fn print_list(
    rows: &[Row],
    default: &str,
    headings: &[(&str, &str)],
    format: Option<&str>,
    noheading: bool,
) -> Result<(), OutputError> {
    let text = render_list(rows, default, headings, format, noheading).map_err(OutputError)?;
    print_data(&text).map_err(OutputError)
}

/// Prints a table whose headings are known only now. A cell is on one line, whatever is in it.
pub fn print_columns(titles: &[String], rows: &[Vec<String>]) -> Result<(), OutputError> {
    let line = |cells: &Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace(['\t', '\n'], " ")).collect();
        cells.join("\t") + "\n"
    };
    let lines: String = std::iter::once(&titles.to_vec()).chain(rows).map(line).collect();
    print_data(&table::align(&harmless(&lines))).map_err(OutputError)
}

/// What [`print_list`] prints.
pub fn render_list(
    rows: &[Row],
    default: &str,
    headings: &[(&str, &str)],
    format: Option<&str>,
    noheading: bool,
) -> Result<String, String> {
    let format = match format.map(str::trim) {
        None | Some("" | "table") => default,
        Some(_) => format.unwrap_or(default),
    };
    if is_json(format) {
        let list: Vec<&Value> = rows.iter().map(|row| &row.json).collect();
        return indented(&list, b"    ");
    }
    let columns = format.strip_prefix("table ");
    let text = columns.map_or_else(|| template::with_escapes(format), template::with_columns);
    let template = parse(&text)?;
    let mut lines = String::new();
    if columns.is_some() && !noheading {
        lines.push_str(&table::heading_line(&template, headings));
    }
    for row in rows {
        lines.push_str(&fill(&template, &row.dot(), &row.json, format)?);
    }
    Ok(if columns.is_some() {
        table::align(&harmless(&lines))
    } else {
        lines
    })
}

/// Text for people. What containers, images and programs of others put into it must not steer a terminal: control characters,
/// and those that turn the direction of writing, stand there as `\u001b`.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            let escaped = format!("\\u{:04x}", u32::from(c));
            safe.push_str(&escaped);
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Prints objects as `inspect` does: an indented JSON list, or one line per object through a template.
pub fn print_inspect(objects: &[Value], format: Option<&str>) -> Result<(), OutputError> {
    let text = render_inspect(objects, format).map_err(OutputError)?;
    print_data(&text).map_err(OutputError)
}

/// Prints one object as indented JSON.
pub fn print_json(object: &Value) -> Result<(), OutputError> {
    let text = indented(object, b"     ").map_err(OutputError)?;
    print_data(&text).map_err(OutputError)
}

/// Prints text.
pub fn print_text(text: &str) -> Result<(), OutputError> {
    print_data(text).map_err(OutputError)
}

/// Prints text as it is, for it has colours; what others have written in it is [`harmless`] already.
pub fn print_coloured(text: &str) -> Result<(), OutputError> {
    print(text).map_err(OutputError)
}

/// Whether standard output is a terminal, over which no data must have power.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether colours are wanted on standard output: it is a terminal, and `NO_COLOR` (no-color.org) is not set.
pub fn is_colourful() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !forbidden && io::stdout().is_terminal()
}

/// Prints one line. A pipe that nobody reads any more, or a full disk, must not undo what has been done: no error.
pub fn print_line(text: &str) {
    let _ = print_data(&format!("{text}\n"));
}

/// Says one line on standard error. That nobody can hear it changes nothing: no error, and not the panic of `eprintln!`.
pub fn say_line(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// What [`print_inspect`] prints.
pub fn render_inspect(objects: &[Value], format: Option<&str>) -> Result<String, String> {
    match format {
        None => indented(&objects, b"     "),
        Some(format) if format.is_empty() || is_json(format) => indented(&objects, b"     "),
        Some(format) => {
            let template = parse(&template::with_escapes(format))?;
            objects
                .iter()
                .map(|object| fill(&template, object, object, format))
                .collect()
        }
    }
}

impl Row {
    /// The fields, beside them what only the JSON has.
    fn dot(&self) -> Value {
        let mut dot = self.json.as_object().cloned().unwrap_or_default();
        dot.extend(
            self.fields
                .iter()
                .map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str()))),
        );
        Value::Object(dot)
    }
}

/// `json`, and what people write instead. `{{json .}}` is a template like any other.
fn is_json(format: &str) -> bool {
    let inside = format
        .trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    matches!(
        (inside.is_some(), inside.unwrap_or(format).trim()),
        (_, "json") | (true, "json.")
    )
}

fn parse(format: &str) -> Result<Template, String> {
    Template::parse(format).map_err(|error| format!("format {format:?}: {error}"))
}

/// The template filled in, as a line.
fn fill(template: &Template, dot: &Value, json: &Value, format: &str) -> Result<String, String> {
    let mut line = template
        .render(Data { dot, json })
        .map_err(|error| format!("format {format:?}: {error}"))?;
    if !line.ends_with('\n') {
        line.push('\n');
    }
    Ok(line)
}

fn indented(values: &impl Serialize, indent: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(indent));
    values
        .serialize(&mut serializer)
        .map_err(|error| format!("cannot write JSON: {error}"))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| format!("cannot write JSON: {error}"))
}

fn print(text: &str) -> Result<(), String> {
    print_to(&mut io::stdout().lock(), text)
}

/// Data go to programs as they are, and to a terminal without power over it.
fn print_data(text: &str) -> Result<(), String> {
    if io::stdout().is_terminal() {
        print(&harmless(text))
    } else {
        print(text)
    }
}

/// Writes all of it; a reader that is gone is no error.
fn print_to(out: &mut impl Write, text: &str) -> Result<(), String> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write the answer: {error}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
