//! Secrets.

use unipod_secret::{self as secret, Secret, SecretData, Wanted, WhenExists};
use unipod_store::Store;

use crate::EngineError;

/// The secrets of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'a> {
    store: &'a Store,
}

impl<'a> Secrets<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// Makes a secret.
    ///
    /// # Errors
    /// The name is taken or is none, or the content is empty or too large.
    pub fn create(self, wanted: &Wanted) -> Result<Secret, EngineError> {
        Ok(secret::create(self.store, wanted, WhenExists::Fail)?)
    }

    /// The secret of this name, ID or beginning of an ID, and its content.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn get(self, name: &str) -> Result<(Secret, SecretData), EngineError> {
        Ok(secret::find(self.store, name)?)
    }

    /// All of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<Secret>, EngineError> {
        Ok(secret::list(self.store)?)
    }

    /// Removes a secret; containers that have it keep their copy.
    ///
    /// # Errors
    /// There is none.
    pub fn remove(self, name: &str) -> Result<Secret, EngineError> {
        Ok(secret::remove(self.store, name)?)
    }
}
