//! The engine: a store on disk, and the program that services execute.

use std::path::{Path, PathBuf};

use unipod_runtime::in_path;
use unipod_store::Store;

use crate::EngineError;

/// Containers, images, volumes, networks and secrets of one store.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// let engine = unipod::Engine::at(dir.path().join("data"), dir.path().join("run"))?;
/// assert!(engine.images().list()?.is_empty());
/// # Ok::<(), unipod::EngineError>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    store: Store,
    program: Option<PathBuf>,
}

impl Engine {
    /// The engine of this user: the store that `unipod` without options uses.
    ///
    /// # Errors
    /// The directories of the store cannot be made.
    pub fn open() -> Result<Self, EngineError> {
        let (data, run) = Store::default_roots()?;
        Ok(Self::of(Store::at_default(&data, &run)?))
    }

    /// The engine of a store in directories of one's own, `--root` and `--runroot` of the command line.
    ///
    /// # Errors
    /// The directories cannot be made, or `data` is used with another run directory.
    pub fn at(data: impl AsRef<Path>, run: impl AsRef<Path>) -> Result<Self, EngineError> {
        Ok(Self::of(Store::at(data, run)?))
    }

    /// The engine of a store that is open.
    pub fn of(store: Store) -> Self {
        Self { store, program: None }
    }

    /// The program that services of containers execute, instead of the `unipod` that is found in PATH.
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self {
            program: Some(program.into()),
            ..self
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The program that services of containers execute.
    pub(crate) fn program(&self) -> Result<PathBuf, EngineError> {
        let named = self.program.clone();
        named.or_else(|| in_path("unipod")).ok_or(EngineError::NoProgram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_one_that_was_named_and_else_that_of_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        assert_eq!(
            engine.with_program("/x/unipod").program().unwrap(),
            Path::new("/x/unipod")
        );
        assert!(in_path("sh").is_some_and(|shell| shell.is_absolute()));
        assert_eq!(in_path("no-such-program"), None);
    }
}
