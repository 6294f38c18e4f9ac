//! What one line of a file can hold.

use std::borrow::Cow;

/// A value as one line of a file holds it: line breaks and NUL become spaces, white space at the ends goes, and so does a
/// single backslash at the end (it would swallow the next line).
pub fn one_line(value: &str) -> Cow<'_, str> {
    // Long values are the rule: looking at all bytes, many at once, is faster than stopping at the first.
    let breaks = |found, byte| found | matches!(byte, b'\n' | b'\r' | b'\0');
    if value.bytes().fold(false, breaks) {
        let joined = value.replace(['\n', '\r', '\0'], " ");
        return Cow::Owned(value_text(&joined).to_owned());
    }
    Cow::Borrowed(value_text(value))
}

/// What an assignment made of `text` may hold: white space at the ends is removed, and a backslash at the end that
/// nothing escapes, as it would continue the line.
pub(crate) fn value_text(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(shorter) = without_continuation(text) {
        text = shorter.trim_end();
    }
    text
}

/// The line without its last backslash, if that continues it: backslashes in pairs escape each other.
pub(crate) fn without_continuation(line: &str) -> Option<&str> {
    let backslashes = line.bytes().rev().take_while(|&byte| byte == b'\\').count();
    if backslashes % 2 == 1 {
        line.strip_suffix('\\')
    } else {
        None
    }
}
