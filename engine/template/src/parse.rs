//! Tokens to nodes.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::TemplateError;
use super::lex::{Kind, Piece, Token};

/// Blocks and brackets inside each other; what is deeper is a mistake, or meant to exhaust the stack.
const MAX_DEPTH: usize = 50;

#[derive(Debug)]
pub enum Node {
    Text(String),
    /// `{{pipeline}}`.
    Pipeline(Pipeline),
    /// `{{if}}` and `{{with}}`; `{{else if}}` is an `if` in `otherwise`.
    Branch {
        rebinds_dot: bool,
        condition: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Break,
    Continue,
}

/// `$a, $b := command | command`.
#[derive(Debug)]
pub struct Pipeline {
    pub variables: Vec<String>,
    /// `=` to an existing variable instead of `:=`.
    pub assigns: bool,
    /// At least one; each is an operand or a function with its arguments, at least one operand.
    pub commands: Vec<Vec<Operand>>,
    pub column: usize,
}

/// `base.field.field`.
#[derive(Debug)]
pub struct Operand {
    pub base: Base,
    pub fields: Vec<String>,
    pub column: usize,
}

#[derive(Debug)]
pub enum Base {
    Dot,
    Variable(String),
    Literal(Value),
    Function(String),
    Group(Box<Pipeline>),
}

/// What ended a list of nodes.
enum End {
    Template,
    /// `{{end}}`.
    Block,
    /// `{{else}}`, with what follows the word.
    Else(Tokens),
}

/// Reads a whole template.
pub fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser {
        pieces: pieces.into_iter(),
        depth: 0,
        loops: 0,
        column: 1,
    };
    match parser.nodes()? {
        (nodes, End::Template) => Ok(nodes),
        (_, End::Block) => Err(syntax(parser.column, "{{end}} without a beginning")),
        (_, End::Else(_)) => Err(syntax(parser.column, "{{else}} without a beginning")),
    }
}

fn syntax(column: usize, what: impl Into<String>) -> TemplateError {
    TemplateError::Syntax {
        column,
        what: what.into(),
    }
}

struct Parser {
    pieces: IntoIter<Piece>,
    depth: usize,
    /// How many `{{range}}` are open.
    loops: usize,
    /// Where the last action began.
    column: usize,
}

impl Parser {
    fn nodes(&mut self) -> Result<(Vec<Node>, End), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (tokens, column) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens, column) => (tokens, column),
            };
            self.column = column;
            let mut tokens = Tokens {
                rest: tokens.into_iter().peekable(),
                column,
                depth: self.depth,
            };
            match tokens.keyword().as_deref() {
                Some("end") => return tokens.finish().map(|()| (nodes, End::Block)),
                Some("else") => return Ok((nodes, End::Else(tokens))),
                Some(word @ ("if" | "with")) => nodes.push(self.branch(word == "with", tokens)?),
                Some("range") => nodes.push(self.range(tokens)?),
                Some(word @ ("break" | "continue")) => {
                    tokens.finish()?;
                    if self.loops == 0 {
                        return Err(syntax(column, format!("{{{{{word}}}}} outside of {{{{range}}}}")));
                    }
                    nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                }
                Some(word) => return Err(syntax(column, format!("{{{{{word}}}}} is not supported"))),
                None => nodes.push(Node::Pipeline(tokens.whole_pipeline()?)),
            }
        }
        Ok((nodes, End::Template))
    }

    fn branch(&mut self, rebinds_dot: bool, mut tokens: Tokens) -> Result<Node, TemplateError> {
        let condition = tokens.whole_pipeline()?;
        self.enter()?;
        let (then, end) = self.nodes()?;
        let otherwise = self.otherwise(end)?;
        self.depth -= 1;
        Ok(Node::Branch {
            rebinds_dot,
            condition,
            then,
            otherwise,
        })
    }

    fn range(&mut self, mut tokens: Tokens) -> Result<Node, TemplateError> {
        let over = tokens.whole_pipeline()?;
        self.enter()?;
        self.loops += 1;
        let (body, end) = self.nodes()?;
        self.loops -= 1;
        let otherwise = self.otherwise(end)?;
        self.depth -= 1;
        Ok(Node::Range { over, body, otherwise })
    }

    /// What follows `{{else}}` up to `{{end}}`. `{{else if}}` and `{{else with}}` share the `{{end}}`.
    fn otherwise(&mut self, end: End) -> Result<Vec<Node>, TemplateError> {
        let mut tokens = match end {
            End::Block => return Ok(Vec::new()),
            End::Template => return Err(syntax(self.column, "block without {{end}}")),
            End::Else(tokens) => tokens,
        };
        match tokens.keyword().as_deref() {
            Some(word @ ("if" | "with")) => Ok(vec![self.branch(word == "with", tokens)?]),
            Some(word) => Err(syntax(tokens.column, format!("unexpected {word:?} after else"))),
            None => {
                tokens.finish()?;
                match self.nodes()? {
                    (nodes, End::Block) => Ok(nodes),
                    (_, End::Else(_)) => Err(syntax(self.column, "second {{else}}")),
                    (_, End::Template) => Err(syntax(self.column, "block without {{end}}")),
                }
            }
        }
    }

    fn enter(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            Err(syntax(self.column, "too many blocks inside each other"))
        } else {
            Ok(())
        }
    }
}

/// The tokens of one action.
struct Tokens {
    rest: Peekable<IntoIter<Token>>,
    column: usize,
    depth: usize,
}

impl Tokens {
    /// Takes the first word if it is a keyword.
    fn keyword(&mut self) -> Option<String> {
        const KEYWORDS: [&str; 10] = [
            "if", "with", "range", "else", "end", "break", "continue", "define", "template", "block",
        ];
        let token = self
            .rest
            .next_if(|token| matches!(&token.kind, Kind::Word(word) if KEYWORDS.contains(&word.as_str())))?;
        match token.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.rest.next_if(|token| token.kind == Kind::Sign(sign)).is_some()
    }

    fn finish(&mut self) -> Result<(), TemplateError> {
        match self.rest.next() {
            None => Ok(()),
            Some(token) => Err(syntax(token.column, "unexpected text")),
        }
    }

    fn whole_pipeline(&mut self) -> Result<Pipeline, TemplateError> {
        let (variables, assigns) = self.declaration()?;
        let pipeline = Pipeline {
            variables,
            assigns,
            ..self.commands()?
        };
        self.finish()?;
        Ok(pipeline)
    }

    /// `$a :=`, `$a, $b :=`, `$a =`, or nothing.
    fn declaration(&mut self) -> Result<(Vec<String>, bool), TemplateError> {
        let ahead: Vec<Kind> = self.rest.clone().take(4).map(|token| token.kind).collect();
        let (variables, sign) = match ahead.as_slice() {
            [Kind::Variable(one), Kind::Sign(sign @ (':' | '=')), ..] => (vec![one.clone()], *sign),
            [
                Kind::Variable(one),
                Kind::Sign(','),
                Kind::Variable(two),
                Kind::Sign(sign @ (':' | '=')),
            ] => (vec![one.clone(), two.clone()], *sign),
            _ => return Ok((Vec::new(), false)),
        };
        if variables.iter().any(String::is_empty) {
            return Err(syntax(self.column, "variable without a name"));
        }
        self.rest.by_ref().take(variables.len() * 2).for_each(drop);
        Ok((variables, sign == '='))
    }

    fn commands(&mut self) -> Result<Pipeline, TemplateError> {
        let mut commands = vec![self.command()?];
        while self.sign('|') {
            commands.push(self.command()?);
        }
        Ok(Pipeline {
            variables: Vec::new(),
            assigns: false,
            commands,
            column: self.column,
        })
    }

    fn command(&mut self) -> Result<Vec<Operand>, TemplateError> {
        let mut operands = Vec::new();
        while let Some(token) = self.rest.next_if(|token| !matches!(token.kind, Kind::Sign(')' | '|'))) {
            operands.push(self.operand(token)?);
        }
        if operands.is_empty() {
            Err(syntax(self.column, "a value is missing"))
        } else {
            Ok(operands)
        }
    }

    fn operand(&mut self, token: Token) -> Result<Operand, TemplateError> {
        let mut fields = Vec::new();
        let base = match token.kind {
            Kind::Dot => Base::Dot,
            Kind::Field(name) => {
                fields.push(name);
                Base::Dot
            }
            Kind::Variable(name) => Base::Variable(name),
            Kind::Literal(value) => Base::Literal(value),
            Kind::Word(word) => match word.as_str() {
                "true" => Base::Literal(Value::Bool(true)),
                "false" => Base::Literal(Value::Bool(false)),
                "nil" => Base::Literal(Value::Null),
                _ => Base::Function(word),
            },
            Kind::Sign('(') => Base::Group(Box::new(self.group(token.column)?)),
            Kind::Sign(sign) => return Err(syntax(token.column, format!("unexpected {sign:?}"))),
        };
        while let Some(next) = self
            .rest
            .next_if(|next| next.glued && matches!(next.kind, Kind::Field(_)))
        {
            if let Kind::Field(name) = next.kind {
                fields.push(name);
            }
        }
        Ok(Operand {
            base,
            fields,
            column: token.column,
        })
    }

    fn group(&mut self, column: usize) -> Result<Pipeline, TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(syntax(column, "too many brackets inside each other"));
        }
        let pipeline = self.commands()?;
        self.depth -= 1;
        if self.sign(')') {
            Ok(pipeline)
        } else {
            Err(syntax(column, "\"(\" without \")\""))
        }
    }
}
