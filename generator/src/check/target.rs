//! Another version of the language that units shall work with.

use std::fmt;
use std::str::FromStr;

/// A release of Podman, whose generator knows the keys up to its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    major: u32,
    minor: u32,
}

/// The first release with unit files.
const FIRST: Target = Target { major: 4, minor: 4 };

impl Target {
    /// Whether that release has what came with `since`, such as `5.3`.
    pub fn has(self, since: &str) -> bool {
        release(since).is_none_or(|since| since <= self)
    }
}

impl FromStr for Target {
    type Err = String;

    /// `podman-5.4`, `podman-5.4.2` or `5.4`.
    fn from_str(text: &str) -> Result<Self, String> {
        let version = text.strip_prefix("podman-").unwrap_or(text);
        let target = release(version).ok_or_else(|| "it is written like podman-5.4".to_owned())?;
        if target < FIRST {
            return Err(format!("{FIRST} is the first that reads unit files"));
        }
        Ok(target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "podman {}.{}", self.major, self.minor)
    }
}

/// A version number of at least two parts.
pub(super) fn release(version: &str) -> Option<Target> {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    let target = Target {
        major: parts.next()??,
        minor: parts.next()??,
    };
    parts.all(|part| part.is_some()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let target: Target = "podman-5.4".parse().expect("a version");
        assert!(target.has("5.4") && target.has("4.10") && !target.has("5.10") && !target.has("6.0"));
        assert_eq!(target, "5.4.2".parse().expect("a version"));
        for wrong in ["docker-27.1", "podman-5", "5.x", "", "podman-4.3"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
