//! Bytes to [`UnitFile`].
//!
//! Line by line: white space at both ends is removed; blank lines and lines beginning with `#` or `;` are comments; a
//! line that ends in a backslash goes on in the next one, comments between them skipped. The pieces are joined as
//! systemd joins them, by one space, unless the first ends in white space already. As in systemd a doubled backslash at
//! the end of a line is an escaped one and does not continue it, and a line still open at the end of the file counts.

use std::sync::Arc;

use crate::document::{Comment, Entry, Line, Origin, Piece, UnitFile};
use crate::error::{ParseError, ParseErrors, ParseProblem, Place};
use crate::line::{value_text, without_continuation};

/// Sections are few and found by looking at each.
const MOST_SECTIONS: usize = 1000;

/// Every line is kept, the empty ones too: a file of nothing but line feeds must not fill the memory.
const MOST_LINES: u32 = 1_000_000;

impl UnitFile {
    /// Reads a file. `source` is its name in messages. Takes any bytes.
    ///
    /// # Errors
    /// Every line that cannot be read, with its place.
    pub fn parse(source: impl Into<Arc<str>>, bytes: &[u8]) -> Result<Self, ParseErrors> {
        let mut parser = Parser::new(source.into(), bytes);
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            parser.error(1, 1, ParseProblem::ByteOrderMark);
            return parser.finish();
        }
        for line in physical_lines(bytes) {
            parser.line += 1;
            if parser.line > MOST_LINES {
                parser.error(parser.line, 1, ParseProblem::TooManyLines);
                break;
            }
            parser.physical_line(line);
        }
        parser.finish()
    }
}

struct Parser<'a> {
    source: Arc<str>,
    bytes: &'a [u8],
    file: UnitFile,
    errors: Vec<ParseError>,
    /// The number of the physical line being read, from 1.
    line: u32,
    /// The open section.
    section: Option<usize>,
    /// Whether the last header was bad: then assignments that lack a section are part of that mistake.
    bad_header: bool,
    /// Comments that wait to learn what follows them.
    comments: Vec<Comment>,
    /// A logical line whose end has not been seen.
    open: Option<Open>,
}

/// The pieces so far of a line that goes on.
struct Open {
    text: String,
    pieces: Vec<Piece>,
}

impl<'a> Parser<'a> {
    fn new(source: Arc<str>, bytes: &'a [u8]) -> Self {
        Self {
            source,
            bytes,
            file: UnitFile {
                original: Some(Arc::from(bytes)),
                ..UnitFile::default()
            },
            errors: Vec::new(),
            line: 0,
            section: None,
            bad_header: false,
            comments: Vec::new(),
            open: None,
        }
    }

    fn finish(mut self) -> Result<UnitFile, ParseErrors> {
        if let Some(open) = self.open.take() {
            self.logical_line(&open.text, &open.pieces);
        }
        match self.section {
            Some(index) => self.file.sections[index]
                .body
                .extend(self.comments.drain(..).map(Line::Comment)),
            None => self.file.orphans.append(&mut self.comments),
        }
        for section in &mut self.file.sections {
            section.body.shrink_to_fit();
        }
        if self.errors.is_empty() {
            Ok(self.file)
        } else {
            Err(self.with_text())
        }
    }

    /// The errors in the order of the file, with the lines they are about.
    fn with_text(mut self) -> ParseErrors {
        self.errors.sort_by_key(|error| (error.place.line, error.place.column));
        let mut lines = (1..).zip(physical_lines(self.bytes)).peekable();
        for error in &mut self.errors {
            while lines.next_if(|(number, _)| *number < error.place.line).is_some() {}
            let line = lines.peek().map(|(_, line)| line.trim_ascii()).unwrap_or_default();
            error.text = String::from_utf8_lossy(line).into_owned();
        }
        ParseErrors(self.errors)
    }

    fn physical_line(&mut self, line: &[u8]) {
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(_) if is_comment(line.trim_ascii()) => return self.comment(line.trim_ascii()),
            Err(error) => {
                let valid = String::from_utf8_lossy(&line[..error.valid_up_to()]);
                return self.error(self.line, 1 + width(&valid), ParseProblem::NotUtf8);
            }
        };
        let trimmed = text.trim();
        if is_comment(trimmed.as_bytes()) {
            return self.comment(trimmed.as_bytes());
        }
        if let Some(nul) = line.iter().position(|byte| *byte == 0) {
            return self.error(self.line, 1 + width(&text[..nul]), ParseProblem::Nul);
        }
        let column = 1 + width(&text[..text.len() - text.trim_start().len()]);
        let piece = Piece {
            offset: 0,
            line: self.line,
            column,
        };
        match (without_continuation(trimmed), self.open.take()) {
            (Some(begun), open) => self.open = Open::join(open, begun, piece, true),
            (None, Some(open)) => {
                if let Some(whole) = Open::join(Some(open), trimmed, piece, false) {
                    self.logical_line(&whole.text, &whole.pieces);
                }
            }
            (None, None) => self.logical_line(trimmed, &[piece]),
        }
    }

    fn comment(&mut self, text: &[u8]) {
        if self.open.is_none() {
            self.comments.push(Comment(text.into()));
        }
    }

    /// `text` with all its pieces: the first at offset 0, there is at least one.
    fn logical_line(&mut self, text: &str, pieces: &[Piece]) {
        let text = value_text(text);
        if text.is_empty() {
            return;
        }
        if let Some(name) = header(text) {
            match check_header(name) {
                Ok(()) => self.header(name, pieces[0]),
                Err(problem) => {
                    self.bad_header = true;
                    self.error(pieces[0].line, pieces[0].column, problem);
                }
            }
        } else {
            match text.bytes().position(|byte| byte == b'=') {
                Some(0) => self.error(pieces[0].line, pieces[0].column, ParseProblem::EmptyKey),
                Some(equals) => self.assignment(text, equals, pieces),
                None if text.starts_with('[') && !text.contains(']') => {
                    self.bad_header = true;
                    self.error(pieces[0].line, pieces[0].column, ParseProblem::UnclosedHeader);
                }
                None => self.error(pieces[0].line, pieces[0].column, ParseProblem::NotAnAssignment),
            }
        }
    }

    fn header(&mut self, name: &str, piece: Piece) {
        let index = self.file.find_or_make(name);
        if index >= MOST_SECTIONS {
            self.file.sections.pop();
            self.bad_header = true;
            return self.error(piece.line, piece.column, ParseProblem::TooManySections);
        }
        let place = self.place(piece.line, piece.column);
        let section = &mut self.file.sections[index];
        section.place.get_or_insert(place);
        // One blank line before a header is the usual distance of sections and belongs to nobody.
        let skipped = usize::from(self.comments.first().is_some_and(Comment::is_blank));
        section.leading.extend(self.comments.drain(..).skip(skipped));
        self.section = Some(index);
        self.bad_header = false;
    }

    fn assignment(&mut self, text: &str, equals: usize, pieces: &[Piece]) {
        let Some(index) = self.section else {
            if !self.bad_header {
                self.error(pieces[0].line, pieces[0].column, ParseProblem::OutsideSection);
            }
            return;
        };
        let value = text[equals + 1..].trim_start();
        let entry = Entry {
            key: text[..equals].trim_end().into(),
            value: value.into(),
            origin: Some(self.origin(text, text.len() - value.len(), pieces)),
        };
        let body = &mut self.file.sections[index].body;
        body.extend(self.comments.drain(..).map(Line::Comment));
        body.push(Line::Entry(entry));
    }

    /// The places of an assignment whose value begins at byte `start` of the logical line `text`.
    fn origin(&self, text: &str, start: usize, pieces: &[Piece]) -> Origin {
        let holding = pieces.iter().rposition(|piece| piece.offset <= start).unwrap_or(0);
        let first = pieces[holding];
        let column = first.column + width(&text[first.offset..start]);
        let further = pieces[holding + 1..].iter().map(|piece| Piece {
            offset: piece.offset - start,
            ..*piece
        });
        Origin {
            key: self.place(pieces[0].line, pieces[0].column),
            value: (first.line, column),
            pieces: further.collect(),
        }
    }

    fn place(&self, line: u32, column: u32) -> Place {
        Place {
            source: Arc::clone(&self.source),
            line,
            column,
        }
    }

    fn error(&mut self, line: u32, column: u32, problem: ParseProblem) {
        self.errors.push(ParseError {
            place: self.place(line, column),
            problem,
            text: String::new(),
        });
    }
}

impl Open {
    /// Appends one more piece; nothing stays open when there is no text yet.
    fn join(open: Option<Open>, text: &str, mut piece: Piece, goes_on: bool) -> Option<Open> {
        let mut open = open.unwrap_or_else(|| Open {
            text: String::new(),
            pieces: Vec::new(),
        });
        piece.offset = open.text.len();
        open.text.push_str(text);
        open.pieces.push(piece);
        if goes_on && !text.is_empty() && !text.ends_with(char::is_whitespace) {
            open.text.push(' ');
        }
        (!open.text.is_empty()).then_some(open)
    }
}

/// The lines of a file; one line feed at its end opens no further line.
fn physical_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|&byte| byte == b'\n')
}

fn is_comment(trimmed: &[u8]) -> bool {
    matches!(trimmed.first(), None | Some(b'#' | b';'))
}

/// The name in a header line: `[NAME]` with nothing but blanks after the first `]`.
fn header(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix('[')?.split_once(']')?;
    rest.trim_matches([' ', '\t']).is_empty().then_some(name)
}

fn check_header(name: &str) -> Result<(), ParseProblem> {
    if name.is_empty() {
        Err(ParseProblem::EmptyHeader)
    } else if name.contains('[') || name.contains(char::is_control) {
        Err(ParseProblem::BadHeader)
    } else {
        Ok(())
    }
}

/// Characters in a text, as a column counts them.
fn width(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
