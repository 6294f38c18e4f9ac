//! Command lines: words in, one `Exec*=` value out.

use std::borrow::Cow;

use systemd_unit_parser::quote_word;

/// A command line in the making.
#[derive(Debug, Clone, Default)]
pub struct Command {
    line: String,
}

impl Command {
    /// A command that starts with the program's name.
    pub fn new(program: &str) -> Self {
        let mut command = Self {
            line: String::with_capacity(512),
        };
        command.word(program);
        command
    }

    /// One word.
    pub fn word(&mut self, word: &str) -> &mut Self {
        self.concatenated(&[word])
    }

    /// Several words.
    pub fn words<S: AsRef<str>>(&mut self, words: impl IntoIterator<Item = S>) -> &mut Self {
        for word in words {
            self.word(word.as_ref());
        }
        self
    }

    /// A flag and its value as two words.
    pub fn option(&mut self, flag: &str, value: &str) -> &mut Self {
        self.word(flag).word(value)
    }

    /// A flag and its value as one word, `--flag=value`.
    pub fn joined(&mut self, flag: &str, value: &str) -> &mut Self {
        self.concatenated(&[flag, "=", value])
    }

    /// One word made of pieces.
    pub fn concatenated(&mut self, pieces: &[&str]) -> &mut Self {
        self.separate();
        let start = self.line.len();
        self.line.extend(pieces.iter().copied());
        if &self.line[start..] == ";" {
            // Alone and without quotes it would begin another command (systemd.service(5)).
            self.line.replace_range(start.., "\";\"");
        } else if let Cow::Owned(quoted) = quote_word(&self.line[start..]) {
            self.line.replace_range(start.., &quoted);
        }
        self
    }

    /// Everything that another command line holds.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        if !other.line.is_empty() {
            self.separate();
            self.line.push_str(&other.line);
        }
        self
    }

    /// Length of the line so far, in bytes.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether there is no word yet.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// The finished value.
    pub fn into_line(self) -> String {
        self.line
    }

    fn separate(&mut self) {
        if !self.line.is_empty() {
            self.line.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_words() {
        let mut base = Command::new("/usr/bin/x y");
        base.option("--a", "b")
            .joined("--c", "d e")
            .concatenated(&["f", "=", "g"]);
        let mut all = Command::default();
        all.append(&base).words(["h", ""]);
        assert_eq!(all.into_line(), r#""/usr/bin/x\x20y" --a b "--c=d\x20e" f=g h """#);
    }
}
