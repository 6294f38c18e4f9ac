//! What a test puts into a machine before it boots.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a machine is made of. The default is a bare system.
#[derive(Debug, Clone, Default)]
pub struct MachineConfig {
    files: Vec<(PathBuf, PathBuf)>,
    texts: Vec<(PathBuf, String)>,
    pub(super) shared: Vec<(PathBuf, PathBuf)>,
}

impl MachineConfig {
    /// Installs a file of the host at a path inside before the first boot, with its permissions.
    #[must_use]
    pub fn file(mut self, host: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        self.files.push((host.into(), inside.into()));
        self
    }

    /// Writes a text file inside before the first boot.
    #[must_use]
    pub fn text(mut self, inside: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.texts.push((inside.into(), text.into()));
        self
    }

    /// Shows a directory of the host inside, read-only.
    #[must_use]
    pub fn share(mut self, host: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        self.shared.push((host.into(), inside.into()));
        self
    }

    /// Writes everything to where [`super::guest`] takes it from.
    pub(super) fn seed(&self, dir: &Path) -> io::Result<()> {
        let place = |inside: &Path| -> io::Result<PathBuf> {
            let target = dir.join("seed").join(inside.strip_prefix("/").unwrap_or(inside));
            fs::create_dir_all(target.parent().unwrap_or(dir))?;
            Ok(target)
        };
        for (host, inside) in &self.files {
            fs::copy(host, place(inside)?)
                .map_err(|error| io::Error::other(format!("{}: {error}", host.display())))?;
        }
        for (inside, text) in &self.texts {
            fs::write(place(inside)?, text)?;
        }
        Ok(())
    }
}
