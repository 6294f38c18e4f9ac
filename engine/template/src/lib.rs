//! Templates of `--format`, in the language of Go's text/template as podman and docker users write them.
//!
//! ```text
//! {{.Name}}  {{.State.Pid}}  {{index .Config.Labels "a"}}  {{json .}}  {{.ID | upper | printf "%-12s"}}
//! {{range $i, $m := .Mounts}}…{{else}}…{{end}}  {{if eq .State "running"}}…{{else if …}}…{{end}}  {{with …}}…{{end}}
//! ```
//!
//! Written here because the crate gtmpl panics on templates that are not ASCII, starts a thread for each, runs the
//! `{{else}}` of every `{{range}}` and prints lists in the notation of Rust. Without `define`, `template` and `block`,
//! which have no use in an option.
//!
//! | module       | job                                                |
//! |--------------|----------------------------------------------------|
//! | `lex`        | text and `{{…}}` to tokens                         |
//! | `parse`      | tokens to nodes                                    |
//! | `eval`       | nodes and data to text                             |
//! | `functions`  | the functions of Go and those podman adds          |
//! | `show`       | values as Go prints them, `printf`                 |
//! | `error`      | why a template cannot be used                      |

mod error;
mod eval;
mod functions;
mod lex;
mod parse;
mod show;

pub use error::TemplateError;
pub use eval::Data;

/// A template that has been understood.
#[derive(Debug)]
pub struct Template {
    nodes: Vec<parse::Node>,
    fields: Vec<String>,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let pieces = lex::lex(text)?;
        let fields = pieces
            .iter()
            .flat_map(lex::Piece::fields)
            .map(ToOwned::to_owned)
            .collect();
        Ok(Self {
            fields,
            nodes: parse::parse(pieces)?,
        })
    }

    /// All fields it names.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(String::as_str)
    }

    /// Fills it in.
    pub fn render(&self, data: Data<'_>) -> Result<String, TemplateError> {
        eval::Evaluation::new(data).run(&self.nodes)
    }
}

/// The template with `\t` and `\n`, as shells pass them, made real outside of actions.
pub fn with_escapes(text: &str) -> String {
    outside_actions(text, |text| text.replace("\\t", "\t").replace("\\n", "\n"))
}

/// As [`with_escapes`]; blanks separate columns, too.
pub fn with_columns(text: &str) -> String {
    outside_actions(&with_escapes(text), |text| text.replace(' ', "\t"))
}

fn outside_actions(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        let end = lex::action_end(&rest[begin..]).map_or(rest.len(), |length| begin + length);
        changed.push_str(&change(&rest[..begin]));
        changed.push_str(&rest[begin..end]);
        rest = &rest[end..];
    }
    changed + &change(rest)
}

#[cfg(test)]
mod tests;
