//! The model of a unit file: ordered sections of ordered lines. Nothing that was written is lost: comments, order,
//! repeated keys stay; the bytes of an unchanged file are kept beside (see [`write`](mod@crate::write)).

use std::borrow::Cow;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::error::Place;
use crate::line::one_line;

/// A unit file.
#[derive(Debug, Clone, Default)]
pub struct UnitFile {
    pub(crate) sections: Vec<Section>,
    /// Comments of a file without any section.
    pub(crate) orphans: Vec<Comment>,
    /// The bytes this was read from, as long as nothing was changed.
    pub(crate) original: Option<Arc<[u8]>>,
}

/// A section: all lines below headers of one name. A repeated header re-opens the earlier section.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub(crate) name: SmolStr,
    pub(crate) place: Option<Place>,
    pub(crate) leading: Vec<Comment>,
    pub(crate) body: Vec<Line>,
}

/// One line of a section's body.
#[derive(Debug, Clone)]
pub enum Line {
    /// A blank line or a comment.
    Comment(Comment),
    /// An assignment.
    Entry(Entry),
}

/// A blank line (empty text), or a line beginning with `#` or `;`, white space at its ends removed. Holds any bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment(pub(crate) Box<[u8]>);

/// One assignment, `key=value`; continuation lines joined.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) key: SmolStr,
    pub(crate) value: SmolStr,
    pub(crate) origin: Option<Origin>,
}

/// Where the characters of an assignment come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) key: Place,
    /// Line and column of the value's first character.
    pub(crate) value: (u32, u32),
    /// The further lines the value is spread over, in order.
    pub(crate) pieces: Vec<Piece>,
}

/// A continuation line: from this offset on (in bytes), the text stands at this line and column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) offset: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Line {
    /// The assignment, if it is one.
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Comment(_) => None,
        }
    }
}

impl Comment {
    /// The text; other than UTF-8 is replaced by U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The text as it was written.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is a blank line.
    pub fn is_blank(&self) -> bool {
        self.0.is_empty()
    }
}

impl Entry {
    /// An assignment made by a program. What one line cannot hold is put right, see [`one_line`].
    pub fn new(key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self {
            key: SmolStr::new(key),
            value: one_line(value.as_ref()).into(),
            origin: None,
        }
    }

    /// The key, as it is written.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value: raw, with quotes and escapes; continuation lines joined by one space.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Where the key stands, if this was read from a file.
    pub fn place(&self) -> Option<&Place> {
        self.origin.as_ref().map(|origin| &origin.key)
    }

    /// Where the value's byte `offset` stands, continuation lines considered.
    pub fn place_in_value(&self, offset: usize) -> Option<Place> {
        let origin = self.origin.as_ref()?;
        let first = Piece {
            offset: 0,
            line: origin.value.0,
            column: origin.value.1,
        };
        let piece = origin
            .pieces
            .iter()
            .rev()
            .find(|piece| piece.offset <= offset)
            .copied()
            .unwrap_or(first);
        let before = self
            .value
            .get(piece.offset..offset)
            .map_or(0, |text| text.chars().count());
        let column = piece.column.saturating_add(u32::try_from(before).unwrap_or(u32::MAX));
        Some(Place {
            source: Arc::clone(&origin.key.source),
            line: piece.line,
            column,
        })
    }
}

impl Section {
    /// The name between the brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its first header stands, if it was read from a file.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The comments before the header.
    pub fn leading_comments(&self) -> &[Comment] {
        &self.leading
    }

    /// All lines below the header.
    pub fn body(&self) -> &[Line] {
        &self.body
    }

    /// All assignments, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.body.iter().filter_map(Line::entry)
    }

    /// The assignments of one key, in order.
    pub fn assignments<'a>(&'a self, key: &str) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries().filter(move |entry| entry.key == key)
    }

    /// The last assignment of a key.
    pub fn last(&self, key: &str) -> Option<&Entry> {
        self.assignments(key).next_back()
    }

    fn absorb(&mut self, other: Section) {
        self.leading.extend(other.leading);
        self.body.extend(other.body);
    }
}

impl UnitFile {
    /// A file without any line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sections, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section of a name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The assignments of a key, in order.
    pub fn entries<'a>(&'a self, section: &str, key: &str) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.section(section)
            .into_iter()
            .flat_map(move |section| section.assignments(key))
    }

    /// The last assignment of a key.
    pub fn last(&self, section: &str, key: &str) -> Option<&Entry> {
        self.section(section)?.last(key)
    }

    /// Appends an assignment to a section, which is made at the end of the file if it is missing.
    pub fn add(&mut self, section: &str, key: impl AsRef<str>, value: impl AsRef<str>) {
        self.open(section).body.push(Line::Entry(Entry::new(key, value)));
    }

    /// Overwrites the value of the last assignment of the key, or adds one.
    pub fn set(&mut self, section: &str, key: &str, value: impl AsRef<str>) {
        let made = Entry::new(key, value);
        let body = &mut self.open(section).body;
        let last = body.iter_mut().rev().find_map(|line| match line {
            Line::Entry(entry) if entry.key == key => Some(entry),
            _ => None,
        });
        match last {
            Some(entry) => *entry = made,
            None => body.push(Line::Entry(made)),
        }
    }

    /// Inserts an assignment as the first line of a section's body.
    pub fn prepend(&mut self, section: &str, key: impl AsRef<str>, value: impl AsRef<str>) {
        self.open(section).body.insert(0, Line::Entry(Entry::new(key, value)));
    }

    /// Deletes all assignments of a key.
    pub fn unset(&mut self, section: &str, key: &str) {
        if self.last(section, key).is_some() {
            self.open(section)
                .body
                .retain(|line| !matches!(line, Line::Entry(entry) if entry.key == key));
        }
    }

    /// Renames a section in place. A section that has the new name already absorbs the lines of the old one.
    pub fn rename_section(&mut self, from: &str, to: &str) {
        let Some(index) = self
            .sections
            .iter()
            .position(|section| section.name == from && from != to)
        else {
            return;
        };
        self.original = None;
        if self.section(to).is_some() {
            let old = self.sections.remove(index);
            self.open(to).absorb(old);
        } else {
            self.sections[index].name = to.into();
        }
    }

    /// Appends the lines of a drop-in to the sections of the same names; new sections go to the end.
    /// The rules of resets and of the last assignment then hold for the whole.
    pub fn merge(&mut self, dropin: UnitFile) {
        for section in dropin.sections {
            let place = section.place.clone();
            let target = self.open(&section.name);
            if target.place.is_none() {
                target.place = place;
            }
            target.absorb(section);
        }
    }

    /// The section of a name, made at the end if it is missing. The file counts as changed.
    fn open(&mut self, name: &str) -> &mut Section {
        self.original = None;
        let index = self.find_or_make(name);
        &mut self.sections[index]
    }

    pub(crate) fn find_or_make(&mut self, name: &str) -> usize {
        self.sections
            .iter()
            .position(|section| section.name == name)
            .unwrap_or_else(|| {
                self.sections.reserve_exact(1);
                self.sections.push(Section {
                    name: name.into(),
                    ..Section::default()
                });
                self.sections.len() - 1
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[A]\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=4\n";

    fn changed(change: impl FnOnce(&mut UnitFile)) -> (String, bool) {
        let mut file = UnitFile::parse("t", TEXT.as_bytes()).expect("good");
        change(&mut file);
        (file.to_string(), file.original().is_some())
    }

    #[test]
    fn changes() {
        type Change = fn(&mut UnitFile);
        let table: &[(&str, Change, &str)] = &[
            (
                "add",
                |f| f.add("A", "n", "5"),
                "[A]\n# one\nk=1\nk=2\nl=3\nn=5\n\n[B]\nk=4\n",
            ),
            (
                "add to a new section",
                |f| f.add("C", "n", "5"),
                "[A]\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=4\n\n[C]\nn=5\n",
            ),
            (
                "set the last",
                |f| f.set("A", "k", "5"),
                "[A]\n# one\nk=1\nk=5\nl=3\n\n[B]\nk=4\n",
            ),
            (
                "set a new one",
                |f| f.set("B", "n", "5"),
                "[A]\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=4\nn=5\n",
            ),
            (
                "prepend",
                |f| f.prepend("A", "n", "5"),
                "[A]\nn=5\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=4\n",
            ),
            ("unset all", |f| f.unset("A", "k"), "[A]\n# one\nl=3\n\n[B]\nk=4\n"),
            (
                "rename",
                |f| f.rename_section("A", "C"),
                "[C]\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=4\n",
            ),
            (
                "rename onto",
                |f| f.rename_section("A", "B"),
                "[B]\nk=4\n# one\nk=1\nk=2\nl=3\n",
            ),
            (
                "a value that one line cannot hold",
                |f| f.set("B", "k", " a\n[X]\r\nb \\"),
                "[A]\n# one\nk=1\nk=2\nl=3\n\n[B]\nk=a [X]  b\n",
            ),
        ];
        for (name, change, expected) in table {
            assert_eq!(changed(change), ((*expected).to_owned(), false), "{name}");
        }
    }

    #[test]
    fn what_changes_nothing_keeps_the_original() {
        let table: &[fn(&mut UnitFile)] = &[
            |f| f.unset("A", "absent"),
            |f| f.unset("C", "k"),
            |f| f.rename_section("C", "D"),
            |f| f.rename_section("A", "A"),
        ];
        for change in table {
            assert_eq!(changed(change), (TEXT.to_owned(), true));
        }
    }

    #[test]
    fn drop_ins_are_appended_and_keep_their_places() {
        let mut file = UnitFile::parse("main", TEXT.as_bytes()).expect("good");
        file.merge(UnitFile::parse("drop", b"# why\n[A]\nk=\n[N]\nx=1\n# end").expect("good"));
        assert_eq!(
            file.to_string(),
            "# why\n[A]\n# one\nk=1\nk=2\nl=3\nk=\n\n[B]\nk=4\n\n[N]\nx=1\n# end\n"
        );
        let place = |section, key| file.last(section, key).and_then(Entry::place).map(ToString::to_string);
        assert_eq!(place("A", "k").as_deref(), Some("drop:3:1"));
        assert_eq!(place("A", "l").as_deref(), Some("main:5:1"));
        assert_eq!(
            file.section("N")
                .and_then(Section::place)
                .map(ToString::to_string)
                .as_deref(),
            Some("drop:4:1")
        );
        assert_eq!(
            file.entries("A", "k").map(Entry::value).collect::<Vec<_>>(),
            ["1", "2", ""]
        );
    }
}
