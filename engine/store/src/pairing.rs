//! Which run directory a data directory is used with during a boot. With two at once, the first container of the second would
//! take the writable layers of the first one's for those of an earlier boot.
//!
//! The first one wins, for as long as its boot goes on: until its directory is gone, or has another stamp.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{Durability, StoreError, names_in, read_json, undamaged, write_json};

/// What the data directory says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pairing {
    run: PathBuf,
    stamp: String,
}

/// What `data` says, of this boot or an earlier one.
///
/// # Errors
/// It cannot be read.
pub(super) fn known(data: &Path) -> Result<Option<Pairing>, StoreError> {
    undamaged(read_json(&file(data)))
}

/// Sees to it that `data` is used with `run`, whose boot has this stamp. Returns whether it is: another one may have come first.
///
/// # Errors
/// Nothing can be written there.
pub(super) fn claim(data: &Path, run: &Path, stamp: &str) -> Result<bool, StoreError> {
    // Locks of objects lie in the run directory, and here it is two of those that may be at it.
    let dir = File::open(data).map_err(StoreError::io("open", data))?;
    let _lock = Flock::lock(dir, FlockArg::LockExclusive).map_err(|(_, e)| StoreError::io("lock", data)(e.into()))?;
    let own = Pairing {
        run: fs::canonicalize(run).map_err(StoreError::io("find", run))?,
        stamp: stamp.to_owned(),
    };
    match known(data)? {
        Some(known) if known == own => Ok(true),
        Some(known) if known.instead_of(run).is_some() => Ok(false),
        _ => write_json(&file(data), &own, Durability::ThisBoot).map(|()| true),
    }
}

impl Pairing {
    /// Whether it is this run directory, in this boot.
    pub(super) fn is(&self, run: &Path, stamp: &str) -> bool {
        self.run == run && self.stamp == stamp
    }

    /// The run directory to use instead of `run`, if it is another one and its boot goes on.
    pub(super) fn instead_of(&self, run: &Path) -> Option<&Path> {
        let is_same = self.run == run || fs::canonicalize(run).is_ok_and(|run| self.run == run);
        (!is_same && self.goes_on()).then_some(&self.run)
    }

    /// The stamp that `run` has lost, though containers of its boot are there.
    pub(super) fn lost_stamp(&self, run: &Path) -> Option<&str> {
        let is_same = fs::canonicalize(run).is_ok_and(|run| self.run == run);
        (is_same && self.has_containers()).then_some(&self.stamp)
    }

    fn goes_on(&self) -> bool {
        match fs::read_to_string(self.run.join("boot")) {
            Ok(stamp) => stamp == self.stamp,
            Err(_) => self.has_containers(),
        }
    }

    fn has_containers(&self) -> bool {
        ["containers", "bundles"]
            .into_iter()
            .any(|dir| names_in(&self.run.join(dir)).is_ok_and(|names| !names.is_empty()))
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("run.json")
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn the_first_run_directory_is_the_one_of_the_boot() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let at = |run: &str| Store::at(data.clone(), dir.path().join(run));
        let first = at("one").unwrap();
        let error = at("two").unwrap_err().to_string();
        assert!(error.contains("/one") && error.contains("/data"), "{error}");
        assert!(!dir.path().join("two").exists(), "nothing is made that is refused");
        at("one").unwrap();
        // Who says nothing gets it.
        let default = Store::at_default(&data, &dir.path().join("two")).unwrap();
        assert_eq!((default.run(), default.stamp()), (first.run(), first.stamp()));
        // By another name it is the same.
        std::os::unix::fs::symlink(first.run(), dir.path().join("link")).unwrap();
        at("link").unwrap();
        // What a boot has left is nobody's.
        fs::write(first.run().join("boot"), "another").unwrap();
        at("two").unwrap();
        at("one").unwrap_err();
        fs::remove_dir_all(dir.path().join("two")).unwrap();
        at("one").unwrap();
    }

    #[test]
    fn a_stamp_that_is_lost_is_made_again_where_containers_are() {
        let dir = tempfile::tempdir().unwrap();
        let at = |run: &str| Store::at(dir.path().join("data"), dir.path().join(run));
        let first = at("one").unwrap();
        fs::create_dir_all(first.bundle("id")).unwrap();
        fs::remove_file(first.run().join("boot")).unwrap();
        at("two").unwrap_err();
        assert_eq!(at("one").unwrap().stamp(), first.stamp());
        fs::remove_dir(first.bundle("id")).unwrap();
        fs::remove_file(first.run().join("boot")).unwrap();
        at("two").unwrap();
    }

    #[test]
    fn of_several_at_once_one_wins() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let open = |n: usize| Store::at(dir.path().join("data"), dir.path().join(format!("run{n}")));
            let opened = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || open(n).is_ok())).collect();
                threads.into_iter().map(|t| t.join().unwrap()).filter(|ok| *ok).count()
            });
            assert_eq!(opened, 1);
        }
    }
}
