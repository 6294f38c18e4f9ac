//! Places as they are shown: the path as people would type it, columns that end somewhere, the line from the file itself.

use std::fs;
use std::ops::Range;
use std::path::Path;

use unipod_generator::Place;

/// Longer lines are shown as the problem has them, shortened.
const LONGEST: usize = 400;

/// A place of a problem, ready to be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// Below the current directory without it, else absolute.
    pub path: String,
    /// The line, from 1, and what is marked in it; `None` is the file as a whole.
    pub line: Option<Marked>,
}

/// A line and the characters that are meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Marked {
    /// Number of the line, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// The characters, from 0.
    pub characters: Range<usize>,
}

impl Location {
    /// Looks at the file again; what is not there any more is shown as it was read first.
    pub fn of(place: &Place) -> Self {
        let line = (place.line > 0).then(|| Marked::of(place));
        Self {
            path: shown(Path::new(&*place.path)),
            line,
        }
    }
}

impl Marked {
    fn of(place: &Place) -> Self {
        let read = fs::read(&*place.path).unwrap_or_default();
        let line = read.split(|byte| *byte == b'\n').nth(place.line - 1);
        let line = line.map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
        let (text, span) = match line {
            Some(text) if !text.is_empty() && text.len() <= LONGEST => (text, place.span),
            _ => (place.text.clone(), None),
        };
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        // A backslash at the end continues the line and belongs to no value.
        let end = text.trim_end_matches('\\').trim_end().chars().count().max(indent);
        let characters = match span {
            Some(span) => {
                let start = (span.column - 1).min(end);
                let stop = if span.length == 0 { end } else { start + span.length };
                start..stop.min(end)
            }
            None => indent..end,
        };
        Self {
            number: place.line,
            text,
            characters,
        }
    }

    /// The marked part, in bytes.
    pub fn bytes(&self) -> Range<usize> {
        let offset = |index: usize| {
            let mut offsets = self.text.char_indices().map(|(offset, _)| offset);
            offsets.nth(index).unwrap_or(self.text.len())
        };
        offset(self.characters.start)..offset(self.characters.end)
    }

    /// First column, and the one behind the last, from 1.
    pub fn columns(&self) -> (usize, usize) {
        (self.characters.start + 1, self.characters.end + 1)
    }
}

/// A path without the current directory.
fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&current) {
        Ok(below) if current != Path::new("/") && !current.as_os_str().is_empty() => below.display().to_string(),
        _ => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(line: &str, column: u32, length: usize) -> String {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        let path = directory.path().join("x.container");
        fs::write(&path, format!("\n{line}\n")).expect("can be written");
        let place = Place::line(path.to_string_lossy().into(), 2, line).from_column(column, length);
        let marked = Location::of(&place).line.expect("a line");
        marked.text[marked.bytes()].to_owned()
    }

    #[test]
    fn characters_are_marked_as_far_as_the_line_goes() {
        for (line, column, length, expected) in [
            ("  Imgae=x  ", 3, 5, "Imgae"),
            ("Ä=ö ü", 3, 1, "ö"),
            ("Exec=a \\", 6, 0, "a"),
            ("Exec=", 6, 0, ""),
            ("short", 40, 7, ""),
        ] {
            assert_eq!(marked(line, column, length), expected, "{line}");
        }
        let gone = Place::line("/no/such.container".into(), 7, "Image=x");
        let line = Location::of(&gone).line.expect("a line");
        assert_eq!((line.text.as_str(), line.columns()), ("Image=x", (1, 8)));
    }
}
