//! `Mount=`: comma-separated fields as in RFC 4180, of which only type and source are understood.

use systemd_unit_parser::{Entry, split_args};

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::storage;

/// The types whose source may be a unit or a path of the host.
const WITH_SOURCE: [&str; 5] = ["volume", "bind", "glob", "image", "artifact"];

/// Every word of every `Mount=` is one mount.
pub fn mounts(c: &mut Conversion<'_>, command: &mut Command) {
    // Reading the key as a whole notes what is odd about it.
    if c.section.args("Mount").is_empty() {
        return;
    }
    for entry in c.section.entries("Mount") {
        let words = split_args(entry.value()).map(|args| args.words).unwrap_or_default();
        for word in words.iter().filter(|word| !word.is_empty()) {
            if let Some(mount) = mount(c, entry, word) {
                command.option("--mount", &mount);
            }
        }
    }
}

/// One mount as the engine gets it; `None` after an error.
fn mount<'a>(c: &mut Conversion<'a>, entry: &'a Entry, word: &str) -> Option<String> {
    let mut fields = match parse_record(word) {
        Ok(fields) => fields,
        Err(reason) => {
            c.error(
                entry,
                format!(
                    "\"{}\" is not a list of fields: {reason}",
                    crate::problem::shorten(word)
                ),
            );
            return None;
        }
    };
    let mount_type = take_type(&mut fields);
    if !WITH_SOURCE.contains(&mount_type.as_str()) {
        return Some(word.to_owned());
    }
    let index = match source_index(&fields) {
        Ok(index) => index,
        Err(field) => {
            c.error(entry, format!("\"{field}\" needs a value in Mount="));
            return None;
        }
    };
    let source = index
        .and_then(|index| fields[index].split_once('='))
        .map_or("", |(_, source)| source)
        .to_owned();
    match (index, source.is_empty()) {
        (Some(index), false) => fields[index] = format!("source={}", storage::source(c, entry, source.into(), true)?),
        _ if mount_type != "volume" => {
            c.error(entry, format!("a mount of type {mount_type} needs source="));
            return None;
        }
        (Some(index), true) => "source=".clone_into(&mut fields[index]),
        (None, _) => {}
    }
    fields.insert(0, format!("type={mount_type}"));
    Some(write_record(&fields))
}

/// Takes the first `type=` out of the fields.
fn take_type(fields: &mut Vec<String>) -> String {
    let is_type = |field: &String| field.strip_prefix("type=").is_some_and(|value| !value.contains('='));
    match fields.iter().position(is_type) {
        Some(index) => fields.remove(index)["type=".len()..].to_owned(),
        None => "volume".to_owned(),
    }
}

/// The place of the last source; an error if any of them has no value.
fn source_index(fields: &[String]) -> Result<Option<usize>, String> {
    let mut found = None;
    for (index, field) in fields.iter().enumerate() {
        let name = field.split('=').next().unwrap_or_default();
        if name == "source" || name == "src" {
            if !field.contains('=') {
                return Err(field.clone());
            }
            found = Some(index);
        }
    }
    Ok(found)
}

/// One record of comma-separated fields.
fn parse_record(text: &str) -> Result<Vec<String>, &'static str> {
    let text = text.trim_end_matches(['\r', '\n']);
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => plain_field(rest)?,
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// A field up to the next comma, and what follows the comma.
fn plain_field(text: &str) -> Result<(String, Option<&str>), &'static str> {
    let (field, rest) = match text.split_once(',') {
        Some((field, rest)) => (field, Some(rest)),
        None => (text, None),
    };
    if field.contains('"') {
        return Err("a quote inside of an unquoted field");
    }
    if field.contains('\n') {
        return Err("more than one line");
    }
    Ok((field.to_owned(), rest))
}

/// A field whose opening quote has been read.
fn quoted_field(text: &str) -> Result<(String, Option<&str>), &'static str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_once('"').ok_or("a quote that is never closed")?;
        field.push_str(piece);
        match after.chars().next() {
            Some('"') => {
                field.push('"');
                rest = &after[1..];
            }
            Some(',') => return Ok((field, Some(&after[1..]))),
            None => return Ok((field, None)),
            Some('\n') => return Err("more than one line"),
            Some(_) => return Err("text behind a closing quote"),
        }
    }
}

fn write_record(fields: &[String]) -> String {
    let mut record = String::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            record.push(',');
        }
        let quote = field.contains([',', '"', '\r', '\n']) || field.starts_with(char::is_whitespace) || field == "\\.";
        if quote {
            record.extend(["\"", &field.replace('"', "\"\""), "\""]);
        } else {
            record.push_str(field);
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_records() {
        for (text, fields) in [
            ("a,b=c", vec!["a", "b=c"]),
            (r#""a,b","c""d",e"#, vec!["a,b", "c\"d", "e"]),
            ("a,,", vec!["a", "", ""]),
            (" a", vec![" a"]),
        ] {
            assert_eq!(
                parse_record(text),
                Ok(fields.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
        for text in ["a\"b", "\"a", "\"a\"b", "a\nb"] {
            assert!(parse_record(text).is_err(), "{text}");
        }
        let fields = ["a", "b,c", " d", "e\"f"].map(str::to_owned);
        assert_eq!(write_record(&fields), r#"a,"b,c"," d","e""f""#);
    }
}
