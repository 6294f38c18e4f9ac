//! Text and `{{…}}` to tokens.

use serde_json::{Number, Value};

use super::TemplateError;

/// A stretch of a template.
#[derive(Debug)]
pub enum Piece {
    /// Copied as it is.
    Text(String),
    /// The inside of `{{…}}`, and the column where it begins.
    Action(Vec<Token>, usize),
}

/// A token, where it stands, and whether anything but a blank or a bracket stands before it (`a.b` as against `a .b`).
#[derive(Debug, Clone)]
pub struct Token {
    pub kind: Kind,
    pub column: usize,
    pub glued: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A keyword or a function.
    Word(String),
    /// `.name`.
    Field(String),
    /// `.` alone.
    Dot,
    /// `$name`, or `$` with an empty name.
    Variable(String),
    /// A text or a number.
    Literal(Value),
    /// `(`, `)`, `|`, `,`, `=`, or `:` for `:=`.
    Sign(char),
}

impl Piece {
    /// The fields that are named.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let tokens = match self {
            Self::Action(tokens, _) => tokens.as_slice(),
            Self::Text(_) => &[],
        };
        tokens.iter().filter_map(|token| match &token.kind {
            Kind::Field(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// The length of the action at the beginning of `text` with its brackets: `}}` inside of quotes does not end it.
pub fn action_end(text: &str) -> Option<usize> {
    if let Some(comment) = text
        .strip_prefix("{{")
        .map(|rest| rest.strip_prefix("- ").unwrap_or(rest))
        && comment.starts_with("/*")
    {
        let end = text.find("*/")?;
        return text[end..].find("}}").map(|length| end + length + 2);
    }
    let mut quote = None;
    let mut escaped = false;
    for (offset, character) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '`') => quote = Some(character),
            None if text[offset..].starts_with("}}") => return Some(offset + 2),
            _ => {}
        }
    }
    None
}

/// Splits a template.
pub fn lex(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut trim = false;
    let mut columns = Columns::new(text);
    loop {
        let begin = text[at..].find("{{").map(|offset| at + offset);
        let mut plain = &text[at..begin.unwrap_or(text.len())];
        if trim {
            plain = plain.trim_start();
        }
        let Some(begin) = begin else {
            pieces.push(Piece::Text(plain.to_owned()));
            return Ok(pieces);
        };
        let column = columns.of(begin);
        let syntax = |what: &str| TemplateError::Syntax {
            column,
            what: what.to_owned(),
        };
        let length = action_end(&text[begin..]).ok_or_else(|| syntax("\"{{\" without \"}}\""))?;
        let mut inside = &text[begin + 2..begin + length - 2];
        if let Some(rest) = inside
            .strip_prefix('-')
            .filter(|rest| rest.starts_with(char::is_whitespace))
        {
            plain = plain.trim_end();
            inside = rest;
        }
        let kept = inside
            .strip_suffix('-')
            .filter(|rest| rest.ends_with(char::is_whitespace));
        trim = kept.is_some();
        pieces.push(Piece::Text(plain.to_owned()));
        let inside = kept.unwrap_or(inside);
        if !inside.trim().starts_with("/*") {
            let end = begin + length - 2 - usize::from(trim);
            pieces.push(Piece::Action(
                Lexer::new(&text[..end], end - inside.len(), columns).run()?,
                column,
            ));
        }
        at = begin + length;
    }
}

/// Columns of offsets that only grow: each character is counted once.
#[derive(Clone, Copy)]
struct Columns<'a> {
    text: &'a str,
    offset: usize,
    column: usize,
}

impl<'a> Columns<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            column: 1,
        }
    }

    fn of(&mut self, offset: usize) -> usize {
        self.column += self
            .text
            .get(self.offset..offset)
            .map_or(0, |text| text.chars().count());
        self.offset = self.offset.max(offset);
        self.column
    }
}

struct Lexer<'a> {
    /// The template up to the end of the action.
    text: &'a str,
    at: usize,
    columns: Columns<'a>,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, at: usize, columns: Columns<'a>) -> Self {
        Self {
            text,
            at,
            columns,
            tokens: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Vec<Token>, TemplateError> {
        let mut glued = false;
        while let Some(character) = self.text[self.at..].chars().next() {
            if character.is_whitespace() {
                self.at += character.len_utf8();
                glued = false;
                continue;
            }
            let column = self.columns.of(self.at);
            let kind = self.token(character)?;
            let opens = matches!(kind, Kind::Sign(sign) if sign != ')');
            self.tokens.push(Token { kind, column, glued });
            glued = !opens;
        }
        Ok(self.tokens)
    }

    fn token(&mut self, character: char) -> Result<Kind, TemplateError> {
        let rest = &self.text[self.at..];
        let digit_next = rest[character.len_utf8()..].starts_with(|next: char| next.is_ascii_digit());
        match character {
            '"' => self.quoted(),
            '`' => {
                let inside = rest[1..].split('`').next().unwrap_or_default();
                self.at += inside.len() + 2;
                Ok(Kind::Literal(Value::from(inside)))
            }
            '.' if !digit_next => {
                self.at += 1;
                Ok(match self.name() {
                    "" => Kind::Dot,
                    name => Kind::Field(name.to_owned()),
                })
            }
            '$' => {
                self.at += 1;
                Ok(Kind::Variable(self.name().to_owned()))
            }
            '(' | ')' | '|' | ',' | '=' => {
                self.at += 1;
                Ok(Kind::Sign(character))
            }
            ':' if rest.starts_with(":=") => {
                self.at += 2;
                Ok(Kind::Sign(':'))
            }
            '.' | '0'..='9' => self.number(),
            '-' | '+' if digit_next => self.number(),
            _ if character.is_alphabetic() || character == '_' => Ok(Kind::Word(self.name().to_owned())),
            _ => Err(self.syntax(format!("unexpected {character:?}"))),
        }
    }

    /// The letters, digits and underscores that follow.
    fn name(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|next: char| !next.is_alphanumeric() && next != '_')
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn number(&mut self) -> Result<Kind, TemplateError> {
        let rest = &self.text[self.at..];
        let length = rest[1..]
            .find(|next: char| !next.is_ascii_alphanumeric() && next != '.')
            .map_or(rest.len(), |n| n + 1);
        let text = rest[..length].trim_start_matches('+');
        let number = text
            .parse()
            .ok()
            .map(Number::from_i128)
            .or_else(|| Some(text.parse().ok().and_then(Number::from_f64)));
        let number = number
            .flatten()
            .ok_or_else(|| self.syntax(format!("{text:?} is not a number")))?;
        self.at += length;
        Ok(Kind::Literal(Value::Number(number)))
    }

    /// A text in `"`, with the escapes of Go that matter here.
    fn quoted(&mut self) -> Result<Kind, TemplateError> {
        let mut text = String::new();
        let mut rest = self.text[self.at + 1..].char_indices();
        while let Some((offset, character)) = rest.next() {
            match character {
                '"' => {
                    self.at += offset + 2;
                    return Ok(Kind::Literal(Value::from(text)));
                }
                '\\' => {
                    let escaped = rest.next().map(|(_, escaped)| escaped);
                    text.push(match escaped {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some(same @ ('\\' | '"' | '\'')) => same,
                        _ => return Err(self.syntax("unknown escape in a text".to_owned())),
                    });
                }
                _ => text.push(character),
            }
        }
        Err(self.syntax("text without closing quote".to_owned()))
    }

    fn syntax(&mut self, what: String) -> TemplateError {
        TemplateError::Syntax {
            column: self.columns.of(self.at),
            what,
        }
    }
}
