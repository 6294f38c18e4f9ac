//! Whether the records of containers can be read and lead to what they name, and whether anything is left of containers that
//! are gone.

use std::collections::HashSet;

use super::process::Process;
use super::record::{self, Record, State};
use super::{ContainerError, leftover, mount_points, remove};
use unipod_image::{self as image, Progress, PullOptions, records};
use unipod_network as network;
use unipod_runtime::oci;
use unipod_store::problem::{Problem, misread};
use unipod_store::{self as store, Store, StoreError, names_in, read_json};

/// Everything that is wrong.
///
/// # Errors
/// The store cannot be read.
pub fn problems<'a>(store: &'a Store, progress: &'a dyn Progress) -> Result<Vec<Problem<'a>>, ContainerError> {
    // A record is there before anything else of its container is, and longer.
    let directories = directories(store)?;
    let damaged = damaged_records(store)?;
    let records = record::list(store)?;
    let images: HashSet<String> = records::all(store)?.into_iter().map(|image| image.id).collect();
    let mut problems = Vec::new();
    if damaged.is_empty() {
        let ids: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        let left = directories.into_iter().filter(|id| !ids.contains(id.as_str()));
        problems.extend(left.map(|id| leavings(store, id)));
    }
    problems.extend(damaged);
    problems.extend(mount_points(store));
    for record in records {
        if leftover::is_leftover(&record) && !leftover::is_at_work(store, &record)? {
            problems.push(leftover(store, record));
        } else if let Some(used) = record.image.as_ref().filter(|used| !images.contains(&used.id)) {
            let name = used.name.clone();
            problems.push(without_image(store, record, name, progress));
        }
    }
    Ok(problems)
}

/// The images that are mounted, each with the name of the container that has it: one that runs, or is about to.
///
/// # Errors
/// The store cannot be read.
pub fn mounted_images(store: &Store) -> Result<Vec<(String, String)>, StoreError> {
    let mut mounted = Vec::new();
    for record in record::list(store)? {
        if record.state() == State::Running || leftover::is_at_work(store, &record)? {
            mounted.extend(record.images().map(|image| (image.clone(), record.name.clone())));
        }
    }
    Ok(mounted)
}

/// The IDs of containers that have a directory.
fn directories(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    for dir in [
        store.bundle(""),
        store.container_data("", true),
        store.container_data("", false),
    ] {
        let names = names_in(&dir)?;
        ids.extend(
            names
                .into_iter()
                .filter(|name| name.len() == 64 && !ids.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    Ok(ids)
}

fn damaged_records(store: &Store) -> Result<Vec<Problem<'_>>, StoreError> {
    let mut problems = Vec::new();
    for ephemeral in [true, false] {
        let dir = store.container_records(ephemeral);
        for file in names_in(&dir)? {
            let (path, Some(name)) = (dir.join(&file), file.strip_suffix(".json")) else {
                continue;
            };
            let Err(error) = read_json::<Record>(&path) else {
                continue;
            };
            let why = misread(&error);
            let remedy = format!("make it anew: unipod create --name {name}; --repair --force removes the record");
            let place = path.clone();
            problems.push(
                Problem::new(format!("container {name}"), &path, why, remedy)
                    .removed_by(move || store::remove_record(&place).map(|()| "removed the record".to_owned())),
            );
        }
    }
    Ok(problems)
}

/// What lies below the images of all containers.
fn mount_points(store: &Store) -> Option<Problem<'_>> {
    let (place, why) = mount_points::damage(store)?;
    let remedy = "make it anew: unipod system check --repair";
    Some(
        Problem::new("directory of mount points", &place, why, remedy).repaired_by(|| {
            // No container comes to use it as long as this is held.
            let _records = records::lock(store)?;
            if let Some((_, user)) = mounted_images(store)?.into_iter().next() {
                return Err(ContainerError::Improper(format!("{user} runs, stop it first")));
            }
            mount_points::replace(store)?;
            Ok("made anew".to_owned())
        }),
    )
}

/// What is there of a container that has no record. Nobody ends its process without being told to.
fn leavings(store: &Store, id: String) -> Problem<'_> {
    let init = Process::written_in(&oci::pid_file(&store.bundle(&id)));
    let places = [
        store.bundle(&id),
        store.container_data(&id, true),
        store.container_data(&id, false),
    ];
    let place = places.iter().find(|place| place.exists()).unwrap_or(&places[0]);
    if let Some(init) = init {
        let why = format!("is of a container without a record, and its process {} runs", init.pid);
        let remedy = "end that process, then check again";
        return Problem::new(format!("container {id}"), place, why, remedy);
    }
    let remedy = "remove it: unipod system check --repair";
    Problem::new(format!("container {id}"), place, "is what is left of one", remedy).repaired_by(move || {
        let network = network::teardown(store, &id);
        places.iter().try_for_each(|place| store::remove_tree(place))?;
        network?;
        Ok::<_, ContainerError>("removed".to_owned())
    })
}

fn leftover(store: &Store, record: Record) -> Problem<'_> {
    let place = store
        .container_records(record.lifecycle.rm)
        .join(format!("{}.json", record.name));
    let why = "is of a container that was to be removed at its end, which has come";
    let remedy = "remove it: unipod system check --repair";
    Problem::new(format!("container {}", record.name), &place, why, remedy).repaired_by(move || {
        remove::clean_up(store, &record, None)?;
        Ok::<_, ContainerError>("removed".to_owned())
    })
}

fn without_image<'a>(store: &'a Store, record: Record, image: String, progress: &'a dyn Progress) -> Problem<'a> {
    let place = store
        .container_records(record.lifecycle.rm)
        .join(format!("{}.json", record.name));
    let why = format!("names the image {image}, which is not there");
    let what = format!("container {}", record.name);
    let remedy = format!("pull it again: unipod pull {image}");
    let id = record.image.as_ref().map(|used| used.id.clone()).unwrap_or_default();
    Problem::new(what, &place, why, remedy)
        .repaired_by(move || {
            let found = image::ensure(store, &image, &PullOptions::default(), progress)?;
            if found.id == id {
                Ok("pulled again".to_owned())
            } else {
                Err(ContainerError::ImageGone(format!("{image} ({id})")))
            }
        })
        .removed_by(move || {
            remove::remove(store, &record, remove::RemoveOptions::default())?;
            Ok::<_, ContainerError>("removed the container".to_owned())
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::record::ImageUse;
    use super::super::record::tests::record;
    use super::*;
    use unipod_image::Silent;
    use unipod_store::testing::store;

    #[test]
    fn what_leads_nowhere_is_told_and_what_is_left_goes() {
        let (_dir, store) = store();
        let mut kept = record("kept");
        kept.lifecycle.rm = false;
        kept.image = Some(ImageUse {
            id: "sha256:1".into(),
            manifest_digest: "sha256:2".into(),
            name: "localhost/gone:1".into(),
        });
        kept.save(&store).unwrap();
        record("dead").save(&store).unwrap();
        let left = store.container_data(&"a".repeat(64), false);
        fs::create_dir_all(left.join("upper")).unwrap();
        let found = problems(&store, &Silent).unwrap();
        let names: Vec<_> = found.iter().map(|problem| problem.what.clone()).collect();
        assert_eq!(names[0], format!("container {}", "a".repeat(64)));
        assert_eq!(names[1..].iter().collect::<HashSet<_>>().len(), 2, "{names:?}");
        for problem in found.iter().filter(|problem| problem.removal.is_none()) {
            problem.repair.as_ref().unwrap()().unwrap();
        }
        assert!(!left.exists() && record::by_name(&store, "dead").unwrap().is_none());
        fs::write(store.container_records(true).join("bad.json"), "{").unwrap();
        for problem in problems(&store, &Silent).unwrap() {
            problem.removal.as_ref().unwrap()().unwrap();
        }
        assert_eq!(problems(&store, &Silent).unwrap().len(), 0);
    }
}
