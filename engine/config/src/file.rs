//! One file: its tables and keys against the table of all keys.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use unipod_generator::suggest;

use super::error::ConfigError;
use super::keys::{self, Effect, Key, Kind};
use super::values::{Config, Data, SubnetPool, Value};

impl Config {
    /// Adds what one more file says.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn merge(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        merge(self, path, text)
    }
}

fn merge(config: &mut Config, path: &Path, text: &str) -> Result<(), ConfigError> {
    let text = &without_comments(text);
    let file = File { path, text };
    let document = DeTable::parse(text).map_err(|error| {
        let message = error.message().trim().replace('\n', ", ");
        file.invalid(error.span().map_or(0, |span| span.start), &message)
    })?;
    for (name, value) in document.get_ref() {
        file.table(config, name, value)?;
    }
    Ok(())
}

/// The words that a list starts from where a file appends to what is built in.
fn built_in(key: &Key) -> Vec<String> {
    key.built_in.iter().map(|word| (*word).to_owned()).collect()
}

/// Comments are nearly all of a distribution's file, and to parse them would take longer than all else. Lines keep their numbers;
/// in a text of several lines, what looks like a comment may be none.
fn without_comments(text: &str) -> Cow<'_, str> {
    if text.contains("\"\"\"") || text.contains("'''") {
        return text.into();
    }
    let kept = text
        .split_inclusive('\n')
        .map(|line| if line.trim_start().starts_with('#') { "\n" } else { line });
    kept.collect::<String>().into()
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

type Name<'a> = Spanned<Cow<'a, str>>;
type Tree<'a> = Spanned<DeValue<'a>>;

impl File<'_> {
    fn table(&self, config: &mut Config, name: &Name<'_>, value: &Tree<'_>) -> Result<(), ConfigError> {
        let table = name.get_ref().as_ref();
        if !keys::tables().any(|known| known == table) {
            let near = suggest::nearest(table, keys::tables()).map(|near| format!("[{near}]"));
            self.unknown(config, name, &format!("unknown table [{}]", clean(table)), near);
            return Ok(());
        }
        let entries = value.get_ref().as_table();
        let entries = entries.ok_or_else(|| self.invalid(value.span().start, &format!("{table} must be a table")))?;
        for (name, value) in entries {
            self.key(config, table, name, value)?;
        }
        Ok(())
    }

    fn key(&self, config: &mut Config, table: &str, name: &Name<'_>, value: &Tree<'_>) -> Result<(), ConfigError> {
        let Some(key) = keys::find(&format!("{table}.{}", name.get_ref())) else {
            let own = keys::KEYS
                .iter()
                .filter_map(|key| key.name.strip_prefix(table)?.strip_prefix('.'));
            let near = suggest::nearest(name.get_ref(), own)
                .map(str::to_owned)
                .or_else(|| elsewhere(name.get_ref()));
            self.unknown(
                config,
                name,
                &format!("unknown key {} in [{table}]", clean(name.get_ref())),
                near,
            );
            return Ok(());
        };
        let old = config.values.get(key.name).map(|value| &value.data);
        match data(key, value, old) {
            Ok(data) => {
                let origin = format!("{}:{}", self.path.display(), self.line(name.span().start));
                config.values.insert(key.name, Value { data, origin });
                Ok(())
            }
            // What has no effect cannot have a wrong one.
            Err(wrong) if !matches!(key.effect, Effect::Acts(_)) => {
                config
                    .warnings
                    .push(format!("{}: {}", self.place(wrong.at), wrong.say(key)));
                Ok(())
            }
            Err(wrong) => Err(self.invalid(wrong.at, &wrong.say(key))),
        }
    }

    fn unknown(&self, config: &mut Config, name: &Name<'_>, what: &str, near: Option<String>) {
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        config
            .warnings
            .push(format!("{}: {what}, ignored{hint}", self.place(name.span().start)));
    }

    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(at))
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    fn invalid(&self, at: usize, message: &str) -> ConfigError {
        ConfigError::Invalid {
            path: self.path.into(),
            line: self.line(at),
            message: clean(message),
        }
    }
}

/// A key that belongs to another table.
fn elsewhere(name: &str) -> Option<String> {
    let key = keys::KEYS.iter().find(|key| key.short() == name)?;
    Some(format!("that of [{}]", key.table()))
}

/// What a file says can end up on a terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A value that is not what its key takes.
struct Wrong {
    at: usize,
    expected: &'static str,
    found: &'static str,
}

impl Wrong {
    fn say(&self, key: &Key) -> String {
        format!("{} is {}, not {}", key.name, self.expected, self.found)
    }
}

fn wrong(value: &Tree<'_>, expected: &'static str) -> Wrong {
    Wrong {
        at: value.span().start,
        expected,
        found: match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) if expected == "a number" => "such a number",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "such a list",
            DeValue::Table(_) => "a table",
        },
    }
}

/// Reads the value of a key, with what earlier files said of it.
fn data(key: &Key, value: &Tree<'_>, old: Option<&Data>) -> Result<Data, Wrong> {
    Ok(match key.kind {
        Kind::Text => Data::Text(text(value)?),
        Kind::Switch => Data::Switch(value.get_ref().as_bool().ok_or_else(|| wrong(value, "true or false"))?),
        Kind::Number => Data::Number(number(value)?),
        Kind::List => appended(key, value, old)?,
        Kind::Lists => {
            let mut all = match old {
                Some(Data::Lists(lists)) => lists.clone(),
                _ => BTreeMap::new(),
            };
            for (name, value) in table(value, "a table of lists")? {
                all.insert(name.get_ref().to_string(), list(value)?.0);
            }
            Data::Lists(all)
        }
        Kind::Texts => {
            let mut all = BTreeMap::new();
            for (name, value) in table(value, "a table of texts")? {
                all.insert(name.get_ref().to_string(), text(value)?);
            }
            Data::Texts(all)
        }
        Kind::Pools => Data::Pools(
            array(value, "a list of {base=…, size=…}")?
                .iter()
                .map(pool)
                .collect::<Result<_, _>>()?,
        ),
        Kind::Any => Data::Ignored,
    })
}

/// A list replaces the older one, unless one of them says that the words are to be added.
fn appended(key: &Key, value: &Tree<'_>, old: Option<&Data>) -> Result<Data, Wrong> {
    let (words, append) = list(value)?;
    let (before, before_appends) = match old {
        Some(Data::List(words, append)) => (words.clone(), *append),
        _ => (built_in(key), false),
    };
    let append = append.unwrap_or(before_appends);
    let kept = if append { before } else { Vec::new() };
    Ok(Data::List(kept.into_iter().chain(words).collect(), append))
}

/// The words of a list, and what `{append=…}` in it says.
fn list(value: &Tree<'_>) -> Result<(Vec<String>, Option<bool>), Wrong> {
    const EXPECTED: &str = "a list of texts, with {append=true} at most";
    let (mut words, mut append) = (Vec::new(), None);
    for item in array(value, EXPECTED)? {
        match item.get_ref() {
            DeValue::String(word) => words.push(word.to_string()),
            DeValue::Table(attributes) => {
                for (name, value) in attributes {
                    let on = value.get_ref().as_bool().filter(|_| name.get_ref() == "append");
                    append = Some(on.ok_or_else(|| wrong(item, EXPECTED))?);
                }
            }
            _ => return Err(wrong(item, EXPECTED)),
        }
    }
    Ok((words, append))
}

fn pool(value: &Tree<'_>) -> Result<SubnetPool, Wrong> {
    const EXPECTED: &str = "a list of {base=IPv4 subnet, size=prefix length of 32 at most and not below the base's}";
    let entries = table(value, EXPECTED)?;
    let field = |name: &str| {
        entries
            .iter()
            .find(|(key, _)| key.get_ref() == name)
            .map(|(_, value)| value)
    };
    let read = || {
        let base: ipnet::Ipv4Net = field("base")?.get_ref().as_str()?.parse().ok()?;
        let size = u8::try_from(number(field("size")?).ok()?).ok()?;
        (size <= 32 && size >= base.prefix_len()).then_some(SubnetPool {
            base: base.trunc(),
            size,
        })
    };
    read().ok_or_else(|| wrong(value, EXPECTED))
}

fn text(value: &Tree<'_>) -> Result<String, Wrong> {
    let text = value.get_ref().as_str().ok_or_else(|| wrong(value, "a text"))?;
    Ok(text.to_owned())
}

fn number(value: &Tree<'_>) -> Result<i64, Wrong> {
    let integer = value.get_ref().as_integer();
    let number = integer.and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok());
    number.ok_or_else(|| wrong(value, "a number"))
}

fn table<'a, 'b>(value: &'a Tree<'b>, expected: &'static str) -> Result<&'a DeTable<'b>, Wrong> {
    value.get_ref().as_table().ok_or_else(|| wrong(value, expected))
}

fn array<'a, 'b>(value: &'a Tree<'b>, expected: &'static str) -> Result<&'a toml::de::DeArray<'b>, Wrong> {
    value.get_ref().as_array().ok_or_else(|| wrong(value, expected))
}
