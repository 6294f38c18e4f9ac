//! The text of a service: the unit's own lines, and between them those of its conversion.

use systemd_unit_parser::{Comment, Entry, Line, Section, UnitFile, one_line};

use crate::unit::Unit;

/// A service in the making.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    document: &'a UnitFile,
    /// The sections that systemd has to ignore, and the names under which it does.
    hidden: [(&'static str, &'static str); 2],
    /// `[Unit]`
    pub unit: Changes<'a>,
    /// `[Service]`
    pub service: Changes<'a>,
}

/// What becomes of a section; it is made at the end if the unit has none.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    first: String,
    last: String,
    dropped: Vec<&'static str>,
    replaced: Vec<(&'a Entry, &'static str)>,
}

impl<'a> Changes<'a> {
    /// None yet. There will be about so many bytes before the user's own lines, and after them.
    fn with_capacity(first: usize, last: usize) -> Self {
        Self {
            first: String::with_capacity(first),
            last: String::with_capacity(last),
            dropped: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Puts a line before the user's own.
    pub fn begin_with(&mut self, key: &str, value: &str) {
        push(&mut self.first, key, value);
    }

    /// Appends a line.
    pub fn add(&mut self, key: &str, value: &str) {
        push(&mut self.last, key, value);
    }

    /// Leaves out the user's lines of a key.
    pub fn leave_out(&mut self, key: &'static str) {
        self.dropped.push(key);
    }

    /// Gives one of the user's lines another value.
    pub fn replace(&mut self, entry: &'a Entry, value: &'static str) {
        self.replaced.push((entry, value));
    }

    fn push_line<'t>(&'t self, text: &mut Vec<&'t [u8]>, line: &'t Line) {
        match line {
            Line::Comment(comment) => push_comment(text, comment),
            Line::Entry(entry) if self.dropped.contains(&entry.key()) => {}
            Line::Entry(entry) => {
                let replaced = self.replaced.iter().find(|(old, _)| std::ptr::eq(*old, entry));
                let value = replaced.map_or(entry.value(), |(_, new)| new);
                text.extend([entry.key().as_bytes(), b"=", value.as_bytes(), b"\n"]);
            }
        }
    }
}

impl<'a> Text<'a> {
    /// The unit's own lines.
    pub fn new(unit: &'a Unit) -> Self {
        Self {
            document: &unit.document,
            hidden: [
                (unit.unit_type.section(), unit.unit_type.hidden_section()),
                ("Quadlet", "X-Quadlet"),
            ],
            unit: Changes::with_capacity(128, 512),
            service: Changes::with_capacity(0, 1024),
        }
    }

    /// The whole text, in the order of the unit file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let none = Changes::with_capacity(0, 0);
        let mut text: Vec<&[u8]> = Vec::with_capacity(64);
        for section in self.document.sections() {
            let hidden = self.hidden.iter().find(|(name, _)| *name == section.name());
            let name = hidden.map_or(section.name(), |(_, hidden)| hidden);
            let changes = match name {
                "Unit" => &self.unit,
                "Service" => &self.service,
                _ => &none,
            };
            // A section that has the name already takes up the one that would get it.
            if hidden.is_none() || self.document.section(name).is_none() {
                let taken_up = self.hidden.iter().find(|(_, hidden)| *hidden == section.name());
                let taken_up = taken_up.and_then(|(name, _)| self.document.section(name));
                push_section(&mut text, name, [Some(section), taken_up], changes);
            }
        }
        for (name, changes) in [("Unit", &self.unit), ("Service", &self.service)] {
            let is_needed = !changes.first.is_empty() || !changes.last.is_empty();
            if is_needed && self.document.section(name).is_none() {
                push_section(&mut text, name, [None, None], changes);
            }
        }
        text.concat()
    }
}

fn push_section<'t>(
    text: &mut Vec<&'t [u8]>,
    name: &'t str,
    parts: [Option<&'t Section>; 2],
    changes: &'t Changes<'_>,
) {
    if !text.is_empty() {
        text.push(b"\n");
    }
    let parts = parts.into_iter().flatten();
    for comment in parts.clone().flat_map(Section::leading_comments) {
        push_comment(text, comment);
    }
    text.extend([b"[", name.as_bytes(), b"]\n", changes.first.as_bytes()]);
    for line in parts.flat_map(Section::body) {
        changes.push_line(text, line);
    }
    text.push(changes.last.as_bytes());
}

fn push_comment<'t>(text: &mut Vec<&'t [u8]>, comment: &'t Comment) {
    text.extend([comment.bytes(), b"\n"]);
}

fn push(text: &mut String, key: &str, value: &str) {
    text.extend([key, "=", &one_line(value), "\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::unit_from_bytes;
    use crate::unit::UnitType;

    /// The text of a container's service after changes.
    fn text(unit: &str, change: impl FnOnce(&mut Text<'_>)) -> String {
        let unit = unit_from_bytes("web.container", "web.container", UnitType::Container, unit.as_bytes());
        let mut text = Text::new(&unit);
        change(&mut text);
        String::from_utf8(text.to_bytes()).expect("is text")
    }

    #[test]
    fn sections_are_hidden_under_other_names() {
        let unit = "# c\n[Container]\nImage=x\n\n[Quadlet]\nk=1\n[Install]\nk=2";
        let expected = "# c\n[X-Container]\nImage=x\n\n[X-Quadlet]\nk=1\n\n[Install]\nk=2\n";
        assert_eq!(text(unit, |_| ()), expected);
        let unit = "[Container]\nImage=x\n[A]\nk=1\n\n# mine\n[X-Container]\nk=2";
        assert_eq!(text(unit, |_| ()), "[A]\nk=1\n\n# mine\n[X-Container]\nk=2\nImage=x\n");
    }

    #[test]
    fn lines_are_added_around_the_users_own() {
        let unit = "[Service]\nType=a\n# kept\nType=b\n[Unit]\nAfter=x\nWants=y\n";
        let changed = text(unit, |text| {
            text.unit.begin_with("Wants", "network");
            text.unit.leave_out("After");
            text.unit.add("After", "z");
            let entry = text.document.last("Service", "Type").expect("there");
            text.service.replace(entry, "notify");
            text.service.add("ExecStart", "a\n b \\");
        });
        let service = "[Service]\nType=a\n# kept\nType=notify\nExecStart=a  b\n";
        assert_eq!(changed, format!("{service}\n[Unit]\nWants=network\nWants=y\nAfter=z\n"));
    }

    #[test]
    fn missing_sections_are_made_at_the_end() {
        let made = text("[Container]\n", |text| {
            text.service.add("Type", "notify");
            text.unit.begin_with("Wants", "network");
        });
        assert_eq!(
            made,
            "[X-Container]\n\n[Unit]\nWants=network\n\n[Service]\nType=notify\n"
        );
    }
}
