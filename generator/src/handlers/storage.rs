//! Where the content of mounts comes from: `Volume=` (H9.4) and storage sources (H9.3).

use std::borrow::Cow;

use systemd_unit_parser::{Entry, quote_word};

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::paths::clean;
use crate::unit::UnitType;

/// `Volume=`: DESTINATION, or SOURCE:DESTINATION with OPTIONS.
pub fn volumes(c: &mut Conversion<'_>, command: &mut Command) {
    for entry in c.lines("Volume") {
        let Some((source, rest)) = entry.value().split_once(':') else {
            command.option("-v", entry.value());
            continue;
        };
        if source.is_empty() {
            // Options without a source are lost, as in the reference.
            command.option("-v", rest.split(':').next().unwrap_or_default());
        } else if let Some(source) = self::source(c, entry, source.into(), false) {
            command.word("-v").concatenated(&[&source, ":", rest]);
        }
    }
}

/// A source as the engine gets it, with the dependencies that follow from it; `None` after an error.
pub fn source<'a>(
    c: &mut Conversion<'a>,
    entry: &'a Entry,
    source: Cow<'a, str>,
    allow_image: bool,
) -> Option<Cow<'a, str>> {
    let source = if source.starts_with('.') {
        clean(&format!("{}/{source}", c.unit.directory())).into()
    } else {
        source
    };
    let is_unit = UnitType::Volume.ends(&source)
        || UnitType::Artifact.ends(&source)
        || (allow_image && UnitType::Image.ends(&source));
    if source.starts_with('/') {
        c.add_unit("RequiresMountsFor", quote_word(&source));
    } else if is_unit {
        let target = c.reference(entry, &source)?;
        let service = c.service_of(target);
        c.require(&service);
        return c.resource(entry, target).map(Cow::Borrowed);
    }
    Some(source)
}
