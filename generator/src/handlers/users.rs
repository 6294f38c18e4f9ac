//! User namespaces (H9.6): today's keys, and the deprecated `Remap…` ones.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::unit::UnitType;

/// All keys about user namespaces, at one place of the command line.
pub fn user_namespace(c: &mut Conversion<'_>, command: &mut Command) {
    if current_keys(c, command) {
        for key in ["RemapUid", "RemapGid", "RemapUsers"] {
            if c.section.has(key) {
                c.error_at(
                    key,
                    format!("{key}= is deprecated and does not go together with UserNS=, UIDMap= and the like"),
                );
            }
        }
    } else {
        deprecated_keys(c, command);
    }
}

/// Whether there was any.
fn current_keys(c: &Conversion<'_>, command: &mut Command) -> bool {
    let before = command.len();
    let scalar = |command: &mut Command, key: &str, flag: &str| {
        if let Some(value) = c.section.nonempty(key) {
            command.option(flag, value);
        }
    };
    scalar(command, "UserNS", "--userns");
    maps(c, command, "UIDMap", "--uidmap");
    maps(c, command, "GIDMap", "--gidmap");
    scalar(command, "SubUIDMap", "--subuidname");
    scalar(command, "SubGIDMap", "--subgidname");
    command.len() > before
}

fn maps(c: &Conversion<'_>, command: &mut Command, key: &str, flag: &str) {
    for map in &c.words(key) {
        command.option(flag, map);
    }
}

fn deprecated_keys(c: &mut Conversion<'_>, command: &mut Command) {
    match c.section.raw("RemapUsers") {
        None | Some("") => {
            for key in ["RemapUid", "RemapGid"] {
                if !c.words(key).is_empty() {
                    c.error_at(key, format!("{key}= needs RemapUsers="));
                }
            }
        }
        Some("manual") if c.unit.unit_type == UnitType::Kube => {
            c.error_at("RemapUsers", "RemapUsers=manual is not supported in [Kube]");
        }
        Some("manual") => {
            maps(c, command, "RemapUid", "--uidmap");
            maps(c, command, "RemapGid", "--gidmap");
        }
        Some("auto") => auto(c, command),
        Some("keep-id") => keep_id(c, command),
        Some(_) => {
            if let Some(entry) = c.section.last("RemapUsers") {
                c.error(entry, "RemapUsers= can only be manual, auto or keep-id");
            }
        }
    }
}

fn auto(c: &Conversion<'_>, command: &mut Command) {
    let mut options: Vec<String> = Vec::new();
    options.extend(
        c.section
            .words("RemapUid")
            .iter()
            .map(|map| format!("uidmapping={map}")),
    );
    options.extend(
        c.section
            .words("RemapGid")
            .iter()
            .map(|map| format!("gidmapping={map}")),
    );
    let size = c.section.unsigned("RemapUidSize").filter(|size| *size > 0);
    options.extend(size.map(|size| format!("size={size}")));
    userns(command, "auto", &options);
}

fn keep_id(c: &mut Conversion<'_>, command: &mut Command) {
    let mut options = Vec::new();
    for (key, option) in [("RemapUid", "uid"), ("RemapGid", "gid")] {
        let ids = c.words(key);
        if ids.len() > 1 {
            c.error_at(key, format!("RemapUsers=keep-id takes only one {key}="));
        }
        options.extend(ids.iter().take(1).map(|id| format!("{option}={id}")));
    }
    userns(command, "keep-id", &options);
}

fn userns(command: &mut Command, mode: &str, options: &[String]) {
    let colon = if options.is_empty() { "" } else { ":" };
    command
        .word("--userns")
        .concatenated(&[mode, colon, &options.join(",")]);
}
