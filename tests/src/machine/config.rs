//! What a test puts into a machine before it boots.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::layout::Shared;

/// The environment variable that names the root directory of all machines, for trying another distribution.
pub const ROOT_VARIABLE: &str = "UNIPOD_TEST_ROOT";

/// What a machine is made of. The default is a bare system.
#[derive(Debug, Clone, Default)]
pub struct MachineConfig {
    root: Option<PathBuf>,
    place: Option<PathBuf>,
    files: Vec<(PathBuf, PathBuf)>,
    texts: Vec<(PathBuf, String)>,
    links: Vec<(PathBuf, PathBuf)>,
    pub(super) shared: Vec<Shared>,
}

impl MachineConfig {
    /// Boots another root directory than the one that [`ROOT_VARIABLE`] names or, without it, the host's own.
    ///
    /// It holds a distribution with systemd as `debootstrap --variant=minbase` or a package manager's `--installroot` makes one; nothing
    /// is written to it. What it needs beside systemd is what unipod needs; the tests' own tools come from the host.
    #[must_use]
    pub fn root(mut self, dir: impl Into<PathBuf>) -> Self {
        self.root = Some(dir.into());
        self
    }

    /// Keeps everything that the machine writes in this directory of the host instead of the one for temporary files.
    #[must_use]
    pub fn at(mut self, place: impl Into<PathBuf>) -> Self {
        self.place = Some(place.into());
        self
    }

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
        self.shared.push(Shared {
            host: host.into(),
            inside: inside.into(),
            writable: false,
        });
        self
    }

    /// Shows a directory of the host inside; what the machine writes there is on the host.
    #[must_use]
    pub fn share_writable(mut self, host: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        self.shared.push(Shared {
            host: host.into(),
            inside: inside.into(),
            writable: true,
        });
        self
    }

    /// Has the machine start a unit at boot, as `systemctl enable` would; `file` is its template's name or its own.
    #[must_use]
    pub fn wants(mut self, unit: &str, file: &str) -> Self {
        let link = Path::new("/etc/systemd/system/multi-user.target.wants").join(unit);
        self.links.push((Path::new("..").join(file), link));
        self
    }

    /// Where the machine's directory is made.
    pub(super) fn place(&self) -> PathBuf {
        self.place.clone().unwrap_or_else(std::env::temp_dir)
    }

    /// The root directory that is the machine's, absolute.
    pub(super) fn base(&self) -> io::Result<PathBuf> {
        let chosen = self.root.clone();
        let dir = chosen.or_else(|| {
            std::env::var_os(ROOT_VARIABLE)
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from)
        });
        let dir = dir.unwrap_or_else(|| PathBuf::from("/"));
        fs::canonicalize(&dir).map_err(|error| io::Error::other(format!("the root {}: {error}", dir.display())))
    }

    /// Writes everything to where [`super::guest`] takes it from.
    pub(super) fn seed(&self, dir: &Path) -> io::Result<()> {
        let place = |inside: &Path| -> io::Result<PathBuf> {
            let target = dir.join("seed").join(inside.strip_prefix("/").unwrap_or(inside));
            fs::create_dir_all(target.parent().unwrap_or(dir))?;
            Ok(target)
        };
        for (host, inside) in &self.files {
            fs::copy(host, place(inside)?).map_err(|error| io::Error::other(format!("{}: {error}", host.display())))?;
        }
        for (inside, text) in &self.texts {
            fs::write(place(inside)?, text)?;
        }
        for (target, inside) in &self.links {
            symlink(target, place(inside)?)?;
        }
        Ok(())
    }
}
