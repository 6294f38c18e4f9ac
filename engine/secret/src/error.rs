//! What can go wrong with secrets.

use unipod_store::StoreError;

/// A secret operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such secret.
    #[error("no secret with name or id {0:?}: no such secret")]
    NotFound(String),
    /// A secret of that name is there already.
    #[error("{0}: secret name in use")]
    Exists(String),
    /// Something the user wrote makes no sense. Never holds a secret's content.
    #[error("secret {what} {value:?}: {why}")]
    Invalid {
        /// What kind of value: "name", "option".
        what: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The content is empty or too large.
    #[error("secret data must be larger than 0 and less than 512000 bytes")]
    Size,
    /// The file does not hold what was written.
    #[error("the content of secret {0} is damaged")]
    Damaged(String),
}

impl SecretError {
    /// Shorthand for [`SecretError::Invalid`].
    pub(super) fn invalid(what: &'static str, value: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid {
            what,
            value: value.into(),
            why: why.into(),
        }
    }
}
