//! Digests as images name them.

use sha2::{Digest, Sha256};

/// `sha256:HEX` of a finished digest.
pub fn hex_digest(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
