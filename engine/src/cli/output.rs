//! How answers are printed: tables, JSON, and Go templates, as podman's `--format` has them.

use serde_json::Value;

/// One row of a list.
#[derive(Debug, Clone)]
pub struct Row {
    /// What `--format json` prints.
    pub json: Value,
    /// What a template can name (`{{.ID}}`), in podman's spelling.
    pub fields: Vec<(&'static str, String)>,
}

/// Prints rows: `format` absent uses `default`, a template such as `table {{.ID}}\t{{.Names}}`; `json` prints `Row::json`s.
pub fn print_list(_rows: &[Row], _default: &str, _format: Option<&str>, _noheading: bool) -> Result<(), String> {
    todo!()
}

/// Prints objects as `inspect` does: an indented JSON list, or one line per object through a template.
pub fn print_inspect(_objects: &[Value], _format: Option<&str>) -> Result<(), String> {
    todo!()
}
