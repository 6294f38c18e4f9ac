//! Which images there are: one small record per reference in `images/`, naming content by digest.
//!
//! ```text
//! images/docker.io%2flibrary%2fnginx:latest.json   a reference
//! images/sha256:HEX.json                           an image that lost its last name, until it is pruned
//! ```
//!
//! A record is written after everything it names is there. It lists its blobs and layers itself, so that
//! [`super::remove`] knows what is in use without reading any of it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oci_spec::image::{ImageConfiguration, ImageManifest};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Image, ImageError, layers};
use unipod_store::{self as store, Durability, Lock, Store, StoreError};

/// What a reference points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The reference, fully qualified with tag or digest; `None` for an image without name.
    pub name: Option<String>,
    /// Digest of the configuration: the image's ID.
    pub id: String,
    /// Digest of the manifest.
    pub manifest: String,
    /// All blobs, the manifest first.
    pub blobs: Vec<String>,
    /// Chain ids of the layers, lowest first.
    pub layers: Vec<String>,
    /// Bytes of the layers' files.
    pub size: u64,
    /// When it was pulled, tagged or built; RFC 3339.
    pub recorded: String,
}

/// Gives the image whose manifest is in the content store a name, in one step. The image that had the name keeps a record without one.
/// The caller holds a share of the lock `("store", "gc")` since before it asked for the first blob or layer.
///
/// # Errors
/// Manifest, configuration or a layer is missing or damaged; nothing has changed then.
pub fn commit(store: &Store, name: &str, manifest_digest: &str) -> Result<Image, ImageError> {
    let manifest: ImageManifest = parse(name, &read_blob(store, name, manifest_digest)?)?;
    let id = manifest.config().digest().to_string();
    let config: ImageConfiguration = parse(name, &read_blob(store, name, &id)?)?;
    let chain = layers::chain_ids(config.rootfs().diff_ids());
    stack(store, name, &chain)?;
    let mut size = 0;
    for layer in &chain {
        size += layers::info(store, layer)?.map_or(0, |info| info.size);
    }
    let layer_blobs = manifest.layers().iter().map(|layer| layer.digest().to_string());
    let blobs = [manifest_digest.to_owned(), id.clone()]
        .into_iter()
        .chain(layer_blobs)
        .collect();
    let record = Record {
        name: Some(name.to_owned()),
        id,
        manifest: manifest_digest.to_owned(),
        blobs,
        layers: chain,
        size,
        recorded: jiff::Timestamp::now().to_string(),
    };
    write(store, &record, &lock(store)?)?;
    load(store, &record)
}

/// Writes a record with a name. If another image had the name and has no other, it keeps a record without one.
/// The caller holds the records' lock.
pub(super) fn write(store: &Store, record: &Record, _lock: &Lock) -> Result<(), ImageError> {
    let name = record.name.as_deref().unwrap_or_default();
    if let Some(old) = read(store, name)?
        && old.id != record.id
    {
        keep_nameless(store, &old)?;
    }
    store::write_json(&path(store, name), record, Durability::Synced)?;
    // It has a name again.
    Ok(store::remove_tree(&path(store, &record.id))?)
}

/// Sees to it that `image` stays, together with what uses it: as long as the lock is held, no record goes. `again` finds it
/// once more if it is gone by now, however long that takes.
///
/// # Errors
/// The store cannot be read, or what `again` says.
pub fn keep<E: From<ImageError>>(
    store: &Store,
    mut image: Image,
    again: impl Fn() -> Result<Image, E>,
) -> Result<(Image, Lock), E> {
    loop {
        let lock = Lock::acquire_shared(store, "store", "images").map_err(ImageError::from)?;
        if is_recorded(store, &image)? {
            return Ok((image, lock));
        }
        drop(lock);
        image = again()?;
    }
}

/// A look at the record that it was found by, mostly; it may have lost that name to another image since.
fn is_recorded(store: &Store, image: &Image) -> Result<bool, ImageError> {
    let name = image.names.first().unwrap_or(&image.id);
    let is_it = |record: &Record| record.id == image.id;
    Ok(read(store, name)?.as_ref().is_some_and(is_it) || all(store)?.iter().any(is_it))
}

/// Short changes of several records are one at a time, and none while a container is recorded that is to [`keep`] its image.
///
/// # Errors
/// The lock cannot be taken.
pub fn lock(store: &Store) -> Result<Lock, StoreError> {
    Lock::acquire(store, "store", "images")
}

/// Before `record` loses its name: an image without names stays until it is pruned, since containers may use it.
pub(super) fn keep_nameless(store: &Store, record: &Record) -> Result<(), ImageError> {
    let others = all(store)?
        .into_iter()
        .any(|other| other.id == record.id && other.name != record.name);
    if others {
        return Ok(());
    }
    let nameless = Record {
        name: None,
        ..record.clone()
    };
    Ok(store::write_json(
        &path(store, &record.id),
        &nameless,
        Durability::Synced,
    )?)
}

/// The record of a fully qualified reference, or of a full image ID that has no name.
///
/// # Errors
/// The record cannot be read.
pub fn read(store: &Store, name: &str) -> Result<Option<Record>, ImageError> {
    Ok(store::undamaged(store::read_json(&path(store, name)))?)
}

/// All records, by name. A damaged one is left out with a warning: it costs its own image only.
///
/// # Errors
/// The directory cannot be read.
pub fn all(store: &Store) -> Result<Vec<Record>, ImageError> {
    Ok(all_and_damaged(store)?.0)
}

/// All images, each once: by its first name, those without name last.
///
/// # Errors
/// The directory cannot be read.
pub fn list(store: &Store) -> Result<Vec<Record>, ImageError> {
    let mut records = all(store)?;
    let mut seen = HashSet::new();
    records.sort_by_key(|record| record.name.is_none());
    records.retain(|record| seen.insert(record.id.clone()));
    Ok(records)
}

/// All records that can be read, and how many cannot.
pub(super) fn all_and_damaged(store: &Store) -> Result<(Vec<Record>, usize), ImageError> {
    let (mut records, mut damaged) = (Vec::new(), 0);
    for record in store::read_all::<Record>(&store.images())? {
        match record {
            Ok(found) => records.push(found),
            Err(error) => {
                tracing::warn!("an image is left out: {error}");
                damaged += 1;
            }
        }
    }
    let named: HashSet<String> = records
        .iter()
        .filter(|r| r.name.is_some())
        .map(|r| r.id.clone())
        .collect();
    // A process that was killed between two records may have left one without name beside one with a name.
    records.retain(|record| record.name.is_some() || !named.contains(&record.id));
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((records, damaged))
}

/// The image that a record points to, its configuration verified and its layers there. [`Image::names`] holds the record's name only.
///
/// # Errors
/// [`ImageError::Damaged`] if something it needs is missing or not what its digest says.
pub fn load(store: &Store, record: &Record) -> Result<Image, ImageError> {
    let name = record.name.as_deref().unwrap_or(&record.id);
    let config = config(store, record)?;
    let chain = layers::chain_ids(config.rootfs().diff_ids());
    Ok(Image {
        id: record.id.clone(),
        manifest_digest: record.manifest.clone(),
        names: record.name.iter().cloned().collect(),
        layers: stack(store, name, &chain)?,
        reopens_streams: chain.iter().any(|layer| layers::reopens_streams(store, layer))
            || config_names_a_stream(&config),
        config,
        size: record.size,
    })
}

/// The configuration as it is written, with what docker adds to the specification (`Healthcheck`, `OnBuild`, `Shell`).
///
/// # Errors
/// [`ImageError::Damaged`].
pub fn raw_config(store: &Store, image: &Image) -> Result<serde_json::Value, ImageError> {
    let name = image.names.first().unwrap_or(&image.id);
    parse(name, &read_blob(store, name, &image.id)?)
}

/// The image's configuration.
///
/// # Errors
/// [`ImageError::Damaged`].
pub fn config(store: &Store, record: &Record) -> Result<ImageConfiguration, ImageError> {
    let name = record.name.as_deref().unwrap_or(&record.id);
    parse(name, &read_blob(store, name, &record.id)?)
}

/// The image's manifest.
///
/// # Errors
/// [`ImageError::Damaged`].
pub fn manifest(store: &Store, record: &Record) -> Result<ImageManifest, ImageError> {
    let name = record.name.as_deref().unwrap_or(&record.id);
    parse(name, &read_blob(store, name, &record.manifest)?)
}

pub(super) fn path(store: &Store, name: &str) -> PathBuf {
    const LONGEST: usize = 200;
    let mut file = name.replace('%', "%25").replace('/', "%2f");
    if file.len() > LONGEST {
        // NAME_MAX is 255; the record itself holds the whole name.
        let digest = hex::encode(Sha256::digest(name));
        file.truncate(LONGEST - digest.len());
        file = format!("{file}%{digest}");
    }
    store.images().join(format!("{file}.json"))
}

/// `CMD ["sh", "-c", "… >/dev/stderr"]` and the like.
fn config_names_a_stream(config: &ImageConfiguration) -> bool {
    let Some(config) = config.config() else { return false };
    let words = [config.entrypoint(), config.cmd(), config.env()]
        .into_iter()
        .flatten()
        .flatten();
    words
        .into_iter()
        .any(|word| layers::streams::names_a_stream(word.as_bytes()))
}

/// Directories of the layers, lowest first. A layer whose root is opaque hides all below it; overlayfs does not look at the roots.
fn stack(store: &Store, name: &str, chain: &[String]) -> Result<Vec<PathBuf>, ImageError> {
    let mut stack = Vec::with_capacity(chain.len());
    for id in chain {
        let directory = layers::directory(store, id);
        match is_opaque(&directory) {
            Ok(opaque) => {
                if opaque {
                    stack.clear();
                }
                stack.push(directory);
            }
            Err(Errno::NOENT) => return Err(damaged(name, format!("its layer {id} is missing"))),
            Err(e) => return Err(StoreError::io("look at", &directory)(e.into()).into()),
        }
    }
    Ok(stack)
}

fn is_opaque(directory: &Path) -> rustix::io::Result<bool> {
    for key in [layers::OPAQUE_TRUSTED, layers::OPAQUE_USER] {
        match rustix::fs::lgetxattr(directory, key, &mut [0_u8; 8][..]) {
            Ok(_) => return Ok(true),
            Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(false)
}

/// A small blob, checked against its digest.
fn read_blob(store: &Store, name: &str, digest: &str) -> Result<Vec<u8>, ImageError> {
    let hex = digest
        .strip_prefix("sha256:")
        .filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let hex = hex.ok_or_else(|| damaged(name, format!("{digest:?} is no digest")))?;
    let path = store.blobs().join(hex);
    let content = match fs::read(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(damaged(name, format!("its blob {digest} is missing")));
        }
        other => other.map_err(StoreError::io("read", &path))?,
    };
    if hex::encode(Sha256::digest(&content)) == hex {
        return Ok(content);
    }
    // Out of the way, so that the next pull fetches it again.
    store::remove_tree(&path)?;
    Err(damaged(name, format!("its blob {digest} has another content")))
}

fn parse<T: for<'de> Deserialize<'de>>(name: &str, content: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(content).map_err(|e| damaged(name, format!("it cannot be understood ({e})")))
}

fn damaged(name: &str, reason: String) -> ImageError {
    ImageError::Damaged {
        name: name.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::inotify;

    use super::*;
    use crate::find;
    use crate::testing::Lab;

    const NGINX: &str = "docker.io/library/nginx:latest";

    #[test]
    fn a_committed_image_is_loaded_whole() {
        let lab = Lab::new();
        let image = lab.image(NGINX, "one");
        assert_eq!(image.names, [NGINX]);
        assert_eq!((image.layers.len(), image.size), (2, 9));
        assert_eq!(fs::read(image.layers[1].join("one")).unwrap(), b"one");
        let raw = raw_config(&lab.store, &image).unwrap();
        assert_eq!(raw["config"]["Healthcheck"]["Test"][1], "true");
    }

    #[test]
    fn what_is_missing_or_altered_is_damage() {
        let lab = Lab::new();
        let image = lab.image(NGINX, "one");
        let config = lab.store.blobs().join(&image.id[7..]);
        let content = fs::read(&config).unwrap();
        let damage = || {
            let error = find::find(&lab.store, NGINX).unwrap_err();
            assert!(
                error.is_damage() && error.to_string().contains("pull it again"),
                "{error}"
            );
            commit(&lab.store, NGINX, &image.manifest_digest).unwrap_err();
        };
        fs::write(&config, b"{}").unwrap();
        damage();
        assert!(
            !config.exists(),
            "a damaged blob must not keep the next pull from fetching it"
        );
        damage();
        fs::write(&config, content).unwrap();
        find::find(&lab.store, NGINX).unwrap().unwrap();
        fs::remove_dir_all(&image.layers[0]).unwrap();
        damage();
        lab.image(NGINX, "one");
        find::find(&lab.store, NGINX).unwrap().unwrap();
    }

    #[test]
    fn an_image_that_loses_its_name_is_kept_without() {
        let lab = Lab::new();
        let old = lab.image(NGINX, "one");
        lab.image(NGINX, "two");
        let all = all(&lab.store).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().any(|record| record.id == old.id && record.name.is_none()));
        crate::remove::tag(&lab.store, "nginx", "other").unwrap();
        let list: Vec<_> = list(&lab.store)
            .unwrap()
            .into_iter()
            .map(|record| record.name)
            .collect();
        assert_eq!(list, [Some(NGINX.to_owned()), None]);
        lab.image("localhost/back:1", "one");
        assert!(
            super::all(&lab.store)
                .unwrap()
                .iter()
                .all(|record| record.name.is_some())
        );
    }

    #[test]
    fn a_damaged_record_costs_its_own_image_only() {
        let lab = Lab::new();
        lab.image(NGINX, "one");
        fs::write(path(&lab.store, "localhost/broken:1"), b"{").unwrap();
        fs::write(lab.store.images().join(".tmp-left-behind"), b"{").unwrap();
        assert_eq!(all(&lab.store).unwrap().len(), 1);
        find::find(&lab.store, NGINX).unwrap().unwrap();
        crate::remove::collect(&lab.store).unwrap();
        find::find(&lab.store, NGINX).unwrap().unwrap();
        // It is not there: whoever pulls it has it again.
        assert!(find::find(&lab.store, "localhost/broken:1").unwrap().is_none());
    }

    #[test]
    fn an_opaque_root_hides_the_layers_below() {
        let lab = Lab::new();
        let image = lab.image(NGINX, "one");
        rustix::fs::setxattr(
            &image.layers[1],
            layers::OPAQUE_TRUSTED,
            b"y",
            rustix::fs::XattrFlags::empty(),
        )
        .unwrap();
        assert_eq!(
            find::find(&lab.store, NGINX).unwrap().unwrap().layers,
            image.layers[1..]
        );
    }

    #[test]
    fn the_longest_names_fit_into_file_names() {
        let lab = Lab::new();
        let long = |end: &str| format!("registry.example.org/{}{end}:{}", "a/".repeat(110), "t".repeat(128));
        for end in ["x", "y"] {
            lab.image(&long(end), end);
        }
        assert_eq!(
            find::find(&lab.store, &long("x"))
                .unwrap()
                .unwrap()
                .config
                .config()
                .as_ref()
                .unwrap()
                .cmd()
                .as_ref()
                .unwrap(),
            &["x"]
        );
    }

    /// A start looks up one image: what that costs must not depend on how many there are.
    #[test]
    fn a_lookup_does_not_read_the_directory() {
        let lab = Lab::new();
        lab.image(NGINX, "one");
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, lab.store.images(), inotify::WatchFlags::ACCESS).unwrap();
        find::find(&lab.store, NGINX).unwrap().unwrap();
        find::find(&lab.store, "nginx").unwrap().unwrap();
        assert_eq!(directory_reads(&watch), 0);
        all(&lab.store).unwrap();
        assert!(directory_reads(&watch) > 0, "the watch sees nothing");
    }

    /// How often the watched directory itself was read; what is read in it counts not.
    fn directory_reads(watch: &std::os::fd::OwnedFd) -> usize {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        let flags = std::iter::from_fn(|| events.next().ok().map(|event| event.events()));
        flags.filter(|flags| flags.contains(inotify::ReadFlags::ISDIR)).count()
    }
}
