//! Rules that several unit types share (`H9.x` in the language's description); here, what networks and images refer to.

pub mod service;
pub mod storage;
pub mod users;

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::locate::place_of;
use crate::problem::{Problem, shorten};
use crate::rule::Rule;
use crate::unit::UnitType;

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
pub fn image<'a>(c: &mut Conversion<'a>, key: &str, image: &'a str) -> Option<&'a str> {
    let entry = c.section.last(key)?;
    if !UnitType::Build.ends(image) && !UnitType::Image.ends(image) {
        return Some(image);
    }
    let target = c.reference(entry, image)?;
    let service = c.service_of(target);
    c.require(&service);
    c.resource(entry, target)
}

/// Says so if it depends on the host's configuration which image `Image=` means.
pub fn warn_if_ambiguous(c: &mut Conversion<'_>) {
    let Some((entry, image)) = c.text_entry("Image") else {
        return;
    };
    let is_unit = UnitType::Build.ends(image) || UnitType::Image.ends(image);
    if !is_unit && !is_unambiguous(image) {
        let message = format!("\"{}\" is a short name", shorten(image));
        let problem = Problem::warning(place_of(c.unit, entry), message).of(Rule::ShortImageName);
        c.report(problem.help(Some("say which registry it comes from (docker.io/library/…)")));
    }
}

fn is_unambiguous(image: &str) -> bool {
    let is_id = image.len() == 64 && image.bytes().all(|byte| byte.is_ascii_hexdigit());
    let names_registry = image
        .split_once('/')
        .is_some_and(|(registry, _)| registry == "localhost" || registry.contains(['.', ':']));
    image.starts_with("sha256:") || is_id || names_registry
}

#[cfg(test)]
mod tests {
    use super::*;

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
