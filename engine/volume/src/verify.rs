//! Whether volumes are volumes: records that can be read, and directories that have one.

use super::record::{self, Volume, Wanted};
use super::{VolumeError, sweep};
use unipod_store::problem::{Problem, misread};
use unipod_store::{Store, StoreError, create_private, names_in, read_json, set_mode};

/// Everything that is wrong. What is in a volume is never removed for it.
///
/// # Errors
/// The volumes cannot be listed.
pub fn problems(store: &Store) -> Result<Vec<Problem<'_>>, VolumeError> {
    let mut problems = Vec::new();
    for name in names_in(&store.volumes())? {
        let path = record::record_of(store, &name);
        problems.extend(match read_json::<Volume>(&path) {
            Ok(None) => Some(without_record(store, &name)),
            Ok(Some(volume)) => without_content(store, volume),
            Err(error) => Some(damaged(store, name, &error)),
        });
    }
    Ok(problems)
}

fn without_record<'a>(store: &'a Store, name: &str) -> Problem<'a> {
    let place = store.volumes().join(name);
    let remedy = "remove it: unipod system check --repair";
    Problem::new(format!("volume {name}"), &place, "is what is left of one", remedy).repaired_by(|| {
        sweep(store)?;
        Ok::<_, VolumeError>("removed".to_owned())
    })
}

fn without_content(store: &Store, volume: Volume) -> Option<Problem<'_>> {
    if volume.mountpoint.is_dir() {
        return None;
    }
    let place = volume.mountpoint.clone();
    let remedy = "make it anew, empty: unipod system check --repair";
    let problem = Problem::new(format!("volume {}", volume.name), &place, "is missing", remedy);
    Some(problem.repaired_by(move || {
        create_private(&volume.mountpoint, volume.durability())?;
        set_mode(&volume.mountpoint, 0o755)?;
        record::own(&volume.mountpoint, volume.owner()?)?;
        // Then it is filled again as a new one is.
        unipod_store::remove_tree(&volume.directory(store).join("populated"))?;
        Ok::<_, VolumeError>("made anew, empty".to_owned())
    }))
}

fn damaged<'a>(store: &'a Store, name: String, error: &StoreError) -> Problem<'a> {
    let why = misread(error);
    let remedy = format!("unipod volume create {name}, with its options, keeps what is in it");
    let place = record::record_of(store, &name);
    Problem::new(format!("volume {name}"), &place, why, remedy).removed_by(move || {
        let wanted = Wanted {
            name: Some(name.clone()),
            ..Wanted::default()
        };
        record::create(store, &wanted, true)?;
        Ok::<_, VolumeError>("made anew, with what is in it, without options and labels".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use unipod_store::testing::store;

    #[test]
    fn what_is_in_a_volume_outlives_its_record() {
        let (_dir, store) = store();
        for name in ["damaged", "emptied", "rest", "sound"] {
            let wanted = Wanted {
                name: Some(name.to_owned()),
                ..Wanted::default()
            };
            record::create(&store, &wanted, false).unwrap();
            fs::write(store.volumes().join(name).join("_data/file"), name).unwrap();
        }
        fs::write(record::record_of(&store, "damaged"), "{").unwrap();
        fs::remove_dir_all(store.volumes().join("emptied/_data")).unwrap();
        fs::remove_file(record::record_of(&store, "rest")).unwrap();
        let found = problems(&store).unwrap();
        let names: Vec<_> = found.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(names, ["volume damaged", "volume emptied", "volume rest"]);
        for problem in &found {
            problem.repair.as_ref().or(problem.removal.as_ref()).unwrap()().unwrap();
        }
        assert_eq!(problems(&store).unwrap().len(), 0);
        assert_eq!(
            fs::read(store.volumes().join("damaged/_data/file")).unwrap(),
            b"damaged"
        );
        assert!(store.volumes().join("emptied/_data").is_dir() && !store.volumes().join("rest").exists());
    }
}
