//! When an image is pulled, and which of the names that it may have.

use super::error::PullError;
use super::task::{Pull, platform};
use crate::blobs::Blobs;
use crate::local::Source;
use crate::records::{self, Record};
use crate::reference::{Name, Reference, Version};
use crate::{Image, ImageError, Progress, PullOptions, PullPolicy, find};
use unipod_store::{Lock, Store, sweep_tmp};

/// Finds or pulls an image as `options.policy` says; on return it can be mounted.
///
/// # Errors
/// The image is not there and cannot be pulled. A damaged image is pulled again unless the policy is `never`.
pub fn ensure(store: &Store, name: &str, options: &PullOptions, progress: &dyn Progress) -> Result<Image, ImageError> {
    let present = present(store, name, options);
    match (options.policy, present) {
        (PullPolicy::Never, Ok(None)) => Err(PullError::Never(name.to_owned()).into()),
        (PullPolicy::Never, Err(error)) => Err(error),
        (PullPolicy::Never | PullPolicy::Missing, Ok(Some(image))) => Ok(image),
        (PullPolicy::Missing, Err(error)) if !error.is_damage() => Err(error),
        (PullPolicy::Newer, Ok(Some(image))) => Pull::new(store, name, options, progress)?.run().or_else(|error| {
            tracing::warn!("using the local image {name}: {error}");
            Ok(image)
        }),
        _ => Pull::new(store, name, options, progress)?.run(),
    }
}

/// Fetches one blob of an image again, from where the image came from: its manifest, its configuration, or a layer.
///
/// # Errors
/// It has no name that says from where, or it cannot be fetched.
pub(crate) fn fetch_blob(
    store: &Store,
    record: &Record,
    digest: &str,
    progress: &dyn Progress,
) -> Result<(), ImageError> {
    let Some(name) = &record.name else {
        let name = record.id.clone();
        let reason = "it has no name that says where it came from".to_owned();
        return Err(ImageError::Damaged { name, reason });
    };
    let place = Blobs::new(store).path(digest);
    if !place.is_file() {
        unipod_store::remove_tree(&place)?;
    }
    let mut reference: Reference = name.parse().map_err(PullError::from)?;
    reference.version = Version::Digest(record.manifest.clone());
    let options = PullOptions::default();
    let pull = Pull::new(store, name, &options, progress)?;
    pull.policy.check(&reference).map_err(PullError::from)?;
    pull.block_on(pull.fetch_one(&reference, digest))
}

/// The local image, if it is for the platform that was asked for.
fn present(store: &Store, name: &str, options: &PullOptions) -> Result<Option<Image>, ImageError> {
    let PullOptions { os, arch, variant, .. } = options;
    let image = find(store, name)?;
    if os.is_none() && arch.is_none() && variant.is_none() {
        return Ok(image);
    }
    let wanted = platform(options);
    let fits = |image: &Image| {
        let config = &image.config;
        config.os().to_string() == wanted.os && config.architecture().to_string() == wanted.arch
    };
    Ok(image.filter(fits))
}

impl Pull<'_> {
    /// Tries every reference that the name may stand for.
    pub(super) fn run(&self) -> Result<Image, ImageError> {
        // While this is held, nothing that has no record yet is collected as garbage.
        let _content = Lock::acquire_shared(self.store, "store", "gc")?;
        // What a killed pull left would stay until the next collection, and may be as large as an image.
        sweep_tmp(self.store)?;
        if let Some(source) = Source::parse(self.name) {
            self.policy
                .check_files(source.transport, &source.path)
                .map_err(PullError::from)?;
            return source.load(self.store, &platform(self.options), &self.tracker);
        }
        let name: Name = self.name.parse().map_err(PullError::from)?;
        let candidates = self.registries.candidates(&name).map_err(PullError::from)?;
        if self.options.creds.is_some() && candidates.len() > 1 {
            return Err(PullError::ManyPlaces {
                name: self.name.to_owned(),
                candidates: candidates.iter().map(Reference::to_string).collect(),
            }
            .into());
        }
        let mut attempts = Vec::new();
        for reference in candidates {
            match self.reference(&reference) {
                Err(ImageError::Pull(PullError::Unavailable { attempts: more, .. })) => attempts.extend(more),
                other => return other,
            }
        }
        Err(PullError::Unavailable {
            image: self.name.to_owned(),
            attempts,
        }
        .into())
    }

    /// Pulls one reference, or waits for another process that does and takes its result.
    fn reference(&self, reference: &Reference) -> Result<Image, ImageError> {
        self.policy.check(reference).map_err(PullError::from)?;
        let image = reference.to_string();
        let _lock = self.tracker.locked(self.store, "pull", &image)?;
        if self.options.policy == PullPolicy::Missing
            && let Ok(Some(found)) = present(self.store, &image, self.options)
        {
            return Ok(found);
        }
        let manifest = self.block_on(self.fetch(reference))?;
        self.tracker.status("Writing manifest to image destination");
        records::commit(self.store, &image, &manifest)
    }
}
