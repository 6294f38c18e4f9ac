//! What a machine is on the host: one directory, one cgroup, one description file.
//!
//! ```text
//! DIR/machine.json   the description below
//!     lower/         where the root is bound (the host's, or another), read through the overlay
//!     upper/ work/   what the machine writes
//!     root/          the machine's root
//!     disk/          directories bound into the root: overlayfs cannot lie on overlayfs
//!     console.log    what systemd says before the journal is there
//! ```
//! All mounts are made in the machine's own mount namespace: the host sees plain directories.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The description of a machine, handed from the test to the launcher and to the machine's first process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Layout {
    /// The machine's directory on the host.
    pub dir: PathBuf,
    /// The root directory that the machine sees copy-on-write: the host's own, or another distribution's.
    pub base: PathBuf,
    /// The machine's cgroup on the host.
    pub cgroup: PathBuf,
    /// The host name inside.
    pub hostname: String,
    /// The machine id, 32 hex digits (machine-id(5)).
    pub machine_id: String,
    /// Host directories bound into the machine.
    pub shared: Vec<Shared>,
}

/// A host directory that is visible inside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shared {
    /// Its place on the host.
    pub host: PathBuf,
    /// Its place inside.
    pub inside: PathBuf,
    /// Whether the machine may write to it.
    pub writable: bool,
}

/// Directories inside that lie on the host's own file system and outlive a reboot.
pub const DISKS: [&str; 2] = ["var/lib/unipod", "var/lib/containers"];

impl Layout {
    /// Reads the description from a machine's directory.
    ///
    /// # Errors
    /// The file is missing or damaged.
    pub fn load(dir: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(dir.join("machine.json"))?)?)
    }

    /// Creates the directories and writes the description.
    ///
    /// # Errors
    /// The host's file system refuses.
    pub fn create(&self) -> io::Result<()> {
        for name in ["lower", "upper", "work", "root"] {
            fs::create_dir_all(self.dir.join(name))?;
        }
        for disk in DISKS {
            fs::create_dir_all(self.disk(disk))?;
        }
        fs::write(self.console(), "")?;
        fs::write(self.dir.join("machine.json"), serde_json::to_vec_pretty(self)?)
    }

    /// Whether the machine's root is another one than the host's.
    pub fn is_foreign(&self) -> bool {
        self.base != Path::new("/")
    }

    /// Where [`Self::base`] is bound.
    pub fn lower(&self) -> PathBuf {
        self.dir.join("lower")
    }

    /// What the machine wrote over it.
    pub fn upper(&self) -> PathBuf {
        self.dir.join("upper")
    }

    /// overlayfs' own work directory.
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// The machine's root directory.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// The host directory behind one of [`DISKS`].
    pub fn disk(&self, inside: &str) -> PathBuf {
        self.dir.join("disk").join(inside.replace('/', "-"))
    }

    /// What systemd says before the journal is there.
    pub fn console(&self) -> PathBuf {
        self.dir.join("console.log")
    }
}
