//! Blobs from a registry into the content store, and from there into layers.

use std::path::PathBuf;

use reqwest::StatusCode;

use super::blobs::{Blobs, Partial};
use super::layers::{self, LayerError};
use super::manifest::Layer;
use super::registry::{Body, RegistryError, Session};
use super::retry::{Retry, Transient};
use super::tracker::Tracker;
use unipod_store::{Lock, Store, StoreError};

/// Why a blob or layer is not there.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The registry failed, or sent something wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The connection ended before the blob did.
    #[error("{what}: the transfer broke off after {length} of {size} bytes")]
    Truncated {
        /// What was asked.
        what: String,
        /// How many bytes are there.
        length: u64,
        /// How many there should be.
        size: u64,
    },
    /// A layer that may not be passed on, so that registries do not have it (image-spec, "Non-Distributable Layers").
    #[error("layer {digest} is not in the registry: it is a foreign one, and those are not fetched from elsewhere")]
    Foreign {
        /// The layer's blob.
        digest: String,
        /// What the registry says.
        source: RegistryError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The layer cannot be unpacked.
    #[error("cannot unpack layer {digest}")]
    Layer {
        /// The layer's blob.
        digest: String,
        /// Why.
        source: LayerError,
    },
}

impl Transient for DownloadError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_transient(),
            Self::Truncated { .. } => true,
            Self::Foreign { .. } | Self::Store(_) | Self::Layer { .. } => false,
        }
    }
}

impl DownloadError {
    /// Whether what was fetched so far is of no use, or in the way on a full disk.
    fn spoils(&self) -> bool {
        matches!(
            self,
            Self::Registry(RegistryError::Digest { .. } | RegistryError::TooLarge { .. }) | Self::Store(_)
        )
    }
}

/// Everything a download needs.
pub(super) struct Downloader<'a> {
    pub(super) store: &'a Store,
    pub(super) blobs: Blobs,
    pub(super) session: &'a Session,
    pub(super) retry: Retry,
    pub(super) tracker: &'a Tracker<'a>,
}

impl Downloader<'_> {
    /// Makes a layer: fetches its blob unless it is there, and unpacks it. A damaged blob is fetched again.
    pub(super) async fn layer(&self, layer: &Layer) -> Result<(), DownloadError> {
        let Layer { digest, size, .. } = layer;
        if layers::is_unpacked(self.store, &layer.chain_id) {
            self.tracker.advance(*size);
            return Ok(());
        }
        // Several images may want the same blob; held until it is unpacked, so that this happens once as well.
        let _lock = self.lock(digest).await?;
        let was_there = self.blobs.has(digest);
        let blob = self.blob(digest, *size).await.map_err(|e| layer.why(e))?;
        match self.unpack(layer, blob).await {
            Err(_) if was_there && !self.verified(digest).await? => {
                self.tracker.retreat(*size);
                let blob = self.blob(digest, *size).await?;
                self.unpack(layer, blob).await
            }
            other => other,
        }
    }

    /// Fetches a blob that is no layer, such as a configuration.
    pub(super) async fn small(&self, digest: &str, size: u64) -> Result<Vec<u8>, DownloadError> {
        let _lock = self.lock(digest).await?;
        self.tracker.expect(size);
        if let Some(content) = self.blobs.get(digest)? {
            self.tracker.advance(size);
            return Ok(content);
        }
        let path = self.blob(digest, size).await?;
        Ok(std::fs::read(&path).map_err(StoreError::io("read", &path))?)
    }

    /// Fetches a blob unless it is there undamaged.
    pub(super) async fn whole(&self, digest: &str, size: u64) -> Result<(), DownloadError> {
        let _lock = self.lock(digest).await?;
        if self.blobs.has(digest) && self.verified(digest).await? {
            return Ok(());
        }
        self.tracker.expect(size);
        self.blob(digest, size).await.map(drop)
    }

    /// The blob's path, once it is there. The caller holds its lock.
    async fn blob(&self, digest: &str, size: u64) -> Result<PathBuf, DownloadError> {
        if self.blobs.has(digest) {
            self.tracker.advance(size);
            return Ok(self.blobs.path(digest));
        }
        let short = digest.get(.."sha256:".len() + 12).unwrap_or(digest);
        self.tracker.status(&format!("Copying blob {short}"));
        self.retry
            .run(self.tracker, async || self.attempt(digest, size).await)
            .await
    }

    async fn attempt(&self, digest: &str, size: u64) -> Result<PathBuf, DownloadError> {
        let (blobs, name) = (self.blobs.clone(), digest.to_owned());
        // Hashing what is there already may take a while.
        let mut partial = blocking(move || blobs.partial(&name)).await?;
        if partial.length() > size {
            partial.restart()?;
        }
        let resumed = partial.length() > 0;
        let counted = Counted::new(self.tracker, partial.length());
        let result = self.complete(&mut partial, digest, size, &counted).await;
        match result {
            Ok(()) => {
                counted.keep();
                Ok(blocking(move || partial.commit()).await?)
            }
            // What an earlier run left may itself be damaged (a power cut): once more from the start.
            Err(DownloadError::Registry(RegistryError::Digest { .. })) if resumed => {
                drop(counted);
                partial.restart()?;
                drop(partial);
                Box::pin(self.attempt(digest, size)).await
            }
            Err(error) => {
                if error.spoils() || partial.length() == 0 {
                    partial.discard()?;
                }
                Err(error)
            }
        }
    }

    /// Fetches what is missing and compares the digest.
    async fn complete(
        &self,
        partial: &mut Partial,
        digest: &str,
        size: u64,
        counted: &Counted<'_>,
    ) -> Result<(), DownloadError> {
        if partial.length() < size {
            self.fetch(partial, digest, size, counted).await?;
        }
        let got = partial.digest();
        if got == digest {
            return Ok(());
        }
        let what = format!("blob from {}", self.session.endpoint().reference.name());
        Err(RegistryError::Digest {
            what,
            expected: digest.to_owned(),
            got,
        }
        .into())
    }

    async fn fetch(
        &self,
        partial: &mut Partial,
        digest: &str,
        size: u64,
        counted: &Counted<'_>,
    ) -> Result<(), DownloadError> {
        let response = match self.session.blob(digest, partial.length()).await {
            // The server holds that our part is longer than the whole.
            Err(RegistryError::Status { status: 416, .. }) => {
                counted.reset();
                partial.restart()?;
                self.session.blob(digest, 0).await?
            }
            other => other?,
        };
        if partial.length() > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            counted.reset();
            partial.restart()?;
        }
        let mut body = Body::of(response);
        let what = body.what().to_owned();
        while let Some(piece) = body.next().await? {
            if partial.length() + piece.len() as u64 > size {
                return Err(RegistryError::TooLarge { what, limit: size }.into());
            }
            partial.write(&piece)?;
            counted.add(piece.len() as u64);
        }
        let length = partial.length();
        if length < size {
            Err(DownloadError::Truncated { what, length, size })
        } else {
            Ok(())
        }
    }

    async fn unpack(&self, layer: &Layer, blob: PathBuf) -> Result<(), DownloadError> {
        let (store, work) = (self.store.clone(), layer.clone());
        let result = blocking(move || layers::unpack(&store, &blob, &work.media_type, &work.diff_id, &work.chain_id));
        result.await.map_err(|source| DownloadError::Layer {
            digest: layer.digest.clone(),
            source,
        })
    }

    async fn verified(&self, digest: &str) -> Result<bool, DownloadError> {
        let (blobs, name) = (self.blobs.clone(), digest.to_owned());
        Ok(blocking(move || blobs.check(&name)).await?)
    }

    async fn lock(&self, digest: &str) -> Result<Lock, StoreError> {
        let (store, name) = (self.store.clone(), digest.to_owned());
        blocking(move || Lock::acquire(&store, "blob", &name)).await
    }
}

impl Layer {
    fn why(&self, error: DownloadError) -> DownloadError {
        match error {
            DownloadError::Registry(source @ RegistryError::NotFound { .. })
                if self.media_type.contains(".foreign.") || self.media_type.contains(".nondistributable.") =>
            {
                DownloadError::Foreign {
                    digest: self.digest.clone(),
                    source,
                }
            }
            other => other,
        }
    }
}

/// Bytes that were reported as done; taken back unless they are kept.
struct Counted<'a> {
    tracker: &'a Tracker<'a>,
    bytes: std::cell::Cell<u64>,
}

impl<'a> Counted<'a> {
    fn new(tracker: &'a Tracker<'a>, bytes: u64) -> Self {
        tracker.advance(bytes);
        Self {
            tracker,
            bytes: bytes.into(),
        }
    }

    fn add(&self, bytes: u64) {
        self.tracker.advance(bytes);
        self.bytes.set(self.bytes.get() + bytes);
    }

    fn reset(&self) {
        self.tracker.retreat(self.bytes.take());
    }

    fn keep(&self) {
        self.bytes.set(0);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.reset();
    }
}

/// Does what blocks on a thread of its own.
async fn blocking<T: Send + 'static, E: Send + From<StoreError> + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only a panic of `work` itself gets here: it goes on as one.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
