//! Container identifiers, 64 hexadecimal digits, as every engine writes them; and what may be a name.

use serde::{Deserialize, Serialize};

/// A container's full identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(String);

impl ContainerId {
    /// A fresh random identifier.
    pub fn random() -> Self {
        Self(random_hex(32))
    }

    /// Whether a text could be a whole identifier.
    pub fn is_like(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, as tables show it.
    pub fn short(&self) -> &str {
        &self.0[..self.0.len().min(12)]
    }
}

impl std::fmt::Display for ContainerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Podman's rule for names, `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, of at most `longest` bytes: such a name is a safe file name as well.
pub fn is_name(text: &str, longest: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(fits) && text.len() <= longest
}

/// `bytes` random bytes as hexadecimal digits.
///
/// # Panics
/// The kernel has no random numbers, which Linux 3.17 and later never answers once booted.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("getrandom(2) works on every supported kernel");
    hex::encode(buffer)
}
