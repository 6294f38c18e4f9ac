//! What must hold for any bytes whatsoever. Shared by the seeded test beside it and by the fuzz target.

use systemd_unit_parser::{
    Entry, Section, UnitFile, UnitName, dropin_directories, quote_words, specifiers, split_args, split_words,
};

/// Reads `bytes`, looks everything up in every way, writes, reads again. Panics where a promise is broken.
/// Says whether the bytes are a unit file.
pub fn exercise(bytes: &[u8]) -> bool {
    let file = match UnitFile::parse("fuzz", bytes) {
        Ok(file) => file,
        Err(errors) => {
            let lines = bytes.split(|&byte| byte == b'\n').count();
            assert!(!errors.0.is_empty(), "an error without a reason");
            assert!(
                errors
                    .0
                    .iter()
                    .all(|error| (1..=lines).contains(&(error.place.line as usize))),
                "{errors}"
            );
            return false;
        }
    };
    assert_eq!(file.original(), Some(bytes), "an unchanged file is kept byte for byte");
    for section in file.sections() {
        look_up(&file, section);
    }
    same_when_read_again(&file);
    changes(&file);
    true
}

fn look_up(file: &UnitFile, section: &Section) {
    let lookup = file.lookup(section.name());
    for entry in section.entries() {
        let key = entry.key();
        let _ = (
            lookup.boolean(key),
            lookup.unsigned(key),
            lookup.words(key),
            lookup.last_args(key),
            lookup.map(key),
        );
        assert!(
            lookup
                .scalar(key)
                .is_some_and(|scalar| scalar.len() <= lookup.raw(key).unwrap_or_default().len())
        );
        assert!(lookup.lines(key).len() <= file.entries(section.name(), key).count());
        quoting_is_undone_by_splitting(&lookup.args(key));
        texts(entry);
    }
    for warning in lookup.take_warnings() {
        assert!(warning.place.is_some(), "a warning without a place: {warning}");
    }
}

/// The functions that take any text.
fn texts(entry: &Entry) {
    let value = entry.value();
    let _ = split_words(value).is_ok();
    let _ = dropin_directories(value);
    let name = UnitName::new(value);
    assert!(value.starts_with(name.prefix()));
    assert!(specifiers::specifiers(value).all(|found| value[found.offset..].starts_with('%')));
    for offset in 0..=value.len() {
        assert!(entry.place_in_value(offset).is_some());
    }
}

fn quoting_is_undone_by_splitting(words: &[String]) {
    let line = quote_words(words);
    let again = split_args(&line).expect("quoted words");
    assert_eq!((again.words.as_slice(), again.unclosed), (words, None), "{line:?}");
    // And it survives in a file.
    let mut file = UnitFile::new();
    file.add("Service", "ExecStart", &line);
    let read = UnitFile::parse("written", &file.to_bytes()).expect("a written file");
    assert_eq!(read.last("Service", "ExecStart").map(Entry::value), Some(line.as_str()));
}

fn assignments(file: &UnitFile) -> Vec<(&str, Vec<(&str, &str)>)> {
    file.sections()
        .iter()
        .map(|section| {
            (
                section.name(),
                section.entries().map(|entry| (entry.key(), entry.value())).collect(),
            )
        })
        .collect()
}

fn same_when_read_again(file: &UnitFile) {
    let written = file.to_bytes();
    let again = UnitFile::parse("written", &written).expect("a written file");
    assert_eq!(assignments(file), assignments(&again), "{}", written.escape_ascii());
}

fn changes(file: &UnitFile) {
    let mut changed = file.clone();
    changed.merge(file.clone());
    let names: Vec<String> = file
        .sections()
        .iter()
        .map(|section| section.name().to_owned())
        .collect();
    for name in &names {
        if let Some(entry) = file.section(name).and_then(|section| section.entries().next()) {
            changed.add(name, entry.key(), entry.value());
            changed.set(name, entry.key(), format!("{0}\n{0}\\", entry.value()));
            changed.prepend(name, "K", entry.value());
            changed.unset(name, entry.key());
        }
    }
    if let [first, .., last] = names.as_slice() {
        changed.rename_section(first, last);
    }
    same_when_read_again(&changed);
}
