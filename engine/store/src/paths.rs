//! Where everything is. No other module joins path names to a root of its own.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::directory::create_dirs;
use super::pairing::{self, Pairing};
use super::{Durability, StoreError, atomic, id, set_mode};

/// Where the bundles are, in the run directory.
const BUNDLES: &str = "bundles";

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
    /// The directories cannot be created, or `data` is used with another run directory.
    pub fn at(data: impl AsRef<Path>, run: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (data, run) = (data.as_ref(), run.as_ref());
        loop {
            let known = pairing::known(data)?;
            if let Some(other) = known.as_ref().and_then(|known| known.instead_of(run)) {
                let (data, run) = (data.to_owned(), other.to_owned());
                return Err(StoreError::UsedElsewhere { data, run });
            }
            if let Some(store) = Self::open(data, run, known.as_ref())? {
                return Ok(store);
            }
        }
    }

    /// [`Self::at`] for a caller who has not said which run directory: the one that `data` is used with, else `run`.
    ///
    /// # Errors
    /// The directories cannot be created.
    pub fn at_default(data: &Path, run: &Path) -> Result<Self, StoreError> {
        loop {
            let known = pairing::known(data)?;
            let run = known.as_ref().and_then(|known| known.instead_of(run)).unwrap_or(run);
            if let Some(store) = Self::open(data, run, known.as_ref())? {
                return Ok(store);
            }
        }
    }

    /// `None` if another run directory came first meanwhile.
    fn open(data: &Path, run: &Path, known: Option<&Pairing>) -> Result<Option<Self>, StoreError> {
        let run_is_old = ensure(run, PASSABLE, Durability::ThisBoot)?;
        if ensure(data, CLOSED, Durability::Synced)? || run_is_old {
            close_all_in(run)?;
        }
        let stamp = boot_stamp(run, known)?;
        // At every command: nothing more is looked at.
        let is_paired = known.is_some_and(|known| known.is(run, &stamp)) || pairing::claim(data, run, &stamp)?;
        Ok(is_paired.then(|| Self {
            data: data.to_owned(),
            run: run.to_owned(),
            stamp,
        }))
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
        self.run.join(BUNDLES).join(id)
    }

    /// Where the OCI runtime keeps its own state of a container; it goes with the bundle.
    pub fn runtime_state(&self, id: &str) -> PathBuf {
        self.bundle(id).join("runtime")
    }

    /// The file that pins a container's network namespace.
    pub fn netns(&self, id: &str) -> PathBuf {
        self.run.join("netns").join(id)
    }

    /// Where a pod's record is: one of a unit does not outlive a boot.
    pub fn pod_records(&self, ephemeral: bool) -> PathBuf {
        if ephemeral { &self.run } else { &self.data }.join("pods")
    }

    /// What the members of a pod share while it runs.
    pub fn pod(&self, id: &str) -> PathBuf {
        self.run.join("pods").join(id)
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

/// What is in volumes and layers, set-user-id programs among it, and what there is at all, is nobody else's business.
const CLOSED: u32 = 0o700;

/// The roots of user namespaces pass through the run directory to their bundles, and see nothing else.
const PASSABLE: u32 = 0o711;

/// Creates a directory, or closes one that is more open than this: earlier versions left some. Returns whether it was.
fn ensure(dir: &Path, mode: u32, durability: Durability) -> Result<bool, StoreError> {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() && found.permissions().mode() & 0o777 & !mode == 0 => Ok(false),
        Ok(found) if found.is_dir() => set_mode(dir, mode).map(|()| true),
        _ => {
            // The directories above are not ours alone.
            let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
            above.map_or(Ok(()), |above| create_dirs(above, 0o755, durability))?;
            create_dirs(dir, mode, durability)?;
            Ok(false)
        }
    }
}

/// What earlier versions made in the run directory for everybody to read.
fn close_all_in(run: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(run).map_err(StoreError::io("read", run))?.flatten() {
        if entry.file_name() != BUNDLES && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            set_mode(&entry.path(), CLOSED)?;
        }
    }
    Ok(())
}

fn boot_stamp(run: &Path, known: Option<&Pairing>) -> Result<String, StoreError> {
    let path = run.join("boot");
    if let Ok(stamp) = fs::read_to_string(&path) {
        return Ok(stamp);
    }
    // Where containers are left it is this boot's stamp that somebody has removed.
    let lost = known.and_then(|known| known.lost_stamp(run)).map(str::to_owned);
    // Several first starts may race at boot: the first link wins, and all read what it wrote.
    atomic::create_once(&path, lost.unwrap_or_else(|| id::random_hex(8)).as_bytes())?;
    fs::read_to_string(&path).map_err(StoreError::io("read", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// systemd-tmpfiles sets modes at each boot, before any engine runs.
    #[test]
    fn the_distributions_file_opens_nothing() {
        let file = include_str!("../../../packaging/tmpfiles.d/unipod.conf");
        assert!(file.contains(&format!("d /var/lib/unipod {CLOSED:04o} ")), "{file}");
        assert!(file.contains(&format!("d /run/unipod {PASSABLE:04o} ")), "{file}");
    }

    #[test]
    fn nobody_else_gets_in_and_what_was_open_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let (data, run) = (dir.path().join("lib/data"), dir.path().join("run"));
        Store::at(data.clone(), run.clone()).unwrap();
        assert_eq!((mode(&data), mode(&run)), (0o700, 0o711));
        for (path, open) in [
            (&data, 0o711),
            (&run.join("locks"), 0o755),
            (&run.join("bundles"), 0o711),
        ] {
            fs::create_dir_all(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(open)).unwrap();
        }
        let store = Store::at(data.clone(), run.clone()).unwrap();
        assert_eq!(
            (mode(&data), mode(&store.locks()), mode(&run.join("bundles"))),
            (0o700, 0o700, 0o711)
        );
    }
}
