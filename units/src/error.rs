//! Places in files; the errors of parsing and the warnings of looking up, which show them.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// A place in a source: shown as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The name the source was parsed under, usually its path.
    pub source: Arc<str>,
    /// Physical line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseProblem {
    /// An assignment stands before the first section header.
    OutsideSection,
    /// A line begins with `[` but has no `]`.
    UnclosedHeader,
    /// `[]`.
    EmptyHeader,
    /// A section name contains `[` or a control character.
    BadHeader,
    /// A line begins with `=`.
    EmptyKey,
    /// A line is neither comment, header nor assignment.
    NotAnAssignment,
    /// The bytes of a header or an assignment are not UTF-8 (comments may hold any bytes).
    NotUtf8,
    /// A header or an assignment contains a NUL byte.
    Nul,
    /// The file begins with a byte order mark.
    ByteOrderMark,
    /// There are more sections in the file than in any that means something.
    TooManySections,
    /// There are more lines in the file than in any that means something; the rest is not read.
    TooManyLines,
}

impl Display for ParseProblem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideSection => "assignment outside of a section",
            Self::UnclosedHeader => "section header without closing \"]\"",
            Self::EmptyHeader => "section header without a name",
            Self::BadHeader => "section name with \"[\" or a control character",
            Self::EmptyKey => "assignment without a key",
            Self::NotAnAssignment => "neither a comment, nor a section header, nor an assignment (KEY=VALUE)",
            Self::NotUtf8 => "text that is not UTF-8",
            Self::Nul => "text with a NUL byte",
            Self::ByteOrderMark => "byte order mark at the beginning of the file",
            Self::TooManySections => "more than 1000 sections in one file",
            Self::TooManyLines => "more than a million lines in one file",
        })
    }
}

/// One line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Where the trouble begins.
    pub place: Place,
    /// What it is.
    pub problem: ParseProblem,
    /// The physical line at that place, white space at its ends removed, other than UTF-8 replaced by U+FFFD.
    pub text: String,
}

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.problem, Excerpt(&self.text))
    }
}

impl Error for ParseError {}

/// All bad lines of one file, in its order; never empty. Displayed one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors(pub Vec<ParseError>);

impl Display for ParseErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl Error for ParseErrors {}

/// What is odd about a value, or about one character of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A quote is not closed; the words of this line are dropped.
    UnclosedQuote,
    /// A quote is not closed; the last word runs to the end of the line.
    UnclosedQuoteRuns,
    /// A backslash is followed by something that is no escape; the words of this line are dropped.
    BadEscape,
    /// Quotes in a value that is used as it is written.
    LiteralQuotes,
    /// Neither 1, yes, true, on nor 0, no, false, off; read as false.
    NotABoolean,
    /// Not an unsigned number of 32 bits; the default is used.
    NotANumber,
    /// An empty word where NAME or NAME=VALUE is expected; it is dropped.
    EmptyName,
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnclosedQuote => "quote is never closed, line ignored",
            Self::UnclosedQuoteRuns => "quote is never closed, taken to end with the line",
            Self::BadEscape => "unknown or incomplete escape after the backslash, line ignored",
            Self::LiteralQuotes => "quotes are part of this value, they are not removed",
            Self::NotABoolean => "not a boolean, taken as false",
            Self::NotANumber => "not a number from 0 to 4294967295, the default is used",
            Self::EmptyName => "empty word where NAME=VALUE is expected, ignored",
        })
    }
}

/// A value that is used, or left out, in a way that may surprise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, if the assignment was read from a file.
    pub place: Option<Place>,
    /// The key of the assignment.
    pub key: String,
    /// Its whole value.
    pub value: String,
    /// What is odd.
    pub problem: Problem,
}

impl Display for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}={}", self.problem, self.key, Excerpt(&self.value))
    }
}

/// Text of a file inside a message: without control characters, and not endless.
struct Excerpt<'a>(&'a str);

impl Display for Excerpt<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const MOST: usize = 160; // characters; two lines of a terminal
        for (index, character) in self.0.chars().enumerate() {
            if index == MOST {
                return f.write_str("…");
            }
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
