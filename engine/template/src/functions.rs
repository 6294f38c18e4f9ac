//! The functions of Go's text/template, and those podman adds: json, join, lower, upper, title, split, pad, truncate.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::show::{self, MOST};

/// Calls a function. The error says what is wrong with the arguments.
pub fn call(name: &str, arguments: &[&Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("and" | "or", [.., last]) => Ok((*last).clone()),
        ("not", [value]) => Ok((!truth(value)).into()),
        ("eq", [one, others @ ..]) if !others.is_empty() => Ok(others.iter().any(|other| same(one, other)).into()),
        ("ne", [one, other]) => Ok((!same(one, other)).into()),
        ("lt", [one, other]) => order(one, other).map(|order| order.is_lt().into()),
        ("le", [one, other]) => order(one, other).map(|order| order.is_le().into()),
        ("gt", [one, other]) => order(one, other).map(|order| order.is_gt().into()),
        ("ge", [one, other]) => order(one, other).map(|order| order.is_ge().into()),
        ("len", [value]) => length(value).map(Value::from),
        ("index", [value, keys @ ..]) => index(value, keys),
        ("slice", [value, bounds @ ..]) if bounds.len() <= 2 => slice(value, bounds),
        ("print", values) => Ok(show::print(values).into()),
        ("println", values) => Ok(show::println(values).into()),
        ("printf", [format, values @ ..]) => show::printf(text(format)?, values).map(Value::from),
        ("json", [value]) => serde_json::to_string(value)
            .map(Value::from)
            .map_err(|error| error.to_string()),
        ("join", [list, separator]) => join(list, text(separator)?).map(Value::from),
        ("split", [value, separator]) => Ok(split(text(value)?, text(separator)?)),
        ("lower", [value]) => Ok(text(value)?.to_lowercase().into()),
        ("upper", [value]) => Ok(text(value)?.to_uppercase().into()),
        ("title", [value]) => Ok(title(text(value)?).into()),
        ("pad", [value, before, after]) => pad(text(value)?, count(before)?, count(after)?).map(Value::from),
        ("truncate", [value, most]) => Ok(text(value)?.chars().take(count(most)?).collect::<String>().into()),
        _ if KNOWN.contains(&name) => Err("wrong number of arguments".to_owned()),
        _ => Err("no such function".to_owned()),
    }
}

const KNOWN: [&str; 23] = [
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "println", "printf",
    "json", "join", "split", "lower", "upper", "title", "pad", "truncate",
];

/// Whether a value counts as true: neither false, 0, nothing, nor empty.
pub fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("{} is not a text", show::value(value)))
}

fn count(value: &Value) -> Result<usize, String> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| format!("{} is not a count", show::value(value)))
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => number_order(one, other) == Some(Ordering::Equal),
        _ => one == other,
    }
}

fn order(one: &Value, other: &Value) -> Result<Ordering, String> {
    let order = match (one, other) {
        (Value::Number(one), Value::Number(other)) => number_order(one, other),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    };
    order.ok_or_else(|| format!("{} and {} cannot be compared", show::value(one), show::value(other)))
}

fn number_order(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::String(text) => Ok(text.len()),
        Value::Array(list) => Ok(list.len()),
        Value::Object(map) => Ok(map.len()),
        Value::Null => Ok(0),
        _ => Err(format!("{} has no length", show::value(value))),
    }
}

/// `index x 1 "a"` is `x[1]["a"]`. A map answers with nothing for a key that it lacks, a list has its bounds.
fn index(value: &Value, keys: &[&Value]) -> Result<Value, String> {
    let mut value = value;
    for key in keys {
        value = match (value, key) {
            (Value::Object(map), Value::String(key)) => match map.get(key) {
                Some(found) => found,
                None => return Ok(Value::from("")),
            },
            (Value::Null, _) => return Ok(Value::from("")),
            (Value::Array(list), Value::Number(_)) => list
                .get(count(key)?)
                .ok_or_else(|| format!("{} is not below {}", show::value(key), list.len()))?,
            _ => {
                return Err(format!(
                    "{} cannot be looked up in {}",
                    show::value(key),
                    show::value(value)
                ));
            }
        };
    }
    Ok(value.clone())
}

/// `slice x 1 2` is `x[1:2]`; of a text, the bytes.
fn slice(value: &Value, bounds: &[&Value]) -> Result<Value, String> {
    let begin = bounds.first().map_or(Ok(0), |bound| count(bound))?;
    let end = bounds.get(1).map_or_else(|| length(value), |bound| count(bound))?;
    let part = match value {
        Value::String(text) => text.get(begin..end).map(Value::from),
        Value::Array(list) => list.get(begin..end).map(|part| Value::from(part.to_vec())),
        _ => None,
    };
    part.ok_or_else(|| format!("no part from {begin} to {end} in {}", show::value(value)))
}

fn join(list: &Value, separator: &str) -> Result<String, String> {
    match list {
        Value::Array(list) => Ok(list.iter().map(show::value).collect::<Vec<_>>().join(separator)),
        Value::Null => Ok(String::new()),
        _ => Err(format!("{} is not a list", show::value(list))),
    }
}

fn split(text: &str, separator: &str) -> Value {
    if separator.is_empty() {
        return text
            .chars()
            .map(|character| Value::from(character.to_string()))
            .collect();
    }
    text.split(separator).collect()
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut begins = true;
    let raise = |character: char| {
        let raised: String = if begins {
            character.to_uppercase().collect()
        } else {
            character.into()
        };
        begins = !(character.is_alphanumeric() || matches!(character, '_' | '\''));
        raised
    };
    text.chars().map(raise).collect()
}

/// Blanks before and after a text that is not empty.
fn pad(text: &str, before: usize, after: usize) -> Result<String, String> {
    if before.max(after) > MOST {
        return Err(format!("more than {MOST} blanks"));
    }
    if text.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("{}{text}{}", " ".repeat(before), " ".repeat(after)))
}
