//! `vendor/class=device`, the qualified name of a CDI device.

use std::fmt;

/// The name of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `vendor/class`.
    pub kind: String,
    /// The device among those of its kind.
    pub device: String,
}

impl Name {
    /// Reads a qualified name; `None` for anything else, such as a path of the host.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, device) = text.split_once('=')?;
        (is_kind(kind) && is_device(device)).then(|| Self {
            kind: kind.to_owned(),
            device: device.to_owned(),
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.device)
    }
}

/// `vendor/class`: each begins with a letter, goes on with letters, digits, `_`, `-` and `.`, and ends with a letter or digit.
pub(super) fn is_kind(text: &str) -> bool {
    let is_part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic()) && is_word(part, "_-.");
    text.split_once('/')
        .is_some_and(|(vendor, class)| is_part(vendor) && is_part(class))
}

/// A device begins and ends with a letter or digit; between, there may also be `_`, `-`, `.` and `:`.
pub(super) fn is_device(text: &str) -> bool {
    is_word(text, "_-.:")
}

fn is_word(text: &str, also: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_end) && text.ends_with(is_end) && text.chars().all(|c| is_end(c) || also.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for text in [
            "nvidia.com/gpu=all",
            "nvidia.com/gpu=0:1",
            "a/b=0",
            "vendor.com/net-dev_1.x=GPU-1f_2.3",
        ] {
            let name = Name::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(name.to_string(), text);
        }
        for text in [
            "",
            "/dev/null",
            "/dev/a=b",
            "/a/b=c",
            "gpu=all",
            "nvidia.com/gpu",
            "nvidia.com/gpu=",
            "nvidia.com/=all",
            "/gpu=all",
            "1a/gpu=all",
            "a/1=all",
            "a-/gpu=all",
            "a/b/c=all",
            "a/b=c=d",
            "a/b=-c",
            "a/b=c:",
            "a/b=c d",
            "é/b=c",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
