//! Splitting a value into words at blanks, as systemd's own lists and command lines are split: quotes group and are
//! removed; in arguments C escapes are decoded. An empty quoted word (`""`) is a word.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::error::Problem;

/// Why a value cannot be split, and at which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitError {
    /// Offset of the opening quote or of the backslash.
    pub offset: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// The words of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// The words.
    pub words: Vec<String>,
    /// Offset of a quote that is never closed; the last word ran to the end.
    pub unclosed: Option<usize>,
}

/// Splits a list: quotes are removed, a backslash is an ordinary character.
///
/// # Errors
/// A quote that is not closed.
pub fn split_words(text: &str) -> Result<Vec<String>, SplitError> {
    let args = split(text, false)?;
    match args.unclosed {
        Some(offset) => Err(SplitError {
            offset,
            problem: Problem::UnclosedQuote,
        }),
        None => Ok(args.words),
    }
}

/// Splits a command line: quotes are removed, C escapes decoded inside and outside of them. A last quote that is not
/// closed runs to the end.
///
/// # Errors
/// A backslash that does not begin an escape.
pub fn split_args(text: &str) -> Result<Args, SplitError> {
    split(text, true)
}

/// What separates words.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Most texts have nothing but blanks in them to look at.
fn split(text: &str, escapes: bool) -> Result<Args, SplitError> {
    if text.contains(['"', '\'', '\\']) {
        return Splitter::new(text, escapes).run();
    }
    let words = text.split(BLANKS).filter(|word| !word.is_empty());
    Ok(Args {
        words: words.map(str::to_owned).collect(),
        unclosed: None,
    })
}

struct Splitter<'a> {
    rest: Peekable<CharIndices<'a>>,
    escapes: bool,
    words: Vec<String>,
    word: Option<String>,
    /// The open quote and its offset.
    quote: Option<(char, usize)>,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, escapes: bool) -> Self {
        Self {
            rest: text.char_indices().peekable(),
            escapes,
            words: Vec::new(),
            word: None,
            quote: None,
        }
    }

    fn run(mut self) -> Result<Args, SplitError> {
        while let Some((offset, character)) = self.rest.next() {
            match (character, self.quote) {
                ('\\', _) if self.escapes => self.escape(offset)?,
                (_, Some((open, _))) if open == character => self.quote = None,
                ('"' | '\'', None) => {
                    self.word.get_or_insert_default();
                    self.quote = Some((character, offset));
                }
                (blank, None) if BLANKS.contains(&blank) => self.words.extend(self.word.take()),
                _ => self.word.get_or_insert_default().push(character),
            }
        }
        self.words.extend(self.word.take());
        Ok(Args {
            words: self.words,
            unclosed: self.quote.map(|(_, offset)| offset),
        })
    }

    /// Decodes what follows a backslash at `offset`; one at the very end is dropped.
    fn escape(&mut self, offset: usize) -> Result<(), SplitError> {
        if self.rest.peek().is_some() {
            let character = unescape(&mut self.rest).ok_or(SplitError {
                offset,
                problem: Problem::BadEscape,
            })?;
            self.word.get_or_insert_default().push(character);
        }
        Ok(())
    }
}

/// Decodes one C escape; the backslash is consumed already. `\xHH` and `\OOO` are code points, as in Podman (systemd
/// makes bytes of them, the same below 128).
fn unescape(rest: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    let (_, letter) = rest.next()?;
    Some(match letter {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0C',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0B',
        's' => ' ',
        '\\' | '"' | '\'' => letter,
        'x' => return number(rest, 16, 2, 0),
        'u' => return number(rest, 16, 4, 0),
        'U' => return number(rest, 16, 8, 0),
        '0'..='7' => return number(rest, 8, 2, letter.to_digit(8)?).filter(|&decoded| u32::from(decoded) <= 0xFF),
        _ => return None,
    })
}

/// Reads exactly `digits` more digits. NUL and what is above U+10FFFF is refused; a surrogate becomes U+FFFD.
fn number(rest: &mut Peekable<CharIndices<'_>>, radix: u32, digits: usize, first: u32) -> Option<char> {
    let mut value = first;
    for _ in 0..digits {
        let (_, digit) = rest.next()?;
        value = value.checked_mul(radix)?.checked_add(digit.to_digit(radix)?)?;
    }
    match value {
        0 | 0x11_0000.. => None,
        _ => Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t ", &[]),
            ("a  b\tc\rd\ne", &["a", "b", "c", "d", "e"]),
            ("x\"y z\"w", &["xy zw"]),
            ("\"it's\" 'say \"hi\"'", &["it's", "say \"hi\""]),
            ("a \"\" '' b", &["a", "", "", "b"]),
            (r"C:\n \x41", &[r"C:\n", r"\x41"]),
            ("a\u{a0}b", &["a\u{a0}b"]),
        ];
        for (text, expected) in table {
            assert_eq!(split_words(text).expect(text), *expected, "{text:?}");
        }
        for (text, offset) in [("a 'b", 2), ("\"", 0), ("'a' b\"c'd", 5)] {
            assert_eq!(
                split_words(text),
                Err(SplitError {
                    offset,
                    problem: Problem::UnclosedQuote
                }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn escapes() {
        let table = [
            (r"\a\b\f\n\r\t\v", "\x07\x08\x0C\n\r\t\x0B"),
            (r#"\\\"\'\s"#, "\\\"' "),
            (r"\x41\u00e4\U0001F600\101", "A\u{e4}\u{1F600}A"),
            (r"\xff\377", "\u{ff}\u{ff}"),
            (r"\ud800", "\u{fffd}"),
            (r"'\x20' ", " "),
            (r"\s", " "),
        ];
        for (text, expected) in table {
            assert_eq!(
                split_args(text).expect(text),
                Args {
                    words: vec![expected.into()],
                    unclosed: None
                },
                "{text:?}"
            );
        }
        for bad in [
            r"\q",
            r"\x4",
            r"\xg0",
            r"\x00",
            r"\000",
            r"\400",
            r"\08",
            r"\18",
            r"\u123",
            r"\U00110000",
            r"\UFFFFFFFF",
            r"\ ",
        ] {
            let text = format!("a {bad}");
            assert_eq!(
                split_args(&text),
                Err(SplitError {
                    offset: 2,
                    problem: Problem::BadEscape
                }),
                "{bad}"
            );
        }
    }

    #[test]
    fn arguments_forgive_an_open_quote_and_a_last_backslash() {
        assert_eq!(
            split_args("a 'b c").expect("good"),
            Args {
                words: vec!["a".into(), "b c".into()],
                unclosed: Some(2)
            }
        );
        assert_eq!(
            split_args("a\\").expect("good"),
            Args {
                words: vec!["a".into()],
                unclosed: None
            }
        );
        assert_eq!(
            split_args("a \\").expect("good"),
            Args {
                words: vec!["a".into()],
                unclosed: None
            }
        );
    }
}
