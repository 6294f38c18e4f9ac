//! Which run directory a data directory is used with during a boot. With two at once, the first container of the second would
//! take the writable layers of the first one's for those of an earlier boot.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Durability, StoreError, names_in, read_json, undamaged, write_json};

/// What the data directory says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pairing {
    run: PathBuf,
    stamp: String,
}

/// Sees to it that `data` is used with `run` alone, whose boot has this stamp. Nothing is written but at the first use of a boot.
///
/// # Errors
/// It is used with another one, in which there are containers.
pub(super) fn check(data: &Path, run: &Path, stamp: &str) -> Result<(), StoreError> {
    let file = data.join("run.json");
    let known: Option<Pairing> = undamaged(read_json(&file))?;
    // At every command: nothing more is looked at.
    if known
        .as_ref()
        .is_some_and(|known| known.run == run && known.stamp == stamp)
    {
        return Ok(());
    }
    let own = Pairing {
        run: fs::canonicalize(run).map_err(StoreError::io("find", run))?,
        stamp: stamp.to_owned(),
    };
    match known {
        Some(known) if known == own => Ok(()),
        Some(other) if other.run != own.run && other.is_in_use()? => Err(StoreError::UsedElsewhere {
            data: data.to_owned(),
            run: other.run,
        }),
        _ => write_json(&file, &own, Durability::ThisBoot),
    }
}

impl Pairing {
    /// Whether its boot is this one still, and something of a container is there.
    fn is_in_use(&self) -> Result<bool, StoreError> {
        let stamp = fs::read_to_string(self.run.join("boot")).unwrap_or_default();
        if stamp != self.stamp {
            return Ok(false);
        }
        for dir in ["containers", "bundles"] {
            if !names_in(&self.run.join(dir))?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn one_run_directory_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let at = |run: &str| Store::at(dir.path().join("data"), dir.path().join(run));
        let first = at("one").unwrap();
        fs::create_dir_all(first.bundle("id")).unwrap();
        let error = at("two").unwrap_err().to_string();
        assert!(error.contains("/one") && error.contains("/data"), "{error}");
        at("one").unwrap();
        // Nothing is left there: the other one may have it.
        fs::remove_dir(first.bundle("id")).unwrap();
        at("two").unwrap();
        fs::create_dir_all(dir.path().join("two/bundles/id")).unwrap();
        at("one").unwrap_err();
        // What a boot has left is nobody's.
        fs::remove_file(dir.path().join("two/boot")).unwrap();
        at("one").unwrap();
    }
}
