//! Taking names away, and with the last one the image: `rmi`, `untag`, `image prune`.
//!
//! Records go first, then the layers and blobs that no record names any more. A pull holds a share of the lock
//! `("store", "gc")` while its content has no record yet; while one runs, nothing is collected, and the next collection
//! takes what was left.
//!
//! Which images are used is asked when no container can begin to use one: a start has a share of the records' lock from the
//! look at its image's record until its own is written ([`records::keep`]).

use std::collections::HashSet;

use super::records::{self, Record};
use super::{ImageError, find, layers};
use unipod_store::{self as store, Durability, Lock, Store, StoreError, names_in, sweep_tmp};

/// Tells the IDs of the images that containers use, running or not.
pub type Used<'a> = &'a dyn Fn() -> Result<Vec<String>, StoreError>;

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// References that are gone.
    pub untagged: Vec<String>,
    /// IDs of images that are gone.
    pub deleted: Vec<String>,
}

/// Removes the reference `name`, and the image if it was the last one; an ID removes the image with all its names.
///
/// An image that is `used` is refused; with `force` it loses its names and stays until it is pruned.
///
/// # Errors
/// There is no such image, it is in use, or an ID names an image with several names and `force` is not given.
pub fn remove(store: &Store, name: &str, used: Used<'_>, force: bool) -> Result<Removed, ImageError> {
    let lock = records::lock(store)?;
    let record = find::find_record(store, name)?.ok_or_else(|| ImageError::NotFound { name: name.to_owned() })?;
    let mut records = records::all(store)?;
    records.retain(|other| other.id == record.id);
    let by_id = find::is_id_of(name, &record);
    if by_id && records.len() > 1 && !force {
        let names = records.into_iter().filter_map(|r| r.name).collect();
        return Err(ImageError::SeveralNames { id: record.id, names });
    }
    if !by_id && records.len() > 1 {
        records.retain(|other| other.name == record.name);
        drop_names(store, &records)?;
        return Ok(Removed {
            untagged: names_of(&records),
            deleted: Vec::new(),
        });
    }
    let in_use = used()?.contains(&record.id);
    if in_use && !force {
        return Err(ImageError::InUse {
            name: name.to_owned(),
            id: record.id,
        });
    }
    if in_use {
        write_nameless(store, &record)?;
    }
    drop_names(store, &records)?;
    if !in_use {
        store::remove_tree(&records::path(store, &record.id))?;
    }
    drop(lock);
    collect(store)?;
    let deleted = if in_use { Vec::new() } else { vec![record.id] };
    Ok(Removed {
        untagged: names_of(&records),
        deleted,
    })
}

/// Gives an image another name.
///
/// # Errors
/// There is no such image.
pub fn tag(store: &Store, name: &str, new: &str) -> Result<(), ImageError> {
    let lock = records::lock(store)?;
    let record = find::find_record(store, name)?.ok_or_else(|| ImageError::NotFound { name: name.to_owned() })?;
    let name = Some(find::qualify_local(new)?);
    records::write(store, &Record { name, ..record }, &lock)
}

/// Takes names from an image, all if none are given. The image stays.
///
/// # Errors
/// There is no such image, or it does not have one of the names.
pub fn untag(store: &Store, name: &str, names: &[String]) -> Result<(), ImageError> {
    let _lock = records::lock(store)?;
    let record = find::find_record(store, name)?.ok_or_else(|| ImageError::NotFound { name: name.to_owned() })?;
    let mut own = records::all(store)?;
    own.retain(|other| other.id == record.id && other.name.is_some());
    let mut going = own.clone();
    if !names.is_empty() {
        let mut wanted = HashSet::new();
        for name in names {
            let found = find::local_candidates(name)
                .into_iter()
                .find(|c| own.iter().any(|o| o.name.as_ref() == Some(c)));
            wanted.insert(found.ok_or_else(|| ImageError::NotFound { name: name.clone() })?);
        }
        going.retain(|record| record.name.as_ref().is_some_and(|name| wanted.contains(name)));
    }
    if going.len() == own.len() {
        write_nameless(store, &record)?;
    }
    drop_names(store, &going)
}

/// Removes images without name, or with `all` every image that no container uses, and then what no record names.
///
/// # Errors
/// A record cannot be removed.
pub fn prune(store: &Store, used: Used<'_>, all: bool, keep: impl Fn(&Record) -> bool) -> Result<Removed, ImageError> {
    let lock = records::lock(store)?;
    let used = used()?;
    let mut going = records::all(store)?;
    going.retain(|record| (all || record.name.is_none()) && !used.contains(&record.id) && !keep(record));
    drop_names(store, &going)?;
    let mut deleted: Vec<String> = going.iter().map(|record| record.id.clone()).collect();
    deleted.sort();
    deleted.dedup();
    for id in &deleted {
        store::remove_tree(&records::path(store, id))?;
    }
    drop(lock);
    collect(store)?;
    Ok(Removed {
        untagged: names_of(&going),
        deleted,
    })
}

/// Removes layers and blobs that no record names, and abandoned work. Does nothing while a pull runs, or while a record
/// cannot be read: what it names is not known.
///
/// # Errors
/// Something cannot be removed.
pub fn collect(store: &Store) -> Result<(), ImageError> {
    let Some(_lock) = Lock::try_acquire(store, "store", "gc")? else {
        return Ok(());
    };
    // A directory that changes while it is read may show neither of two records for the same image.
    let (records, damaged) = {
        let _lock = records::lock(store)?;
        records::all_and_damaged(store)?
    };
    if damaged > 0 {
        return Ok(());
    }
    let keep: HashSet<&str> = records
        .iter()
        .flat_map(|r| r.layers.iter().chain(&r.blobs))
        .map(|d| hex_of(d))
        .collect();
    let is_garbage =
        |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) && !keep.contains(name);
    for name in names_in(&store.layers())? {
        let layer = layers::owner(&name);
        if is_garbage(layer) {
            layers::remove(store, layer)?;
        }
    }
    for blob in names_in(&store.blobs())?.iter().filter(|name| is_garbage(name)) {
        store::remove_tree(&store.blobs().join(blob))?;
    }
    sweep_tmp(store)?;
    Ok(())
}

fn write_nameless(store: &Store, record: &Record) -> Result<(), ImageError> {
    let nameless = Record {
        name: None,
        ..record.clone()
    };
    Ok(store::write_json(
        &records::path(store, &record.id),
        &nameless,
        Durability::Synced,
    )?)
}

fn drop_names(store: &Store, records: &[Record]) -> Result<(), ImageError> {
    for name in records.iter().filter_map(|record| record.name.as_deref()) {
        store::remove_tree(&records::path(store, name))?;
    }
    Ok(())
}

fn names_of(records: &[Record]) -> Vec<String> {
    records.iter().filter_map(|record| record.name.clone()).collect()
}

fn hex_of(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Image;
    use crate::testing::Lab;

    const UNUSED: Used<'static> = &|| Ok(Vec::new());
    const A: &str = "localhost/a:latest";
    const B: &str = "localhost/b:latest";

    fn counts(lab: &Lab) -> (usize, usize) {
        let layers = names_in(&lab.store.layers()).unwrap();
        (
            layers.iter().filter(|l| l.len() == 64).count(),
            names_in(&lab.store.blobs()).unwrap().len(),
        )
    }

    #[test]
    fn the_last_name_takes_the_image_along_but_not_what_others_share() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        lab.image(B, "b");
        tag(&lab.store, "a", "other").unwrap();
        assert_eq!(counts(&lab), (3, 7));
        let removed = remove(&lab.store, "a", UNUSED, false).unwrap();
        assert_eq!(
            removed,
            Removed {
                untagged: vec![A.into()],
                deleted: vec![]
            }
        );
        assert_eq!(counts(&lab), (3, 7));
        let removed = remove(&lab.store, "other", UNUSED, false).unwrap();
        assert_eq!(
            removed,
            Removed {
                untagged: vec!["localhost/other:latest".into()],
                deleted: vec![a.id]
            }
        );
        assert_eq!(counts(&lab), (2, 4));
        find::find(&lab.store, B).unwrap().unwrap();
        assert!(matches!(
            remove(&lab.store, "a", UNUSED, false),
            Err(ImageError::NotFound { .. })
        ));
        remove(&lab.store, B, UNUSED, false).unwrap();
        assert_eq!(counts(&lab), (0, 0));
        assert_eq!(names_in(&lab.store.layers()).unwrap(), [""; 0]);
    }

    #[test]
    fn an_id_takes_all_names_along_when_forced() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        tag(&lab.store, "a", "other").unwrap();
        let error = remove(&lab.store, &a.id[7..19], UNUSED, false).unwrap_err();
        assert!(matches!(error, ImageError::SeveralNames { .. }), "{error}");
        let removed = remove(&lab.store, &a.id[7..19], UNUSED, true).unwrap();
        assert_eq!((removed.untagged.len(), removed.deleted.len()), (2, 1));
        assert_eq!(counts(&lab), (0, 0));
    }

    #[test]
    fn an_image_in_use_keeps_its_content() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        let used = vec![a.id.clone()];
        assert!(matches!(
            remove(&lab.store, A, &|| Ok(used.clone()), false),
            Err(ImageError::InUse { .. })
        ));
        let removed = remove(&lab.store, A, &|| Ok(used.clone()), true).unwrap();
        assert_eq!(
            removed,
            Removed {
                untagged: vec![A.into()],
                deleted: vec![]
            }
        );
        assert!(find::find(&lab.store, &a.id).unwrap().is_some());
        assert_eq!(
            prune(&lab.store, &|| Ok(used.clone()), true, |_| false).unwrap(),
            Removed::default()
        );
        assert_eq!(prune(&lab.store, UNUSED, false, |_| false).unwrap().deleted, [a.id]);
        assert_eq!(counts(&lab), (0, 0));
    }

    /// Does `remove` while a container is about to be recorded; tells what it does once that is done.
    fn beside_a_start<T: Send>(lab: &Lab, image: Image, remove: impl FnOnce(Used<'_>) -> T + Send) -> T {
        let id = image.id.clone();
        let users = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let (_, lock) = records::keep(&lab.store, image, || Err(ImageError::NotFound { name: A.into() })).unwrap();
            let removal = scope.spawn(|| remove(&|| Ok(users.lock().unwrap().clone())));
            std::thread::sleep(std::time::Duration::from_millis(50));
            users.lock().unwrap().push(id);
            drop(lock);
            removal.join().unwrap()
        })
    }

    #[test]
    fn no_image_goes_while_a_container_is_made_of_it() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        let removed = beside_a_start(&lab, a.clone(), |used| remove(&lab.store, A, used, false));
        assert!(matches!(removed, Err(ImageError::InUse { .. })), "{removed:?}");
        let pruned = beside_a_start(&lab, a, |used| prune(&lab.store, used, true, |_| false));
        assert_eq!(pruned.unwrap(), Removed::default());
        assert_eq!(counts(&lab), (2, 4));
    }

    #[test]
    fn an_image_that_was_removed_before_it_could_be_kept_is_found_again() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        lab.image(A, "b");
        let never = || -> Result<Image, ImageError> { panic!("it is still there, without a name") };
        records::keep(&lab.store, a.clone(), never).unwrap();
        prune(&lab.store, UNUSED, true, |_| false).unwrap();
        let (kept, _lock) = records::keep(&lab.store, a, || Ok::<_, ImageError>(lab.image(A, "c"))).unwrap();
        assert!(kept.layers.iter().all(|layer| layer.is_dir()));
    }

    #[test]
    fn no_name_is_given_to_an_image_that_goes() {
        let lab = Lab::new();
        lab.image(A, "a");
        std::thread::scope(|scope| {
            let lock = records::lock(&lab.store).unwrap();
            let tag = scope.spawn(|| tag(&lab.store, A, "other"));
            std::thread::sleep(std::time::Duration::from_millis(50));
            store::remove_tree(&records::path(&lab.store, A)).unwrap();
            drop(lock);
            assert!(matches!(tag.join().unwrap(), Err(ImageError::NotFound { .. })));
        });
        assert!(find::find_record(&lab.store, "other").unwrap().is_none());
    }

    #[test]
    fn untag_and_prune() {
        let lab = Lab::new();
        let a = lab.image(A, "a");
        let b = lab.image(B, "b");
        tag(&lab.store, "a", "other").unwrap();
        untag(&lab.store, "a", &["other".into()]).unwrap();
        assert!(matches!(
            untag(&lab.store, "a", &["b".into()]),
            Err(ImageError::NotFound { .. })
        ));
        untag(&lab.store, "a", &[]).unwrap();
        assert_eq!(find::find(&lab.store, &a.id).unwrap().unwrap().names, [""; 0]);
        assert_eq!(prune(&lab.store, UNUSED, false, |_| false).unwrap().deleted, [a.id]);
        assert_eq!(prune(&lab.store, UNUSED, false, |_| false).unwrap(), Removed::default());
        assert_eq!(prune(&lab.store, UNUSED, true, |_| false).unwrap().deleted, [b.id]);
    }

    #[test]
    fn nothing_is_collected_while_a_pull_runs() {
        let lab = Lab::new();
        let pull = Lock::acquire_shared(&lab.store, "store", "gc").unwrap();
        let manifest = lab.manifest("pulled");
        collect(&lab.store).unwrap();
        assert_eq!(counts(&lab), (2, 4));
        records::commit(&lab.store, A, &manifest).unwrap();
        drop(pull);
        lab.manifest("given up");
        collect(&lab.store).unwrap();
        assert_eq!(counts(&lab), (2, 4));
        find::find(&lab.store, A).unwrap().unwrap();
    }
}
