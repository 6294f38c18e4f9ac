//! Words to one line of a unit file, so that systemd splits it into the same words.
//!
//! Specifiers (`%`), variables (`$`) and a lone `;` keep their meaning for systemd: they are not quoted.

use std::borrow::Cow;
use std::fmt::Write;

/// Quotes one word if it needs it. The empty word is `""`.
pub fn quote_word(word: &str) -> Cow<'_, str> {
    if !word.is_empty() && !needs_quotes(word) {
        return Cow::Borrowed(word);
    }
    let mut quoted = String::with_capacity(word.len() + 8);
    quoted.push('"');
    word.chars().for_each(|character| push_escaped(&mut quoted, character));
    quoted.push('"');
    Cow::Owned(quoted)
}

/// Quotes words and joins them by one space.
pub fn quote_words(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut line = String::new();
    for (index, word) in words.into_iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        line.push_str(&quote_word(word.as_ref()));
    }
    line
}

/// Quotes, backslashes, control characters, and white space of any script: at the end of a line a reader may remove it,
/// in quotes it is safe.
fn needs_quotes(word: &str) -> bool {
    let is_special = |c: char| matches!(c, '"' | '\'' | '\\' | '\0'..=' ' | '\x7F') || c.is_whitespace();
    !word.bytes().all(|byte| PLAIN[usize::from(byte)]) && word.contains(is_special)
}

/// The bytes of almost all words: each is an ASCII character that needs no quotes.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte < 0x7F {
        plain[byte as usize] = !matches!(byte, b'"' | b'\'' | b'\\');
        byte += 1;
    }
    plain
};

/// Only ASCII is ever escaped: systemd decodes `\xHH` to a byte, which above 127 would not be the character.
fn push_escaped(text: &mut String, character: char) {
    match character {
        '\x07' => text.push_str("\\a"),
        '\x08' => text.push_str("\\b"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\x0B' => text.push_str("\\v"),
        '\x0C' => text.push_str("\\f"),
        '\\' => text.push_str("\\\\"),
        '"' => text.push_str("\\\""),
        // A blank is spelled out: some readers of unit files split before they unquote.
        ' ' => text.push_str("\\x20"),
        _ if character.is_ascii_control() => {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{:02x}", u32::from(character));
        }
        _ => text.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_args;

    #[test]
    fn quoting() {
        let table = [
            ("plain", "plain"),
            ("", "\"\""),
            ("c d", "\"c\\x20d\""),
            ("it's", "\"it's\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("\x07\x08\n\r\t\x0B\x0C", "\"\\a\\b\\n\\r\\t\\v\\f\""),
            ("\x01\x1b\x7f", "\"\\x01\\x1b\\x7f\""),
            ("%i $HOME ;{}", "\"%i\\x20$HOME\\x20;{}\""),
            ("%i;$x{}", "%i;$x{}"),
            ("\u{e4}\u{80}", "\u{e4}\u{80}"),
            ("\u{e4}\u{a0}", "\"\u{e4}\u{a0}\""),
        ];
        for (word, expected) in table {
            assert_eq!(quote_word(word), expected, "{word:?}");
        }
        assert_eq!(quote_words(["a", "", "b c"]), "a \"\" \"b\\x20c\"");
        assert_eq!(quote_words([""; 0]), "");
    }

    #[test]
    fn what_is_quoted_is_split_into_the_same_words() {
        let ascii: Vec<String> = (1..=0x7Fu8).map(|byte| format!("a{}b", char::from(byte))).collect();
        assert_eq!(split_args(&quote_words(&ascii)).expect("good").words, ascii);
    }
}
