//! `--log-opt tag=`: what a container's lines are called in the journal (`SYSLOG_IDENTIFIER=`, `journalctl -t`).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name, with podman's templates for what differs from container to container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogTag(String);

/// Those of podman-run(1) and docker that name a container: by its name, its ID, its image.
const TEMPLATES: [&str; 3] = ["{{.Name}}", "{{.ID}}", "{{.ImageName}}"];

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
            .fold(text.to_owned(), |text, template| text.replace(template, ""));
        if text.is_empty() || plain.contains("{{") || text.contains(char::is_control) {
            return Err(BadTag(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl LogTag {
    /// That of the container with this name, ID and image.
    pub fn of(&self, name: &str, id: &str, image: &str) -> String {
        let values = TEMPLATES.iter().zip([name, id, image]);
        values.fold(self.0.clone(), |text, (template, value)| text.replace(template, value))
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
