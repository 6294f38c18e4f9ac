//! Container identifiers: 64 hexadecimal digits, as every engine writes them.

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

/// `bytes` random bytes as hexadecimal digits.
///
/// # Panics
/// The kernel has no random numbers, which Linux 3.17 and later never answers once booted.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("getrandom(2) works on every supported kernel");
    hex::encode(buffer)
}
