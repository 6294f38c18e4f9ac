//! Volumes on disk: create, find, list, remove.

use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::detach::detach;
use super::{Options, VolumeError};
use unipod_store::{
    Durability, Lock, Scratch, Store, StoreError, create_private, id, names_in, read_json, set_mode, sweep_tmp,
    undamaged, write_json,
};

/// The record in a volume's directory.
const RECORD: &str = "volume.json";

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// `local` or `image`.
    pub driver: String,
    /// Where its content is.
    pub mountpoint: PathBuf,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Options as they were given.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Owner of its root; absent: whoever the image says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group of its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Made for one container without a name given, and removed with it.
    #[serde(default)]
    pub anonymous: bool,
    /// The boot at the end of which it is garbage, for it was made for a container that is to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
}

/// What `volume create` asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its name; absent: one is made up.
    pub name: Option<String>,
    /// `local` (also if empty) or `image`.
    pub driver: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options.
    pub options: BTreeMap<String, String>,
    /// Owner of its root.
    pub uid: Option<u32>,
    /// Group of its root.
    pub gid: Option<u32>,
    /// Removed with its container.
    pub anonymous: bool,
    /// The boot that its container cannot outlive.
    pub boot: Option<String>,
}

impl Wanted {
    /// Whether any volume of its name will do: nothing is said of it.
    fn asks_for_nothing(&self) -> bool {
        let Self {
            name: _,
            driver,
            labels,
            options,
            uid,
            gid,
            anonymous: _,
            boot: _,
        } = self;
        matches!(driver.as_str(), "" | "local")
            && labels.is_empty()
            && options.is_empty()
            && uid.is_none()
            && gid.is_none()
    }
}

/// What came of [`create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New(Volume),
    /// With `ignore`: it was there just like this.
    Same(Volume),
    /// With `ignore`: it was there, and its definition was brought up to date; its content is untouched.
    Updated(Volume),
}

impl Created {
    /// The volume.
    pub fn volume(self) -> Volume {
        match self {
            Self::New(volume) | Self::Same(volume) | Self::Updated(volume) => volume,
        }
    }
}

impl Volume {
    /// What its options mean.
    pub fn parsed_options(&self) -> Result<Options, VolumeError> {
        Options::parse(&self.driver, &self.options)
    }

    /// Owner and group of its root, as far as they were given.
    pub fn owner(&self) -> Result<(Option<u32>, Option<u32>), VolumeError> {
        let options = self.parsed_options()?;
        Ok((self.uid.or(options.uid), self.gid.or(options.gid)))
    }

    /// The image that an `image` volume shows; the container's setup mounts it.
    pub fn image(&self) -> Option<&str> {
        if self.driver == "image" {
            self.options.get("image").map(String::as_str)
        } else {
            None
        }
    }

    /// What is garbage after the boot need not reach the disk in it.
    pub(super) fn durability(&self) -> Durability {
        if self.boot.is_some() {
            Durability::ThisBoot
        } else {
            Durability::Synced
        }
    }

    /// Its directory in the store.
    pub(super) fn directory(&self, store: &Store) -> PathBuf {
        directory(store, &self.name)
    }
}

/// Makes a volume. With `ignore`, one that exists keeps its content and takes the definition asked for, if any is.
pub fn create(store: &Store, wanted: &Wanted, ignore: bool) -> Result<Created, VolumeError> {
    let volume = complete(store, wanted)?;
    let _lock = Lock::acquire(store, "volume", &volume.name)?;
    match load(store, &volume.name)? {
        None if volume.mountpoint.is_dir() && record_of(store, &volume.name).exists() => {
            // Damaged: what is in the volume is as it was.
            write(store, &volume)?;
            Ok(Created::New(volume))
        }
        None => {
            make(store, &volume)?;
            Ok(Created::New(volume))
        }
        Some(_) if !ignore => Err(VolumeError::Exists(volume.name)),
        Some(existing) if wanted.asks_for_nothing() => Ok(Created::Same(existing)),
        Some(existing) => {
            let volume = Volume {
                created: existing.created.clone(),
                ..volume
            };
            if volume == existing {
                return Ok(Created::Same(existing));
            }
            let owner = volume.owner()?;
            if owner != existing.owner()? && !volume.parsed_options()?.is_mounted() {
                own(&volume.mountpoint, owner)?;
            }
            write(store, &volume)?;
            Ok(Created::Updated(volume))
        }
    }
}

/// The volume with this very name.
pub fn find_exact(store: &Store, name: &str) -> Result<Option<Volume>, VolumeError> {
    check_name(name)?;
    load(store, name)
}

/// The volume with this name, or with this unique start of a name.
pub fn find(store: &Store, name: &str) -> Result<Volume, VolumeError> {
    if let Some(volume) = check_name(name)
        .is_ok()
        .then(|| load(store, name))
        .transpose()?
        .flatten()
    {
        return Ok(volume);
    }
    let mut matching = list(store)?
        .into_iter()
        .filter(|v| !name.is_empty() && v.name.starts_with(name));
    match (matching.next(), matching.next()) {
        (Some(volume), None) => Ok(volume),
        (Some(_), Some(_)) => Err(VolumeError::invalid(
            "name",
            name,
            "more than one volume begins with it",
        )),
        (None, _) => Err(VolumeError::NotFound(name.into())),
    }
}

/// All volumes by name.
pub fn list(store: &Store) -> Result<Vec<Volume>, VolumeError> {
    let names = names_in(&store.volumes())?;
    let volumes = names.iter().filter(|name| check_name(name).is_ok());
    volumes.filter_map(|name| load(store, name).transpose()).collect()
}

/// Removes a volume with its content. `users` are the containers that use it; unless forced, there must be none.
///
/// It leaves its place in one step: killed in the middle, there is a volume or there is none.
pub fn remove(store: &Store, name: &str, users: &[String], force: bool) -> Result<(), VolumeError> {
    let name = match find(store, name) {
        Err(VolumeError::NotFound(_)) if check_name(name).is_ok() && record_of(store, name).exists() => name.to_owned(),
        found => found?.name,
    };
    if !users.is_empty() && !force {
        return Err(VolumeError::InUse {
            name,
            users: users.to_vec(),
        });
    }
    let lock = Lock::acquire(store, "volume", &name)?;
    let dir = directory(store, &name);
    detach(&dir.join("_data"))?;
    Scratch::discard(store, &dir)?;
    sweep_tmp(store)?;
    // Each start of a container may have volumes without names: their locks would add up.
    Ok(lock.retire()?)
}

/// Removes what is no volume among the volumes, for whoever removed or made it was killed. Returns how many there were.
///
/// # Errors
/// The volumes cannot be listed, or something cannot be removed.
pub fn sweep(store: &Store) -> Result<usize, VolumeError> {
    let mut swept = 0;
    for name in names_in(&store.volumes())? {
        let dir = directory(store, &name);
        if dir.join(RECORD).exists() {
            continue;
        }
        // Nobody is making it.
        let lock = Lock::acquire(store, "volume", &name)?;
        if !dir.join(RECORD).exists() {
            detach(&dir.join("_data"))?;
            Scratch::discard(store, &dir)?;
            swept += 1;
        }
        lock.retire()?;
    }
    sweep_tmp(store)?;
    Ok(swept)
}

/// Removes the volumes without names that `--rm` containers of earlier boots have left. `used` says of a name whether a
/// container has it.
///
/// # Errors
/// The volumes cannot be listed, or one cannot be removed.
pub fn sweep_earlier_boots(store: &Store, used: impl Fn(&str) -> bool) -> Result<(), VolumeError> {
    for volume in list(store)? {
        let is_old = volume.boot.as_deref().is_some_and(|boot| boot != store.stamp());
        if is_old && !used(&volume.name) {
            remove_anonymous(store, &volume.name)?;
        }
    }
    Ok(())
}

/// Removes a volume that was made for one container, at that container's end. One that is gone already is fine, and one that
/// has a name of its own is left alone.
pub fn remove_anonymous(store: &Store, name: &str) -> Result<(), VolumeError> {
    check_name(name)?;
    match load(store, name)? {
        Some(volume) if volume.anonymous => remove(store, name, &[], false),
        _ => Ok(()),
    }
}

/// Podman's rule for names, which also keeps them inside their directory.
pub fn check_name(name: &str) -> Result<(), VolumeError> {
    if id::is_name(name, 250) {
        return Ok(());
    }
    Err(VolumeError::invalid(
        "name",
        name,
        "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
    ))
}

fn directory(store: &Store, name: &str) -> PathBuf {
    store.volumes().join(name)
}

pub(super) fn record_of(store: &Store, name: &str) -> PathBuf {
    directory(store, name).join(RECORD)
}

fn load(store: &Store, name: &str) -> Result<Option<Volume>, VolumeError> {
    Ok(undamaged(read_json(&record_of(store, name)))?)
}

fn write(store: &Store, volume: &Volume) -> Result<(), VolumeError> {
    Ok(write_json(
        &volume.directory(store).join(RECORD),
        volume,
        Durability::Synced,
    )?)
}

fn complete(store: &Store, wanted: &Wanted) -> Result<Volume, VolumeError> {
    let Wanted {
        name,
        driver,
        labels,
        options,
        uid,
        gid,
        anonymous,
        boot,
    } = wanted;
    let name = name.clone().unwrap_or_else(|| id::random_hex(32));
    check_name(&name)?;
    let driver = match driver.as_str() {
        "" | "local" => "local",
        "image" => "image",
        other => return Err(VolumeError::Driver(other.into())),
    };
    let volume = Volume {
        mountpoint: directory(store, &name).join("_data"),
        name,
        driver: driver.into(),
        created: jiff::Timestamp::now().to_string(),
        labels: labels.clone(),
        options: options.clone(),
        uid: *uid,
        gid: *gid,
        anonymous: *anonymous,
        boot: boot.clone(),
    };
    volume.parsed_options()?;
    Ok(volume)
}

/// Puts a new volume in its place in one step: a directory with its record is a volume, one without is what an earlier version
/// was killed at.
fn make(store: &Store, volume: &Volume) -> Result<(), VolumeError> {
    let scratch = Scratch::dir(store)?;
    let data = scratch.path().join("_data");
    create_private(&data, Durability::ThisBoot)?;
    // In the container it is a directory like any other; on the host nobody gets there.
    set_mode(&data, 0o755)?;
    own(&data, volume.owner()?)?;
    write_json(&scratch.path().join(RECORD), volume, volume.durability())?;
    let place = volume.directory(store);
    if place.exists() {
        Scratch::discard(store, &place)?;
    }
    Ok(scratch.place(&place, volume.durability())?)
}

pub(super) fn own(path: &Path, (uid, gid): (Option<u32>, Option<u32>)) -> Result<(), VolumeError> {
    if uid.is_some() || gid.is_some() {
        chown(path, uid, gid).map_err(StoreError::io("change the owner of", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use unipod_store::testing::store;

    fn wanted(name: &str) -> Wanted {
        Wanted {
            name: Some(name.into()),
            ..Wanted::default()
        }
    }

    #[test]
    fn a_volume_is_created_once_found_and_removed() {
        let (_dir, store) = store();
        let volume = create(&store, &wanted("web-data"), false).unwrap().volume();
        assert!(volume.mountpoint.is_dir());
        assert!(matches!(
            create(&store, &wanted("web-data"), false),
            Err(VolumeError::Exists(_))
        ));
        assert_eq!(find(&store, "web").unwrap(), volume);
        assert!(matches!(
            remove(&store, "web-data", &["c".into()], false),
            Err(VolumeError::InUse { .. })
        ));
        remove(&store, "web-data", &[], false).unwrap();
        assert!(matches!(find(&store, "web-data"), Err(VolumeError::NotFound(_))));
        assert!(!volume.mountpoint.exists());
        assert_eq!(fs::read_dir(store.locks()).unwrap().count(), 0);
    }

    #[test]
    fn an_edited_definition_is_applied_and_the_content_stays() {
        let (_dir, store) = store();
        let volume = create(&store, &wanted("v"), true).unwrap().volume();
        fs::write(volume.mountpoint.join("file"), "content").unwrap();
        assert!(matches!(create(&store, &wanted("v"), true).unwrap(), Created::Same(_)));
        let labelled = Wanted {
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..wanted("v")
        };
        let Created::Updated(updated) = create(&store, &labelled, true).unwrap() else {
            panic!("not updated")
        };
        assert_eq!((updated.created, updated.labels), (volume.created, labelled.labels));
        assert_eq!(fs::read_to_string(volume.mountpoint.join("file")).unwrap(), "content");
    }

    #[test]
    fn what_a_killed_removal_left_is_no_volume_and_its_content_does_not_come_back() {
        let (_dir, store) = store();
        let volume = create(&store, &wanted("v"), false).unwrap().volume();
        fs::write(volume.mountpoint.join("secret"), "").unwrap();
        fs::remove_file(store.volumes().join("v/volume.json")).unwrap();
        assert!(list(&store).unwrap().is_empty());
        create(&store, &wanted("v"), false).unwrap();
        assert_eq!(fs::read_dir(&volume.mountpoint).unwrap().count(), 0);
    }

    #[test]
    fn names_cannot_leave_their_directory() {
        let (_dir, store) = store();
        for bad in ["", "..", "../x", "a/b", ".a"] {
            assert!(create(&store, &wanted(bad), false).is_err(), "{bad}");
            assert!(find(&store, bad).is_err(), "{bad}");
        }
        let made_up = create(&store, &Wanted::default(), false).unwrap().volume();
        assert_eq!(made_up.name.len(), 64);
    }
}
