//! What is wrong with a unit, and where: every message names its file and line and shows the line itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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

/// The place in a file that a problem is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the administrator knows it (inside the root directory).
    pub path: Arc<str>,
    /// The line, counted from 1; 0 means the file as a whole.
    pub line: usize,
    /// The line's text, shortened; empty for the file as a whole.
    pub text: String,
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
            is_section: false,
        }
    }
}

/// One thing that is wrong, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// Where it is; `None` for what belongs to no file.
    pub place: Option<Place>,
    /// What it is and what helps: lower case, no full stop, a single line.
    pub message: String,
}

impl Problem {
    /// An error at a place.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: Some(place),
            message: message.into(),
        }
    }

    /// A warning at a place.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            place: Some(place),
            message: message.into(),
        }
    }

    /// An error that belongs to no line of any file.
    pub fn general(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: None,
            message: message.into(),
        }
    }

    /// Whether it costs the unit.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `PATH:LINE: message`, and the line itself below it.
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
    problems.push(Problem {
        severity: Severity::Warning,
        place,
        message: format!("and {more} more problems"),
    });
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
