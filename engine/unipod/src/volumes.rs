//! Volumes.

use unipod_container::record;
use unipod_store::Store;
use unipod_volume::{self as volume, Volume, Wanted};

use crate::EngineError;

/// The volumes of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Volumes<'a> {
    store: &'a Store,
}

impl<'a> Volumes<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// The name is taken or is none, or an option means nothing.
    pub fn create(self, wanted: &Wanted) -> Result<Volume, EngineError> {
        Ok(volume::create(self.store, wanted, false)?.volume())
    }

    /// The volume of this name, or whose name begins like this.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn get(self, name: &str) -> Result<Volume, EngineError> {
        Ok(volume::find(self.store, name)?)
    }

    /// All of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<Volume>, EngineError> {
        Ok(volume::list(self.store)?)
    }

    /// Removes a volume with all that is in it.
    ///
    /// # Errors
    /// There is none, or a container uses it.
    pub fn remove(self, name: &str) -> Result<(), EngineError> {
        let Volume { name, .. } = self.get(name)?;
        Ok(volume::remove(self.store, &name, &self.users(&name)?, false)?)
    }

    /// The names of the containers that use it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn users(self, name: &str) -> Result<Vec<String>, EngineError> {
        Ok(record::users_of_volume(self.store, name)?)
    }
}
