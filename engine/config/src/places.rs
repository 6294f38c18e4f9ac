//! Which files are read, in the order in which later ones win.
//!
//! ```text
//! /usr/share/containers/containers.conf, containers.conf.d/*.conf       the distribution's
//! /etc/containers/containers.conf, containers.conf.d/*.conf             the administrator's
//! $XDG_CONFIG_HOME/containers/containers.conf, containers.conf.d/*.conf the user's
//! ```
//!
//! In the first two, root reads `containers.rootful.conf.d/*.conf` as well; all others `containers.rootless.conf`,
//! `containers.rootless.conf.d/*.conf` and `containers.rootless.conf.d/UID/*.conf`.
//!
//! `CONTAINERS_CONF` replaces all of these; modules (`--module`) come after them, `CONTAINERS_CONF_OVERRIDE` after everything.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::ConfigError;

/// The largest file that is read. Debian's, which is nearly all comments, has 32 KiB.
const LARGEST: u64 = 1 << 20;

/// Distribution and administrator.
const SYSTEM: [&str; 2] = ["/usr/share/containers", "/etc/containers"];

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// Somebody named it, so it must be there.
    pub required: bool,
}

/// Whose files: what the environment says of the caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The directories of distribution and administrator.
    pub system: Vec<PathBuf>,
    /// `$XDG_CONFIG_HOME/containers`, if there is such a place.
    pub user: Option<PathBuf>,
    /// The user.
    pub uid: u32,
    /// `CONTAINERS_CONF`.
    pub only: Option<PathBuf>,
    /// `CONTAINERS_CONF_OVERRIDE`.
    pub last: Option<PathBuf>,
}

impl Caller {
    /// Of this process.
    pub fn current() -> Self {
        let uid = nix::unistd::geteuid();
        let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        // The home of root is not asked for: units have no HOME, and a look-up would load all of the name service.
        let home = variable("HOME").map(PathBuf::from);
        let look_up = || {
            if uid.is_root() {
                Some("/root".into())
            } else {
                std::env::home_dir()
            }
        };
        let home = home.or_else(look_up);
        let config = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        Self {
            system: SYSTEM.map(PathBuf::from).into(),
            user: config
                .or_else(|| home.map(|home| home.join(".config")))
                .map(|dir| dir.join("containers")),
            uid: uid.as_raw(),
            only: variable("CONTAINERS_CONF").map(PathBuf::from),
            last: variable("CONTAINERS_CONF_OVERRIDE").map(PathBuf::from),
        }
    }

    /// The files, `modules` among them.
    ///
    /// # Errors
    /// A directory cannot be read, or a module is nowhere.
    pub fn places(&self, modules: &[PathBuf]) -> Result<Vec<Place>, ConfigError> {
        let mut all = Vec::new();
        match &self.only {
            Some(path) => all.push(named(path.clone())),
            None => self.usual(&mut all)?,
        }
        for module in modules {
            all.push(named(self.module(module)?));
        }
        all.extend(self.last.clone().map(named));
        Ok(all)
    }

    fn usual(&self, all: &mut Vec<Place>) -> Result<(), ConfigError> {
        for dir in &self.system {
            all.push(optional(dir.join("containers.conf")));
            drop_ins(&dir.join("containers.conf.d"), all)?;
            if self.uid == 0 {
                drop_ins(&dir.join("containers.rootful.conf.d"), all)?;
            } else {
                all.push(optional(dir.join("containers.rootless.conf")));
                let rootless = dir.join("containers.rootless.conf.d");
                drop_ins(&rootless, all)?;
                drop_ins(&rootless.join(self.uid.to_string()), all)?;
            }
        }
        if let Some(dir) = &self.user {
            all.push(optional(dir.join("containers.conf")));
            drop_ins(&dir.join("containers.conf.d"), all)?;
        }
        Ok(())
    }

    /// A module of a relative name is in the first of the user's, the administrator's and the distribution's directory that
    /// has it.
    fn module(&self, module: &Path) -> Result<PathBuf, ConfigError> {
        let dirs = self.user.iter().chain(self.system.iter().rev());
        let dirs: Vec<PathBuf> = dirs.map(|dir| dir.join("containers.conf.modules")).collect();
        let found = dirs.iter().map(|dir| dir.join(module)).find(|path| path.exists());
        found.ok_or_else(|| ConfigError::Module {
            module: module.display().to_string(),
            searched: if module.is_absolute() { Vec::new() } else { dirs },
        })
    }
}

fn named(path: PathBuf) -> Place {
    Place { path, required: true }
}

fn optional(path: PathBuf) -> Place {
    Place { path, required: false }
}

/// The `*.conf` of a directory by name; none where there is no directory.
fn drop_ins(dir: &Path, all: &mut Vec<Place>) -> Result<(), ConfigError> {
    let failed = |source| ConfigError::Read {
        path: dir.into(),
        source,
    };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        // Its name alone makes it one; a directory of that name is none.
        if path.extension().is_some_and(|extension| extension == "conf") && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    all.extend(paths.into_iter().map(optional));
    Ok(())
}

/// The text of a file; `None` if it is not there and need not be.
///
/// # Errors
/// It is no regular file, too large, no text, or cannot be read.
pub(super) fn read(place: &Place) -> Result<Option<String>, ConfigError> {
    match read_regular(&place.path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if is_absent(&e) && !place.required => Ok(None),
        Err(source) => Err(ConfigError::Read {
            path: place.path.clone(),
            source,
        }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn read_regular(path: &Path) -> io::Result<String> {
    // Not to wait for whoever writes into a FIFO.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("this is no regular file"));
    }
    let mut text = String::with_capacity(usize::try_from(meta.len().min(LARGEST)).unwrap_or(0));
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}
