//! Floor 0: containers.conf(5), what an administrator wants of every container unless its options or its unit say otherwise.
//!
//! | module | what it does |
//! |---|---|
//! | [`keys`] | the one table of keys: kind, whether it acts here, as what, and what is built in (the default capabilities) |
//! | [`places`] | which files are read, in which order |
//! | [`reference`](mod@reference) | the table for people |
//! | `file` | one file: parsed, checked against the table, every complaint with its line |
//! | `shared` | the values that helpers of the whole process need: where programs are, how netavark is called, which subnets new networks get |
//! | `environment` | the variables of the engine itself |
//!
//! Later files win key by key; a list that holds `{append=true}` adds to what was there, and so do those after it.
//!
//! A file that cannot be read or parsed, and a value of a wrong kind, is an error as in Podman: a container must not start with fewer
//! protections than it was given. A key that nobody knows is a warning.
//!
//! ```
//! use std::path::Path;
//! use unipod_config::Config;
//!
//! let mut config = Config::default();
//! config.merge(Path::new("containers.conf"), "[containers]\ntz = \"Europe/Berlin\"\n")?;
//! assert_eq!(config.text("containers.tz"), Some("Europe/Berlin"));
//! # Ok::<(), unipod_config::ConfigError>(())
//! ```

mod environment;
mod file;
pub mod keys;
pub mod places;
pub mod reference;
mod shared;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub use environment::apply_environment;
use keys::{Effect, Harmless, Key, Kind};
use places::{Caller, Place};
pub use shared::{Shared, SubnetPool, set_modules, set_shared, shared};

/// Why containers.conf has no say.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is not there, no regular file, too large, or may not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or a value is of the wrong kind.
    #[error("{path}:{line}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line in it.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A module that was asked for is in none of the directories.
    #[error("--module {module}: no such file; looked in {}", searched.iter().map(|d| d.display().to_string()).collect::<Vec<_>>().join(", "))]
    Module {
        /// As it was named.
        module: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
}

/// What the files of this process's user say, and the modules that it names.
///
/// # Errors
/// As [`Config::load`].
pub fn load(modules: &[PathBuf]) -> Result<Config, ConfigError> {
    Config::load(&Caller::current().places(modules)?)
}

/// What all files together say.
#[derive(Debug, Clone, Default)]
pub struct Config {
    values: HashMap<&'static str, Value>,
    warnings: Vec<String>,
}

/// The value of a key, and where it was said last.
#[derive(Debug, Clone, PartialEq)]
struct Value {
    data: Data,
    /// `FILE:LINE`.
    origin: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Data {
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

impl Config {
    /// Reads the files that `places` name.
    ///
    /// # Errors
    /// One that is there cannot be read or parsed, or gives a key a value of another kind.
    pub fn load(places: &[Place]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for place in places {
            if let Some(text) = places::read(place)? {
                config.merge(&place.path, &text)?;
            }
        }
        config.say_what_has_no_effect();
        Ok(config)
    }

    /// Adds what one more file says.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn merge(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        file::merge(self, path, text)
    }

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

    fn lists(&self, key: &str) -> Option<&BTreeMap<String, Vec<String>>> {
        match &self.value(key, Kind::Lists)?.data {
            Data::Lists(lists) => Some(lists),
            _ => None,
        }
    }

    fn pools(&self, key: &str) -> Option<&[SubnetPool]> {
        match &self.value(key, Kind::Pools)?.data {
            Data::Pools(pools) => Some(pools),
            _ => None,
        }
    }

    fn say_what_has_no_effect(&mut self) {
        for key in keys::KEYS {
            let (Effect::Missing(harmless, why), Some(value)) = (&key.effect, self.values.get(key.name)) else {
                continue;
            };
            let is_harmless = match harmless {
                Harmless::Values(values) => value.data.is_one_of(values),
                Harmless::DirectoriesWithout(extension) => !value.data.has_files(extension),
            };
            if !is_harmless {
                let (origin, name) = (&value.origin, key.name);
                self.warnings
                    .push(format!("{origin}: {name} has no effect here: {why}"));
            }
        }
    }
}

impl Data {
    /// Whether it is one of these, or says nothing.
    fn is_one_of(&self, values: &[&str]) -> bool {
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
    fn has_files(&self, extension: &str) -> bool {
        matches!(self, Self::List(dirs, _) if dirs.iter().any(|dir| has_file(dir, extension)))
    }
}

/// Whether the directory holds a file of this ending. One that cannot be read holds none that anybody could run.
fn has_file(dir: &str, extension: &str) -> bool {
    let mut entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|found| found == extension))
}

/// The words that a list starts from where a file appends to what is built in.
fn built_in(key: &Key) -> Vec<String> {
    key.built_in.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests;
