//! What all files together say, and where.

use std::collections::{BTreeMap, HashMap};

use ipnet::Ipv4Net;

use super::keys::{self, Effect, Kind};

/// What all files together say.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub(super) values: HashMap<&'static str, Value>,
    pub(super) warnings: Vec<String>,
}

/// The value of a key, and where it was said last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) data: Data,
    /// `FILE:LINE`.
    pub(super) origin: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Text(String),
    Switch(bool),
    Number(i64),
    /// Words, and whether those of later files are added.
    List(Vec<String>, bool),
    Lists(BTreeMap<String, Vec<String>>),
    Texts(BTreeMap<String, String>),
    Pools(Vec<SubnetPool>),
    /// Known, and of no interest here.
    Ignored,
}

/// One of `default_subnet_pools`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubnetPool {
    /// Where subnets are taken from.
    pub base: Ipv4Net,
    /// The prefix length of each.
    pub size: u8,
}

impl Config {
    /// What its reader should know: unknown keys, values that have no effect here.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A text; nothing if it is empty, which in this file means the default.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.value(key, Kind::Text)?.data {
            Data::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A switch.
    pub fn switch(&self, key: &str) -> Option<bool> {
        match self.value(key, Kind::Switch)?.data {
            Data::Switch(on) => Some(on),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.value(key, Kind::Number)?.data {
            Data::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A list; `None` if nobody says one, which is not the same as an empty one.
    pub fn list(&self, key: &str) -> Option<&[String]> {
        match &self.value(key, Kind::List)?.data {
            Data::List(words, _) => Some(words),
            _ => None,
        }
    }

    /// Where the key was said last, for messages: `FILE:LINE`.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.origin.as_str())
    }

    /// As [`Self::origin`], for a key that somebody said.
    pub fn place(&self, key: &str) -> &str {
        self.origin(key).unwrap_or("containers.conf")
    }

    fn value(&self, key: &str, kind: Kind) -> Option<&Value> {
        debug_assert!(
            keys::find(key).is_some_and(|known| known.kind == kind && matches!(known.effect, Effect::Acts(_))),
            "{key} is not in the table as a {kind:?} that acts"
        );
        self.values.get(key)
    }

    pub(super) fn lists(&self, key: &str) -> Option<&BTreeMap<String, Vec<String>>> {
        match &self.value(key, Kind::Lists)?.data {
            Data::Lists(lists) => Some(lists),
            _ => None,
        }
    }

    pub(super) fn pools(&self, key: &str) -> Option<&[SubnetPool]> {
        match &self.value(key, Kind::Pools)?.data {
            Data::Pools(pools) => Some(pools),
            _ => None,
        }
    }
}

impl Data {
    /// Whether it is one of these, or says nothing.
    pub(super) fn is_one_of(&self, values: &[&str]) -> bool {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Switch(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(words, _) => return words.iter().all(|word| values.contains(&word.as_str())),
            Self::Lists(lists) => return lists.values().all(Vec::is_empty),
            Self::Texts(texts) => return texts.is_empty(),
            Self::Pools(pools) => return pools.is_empty(),
            Self::Ignored => return true,
        };
        text.is_empty() || values.contains(&text.as_str())
    }

    /// Whether one of these directories holds a file of this ending.
    pub(super) fn has_files(&self, extension: &str) -> bool {
        matches!(self, Self::List(dirs, _) if dirs.iter().any(|dir| has_file(dir, extension)))
    }
}

/// Whether the directory holds a file of this ending. What is in one that cannot be read, nobody could run.
fn has_file(dir: &str, extension: &str) -> bool {
    let mut entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|found| found == extension))
}
