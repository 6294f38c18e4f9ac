//! Networks.

use unipod_network::create::{self, Wanted};
use unipod_network::definition::{self, Network};
use unipod_store::Store;

use crate::EngineError;

/// The networks of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Networks<'a> {
    store: &'a Store,
}

impl<'a> Networks<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// Makes a network; its bridge is made with the first container on it.
    ///
    /// # Errors
    /// The name is taken or is none, a subnet is in use, or an option means nothing.
    pub fn create(self, wanted: &Wanted) -> Result<Network, EngineError> {
        create::create(self.store, wanted, false)?;
        self.get(&wanted.name)
    }

    /// The network of this name or ID.
    ///
    /// # Errors
    /// There is none.
    pub fn get(self, name: &str) -> Result<Network, EngineError> {
        Ok(definition::find(self.store, name)?)
    }

    /// All of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<Network>, EngineError> {
        Ok(definition::list(self.store)?)
    }

    /// Removes a network.
    ///
    /// # Errors
    /// There is none, or containers are on it.
    pub fn remove(self, name: &str) -> Result<Network, EngineError> {
        Ok(create::remove(self.store, name, false)?)
    }
}
