//! The vocabulary of key tables: what a key is, how its value is read, what it becomes.
//!
//! Each unit type is one table, in the order in which its options appear on the command line. Unknown-key errors,
//! suggestions, warnings about values, documentation and most of the emission follow from the rows.

use crate::conversion::Conversion;
use crate::emit::Command;

/// How the assignments of a key are read (the lookup codes of syntax §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// S: the last assignment, one surrounding pair of double quotes removed.
    Scalar,
    /// S0: the last assignment as written.
    Raw,
    /// B: a scalar, true for `1`, `yes`, `true`, `on`.
    Boolean,
    /// U: a scalar number, decimal, hexadecimal or octal.
    Number,
    /// L: every assignment is one element.
    Lines,
    /// W: every assignment is split into words, quotes removed.
    Words,
    /// A: as words, with C escapes decoded.
    Arguments,
    /// X: only the last assignment, split as arguments.
    LastArguments,
    /// K: arguments of the form `name=value`.
    Map,
}

impl Kind {
    /// The letter used in the language's description.
    pub fn code(self) -> &'static str {
        match self {
            Self::Scalar => "S",
            Self::Raw => "S0",
            Self::Boolean => "B",
            Self::Number => "U",
            Self::Lines => "L",
            Self::Words => "W",
            Self::Arguments => "A",
            Self::LastArguments => "X",
            Self::Map => "K",
        }
    }
}

/// What a key puts on the command line at its row's place.
#[derive(Clone, Copy)]
pub enum Emit {
    /// Nothing here: another row, or the unit type's own code, reads it.
    Elsewhere,
    /// `--flag value` for each element; empty scalars are ignored.
    Pair(&'static str),
    /// `--flag value`, also when the scalar is empty.
    PairEvenEmpty(&'static str),
    /// `--flag=value` for each element; empty scalars are ignored.
    Joined(&'static str),
    /// `--flag=value`, also when the scalar is empty.
    JoinedEvenEmpty(&'static str),
    /// `--flag PREFIXvalue` for each element; empty scalars are ignored.
    Prefixed(&'static str, &'static str),
    /// `--flag PREFIXvalue`, also when the scalar is empty.
    PrefixedEvenEmpty(&'static str, &'static str),
    /// `--flag` when true, `--flag=false` when present and not true.
    Switch(&'static str),
    /// These words when true, nothing otherwise.
    WhenTrue(&'static [&'static str]),
    /// The words themselves.
    Verbatim,
    /// Whatever the function adds.
    With(fn(&mut Conversion<'_>, &mut Command)),
    /// Whatever the function adds; it is called whether the key is present or not.
    Always(fn(&mut Conversion<'_>, &mut Command)),
}

impl std::fmt::Debug for Emit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Emit {
    /// The option as documentation shows it.
    pub fn describe(self) -> String {
        match self {
            Self::Elsewhere | Self::With(_) | Self::Always(_) => String::new(),
            Self::Pair(flag) | Self::PairEvenEmpty(flag) => format!("{flag} VALUE"),
            Self::Joined(flag) | Self::JoinedEvenEmpty(flag) => format!("{flag}=VALUE"),
            Self::Prefixed(flag, prefix) | Self::PrefixedEvenEmpty(flag, prefix) => format!("{flag} {prefix}VALUE"),
            Self::Switch(flag) => flag.to_owned(),
            Self::WhenTrue(words) => words.join(" "),
            Self::Verbatim => "VALUE…".to_owned(),
        }
    }
}

/// One row of a unit type's table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as users write it.
    pub name: &'static str,
    /// How its value is read.
    pub kind: Kind,
    /// The first Podman release whose generator knows it.
    pub since: &'static str,
    /// What it becomes.
    pub emit: Emit,
    /// One sentence for the people who write units.
    pub help: &'static str,
}

/// A row; short because tables are long.
pub const fn key(name: &'static str, kind: Kind, since: &'static str, emit: Emit, help: &'static str) -> Key {
    Key {
        name,
        kind,
        since,
        emit,
        help,
    }
}

/// Keys that the language still accepts but advises against, with what to write instead.
pub fn replacement(key: &str) -> Option<&'static str> {
    match key {
        "RemapUsers" => Some("UserNS="),
        "RemapUid" => Some("UIDMap="),
        "RemapGid" => Some("GIDMap="),
        "RemapUidSize" => Some("UserNS=auto:size=N"),
        "VolatileTmp" => Some("Tmpfs=/tmp"),
        _ => None,
    }
}
