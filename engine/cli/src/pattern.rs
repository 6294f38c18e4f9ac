//! The regular expressions that people write into filters, `name=^web[12]$`: characters, `.`, sets, `*`, `+`, `?`, `|` between
//! whole patterns, `^` and `$`. A library for all of them would be loaded with each command.

/// A pattern, found anywhere in a text unless it says otherwise.
#[derive(Debug)]
pub struct Pattern {
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Default)]
struct Alternative {
    from_start: bool,
    to_end: bool,
    atoms: Vec<(Atom, Often)>,
}

#[derive(Debug)]
enum Atom {
    Any,
    One(char),
    Set { ranges: Vec<(char, char)>, negated: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Often {
    Once,
    Optional,
    Many,
    AtLeastOnce,
}

impl Pattern {
    /// Reads a pattern; `None` for one that is wrong, or uses more than there is here.
    pub fn parse(text: &str) -> Option<Self> {
        let mut alternatives = vec![Alternative::default()];
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let at = alternatives.last_mut()?;
            let atom = match c {
                '|' => {
                    alternatives.push(Alternative::default());
                    continue;
                }
                '^' if at.atoms.is_empty() && !at.from_start => {
                    at.from_start = true;
                    continue;
                }
                '$' if matches!(rest.peek(), None | Some('|')) => {
                    at.to_end = true;
                    continue;
                }
                '.' => Atom::Any,
                '[' => set(&mut rest)?,
                '\\' => Atom::One(rest.next().filter(|c| !c.is_alphanumeric())?),
                '^' | '$' | '(' | ')' | '{' | '}' | '*' | '+' | '?' => return None,
                c => Atom::One(c),
            };
            let often = match rest.peek() {
                Some('?') => Often::Optional,
                Some('*') => Often::Many,
                Some('+') => Often::AtLeastOnce,
                _ => Often::Once,
            };
            if often != Often::Once {
                rest.next();
            }
            at.atoms.push((atom, often));
        }
        Some(Self { alternatives })
    }

    /// Whether the text begins with it.
    pub fn is_at_start(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.alternatives.iter().any(|alternative| alternative.fits(&text))
    }

    /// Whether it is found in the text.
    pub fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.alternatives.iter().any(|alternative| {
            let starts = if alternative.from_start { 0 } else { text.len() };
            (0..=starts).any(|start| alternative.fits(&text[start..]))
        })
    }
}

impl Alternative {
    /// Whether the text begins so. All places that can be reached are followed at once: no pattern takes long.
    fn fits(&self, text: &[char]) -> bool {
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for (atom, often) in &self.atoms {
            let mut next = vec![false; text.len() + 1];
            for at in 0..=text.len() {
                let here = reached[at];
                if here && matches!(often, Often::Optional | Often::Many) {
                    next[at] = true;
                }
                let goes_on = here || (next[at] && matches!(often, Often::Many | Often::AtLeastOnce));
                if goes_on && text.get(at).is_some_and(|c| atom.fits(*c)) {
                    next[at + 1] = true;
                }
            }
            reached = next;
        }
        if self.to_end {
            reached[text.len()]
        } else {
            reached.contains(&true)
        }
    }
}

impl Atom {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::One(own) => *own == c,
            Self::Set { ranges, negated } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

/// What follows a `[`.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Atom> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Atom::Set { ranges, negated }),
            '\\' => rest.next()?,
            '[' if rest.peek() == Some(&':') => return None,
            c => c,
        };
        let mut ahead = rest.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
        let to = if is_range { rest.nth(1)? } else { from };
        ranges.push((from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, found) in [
            ("", "web", true),
            ("we", "web", true),
            ("^web$", "web", true),
            ("^web$", "web2", false),
            ("^/web$", "/web", true),
            ("eb$", "web", true),
            ("^eb", "web", false),
            ("f[12]", "if2", true),
            ("f[^12]$", "if2", false),
            ("^[a-c0]+$", "abc0", true),
            ("^[a-c0]+$", "abd", false),
            ("^[]x]$", "]", true),
            ("[a-]", "-", true),
            ("a.c", "abc", true),
            ("a.c", "ac", false),
            ("^a.*z$", "abz", true),
            ("^ab?c$", "ac", true),
            ("^ab+c$", "ac", false),
            ("^ab+c$", "abbc", true),
            ("^web$|^db", "db-1", true),
            ("^web$|^db", "webs", false),
            (r"^a\.b$", "a.b", true),
            (r"^a\.b$", "axb", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().is_in(text), found, "{pattern} {text}");
        }
        for pattern in ["(a)", "a{2}", "[a", "*", r"\d", "a$b", "[[:alpha:]]"] {
            assert!(Pattern::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::parse(&format!("^{}b$", "a*".repeat(30))).unwrap();
        assert!(!pattern.is_in(&"a".repeat(200)));
    }
}
