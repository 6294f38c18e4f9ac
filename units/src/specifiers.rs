//! Specifiers (systemd.unit(5), "Specifiers"): found and named, never expanded; only systemd knows their values.

/// All specifiers of systemd 257, sorted by byte, each with its meaning.
const KNOWN: [(char, &str); 40] = [
    ('%', "a single percent sign"),
    ('A', "operating system image version"),
    ('B', "operating system build ID"),
    ('C', "cache directory root"),
    ('D', "shared data directory"),
    ('E', "configuration directory root"),
    ('G', "user GID"),
    ('H', "host name"),
    ('I', "unescaped instance name"),
    ('J', "unescaped final component of the prefix"),
    ('L', "log directory root"),
    ('M', "operating system image identifier"),
    ('N', "unit name without its type suffix"),
    ('P', "unescaped prefix name"),
    ('S', "state directory root"),
    ('T', "directory for temporary files"),
    ('U', "user UID"),
    ('V', "directory for larger and persistent temporary files"),
    ('W', "operating system variant identifier"),
    ('Y', "the unit's directory"),
    ('a', "architecture"),
    ('b', "boot ID"),
    ('d', "credentials directory"),
    ('f', "unescaped file name"),
    ('g', "user group"),
    ('h', "user home directory"),
    ('i', "instance name"),
    ('j', "final component of the prefix"),
    ('l', "short host name"),
    ('m', "machine ID"),
    ('n', "full unit name"),
    ('o', "operating system ID"),
    ('p', "prefix name"),
    ('q', "pretty host name"),
    ('s', "user shell"),
    ('t', "runtime directory root"),
    ('u', "user name"),
    ('v', "kernel release"),
    ('w', "operating system version identifier"),
    ('y', "the unit's fragment path"),
];

/// A `%` and the letter after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specifier {
    /// The byte where the `%` stands.
    pub offset: usize,
    /// What follows it; nothing at the end of the text.
    pub letter: Option<char>,
}

impl Specifier {
    /// What systemd puts in its place, in words; nothing for one that systemd does not know.
    pub fn meaning(&self) -> Option<&'static str> {
        let letter = self.letter?;
        KNOWN
            .binary_search_by_key(&letter, |known| known.0)
            .ok()
            .map(|index| KNOWN[index].1)
    }

    /// Whether this is `%%`, which stands for itself.
    pub fn is_percent(&self) -> bool {
        self.letter == Some('%')
    }
}

/// All specifiers of a text, in order, unknown ones included.
pub fn specifiers(text: &str) -> impl Iterator<Item = Specifier> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let offset = from + text[from..].find('%')?;
        let letter = text[offset + 1..].chars().next();
        from = offset + 1 + letter.map_or(0, char::len_utf8);
        Some(Specifier { offset, letter })
    })
}

/// Whether systemd would put something else in the place of a part of this text (`%%` included).
pub fn has_specifiers(text: &str) -> bool {
    text.contains('%')
}

/// Doubles every `%`, so that systemd reads the text as it is.
pub fn escape_specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ones_are_sorted_for_the_search() {
        assert!(KNOWN.is_sorted_by_key(|known| known.0));
    }

    #[test]
    fn found_and_named() {
        let found: Vec<_> = specifiers("a%i%%n-%!%é%")
            .map(|one| (one.offset, one.letter, one.meaning()))
            .collect();
        let expected = [
            (1, Some('i'), Some("instance name")),
            (3, Some('%'), Some("a single percent sign")),
            (7, Some('!'), None),
            (9, Some('é'), None),
            (12, None, None),
        ];
        assert_eq!(found, expected);
        assert!(has_specifiers("%i") && !has_specifiers("i"));
        assert_eq!(escape_specifiers("100%i"), "100%%i");
    }
}
