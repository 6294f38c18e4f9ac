//! `--log-opt tag=`: what a container's lines are called in the journal (`SYSLOG_IDENTIFIER=`, `journalctl -t`).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::record::Record;

/// A name, with podman's templates for what differs from container to container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogTag(String);

/// What a template stands for.
type Field = fn(&Record) -> &str;

/// Those of podman-run(1) and docker that name a container.
const TEMPLATES: [(&str, Field); 3] = [
    ("{{.Name}}", |record| &record.name),
    ("{{.ID}}", |record| record.id.as_str()),
    ("{{.ImageName}}", |record| {
        record.image.as_ref().map_or("rootfs", |image| &image.name)
    }),
];

/// A tag that means nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no tag: expected a name of one line, in which {{{{.Name}}}}, {{{{.ID}}}} and {{{{.ImageName}}}} are replaced"
)]
pub struct BadTag(String);

impl FromStr for LogTag {
    type Err = BadTag;

    fn from_str(text: &str) -> Result<Self, BadTag> {
        let plain = TEMPLATES
            .iter()
            .fold(text.to_owned(), |text, (template, _)| text.replace(template, ""));
        if text.is_empty() || plain.contains("{{") || text.contains(char::is_control) {
            return Err(BadTag(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl LogTag {
    /// That of this container.
    pub fn of(&self, record: &Record) -> String {
        TEMPLATES.iter().fold(self.0.clone(), |text, (template, field)| {
            text.replace(template, field(record))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_templates_on_one_line() {
        for (text, good) in [
            ("web", true),
            ("web {{.Name}}/{{.ID}} {{.ImageName}}", true),
            ("", false),
            ("{{.Config.Env}}", false),
            ("a\nb", false),
        ] {
            assert_eq!(text.parse::<LogTag>().is_ok(), good, "{text:?}");
        }
        let error = "{{.X}}".parse::<LogTag>().unwrap_err().to_string();
        assert!(error.contains("{{.X}}") && error.contains("{{.Name}}"), "{error}");
    }
}
