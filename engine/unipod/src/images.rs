//! Images.

use unipod_container::record;
use unipod_image::remove::Removed;
use unipod_image::{self as image, Image, ImageError, Progress, PullOptions, PullPolicy, Silent};
use unipod_store::Store;

use crate::EngineError;

/// The images of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    store: &'a Store,
}

impl<'a> Images<'a> {
    pub(crate) fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// Fetches an image, whether it is there or not; by its full name, or a short one that registries.conf resolves.
    ///
    /// # Errors
    /// No registry has it, or what one sends is not what it should be.
    pub fn pull(self, name: &str) -> Result<Image, EngineError> {
        let options = PullOptions {
            policy: PullPolicy::Always,
            ..PullOptions::default()
        };
        self.pull_with(name, &options, &Silent)
    }

    /// Sees to it that an image is there, as `options` say, and reports how far it is.
    ///
    /// # Errors
    /// As [`Self::pull`].
    pub fn pull_with(self, name: &str, options: &PullOptions, progress: &dyn Progress) -> Result<Image, EngineError> {
        Ok(image::ensure(self.store, name, options, progress)?)
    }

    /// The image of this name, ID or beginning of an ID.
    ///
    /// # Errors
    /// There is none, or the name fits several.
    pub fn get(self, name: &str) -> Result<Image, EngineError> {
        let found = image::find(self.store, name)?;
        found.ok_or_else(|| EngineError::from(ImageError::NotFound { name: name.to_owned() }))
    }

    /// The records of all images, one for each name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(self) -> Result<Vec<image::records::Record>, EngineError> {
        Ok(image::list(self.store)?)
    }

    /// Gives an image one more name.
    ///
    /// # Errors
    /// There is no such image, or `new` is no name.
    pub fn tag(self, name: &str, new: &str) -> Result<(), EngineError> {
        Ok(image::remove::tag(self.store, name, new)?)
    }

    /// Takes a name from an image, and removes it with the last one.
    ///
    /// # Errors
    /// There is none, or a container uses it.
    pub fn remove(self, name: &str) -> Result<Removed, EngineError> {
        let used = || record::used_images(self.store);
        Ok(image::remove::remove(self.store, name, &used, false)?)
    }
}
