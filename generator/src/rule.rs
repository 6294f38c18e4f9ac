//! The kinds of problems. Their ids are stable: people write them into the configuration of their CI.

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A line is not unit-file syntax.
    Syntax,
    /// A file or directory cannot be read.
    Unreadable,
    /// A section that nobody reads.
    UnknownSection,
    /// The section has no such key.
    UnknownKey,
    /// A key that the type needs is not set.
    MissingKey,
    /// Keys that exclude or need each other.
    KeyCombination,
    /// A value that its key cannot have.
    InvalidValue,
    /// A value that is read in a way that may surprise.
    OddValue,
    /// A key of systemd that does not work on such a unit.
    UnsupportedKey,
    /// A key that should not be used any more.
    DeprecatedKey,
    /// A key that the target version does not know.
    NewerKey,
    /// An image without its registry.
    ShortImageName,
    /// A reference to a unit that does not exist.
    MissingReference,
    /// A reference to a unit that cannot be used itself.
    BrokenReference,
    /// A name that cannot be a service's.
    ServiceName,
    /// Two units of one name.
    NameClash,
    /// A file that is not used, because another one of its name comes first.
    HiddenFile,
    /// A link of `[Install]` that cannot be made.
    InstallLink,
    /// Two units that want the same port of the host, or one that wants it twice.
    PortPublishedTwice,
    /// More problems than are shown.
    TooMany,
    /// The environment of the run.
    Environment,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 21] = [
        Self::Syntax,
        Self::Unreadable,
        Self::UnknownSection,
        Self::UnknownKey,
        Self::MissingKey,
        Self::KeyCombination,
        Self::InvalidValue,
        Self::OddValue,
        Self::UnsupportedKey,
        Self::DeprecatedKey,
        Self::NewerKey,
        Self::ShortImageName,
        Self::MissingReference,
        Self::BrokenReference,
        Self::ServiceName,
        Self::NameClash,
        Self::HiddenFile,
        Self::InstallLink,
        Self::PortPublishedTwice,
        Self::TooMany,
        Self::Environment,
    ];

    /// The stable id.
    pub fn id(self) -> &'static str {
        self.describe().0
    }

    /// What the rule is about, a sentence without full stop.
    pub fn summary(self) -> &'static str {
        self.describe().1
    }

    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Syntax => ("syntax", "Every line is a section header, an assignment or a comment"),
            Self::Unreadable => ("unreadable", "Files and directories can be read"),
            Self::UnknownSection => ("unknown-section", "Sections are ones that somebody reads"),
            Self::UnknownKey => ("unknown-key", "Keys exist in their section"),
            Self::MissingKey => ("missing-key", "Keys that a unit needs are set"),
            Self::KeyCombination => (
                "key-combination",
                "Keys that exclude each other are not set together, those that need each other are",
            ),
            Self::InvalidValue => ("invalid-value", "Values are ones that their key can have"),
            Self::OddValue => ("odd-value", "Values are read as they look"),
            Self::UnsupportedKey => ("unsupported-key", "Keys of systemd work on the type of unit"),
            Self::DeprecatedKey => ("deprecated-key", "Keys are not deprecated"),
            Self::NewerKey => ("newer-key", "The target version knows all keys"),
            Self::ShortImageName => ("short-image-name", "Images name their registry"),
            Self::MissingReference => ("missing-reference", "Units that others refer to exist"),
            Self::BrokenReference => ("broken-reference", "Units that others refer to can be used"),
            Self::ServiceName => ("service-name", "systemd accepts the service's name"),
            Self::NameClash => ("name-clash", "A name belongs to one unit"),
            Self::HiddenFile => ("hidden-file", "Every file is used"),
            Self::InstallLink => ("install-link", "The links of [Install] can be made"),
            Self::PortPublishedTwice => ("port-published-twice", "A port of the host is published once"),
            Self::TooMany => ("too-many", "Problems are few enough to be shown"),
            Self::Environment => ("environment", "The variables that name directories are absolute paths"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique() {
        let ids: HashSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
    }
}
