//! Whether images are what they were when they were pulled: records, blobs, unpacked layers; and what nobody needs.
//!
//! A layer is compared with what was noted when it was unpacked ([`layers::inventory`](mod@layers::inventory)). It is made again from its blob, aside,
//! and changes places with what is there in one step. Blobs come again from where the image came from.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::blobs::Blobs;
use super::layers::inventory::{Depth, Difference};
use super::layers::{self, Unpacked};
use super::manifest::Layer;
use super::records::{self, Record};
use super::{ImageError, Progress, PullOptions, PullPolicy, manifest, pull, remove};
use unipod_store::problem::{Problem, misread};
use unipod_store::{self as store, Store, StoreError, names_in};

/// How many differences of one layer are told one by one.
const TOLD: usize = 3;

/// Tells for whom images are mounted now: IDs of images, with the container's name.
pub type Busy<'a> = &'a dyn Fn() -> Result<Vec<(String, String)>, StoreError>;

/// How to check.
pub struct Verification<'a> {
    /// Where.
    pub store: &'a Store,
    /// How closely to look at files; `None` for no more than whether layers and blobs are there.
    pub depth: Option<Depth>,
    /// For how long what no image needs may stay: a pull may be about to need it.
    pub patience: Duration,
    /// Whose layers must stay where they are.
    pub busy: Busy<'a>,
    /// Where downloads report.
    pub progress: &'a dyn Progress,
}

impl<'a> Verification<'a> {
    /// Everything that is wrong, in the order in which it can be mended.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn problems(&'a self) -> Result<Vec<Problem<'a>>, ImageError> {
        let mut problems = self.damaged_records()?;
        let records = records::all(self.store)?;
        problems.extend(self.blobs(&records)?);
        problems.extend(self.layers(&records)?);
        if self.damaged_records()?.is_empty() {
            problems.extend(self.unused(&records)?);
        }
        Ok(problems)
    }

    fn damaged_records(&'a self) -> Result<Vec<Problem<'a>>, ImageError> {
        let names = names_in(&self.store.images())?;
        let damaged = names.into_iter().filter_map(|file| {
            let name = file.strip_suffix(".json")?.to_owned();
            let path = self.store.images().join(&file);
            let error = store::read_json::<Record>(&path).err()?;
            Some(self.damaged_record(&name, &path, &error))
        });
        Ok(damaged.collect())
    }

    fn damaged_record(&'a self, file: &str, path: &Path, error: &StoreError) -> Problem<'a> {
        // The end of a long name is a sum of it, and what has no name was not pulled by one.
        let name = file.replace("%2f", "/").replace("%25", "%");
        let is_name = !name.contains('%') && !name.starts_with("sha256:");
        let why = misread(error);
        let place = path.to_owned();
        let problem = Problem::new(format!("image {name}"), path, why, "pull it again").removed_by(move || {
            store::remove_record(&place)?;
            Ok::<_, StoreError>("removed the record".to_owned())
        });
        if !is_name {
            return problem;
        }
        problem.repaired_by(move || {
            let options = PullOptions {
                policy: PullPolicy::Missing,
                ..PullOptions::default()
            };
            let image = pull::ensure(self.store, &name, &options, self.progress)?;
            Ok::<_, ImageError>(format!("pulled again, it is {} now", image.id))
        })
    }

    fn blobs(&'a self, records: &[Record]) -> Result<Vec<Problem<'a>>, ImageError> {
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        for record in records {
            let sizes = self.sizes(record)?;
            for digest in &record.blobs {
                let is_document = *digest == record.manifest || *digest == record.id;
                if seen.insert(digest.clone())
                    && let Some(why) = self.blob_damage(digest, is_document, sizes.get(digest).copied())?
                {
                    problems.push(self.damaged_blob(record, digest, &why));
                }
            }
        }
        Ok(problems)
    }

    /// The sizes of blobs that the manifest tells, if that can be read.
    fn sizes(&self, record: &Record) -> Result<HashMap<String, u64>, ImageError> {
        if self.blob_damage(&record.manifest, true, None)?.is_some() {
            return Ok(HashMap::new());
        }
        let manifest = records::manifest(self.store, record)?;
        let parts = [manifest.config()].into_iter().chain(manifest.layers());
        Ok(parts.map(|part| (part.digest().to_string(), part.size())).collect())
    }

    /// What is wrong with a blob. Documents are small; they are always read.
    fn blob_damage(&self, digest: &str, is_document: bool, size: Option<u64>) -> Result<Option<String>, ImageError> {
        let blobs = Blobs::new(self.store);
        let Ok(meta) = fs::symlink_metadata(blobs.path(digest)) else {
            return Ok(Some("is missing".to_owned()));
        };
        let is_read = is_document || self.depth == Some(Depth::Contents);
        Ok(match size.filter(|size| *size != meta.len()) {
            Some(size) if self.depth.is_some() => Some(format!("has {} bytes, not {size}", meta.len())),
            _ if !meta.is_file() => Some("is no file".to_owned()),
            _ if is_read && !blobs.is_whole(digest)? => Some("has another content than its name says".to_owned()),
            _ => None,
        })
    }

    fn damaged_blob(&'a self, record: &Record, digest: &str, why: &str) -> Problem<'a> {
        let (name, place) = (name_of(record), Blobs::new(self.store).path(digest));
        let what = format!("blob {digest} of image {name}");
        let is_document = digest == record.manifest || digest == record.id;
        let (repaired, removed, digest) = (record.clone(), record.clone(), digest.to_owned());
        let problem =
            Problem::new(what, &place, why, "fetch it again: unipod system check --repair").repaired_by(move || {
                pull::fetch_blob(self.store, &repaired, &digest, self.progress)?;
                Ok::<_, ImageError>("fetched again".to_owned())
            });
        // Without the blob of a layer that is unpacked, an image is as good as ever.
        if is_document {
            problem.removed_by(move || self.remove(&removed))
        } else {
            problem
        }
    }

    fn layers(&'a self, records: &[Record]) -> Result<Vec<Problem<'a>>, ImageError> {
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        for record in records {
            for chain_id in &record.layers {
                if seen.insert(chain_id.clone())
                    && let Some(why) = self.layer_damage(chain_id)?
                {
                    problems.push(self.damaged_layer(record, chain_id, &why));
                }
            }
        }
        Ok(problems)
    }

    /// What is wrong with a layer: where, below it, and what.
    fn layer_damage(&self, chain_id: &str) -> Result<Option<Difference>, ImageError> {
        let whole = |what: &str| {
            Some(Difference {
                path: "".into(),
                what: what.to_owned(),
            })
        };
        if !layers::is_unpacked(self.store, chain_id) {
            return Ok(whole("is missing"));
        }
        let Some(depth) = self.depth else {
            return Ok(None);
        };
        let noted = layers::inventory(self.store, chain_id)?;
        let Some(expected) = noted.filter(|_| is_described(self.store, chain_id)) else {
            return Ok(whole(
                "cannot be compared: nobody has noted what belongs in it, or that note is damaged",
            ));
        };
        Ok(match layers::look(self.store, chain_id, depth) {
            Ok(found) => summary(&expected.differences(&found, depth)),
            Err(error) => whole(&format!("cannot be read ({})", store::problem::with_causes(&error))),
        })
    }

    fn damaged_layer(&'a self, record: &Record, chain_id: &str, why: &Difference) -> Problem<'a> {
        let what = format!("layer {chain_id} of image {}", name_of(record));
        let place = layers::directory(self.store, chain_id).join(&why.path);
        let (repaired, removed, chain_id) = (record.clone(), record.clone(), chain_id.to_owned());
        Problem::new(what, &place, &why.what, "unpack it again: unipod system check --repair")
            .repaired_by(move || self.unpack_again(&repaired, &chain_id))
            .removed_by(move || self.remove(&removed))
    }

    fn unpack_again(&self, record: &Record, chain_id: &str) -> Result<String, ImageError> {
        let store = self.store;
        let layer = layer_of(store, record, chain_id)?;
        let blobs = Blobs::new(store);
        let fetched = !blobs.has(&layer.digest) || !blobs.is_whole(&layer.digest)?;
        if fetched {
            pull::fetch_blob(store, record, &layer.digest, self.progress)?;
        }
        let _lock = layers::lock(store, chain_id)?;
        let blob = blobs.path(&layer.digest);
        let unpacked = Unpacked::new(store, &blob, &layer.media_type, &layer.diff_id, chain_id)?;
        let is_same = |found| unpacked.inventory().differences(&found, Depth::Contents).is_empty();
        if layers::look(store, chain_id, Depth::Contents).is_ok_and(is_same) {
            unpacked.describe(store)?;
            return Ok("it is as its blob says, which is noted now".to_owned());
        }
        // No container comes to use it as long as this is held.
        let _records = records::lock(store)?;
        let users = self.users_of(chain_id)?;
        if !users.is_empty() {
            return Err(ImageError::LayerInUse {
                layer: chain_id.to_owned(),
                users,
            });
        }
        unpacked.replace(store)?;
        let from = if fetched {
            "fetched and unpacked again"
        } else {
            "unpacked again"
        };
        Ok(from.to_owned())
    }

    /// The containers that have the layer mounted.
    fn users_of(&self, chain_id: &str) -> Result<Vec<String>, ImageError> {
        let with_it: HashSet<String> = records::all(self.store)?
            .into_iter()
            .filter(|record| record.layers.iter().any(|layer| layer == chain_id))
            .map(|record| record.id)
            .collect();
        let users = (self.busy)()?.into_iter().filter(|(image, _)| with_it.contains(image));
        Ok(users.map(|(_, name)| name).collect())
    }

    /// Removes an image that cannot be repaired, with all its names, unless a container has it mounted.
    fn remove(&self, record: &Record) -> Result<String, ImageError> {
        if (self.busy)()?.iter().any(|(image, _)| *image == record.id) {
            return Err(ImageError::InUse {
                name: name_of(record).to_owned(),
                id: record.id.clone(),
            });
        }
        let used = || Ok((self.busy)()?.into_iter().map(|(image, _)| image).collect());
        match remove::remove(self.store, &record.id, &used, true) {
            Err(ImageError::NotFound { .. }) => Ok("the image is gone already".to_owned()),
            removed => removed.map(|_| format!("removed image {}", name_of(record))),
        }
    }

    /// Layers and blobs that no record names.
    fn unused(&'a self, records: &[Record]) -> Result<Vec<Problem<'a>>, ImageError> {
        let needed: HashSet<&str> = records
            .iter()
            .flat_map(|record| record.layers.iter().chain(&record.blobs))
            .map(|digest| digest.strip_prefix("sha256:").unwrap_or(digest))
            .collect();
        let mut found = BTreeMap::new();
        for (kind, dir) in [("layer", self.store.layers()), ("blob", self.store.blobs())] {
            for name in names_in(&dir)? {
                let path = dir.join(&name);
                if !needed.contains(layers::owner(&name)) && self.is_old(&path) {
                    found.entry((kind, layers::owner(&name).to_owned())).or_insert(path);
                }
            }
        }
        Ok(found
            .into_iter()
            .map(|((kind, digest), path)| {
                Problem::new(
                    format!("{kind} sha256:{digest}"),
                    &path,
                    "is needed by no image",
                    "remove it: unipod system check --repair",
                )
                .repaired_by(move || self.collect(&path))
            })
            .collect())
    }

    fn collect(&self, path: &Path) -> Result<String, ImageError> {
        remove::collect(self.store)?;
        if path.symlink_metadata().is_ok() {
            return Err(ImageError::Kept(path.to_owned()));
        }
        Ok("removed".to_owned())
    }

    /// When something got its name is the last change of its inode; the layers' own times come from archives.
    fn is_old(&self, path: &Path) -> bool {
        let Ok(meta) = fs::symlink_metadata(path) else {
            return false;
        };
        let age = jiff::Timestamp::now().as_second().saturating_sub(meta.ctime());
        u64::try_from(age).is_ok_and(|age| age >= self.patience.as_secs())
    }
}

impl std::fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verification")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

fn name_of(record: &Record) -> &str {
    record.name.as_deref().unwrap_or(&record.id)
}

/// The layer with its blob, as manifest and configuration tell it.
fn layer_of(store: &Store, record: &Record, chain_id: &str) -> Result<Layer, ImageError> {
    let unusable = |error: manifest::ManifestError| ImageError::Damaged {
        name: name_of(record).to_owned(),
        reason: store::problem::with_causes(&error),
    };
    let manifest = records::manifest(store, record)?;
    let config = records::config(store, record)?;
    let layers = manifest::layers(&manifest, &config).map_err(unusable)?;
    let found = layers.into_iter().find(|layer| layer.chain_id == chain_id);
    found.ok_or_else(|| ImageError::Damaged {
        name: name_of(record).to_owned(),
        reason: format!("its configuration does not name the layer {chain_id}"),
    })
}

/// Whether what is known of the layer beside its files can be read.
fn is_described(store: &Store, chain_id: &str) -> bool {
    layers::info(store, chain_id).is_ok_and(|info| info.is_some())
}

/// The first differences in a line.
fn summary(differences: &[Difference]) -> Option<Difference> {
    let (first, others) = differences.split_first()?;
    let mut what = first.what.clone();
    for other in others.iter().take(TOLD - 1) {
        what = format!("{what}, /{} {}", other.path.display(), other.what);
    }
    if differences.len() > TOLD {
        what = format!("{what}, and {} more", differences.len() - TOLD);
    }
    Some(Difference {
        path: first.path.clone(),
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use crate::find;
    use crate::testing::Lab;

    const NAME: &str = "localhost/a:latest";

    fn verification<'a>(lab: &'a Lab, depth: Option<Depth>, busy: Busy<'a>) -> Verification<'a> {
        Verification {
            store: &lab.store,
            depth,
            patience: Duration::ZERO,
            busy,
            progress: &Silent,
        }
    }

    /// What is found; with `repair`, what came of it.
    fn check(lab: &Lab, depth: Option<Depth>, repair: bool, busy: Busy<'_>) -> Vec<String> {
        let verification = verification(lab, depth, busy);
        let problems = verification.problems().unwrap();
        let outcome = |problem: &Problem<'_>| match &problem.repair {
            Some(act) if repair => act().unwrap_or_else(|error| error.to_string()),
            _ => problem.to_string(),
        };
        problems.iter().map(outcome).collect()
    }

    const NOBODY: Busy<'static> = &|| Ok(Vec::new());

    #[test]
    fn a_damaged_layer_is_found_and_unpacked_again_unless_it_is_in_use() {
        let lab = Lab::new();
        let image = lab.image(NAME, "one");
        let deep = Some(Depth::Contents);
        assert_eq!(check(&lab, deep, false, NOBODY), [""; 0]);
        let file = image.layers[1].join("one");
        fs::write(&file, "0").unwrap();
        assert_eq!(check(&lab, None, false, NOBODY), [""; 0]);
        let found = check(&lab, Some(Depth::Metadata), false, NOBODY);
        assert!(
            found.len() == 1 && found[0].contains("one has 1 bytes, not 3"),
            "{found:?}"
        );
        let id = image.id.clone();
        let refused = check(&lab, deep, true, &|| Ok(vec![(id.clone(), "web".to_owned())]));
        assert!(
            refused.len() == 1 && refused[0].contains("in use by web"),
            "{refused:?}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"0");
        // Nor does it go under its container.
        let busy = || Ok(vec![(image.id.clone(), "web".to_owned())]);
        let verification = verification(&lab, deep, &busy);
        let removal = verification.problems().unwrap().remove(0).removal.unwrap();
        assert!(removal().unwrap_err().to_string().contains("in use by a container"));
        assert!(find::find_record(&lab.store, NAME).unwrap().is_some());
        assert_eq!(check(&lab, deep, true, NOBODY), ["unpacked again"]);
        assert_eq!(fs::read(&file).unwrap(), b"one");
        fs::remove_dir_all(&image.layers[0]).unwrap();
        assert_eq!(check(&lab, None, true, NOBODY), ["unpacked again"]);
        assert_eq!(check(&lab, deep, false, NOBODY), [""; 0]);
        assert_eq!(names_in(&lab.store.tmp()).unwrap().len(), 0);
    }

    #[test]
    fn a_layer_of_which_nothing_is_noted_is_compared_with_its_blob() {
        let lab = Lab::new();
        let image = lab.image(NAME, "one");
        let note = image.layers[0].with_extension("files");
        fs::write(&note, "damaged").unwrap();
        let id = image.id.clone();
        let busy = || Ok(vec![(id.clone(), "web".to_owned())]);
        let done = check(&lab, Some(Depth::Metadata), true, &busy);
        assert!(done.len() == 1 && done[0].contains("as its blob says"), "{done:?}");
        assert_eq!(check(&lab, Some(Depth::Metadata), false, NOBODY), [""; 0]);
    }

    #[test]
    fn damaged_blobs_and_records_are_named_and_what_nobody_needs_goes() {
        let lab = Lab::new();
        let image = lab.image(NAME, "one");
        let blob = lab.store.blobs().join(&image.id["sha256:".len()..]);
        let content = fs::read(&blob).unwrap();
        fs::write(&blob, "{}").unwrap();
        let found = check(&lab, None, false, NOBODY);
        assert!(found.len() == 1 && found[0].contains(&image.id), "{found:?}");
        fs::write(&blob, content).unwrap();
        lab.manifest("nobody's");
        let unused = check(&lab, None, false, NOBODY);
        assert_eq!(
            unused.len(),
            4,
            "one layer, its blob, a configuration, a manifest: {unused:?}"
        );
        assert!(
            unused.iter().all(|line| line.contains("needed by no image")),
            "{unused:?}"
        );
        check(&lab, None, true, NOBODY);
        assert_eq!(check(&lab, None, false, NOBODY), [""; 0]);
        fs::write(lab.store.images().join("localhost%2fb:1.json"), "{").unwrap();
        let damaged = check(&lab, None, false, NOBODY);
        assert!(
            damaged.len() == 1 && damaged[0].starts_with("image localhost/b:1: "),
            "{damaged:?}"
        );
        find::find(&lab.store, NAME).unwrap().unwrap();
    }
}
