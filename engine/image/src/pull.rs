//! `pull`: from a name to an image in the store.
//!
//! ```text
//! name → candidates (short names) → endpoints (mirrors) → manifest (platform) → configuration → layers → record
//! ```
//! Each image is pulled by one process at a time; others wait and find it. The order of writing makes a pull that is
//! killed harmless: the record comes last, when everything it names is there.

mod endpoints;
mod tags;

pub use tags::ensure_all;

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use oci_spec::image::ImageManifest;

use super::blobs::Blobs;
use super::download::{DownloadError, Downloader};
use super::local::Source;
use super::manifest::{self, Manifest, ManifestError};
use super::platform::Platform;
use super::policy::{Policy, PolicyError};
use super::records::Record;
use super::reference::{Name, Reference, ReferenceError, Version};
use super::registries::{Registries, RegistriesError};
use super::registry::{RawManifest, Session};
use super::retry::Retry;
use super::tracker::Tracker;
use super::{Image, ImageError, Progress, PullOptions, PullPolicy, find, records};
use unipod_config::shared;
use unipod_store::{Lock, Store, StoreError, sweep_tmp};

/// Layers that are fetched and unpacked at once (containers.conf(5), `image_parallel_copies`).
const PARALLEL: usize = 6;
/// An image's configuration is read into memory; real ones have a few kilobytes.
const MAX_CONFIG: u64 = 16 << 20;
/// `--retry`, if not said.
const RETRIES: u32 = 3;

/// Why an image cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] ReferenceError),
    /// registries.conf stands in the way.
    #[error(transparent)]
    Registries(#[from] RegistriesError),
    /// policy.json stands in the way.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy is `never` and there is no such image.
    #[error("{0}: image not known, and the pull policy is never")]
    Never(String),
    /// Credentials are for one registry, and it is not said which. (podman shows them to each.)
    #[error(
        "--creds would show the password to each registry that {name} may be in: write the whole name, one of {}",
        candidates.join(", ")
    )]
    ManyPlaces {
        /// The short name.
        name: String,
        /// What it may stand for.
        candidates: Vec<String>,
    },
    /// `--retry-delay` is no duration.
    #[error("invalid --retry-delay {0:?}: write a duration such as 500ms, 5s or 1m")]
    Delay(String),
    /// No place has it, or none could be asked.
    #[error("cannot pull {image}: {}", attempts.join("; "))]
    Unavailable {
        /// What was asked for, as written.
        image: String,
        /// Every place that was tried, with the reason why it failed.
        attempts: Vec<String>,
    },
    /// `--all-tags` and what else was said exclude each other, or there are none.
    #[error("cannot pull all tags of {name}: {reason}")]
    AllTags {
        /// What was asked for.
        name: String,
        /// What stands in the way.
        reason: &'static str,
    },
    /// Some tags of a repository could not be pulled; the others are there.
    #[error("{} of {tags} tags of {name} could not be pulled: {}", failures.len(), failures.join("; "))]
    SomeTags {
        /// The repository.
        name: String,
        /// How many tags it has.
        tags: usize,
        /// What went wrong with which.
        failures: Vec<String>,
    },
    /// Its manifest or configuration cannot be used.
    #[error("cannot use image {image}")]
    Manifest {
        /// The image.
        image: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// A part of it cannot be fetched or unpacked.
    #[error("cannot pull {image}")]
    Download {
        /// The image.
        image: String,
        /// Which part, and why.
        source: DownloadError,
    },
}

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
pub fn fetch_blob(store: &Store, record: &Record, digest: &str, progress: &dyn Progress) -> Result<(), ImageError> {
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

fn platform(options: &PullOptions) -> Platform {
    Platform::wanted(
        options.os.as_deref(),
        options.arch.as_deref(),
        options.variant.as_deref(),
    )
}

/// One pull and what it was asked for.
struct Pull<'a> {
    store: &'a Store,
    /// As the user wrote it.
    name: &'a str,
    options: &'a PullOptions,
    retry: Retry,
    registries: Registries,
    policy: Policy,
    tracker: Tracker<'a>,
}

/// A manifest and the endpoint it came from.
struct Found {
    session: Session,
    raw: RawManifest,
}

impl<'a> Pull<'a> {
    fn new(
        store: &'a Store,
        name: &'a str,
        options: &'a PullOptions,
        progress: &'a dyn Progress,
    ) -> Result<Self, ImageError> {
        Ok(Self {
            store,
            name,
            options,
            retry: Retry {
                times: options.retry.unwrap_or(RETRIES),
                delay: delay(options)?,
            },
            registries: Registries::load().map_err(PullError::from)?,
            policy: Policy::load().map_err(PullError::from)?,
            tracker: Tracker::new(progress),
        })
    }

    /// Tries every reference that the name may stand for.
    fn run(&self) -> Result<Image, ImageError> {
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

    /// Does asynchronous work to its end.
    fn block_on<T>(&self, work: impl Future<Output = Result<T, PullError>>) -> Result<T, ImageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StoreError::io("start the pull of", self.store.data()))?;
        let result = runtime.block_on(self.tracker.watch(work));
        // A thread may still wait for the lock of a blob that this pull no longer wants.
        runtime.shutdown_background();
        Ok(result?)
    }

    /// Brings everything of the image into the store. Returns the manifest's digest.
    async fn fetch(&self, reference: &Reference) -> Result<String, PullError> {
        let image = reference.to_string();
        self.tracker.status(&format!("Trying to pull {image}"));
        let request = async |session: &Session| session.manifest(session.endpoint().reference.version_text()).await;
        let (session, raw) = self.first_answer(reference, request).await?;
        let found = Found { session, raw };
        let broken = |source| PullError::Manifest {
            image: image.clone(),
            source,
        };
        let failed = |source| PullError::Download {
            image: image.clone(),
            source,
        };

        let (raw, manifest) = self.for_platform(&found, &image).await?;
        let loader = self.downloader(&found.session);
        loader
            .blobs
            .put(&raw.digest, &raw.bytes)
            .map_err(|e| failed(e.into()))?;
        let (config, size) = (manifest.config().digest().as_ref(), manifest.config().size());
        if size > MAX_CONFIG {
            return Err(broken(ManifestError::Invalid(format!(
                "its configuration has {size} bytes"
            ))));
        }
        let config = loader
            .small(&manifest::checked(config).map_err(broken)?, size)
            .await
            .map_err(failed)?;
        let config = manifest::configuration(&config).map_err(broken)?;
        manifest::check_platform(&config, &platform(self.options)).map_err(broken)?;
        let layers = manifest::layers(&manifest, &config).map_err(broken)?;
        self.tracker
            .expect(layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size)));
        let work = futures_util::stream::iter(&layers).map(|layer| loader.layer(layer));
        work.buffer_unordered(shared().parallel_copies.unwrap_or(PARALLEL))
            .try_collect::<()>()
            .await
            .map_err(failed)?;
        Ok(raw.digest)
    }

    fn downloader<'s>(&'s self, session: &'s Session) -> Downloader<'s> {
        Downloader {
            store: self.store,
            blobs: Blobs::new(self.store),
            session,
            retry: self.retry,
            tracker: &self.tracker,
        }
    }

    /// Brings one blob of the image with this manifest into the store.
    async fn fetch_one(&self, reference: &Reference, digest: &str) -> Result<(), PullError> {
        let image = reference.to_string();
        let request = async |session: &Session| session.manifest(session.endpoint().reference.version_text()).await;
        let (session, raw) = self.first_answer(reference, request).await?;
        let failed = |source| PullError::Download {
            image: image.clone(),
            source,
        };
        let found = Found { session, raw };
        let (raw, manifest) = self.for_platform(&found, &image).await?;
        let loader = self.downloader(&found.session);
        if raw.digest == digest {
            return loader.blobs.put(digest, &raw.bytes).map_err(|e| failed(e.into()));
        }
        let mut parts = [manifest.config()].into_iter().chain(manifest.layers());
        let part = parts.find(|part| part.digest().as_ref() == digest);
        let part = part.ok_or_else(|| PullError::Manifest {
            image: image.clone(),
            source: ManifestError::Invalid(format!("it does not name the blob {digest}")),
        })?;
        loader.whole(digest, part.size()).await.map_err(failed)
    }

    /// The image's own manifest: of a list, the entry for the platform.
    async fn for_platform(&self, found: &Found, image: &str) -> Result<(RawManifest, ImageManifest), PullError> {
        let broken = |source| PullError::Manifest {
            image: image.to_owned(),
            source,
        };
        let index = match Manifest::parse(&found.raw).map_err(broken)? {
            Manifest::Image(manifest) => return Ok((found.raw.clone(), *manifest)),
            Manifest::Index(index) => index,
        };
        let entry = manifest::choose(&index, &platform(self.options)).map_err(broken)?;
        let digest = manifest::checked(entry.digest().as_ref()).map_err(broken)?;
        let fetch = async || found.session.manifest(&digest).await.map_err(DownloadError::from);
        let raw = self.retry.run(&self.tracker, fetch).await;
        let raw = raw.map_err(|source| PullError::Download {
            image: image.to_owned(),
            source,
        })?;
        match Manifest::parse(&raw).map_err(broken)? {
            Manifest::Image(manifest) => Ok((raw, *manifest)),
            Manifest::Index(_) => Err(broken(ManifestError::Unsupported(
                "a list of lists is not supported".into(),
            ))),
        }
    }
}

fn delay(options: &PullOptions) -> Result<Option<Duration>, PullError> {
    let Some(text) = &options.retry_delay else {
        return Ok(None);
    };
    let invalid = || PullError::Delay(text.clone());
    let span: jiff::SignedDuration = text.parse().map_err(|_| invalid())?;
    Duration::try_from(span).map(Some).map_err(|_| invalid())
}

#[cfg(test)]
mod tests;
