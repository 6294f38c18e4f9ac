//! What is wrong with a unit, and where: every message names its file and line and shows the line itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::rule::Rule;

/// Longest piece of a line that a message repeats, in characters.
const SHOWN: usize = 160;

/// Whether a problem costs the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The unit is generated all the same; the exit status does not change.
    Warning,
    /// The unit cannot be generated; the exit status becomes 1.
    Error,
}

/// The characters of a line that a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first character, counted from 1.
    pub column: usize,
    /// How many characters; 0 means the rest of the line.
    pub length: usize,
}

/// The place in a file that a problem is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the administrator knows it (inside the root directory).
    pub path: Arc<str>,
    /// The line, counted from 1; 0 means the file as a whole.
    pub line: usize,
    /// The line's text, shortened; empty for the file as a whole.
    pub text: String,
    /// What of the line; `None` means all of it.
    pub span: Option<Span>,
    /// Whether it stands for a whole section, of which something is missing.
    pub is_section: bool,
}

impl Place {
    /// A whole file.
    pub fn file(path: Arc<str>) -> Self {
        Self {
            path,
            line: 0,
            text: String::new(),
            span: None,
            is_section: false,
        }
    }

    /// The header of a section.
    pub fn section(path: Arc<str>, line: usize, name: &str) -> Self {
        Self {
            is_section: true,
            ..Self::line(path, line, &format!("[{name}]"))
        }
    }

    /// One line of a file.
    pub fn line(path: Arc<str>, line: usize, text: &str) -> Self {
        Self {
            path,
            line,
            text: shorten(text),
            span: None,
            is_section: false,
        }
    }

    /// The same line, but only the characters from a column on (from 1); a length of 0 means the rest of the line.
    #[must_use]
    pub fn from_column(mut self, column: u32, length: usize) -> Self {
        self.span = Some(Span {
            column: column as usize,
            length,
        });
        self
    }
}

/// One thing that is wrong, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// Of what kind it is.
    pub rule: Rule,
    /// Where it is; `None` for what belongs to no file.
    pub place: Option<Place>,
    /// What it is: lower case, no full stop, a single line.
    pub message: String,
    /// What helps, in the same form.
    pub help: Option<String>,
    /// The other places that have to do with it.
    pub related: Vec<Place>,
}

impl Problem {
    fn new(severity: Severity, rule: Rule, place: Option<Place>, message: String) -> Self {
        Self {
            severity,
            rule,
            place,
            message,
            help: None,
            related: Vec::new(),
        }
    }

    /// An error at a place: a value that its key cannot have, unless [`Self::of`] says otherwise.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Rule::InvalidValue, Some(place), message.into())
    }

    /// A warning at a place: about an odd value, unless [`Self::of`] says otherwise.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Rule::OddValue, Some(place), message.into())
    }

    /// An error that belongs to no line of any file.
    pub fn general(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Rule::Environment, None, message.into())
    }

    /// Says of what kind it is.
    #[must_use]
    pub fn of(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// The same, but it costs nothing.
    #[must_use]
    pub fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds another place that has to do with it.
    #[must_use]
    pub fn related(mut self, place: Place) -> Self {
        self.related.push(place);
        self
    }

    /// Adds what helps.
    #[must_use]
    pub fn help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into);
        self
    }

    /// Whether it costs the unit.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `PATH:LINE: message; help`, and the line itself below it.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:", one_line(&place.path))?;
            if place.line > 0 {
                write!(f, "{}:", place.line)?;
            }
            f.write_str(" ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&one_line(&self.message))?;
        if let Some(help) = &self.help {
            write!(f, "; {}", one_line(help))?;
        }
        match &self.place {
            Some(place) if !place.text.is_empty() => write!(f, "\n    {}", place.text),
            _ => Ok(()),
        }
    }
}

/// More problems of one unit than this are only counted; errors go first. More of one kind tell nobody anything.
pub const MOST: usize = 100;

/// Keeps the messages about one unit readable, and the kernel's log usable.
pub fn limit(problems: &mut Vec<Problem>) {
    let Some(more) = problems.len().checked_sub(MOST).filter(|more| *more > 0) else {
        return;
    };
    problems.sort_by_key(|problem| !problem.is_error());
    problems.truncate(MOST);
    let place = problems[0].place.as_ref().map(|place| Place::file(place.path.clone()));
    let message = format!("and {more} more problems");
    problems.push(Problem::new(Severity::Warning, Rule::TooMany, place, message));
}

/// A text without control characters: a file's name may hold a line break, and must not write messages of its own.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// The beginning of a text, as one line without control characters.
pub fn shorten(text: &str) -> String {
    if text.len() <= SHOWN && text.bytes().all(|byte| (b' '..0x7F).contains(&byte)) {
        return text.to_owned();
    }
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_and_line_and_shows_the_line() {
        let place = Place::line("/etc/web.container".into(), 7, "Imgae=x");
        let problem = Problem::error(place, "unknown key");
        assert_eq!(problem.to_string(), "/etc/web.container:7: unknown key\n    Imgae=x");
        let helped = problem.help(Some("did you mean \"Image\"?"));
        assert_eq!(
            helped.to_string(),
            "/etc/web.container:7: unknown key; did you mean \"Image\"?\n    Imgae=x"
        );
        assert_eq!(Problem::general("no").to_string(), "no");
    }

    #[test]
    fn counts_what_is_too_much() {
        let place = Place::line("f".into(), 1, "x");
        let mut problems = vec![Problem::warning(place.clone(), "odd"); 150];
        problems.push(Problem::error(place, "wrong"));
        limit(&mut problems);
        assert_eq!(problems.len(), MOST + 1);
        assert!(problems[0].is_error());
        assert_eq!(problems[MOST].to_string(), "f: warning: and 51 more problems");
    }

    #[test]
    fn shortens_endless_lines_and_hides_control_characters() {
        let place = Place::line("f".into(), 1, &"é".repeat(10_000_000));
        assert_eq!(place.text.chars().count(), SHOWN + 1);
        assert_eq!(shorten("a\0b\n"), "a\u{fffd}b\u{fffd}");
    }
}
