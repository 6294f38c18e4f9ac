//! Drop-ins (systemd.unit(5), "drop-in" directories): which directories apply to a unit, which files in them win.
//! Names only: `merge_dropins` of the generator finds, reads and merges the files.

use std::collections::BTreeMap;

use crate::names::UnitName;

/// The names of a unit's drop-in directories, most specific first. For `a-b@x.container`: `a-b@x.container.d`,
/// `a-b@.container.d`, `a-@.container.d`, `a-.container.d`, `container.d`.
///
/// Specificity comes before the precedence of search paths: look for each name in all search paths before the next one.
pub fn dropin_directories(unit: &str) -> Vec<String> {
    let name = UnitName::new(unit);
    let (prefix, extension) = (name.prefix(), name.extension());
    let mut names = vec![format!("{extension}.d")];
    for (dash, _) in prefix.match_indices('-') {
        let broad = &prefix[..=dash];
        names.push(format!("{broad}.{extension}.d"));
        if name.has_at() {
            names.push(format!("{broad}@.{extension}.d"));
        }
    }
    names.extend(name.template().map(|template| format!("{template}.d")));
    names.push(format!("{unit}.d"));
    names.reverse();
    // `web-.container` is its own truncation.
    names.dedup();
    names
}

/// Whether a file of this name in a drop-in directory is a drop-in.
pub fn is_dropin(file_name: &str) -> bool {
    file_name
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "conf")
}

/// Of drop-ins found in the order of precedence (name, whatever the caller knows about it), the ones that count, in the
/// order they are merged: the first of each name wins, names are sorted by bytes. Names that are no drop-ins are left out.
pub fn select_dropins<T>(found: impl IntoIterator<Item = (String, T)>) -> Vec<(String, T)> {
    let mut winners = BTreeMap::new();
    for (name, what) in found {
        if is_dropin(&name) {
            winners.entry(name).or_insert(what);
        }
    }
    winners.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_from_specific_to_broad() {
        let table: &[(&str, &[&str])] = &[
            ("web.container", &["web.container.d", "container.d"]),
            ("a-b.pod", &["a-b.pod.d", "a-.pod.d", "pod.d"]),
            (
                "a-b-c@x.container",
                &[
                    "a-b-c@x.container.d",
                    "a-b-c@.container.d",
                    "a-b-@.container.d",
                    "a-b-.container.d",
                    "a-@.container.d",
                    "a-.container.d",
                    "container.d",
                ],
            ),
            ("a@x-y.volume", &["a@x-y.volume.d", "a@.volume.d", "volume.d"]),
            ("a@.volume", &["a@.volume.d", "volume.d"]),
            ("a-.volume", &["a-.volume.d", "volume.d"]),
            ("a-@.volume", &["a-@.volume.d", "a-.volume.d", "volume.d"]),
        ];
        for (unit, expected) in table {
            assert_eq!(dropin_directories(unit), *expected, "{unit}");
        }
    }

    #[test]
    fn the_first_of_a_name_wins_and_names_are_sorted() {
        let found = [
            "20-b.conf",
            "note.txt",
            "10-a.conf",
            "20-b.conf",
            "9.conf",
            "conf",
            ".conf",
        ];
        let found = found
            .into_iter()
            .enumerate()
            .map(|(index, name)| (name.to_owned(), index));
        let names: Vec<(String, usize)> = select_dropins(found);
        let expected = [(".conf", 6), ("10-a.conf", 2), ("20-b.conf", 0), ("9.conf", 4)];
        assert_eq!(names, expected.map(|(name, index)| (name.to_owned(), index)));
    }
}
