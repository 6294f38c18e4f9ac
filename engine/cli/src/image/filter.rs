//! `--filter` of image commands (podman-images(1)).

use jiff::Timestamp;

use super::summary::Summary;
use crate::arguments::moment;
use crate::error::CliError;
use unipod::image::{find, records};
use unipod::store::Store;

/// A condition on images; several of the same kind are alternatives, except labels, as podman has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Reference(String),
    Dangling(bool),
    Label {
        key: String,
        value: Option<String>,
        absent: bool,
    },
    Before(Timestamp),
    Since(Timestamp),
    Until(Timestamp),
    Id(String),
    Digest(String),
    /// There is nothing of the kind here: every image is a final, writable one.
    Never(bool),
}

impl Filter {
    /// Reads `KEY=VALUE`.
    pub(super) fn parse(store: &Store, text: &str) -> Result<Self, CliError> {
        let invalid = || CliError::new(format!("invalid filter {text:?}: write KEY=VALUE"));
        let (key, value) = text.split_once('=').ok_or_else(invalid)?;
        let (key, absent) = key.strip_suffix('!').map_or((key, false), |key| (key, true));
        let flag = || {
            value
                .parse::<bool>()
                .map_err(|_| CliError::new(format!("invalid filter {text:?}: true or false")))
        };
        Ok(match key {
            "label" => {
                let (key, value) = value
                    .split_once('=')
                    .map_or((value, None), |(k, v)| (k, Some(v.to_owned())));
                Self::Label {
                    key: key.to_owned(),
                    value,
                    absent,
                }
            }
            "reference" => Self::Reference(value.to_owned()),
            "dangling" => Self::Dangling(flag()?),
            "before" => Self::Before(created(store, value)?),
            "since" | "after" => Self::Since(created(store, value)?),
            "until" => {
                Self::Until(moment(value).ok_or_else(|| CliError::new(format!("invalid time in filter {text:?}")))?)
            }
            "id" => Self::Id(value.trim_start_matches("sha256:").to_owned()),
            "digest" => Self::Digest(value.to_owned()),
            "intermediate" | "readonly" | "manifest" => Self::Never(flag()?),
            _ => return Err(CliError::new(format!("unsupported image filter {key:?}"))),
        })
    }

    fn matches(&self, image: &Summary) -> bool {
        match self {
            Self::Reference(pattern) => {
                image.names.is_empty() && pattern == "*" || image.names.iter().any(|name| refers(pattern, name))
            }
            Self::Dangling(wanted) => image.names.is_empty() == *wanted,
            Self::Label { key, value, absent } => {
                let labels = image.labels();
                let fits = labels
                    .get(key)
                    .is_some_and(|own| value.as_ref().is_none_or(|value| value == own));
                fits != *absent
            }
            Self::Before(time) | Self::Until(time) => image.created < *time,
            Self::Since(time) => image.created > *time,
            Self::Id(prefix) => image.hex().starts_with(prefix.as_str()),
            Self::Digest(digest) => image.record.manifest.starts_with(digest.as_str()),
            Self::Never(wanted) => !wanted,
        }
    }
}

/// Whether the image fits all kinds of filters that are given.
pub(super) fn fits(filters: &[Filter], image: &Summary) -> bool {
    filters.iter().all(|filter| {
        let label = matches!(filter, Filter::Label { .. });
        let same_kind = |other: &&Filter| std::mem::discriminant(*other) == std::mem::discriminant(filter);
        if label {
            filter.matches(image)
        } else {
            filters.iter().filter(same_kind).any(|other| other.matches(image))
        }
    })
}

/// A pattern fits a reference, the reference without tag, and what follows one of its slashes.
pub(super) fn refers(pattern: &str, name: &str) -> bool {
    let repository = find::repository_of(name);
    let ends = |text: &str| {
        let tails = text.match_indices('/').map(|(at, _)| &text[at + 1..]);
        std::iter::once(text)
            .chain(tails)
            .any(|tail| glob(pattern.as_bytes(), tail.as_bytes()))
    };
    ends(name) || ends(repository)
}

/// `*` stands for any characters but a slash, `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            let span = text.iter().position(|b| *b == b'/').unwrap_or(text.len());
            (0..=span).any(|taken| glob(rest, &text[taken..]))
        }
        (Some((b'?', rest)), Some((other, text))) if *other != b'/' => glob(rest, text),
        (Some((wanted, rest)), Some((found, text))) if wanted == found => glob(rest, text),
        _ => false,
    }
}

/// When the image was made.
fn created(store: &Store, name: &str) -> Result<Timestamp, CliError> {
    // A damaged image still has a record; it is not needed whole here.
    let found = Summary::find(store, name)?;
    let recorded = records::read(store, name)?.and_then(|record| record.recorded.parse().ok());
    Ok(if found.image.is_some() {
        found.created
    } else {
        recorded.unwrap_or(found.created)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_image::testing::Lab;

    #[test]
    fn patterns() {
        let name = "docker.io/library/nginx:1.25";
        for (pattern, expected) in [
            ("nginx", true),
            ("nginx:1.25", true),
            ("nginx:1.*", true),
            ("ngin?", true),
            ("library/nginx", true),
            ("docker.io/library/nginx:1.25", true),
            ("docker.io/*/nginx", true),
            ("*", true),
            ("gin", false),
            ("nginx:1", false),
            ("docker.io*nginx", false),
        ] {
            assert_eq!(refers(pattern, name), expected, "{pattern}");
        }
        assert!(!glob("a*a*a*a*a*a*b".as_bytes(), "a".repeat(40).as_bytes()));
    }

    #[test]
    fn filters_choose() {
        let lab = Lab::new();
        lab.image("localhost/a:latest", "a");
        lab.image("localhost/b:latest", "b");
        lab.image("localhost/b:latest", "c");
        for (texts, expected) in [
            (&[][..], 3),
            (&["reference=a"], 1),
            (&["reference=a", "reference=b"], 2),
            (&["dangling=true"], 1),
            (&["dangling=false", "label=content=c"], 1),
            (&["label=content"], 3),
            (&["label!=content=a"], 2),
            (&["label=content", "label=other"], 0),
            (&["before=a"], 0),
            (&["until=2024-05-07"], 3),
            (&["until=1700000000"], 0),
            (&["until=1h"], 3),
            (&["readonly=true"], 0),
            (&["id=0123456789"], 0),
        ] {
            let filters: Vec<Filter> = texts
                .iter()
                .map(|text| Filter::parse(&lab.store, text).unwrap())
                .collect();
            let images = Summary::all(&lab.store).unwrap();
            assert_eq!(
                images.iter().filter(|image| fits(&filters, image)).count(),
                expected,
                "{texts:?}"
            );
        }
        for text in ["label", "colour=red", "dangling=maybe", "until=soon", "before=missing"] {
            assert!(Filter::parse(&lab.store, text).is_err(), "{text}");
        }
    }
}
