//! Rules that several unit types share (`H9.x` in the language's description).

pub mod storage;
pub mod users;

use crate::convert::Conversion;
use crate::emit::Command;
use crate::problem::shorten;
use crate::unit::{Unit, UnitType};

/// `Network=` (H9.2): a mode or name as it is, or a `.network` or `.container` unit.
pub fn networks(c: &mut Conversion<'_>, command: &mut Command) {
    for entry in c.lines("Network") {
        let (name, options) = match entry.value().split_once(':') {
            Some((name, options)) => (name, Some(options)),
            None => (entry.value(), None),
        };
        let is_container = UnitType::Container.ends(name);
        if !UnitType::Network.ends(name) && !is_container {
            command.option("--network", entry.value());
            continue;
        }
        let Some(target) = c.reference(entry, name) else {
            continue;
        };
        let Some(resource) = c.resource(entry, target) else {
            continue;
        };
        let service = c.service_of(target);
        c.require(&service);
        match options {
            Some(_) if is_container => {
                c.error(entry, format!("the network of {name} takes no options"));
            }
            Some(options) => drop(command.word("--network").concatenated(&[resource, ":", options])),
            None if is_container => {
                command.word("--network").concatenated(&["container:", resource]);
            }
            None => drop(command.option("--network", resource)),
        }
    }
}

/// An image, or what a `.build` or `.image` unit stands for; `None` after an error.
pub fn image(c: &mut Conversion<'_>, key: &str, image: &str) -> Option<String> {
    let entry = c.section.last(key)?;
    if !UnitType::Build.ends(image) && !UnitType::Image.ends(image) {
        return Some(image.to_owned());
    }
    let target = c.reference(entry, image)?;
    let service = c.service_of(target);
    c.require(&service);
    c.resource(entry, target).map(str::to_owned)
}

/// Says so if it depends on the host's configuration which image `Image=` means.
pub fn warn_if_ambiguous(c: &mut Conversion<'_>) {
    let Some((entry, image)) = c.text_entry("Image") else {
        return;
    };
    let is_unit = UnitType::Build.ends(image) || UnitType::Image.ends(image);
    if !is_unit && !is_unambiguous(image) {
        let shown = shorten(image);
        c.warning(
            entry,
            format!("\"{shown}\" is a short name; say which registry it comes from (docker.io/library/…)"),
        );
    }
}

fn is_unambiguous(image: &str) -> bool {
    let is_id = image.len() == 64 && image.bytes().all(|byte| byte.is_ascii_hexdigit());
    let names_registry = image
        .split_once('/')
        .is_some_and(|(registry, _)| registry == "localhost" || registry.contains(['.', ':']));
    image.starts_with("sha256:") || is_id || names_registry
}

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

/// `ExecStart=` of a service that runs one command once: its words, the options of the type's keys, what it is about.
pub fn one_command(c: &mut Conversion<'_>, words: &[&str], operand: &str) {
    let mut command = c.base("");
    command.words(words);
    c.emit(c.unit.unit_type.keys(), &mut command);
    command.word(operand);
    c.add_service("ExecStart", command.into_line());
    one_shot(c, true);
}

/// What a service that runs once needs after its `ExecStart=` (H9.8); the user's own lines win.
pub fn one_shot(c: &mut Conversion<'_>, remain: bool) {
    c.default_service("SyslogIdentifier", "%N");
    c.default_service("Type", "oneshot");
    if remain {
        c.default_service("RemainAfterExit", "yes");
    }
}

/// `KillMode=`: the engine needs to be told by systemd, so only two of systemd's modes work.
pub fn kill_mode(c: &mut Conversion<'_>) {
    match c.service.last("KillMode") {
        None => c.add_service("KillMode", "mixed"),
        Some(entry) if !matches!(c.service.scalar("KillMode"), Some("mixed" | "control-group")) => {
            c.error(entry, "KillMode= can only be mixed or control-group");
        }
        Some(_) => {}
    }
}

/// Whether the service runs once.
pub fn is_oneshot(c: &Conversion<'_>) -> bool {
    c.service.scalar("Type") == Some("oneshot")
}

/// `Type=notify`, unless the service runs once.
pub fn notify_type(c: &mut Conversion<'_>) {
    match c.service.scalar("Type") {
        None | Some("notify") => {
            c.set_service("Type", "notify");
            c.set_service("NotifyAccess", "all");
        }
        Some("oneshot") => {}
        Some(_) => {
            if let Some(entry) = c.service.last("Type") {
                c.error(entry, "Type= can only be notify or oneshot");
            }
        }
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

    #[test]
    fn knows_short_names() {
        let id = "0123456789abcdef".repeat(4);
        for image in [
            "docker.io/x",
            "localhost/x",
            "r:5000/x",
            "sha256:abc",
            "oci-archive:/x.tar",
            &id,
        ] {
            assert!(is_unambiguous(image), "{image}");
        }
        for image in ["nginx", "library/nginx", "nginx:1.2", "", &id[1..]] {
            assert!(!is_unambiguous(image), "{image}");
        }
    }
}
