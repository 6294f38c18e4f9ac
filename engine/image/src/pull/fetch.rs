//! From a reference to all that the image consists of, in the store.

use futures_util::{StreamExt, TryStreamExt};
use oci_spec::image::ImageManifest;

use super::error::PullError;
use super::task::{Pull, platform};
use crate::blobs::Blobs;
use crate::download::{DownloadError, Downloader};
use crate::manifest::{self, Manifest, ManifestError};
use crate::reference::Reference;
use crate::registry::{RawManifest, Session};
use unipod_config::shared;

/// Layers that are fetched and unpacked at once (containers.conf(5), `image_parallel_copies`).
const PARALLEL: usize = 6;
/// An image's configuration is read into memory; real ones have a few kilobytes.
const MAX_CONFIG: u64 = 16 << 20;

/// A manifest and the endpoint it came from.
struct Found {
    session: Session,
    raw: RawManifest,
}

impl Pull<'_> {
    /// Brings everything of the image into the store. Returns the manifest's digest.
    pub(super) async fn fetch(&self, reference: &Reference) -> Result<String, PullError> {
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
    pub(super) async fn fetch_one(&self, reference: &Reference, digest: &str) -> Result<(), PullError> {
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
