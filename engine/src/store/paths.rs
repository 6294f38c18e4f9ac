//! Where everything is. No other module joins path names to a root of its own.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{StoreError, atomic, id};

/// The two roots of the store: `data` outlives a boot, `run` does not.
#[derive(Debug, Clone)]
pub struct Store {
    data: PathBuf,
    run: PathBuf,
    stamp: String,
}

impl Store {
    /// Where the calling user's store is unless said otherwise: `data` and `run`.
    ///
    /// # Errors
    /// A rootless caller has neither `XDG_DATA_HOME` nor `HOME`.
    pub fn default_roots() -> Result<(PathBuf, PathBuf), StoreError> {
        if nix::unistd::geteuid().is_root() {
            return Ok(("/var/lib/unipod".into(), "/run/unipod".into()));
        }
        Ok((xdg_data_home()?.join("unipod"), xdg_runtime_dir().join("unipod")))
    }

    /// Opens a store at the given roots and creates its directories where they are missing.
    ///
    /// # Errors
    /// The directories cannot be created.
    pub fn at(data: PathBuf, run: PathBuf) -> Result<Self, StoreError> {
        create_private(&run)?;
        create_private(&data)?;
        let stamp = boot_stamp(&run)?;
        Ok(Self { data, run, stamp })
    }

    /// The root of what outlives a boot.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The root of what does not outlive a boot.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Content store, `blobs/sha256/HEX` as in an OCI image layout.
    pub fn blobs(&self) -> PathBuf {
        self.data.join("blobs/sha256")
    }

    /// Unpacked layers, one directory per chain id.
    pub fn layers(&self) -> PathBuf {
        self.data.join("layers")
    }

    /// What lies below the layers of every image: where each container gets something mounted.
    pub fn mount_points(&self) -> PathBuf {
        self.data.join("mount-points")
    }

    /// One record per image reference.
    pub fn images(&self) -> PathBuf {
        self.data.join("images")
    }

    /// Named volumes.
    pub fn volumes(&self) -> PathBuf {
        self.data.join("volumes")
    }

    /// Network definitions.
    pub fn networks(&self) -> PathBuf {
        self.data.join("networks")
    }

    /// Secrets.
    pub fn secrets(&self) -> PathBuf {
        self.data.join("secrets")
    }

    /// Unfinished work on the data file system, to be renamed into place.
    pub fn tmp(&self) -> PathBuf {
        self.data.join("tmp")
    }

    /// Where a container's record is: `--rm` containers do not outlive a boot, and neither do their records.
    pub fn container_records(&self, ephemeral: bool) -> PathBuf {
        if ephemeral {
            self.run.join("containers")
        } else {
            self.data.join("containers")
        }
    }

    /// The directory for a container's writable layer.
    pub fn container_data(&self, id: &str, ephemeral: bool) -> PathBuf {
        if ephemeral {
            self.data.join("ephemeral").join(&self.stamp).join(id)
        } else {
            self.data.join("containers").join(id)
        }
    }

    /// Writable layers of all `--rm` containers of all boots; those not named as [`Self::stamp`] are garbage.
    pub fn ephemeral(&self) -> PathBuf {
        self.data.join("ephemeral")
    }

    /// The name of this boot. It lives in the run directory, so that a reboot without a new kernel
    /// (a container, `systemctl soft-reboot`) counts as well.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// A container's bundle directory.
    pub fn bundle(&self, id: &str) -> PathBuf {
        self.run.join("bundles").join(id)
    }

    /// Where the OCI runtime keeps its own state of a container; it goes with the bundle.
    pub fn runtime_state(&self, id: &str) -> PathBuf {
        self.bundle(id).join("runtime")
    }

    /// The file that pins a container's network namespace.
    pub fn netns(&self, id: &str) -> PathBuf {
        self.run.join("netns").join(id)
    }

    /// Addresses in use on one network.
    pub fn leases(&self, network: &str) -> PathBuf {
        self.run.join("leases").join(network)
    }

    /// Lock files.
    pub fn locks(&self) -> PathBuf {
        self.run.join("locks")
    }
}

fn xdg_data_home() -> Result<PathBuf, StoreError> {
    let absolute = |v: OsString| Some(PathBuf::from(v)).filter(|p| p.is_absolute());
    std::env::var_os("XDG_DATA_HOME")
        .and_then(absolute)
        .or_else(|| std::env::home_dir().map(|h| h.join(".local/share")))
        .ok_or(StoreError::NoPlace("neither XDG_DATA_HOME nor HOME is set"))
}

fn xdg_runtime_dir() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .unwrap_or_else(|| PathBuf::from(format!("/run/user/{}", nix::unistd::geteuid())))
}

/// Creates a directory that others may pass through but not list.
fn create_private(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(dir)
        .map_err(StoreError::io("create", dir))
}

fn boot_stamp(run: &Path) -> Result<String, StoreError> {
    let path = run.join("boot");
    if let Ok(stamp) = fs::read_to_string(&path) {
        return Ok(stamp);
    }
    // Several first starts may race at boot: the first link wins, and all read what it wrote.
    atomic::create_once(&path, id::random_hex(8).as_bytes())?;
    fs::read_to_string(&path).map_err(StoreError::io("read", &path))
}
