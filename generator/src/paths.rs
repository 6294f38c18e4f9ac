//! Paths in units, told from their text alone: nothing is looked up.

use crate::unit::Unit;

/// A path that starts from the unit's directory (H9.5), unless it is absolute or starts with a specifier.
pub fn unit_relative(unit: &Unit, path: &str) -> String {
    if is_specifier_path(path) || path.starts_with('/') {
        return path.to_owned();
    }
    clean(&format!("{}/{path}", unit.directory()))
}

/// Whether systemd will put something before the rest of the path: `%h/x`, but not `%%x`.
pub fn is_specifier_path(path: &str) -> bool {
    path.starts_with('%') && !path.starts_with("%%")
}

/// The directory part of a path.
pub fn directory_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => clean(directory),
        None => ".".to_owned(),
    }
}

/// A path without `.`, `..` and doubled slashes, told from its text alone.
pub fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    match (absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_paths() {
        for (path, cleaned) in [
            ("/a/./b/../c//d/", "/a/c/d"),
            ("/../..", "/"),
            ("a/..", "."),
            ("../../a", "../../a"),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
        assert_eq!(directory_of("/a/b.yml"), "/a");
        assert_eq!(directory_of("/b.yml"), "/");
        assert_eq!(directory_of("%h/a.yml"), "%h");
        assert_eq!(directory_of("a.yml"), ".");
    }
}
