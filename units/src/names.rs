//! The parts of a unit's file name: `prefix@instance.extension` (systemd.unit(5)).

/// A unit's file name, taken apart. Nothing is checked beyond the places of `.` and `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitName<'a> {
    full: &'a str,
    stem: &'a str,
    extension: &'a str,
    at: Option<usize>,
}

impl<'a> UnitName<'a> {
    /// Takes a file name (without directories) apart at its last `.` and at its first `@`.
    pub fn new(name: &'a str) -> Self {
        let (stem, extension) = match name.rsplit_once('.') {
            // A name that begins with its only dot is all stem; it has an extension nevertheless (`.container`).
            Some(("", extension)) => (name, extension),
            Some(parts) => parts,
            None => (name, ""),
        };
        Self {
            full: name,
            stem,
            extension,
            at: stem.find('@'),
        }
    }

    /// The whole name.
    pub fn full(&self) -> &'a str {
        self.full
    }

    /// The name up to its last `.`.
    pub fn stem(&self) -> &'a str {
        self.stem
    }

    /// What follows the last `.`, without it.
    pub fn extension(&self) -> &'a str {
        self.extension
    }

    /// The stem up to its first `@`, or all of it: systemd's `%p`.
    pub fn prefix(&self) -> &'a str {
        self.at.map_or(self.stem, |at| &self.stem[..at])
    }

    /// What follows the first `@` in the stem, if it is not empty: systemd's `%i`.
    pub fn instance(&self) -> Option<&'a str> {
        let instance = &self.stem[self.at? + 1..];
        (!instance.is_empty()).then_some(instance)
    }

    /// Whether there is an `@`: a template or an instance.
    pub fn has_at(&self) -> bool {
        self.at.is_some()
    }

    /// Whether this is a template: `prefix@.extension`.
    pub fn is_template(&self) -> bool {
        self.has_at() && self.instance().is_none()
    }

    /// For an instance the name of its template.
    pub fn template(&self) -> Option<String> {
        self.instance()
            .map(|_| format!("{}@.{}", self.prefix(), self.extension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        // name, stem, extension, prefix, instance, is a template, its template
        let table = [
            ("web.container", "web", "container", "web", None, false, None),
            ("job@.volume", "job@", "volume", "job", None, true, None),
            (
                "job@a.b@c.volume",
                "job@a.b@c",
                "volume",
                "job",
                Some("a.b@c"),
                false,
                Some("job@.volume"),
            ),
            (".container", ".container", "container", ".container", None, false, None),
            (".x.container", ".x", "container", ".x", None, false, None),
            ("plain", "plain", "", "plain", None, false, None),
            ("", "", "", "", None, false, None),
        ];
        for (name, stem, extension, prefix, instance, is_template, template) in table {
            let parts = UnitName::new(name);
            assert_eq!(
                (parts.stem(), parts.extension(), parts.prefix()),
                (stem, extension, prefix),
                "{name}"
            );
            assert_eq!(
                (parts.instance(), parts.is_template()),
                (instance, is_template),
                "{name}"
            );
            assert_eq!(parts.template().as_deref(), template, "{name}");
        }
    }
}
