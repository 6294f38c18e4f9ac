//! All files that are there, one after the other.

use std::path::PathBuf;

use super::error::ConfigError;
use super::keys::{self, Effect, Harmless};
use super::places::{self, Caller, Place};
use super::values::Config;

/// What the files of this process's user say, and the modules that it names.
///
/// # Errors
/// As [`Config::load`].
pub fn load(modules: &[PathBuf]) -> Result<Config, ConfigError> {
    Config::load(&Caller::current().places(modules)?)
}

impl Config {
    /// Reads the files that `places` name.
    ///
    /// # Errors
    /// One that is there cannot be read or parsed, or gives a key a value of another kind.
    pub fn load(places: &[Place]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for place in places {
            if let Some(text) = places::read(place)? {
                config.merge(&place.path, &text)?;
            }
        }
        config.say_what_has_no_effect();
        Ok(config)
    }

    pub(super) fn say_what_has_no_effect(&mut self) {
        for key in keys::KEYS {
            let (Effect::Missing(harmless, why), Some(value)) = (&key.effect, self.values.get(key.name)) else {
                continue;
            };
            let is_harmless = match harmless {
                Harmless::Values(values) => value.data.is_one_of(values),
                Harmless::DirectoriesWithout(extension) => !value.data.has_files(extension),
            };
            if !is_harmless {
                let (origin, name) = (&value.origin, key.name);
                self.warnings
                    .push(format!("{origin}: {name} has no effect here: {why}"));
            }
        }
    }
}
