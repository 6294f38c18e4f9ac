//! The model to text.
//!
//! An unchanged file is available byte for byte ([`UnitFile::original`]). The normalised text has the sections in order,
//! one empty line between them; before each header its comments; then the lines as `key=value`, continuation lines
//! joined, comments in their places. A comment inside a continued line is only in the original.

use std::fmt::{self, Display, Formatter};
use std::io;

use crate::document::{Comment, Line, Section, UnitFile};

impl UnitFile {
    /// The bytes this was read from, or nothing if it was changed since, or made by a program.
    pub fn original(&self) -> Option<&[u8]> {
        self.original.as_deref()
    }

    /// The normalised text. Bytes, since comments may hold any.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.sections.iter().map(written_length).sum());
        for (index, section) in self.sections.iter().enumerate() {
            if index > 0 {
                text.push(b'\n');
            }
            for comment in &section.leading {
                push_comment(&mut text, comment);
            }
            push_line(&mut text, &[b"[", section.name.as_bytes(), b"]"]);
            for line in &section.body {
                match line {
                    Line::Comment(comment) => push_comment(&mut text, comment),
                    Line::Entry(entry) => push_line(&mut text, &[entry.key.as_bytes(), b"=", entry.value.as_bytes()]),
                }
            }
        }
        text
    }

    /// Writes the original if nothing was changed, else the normalised text.
    pub fn write_to(&self, out: &mut impl io::Write) -> io::Result<()> {
        match self.original() {
            Some(bytes) => out.write_all(bytes),
            None => out.write_all(&self.to_bytes()),
        }
    }
}

/// The normalised text; comments that are not UTF-8 show U+FFFD.
impl Display for UnitFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

/// How long the text of a section is, with an empty line after it.
fn written_length(section: &Section) -> usize {
    let of_comment = |comment: &Comment| comment.bytes().len() + 1;
    let of_line = |line: &Line| match line {
        Line::Comment(comment) => of_comment(comment),
        Line::Entry(entry) => entry.key.len() + entry.value.len() + 2,
    };
    let leading: usize = section.leading.iter().map(of_comment).sum();
    let body: usize = section.body.iter().map(of_line).sum();
    leading + section.name.len() + 4 + body
}

fn push_comment(text: &mut Vec<u8>, comment: &Comment) {
    push_line(text, &[comment.bytes()]);
}

fn push_line(text: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        text.extend_from_slice(part);
    }
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::one_line;

    #[test]
    fn an_unchanged_file_is_written_as_it_was_read() {
        for text in [
            "",
            "\n\n",
            "# only",
            "[A]\r\n k =  v\\\n  # in between\n w  \n\n\n[B]\n[A]\nl=\\",
            "[A]\nk=v\n\n",
        ] {
            let file = UnitFile::parse("t", text.as_bytes()).expect(text);
            let mut written = Vec::new();
            file.write_to(&mut written).expect("memory");
            assert_eq!(written, text.as_bytes());
        }
    }

    #[test]
    fn normalised() {
        let table = [
            ("", ""),
            ("# only comments\n", ""),
            (
                " [A] \n  k =  a\\\n   b\n\n[B]\n\n\n# c\n[A]\nl=\n",
                "\n# c\n[A]\nk=a b\nl=\n\n[B]\n",
            ),
            ("# top\n[A]\nk=v", "# top\n[A]\nk=v\n"),
        ];
        for (text, expected) in table {
            assert_eq!(
                UnitFile::parse("t", text.as_bytes()).expect(text).to_string(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn values_of_programs_fit_into_one_line() {
        for (value, line) in [
            ("a b", "a b"),
            (" a\t", "a"),
            ("a\n[X]\r\0b", "a [X]  b"),
            ("a \\ \\", "a"),
            ("a\\\\", "a\\\\"),
            ("\n", ""),
        ] {
            assert_eq!(one_line(value), line, "{value:?}");
        }
    }
}
