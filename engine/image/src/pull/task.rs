//! One pull and what it was asked for.

use std::time::Duration;

use super::error::PullError;
use crate::platform::Platform;
use crate::policy::Policy;
use crate::registries::Registries;
use crate::retry::Retry;
use crate::tracker::Tracker;
use crate::{ImageError, Progress, PullOptions};
use unipod_store::{Store, StoreError};

/// `--retry`, if not said.
const RETRIES: u32 = 3;

/// One pull and what it was asked for.
pub(super) struct Pull<'a> {
    pub(super) store: &'a Store,
    /// As the user wrote it.
    pub(super) name: &'a str,
    pub(super) options: &'a PullOptions,
    pub(super) retry: Retry,
    pub(super) registries: Registries,
    pub(super) policy: Policy,
    pub(super) tracker: Tracker<'a>,
}

impl<'a> Pull<'a> {
    pub(super) fn new(
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

    /// Does asynchronous work to its end.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = Result<T, PullError>>) -> Result<T, ImageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StoreError::io("start the pull of", self.store.data()))?;
        let result = runtime.block_on(self.tracker.watch(work));
        // A thread may still wait for the lock of a blob that this pull no longer wants.
        runtime.shutdown_background();
        Ok(result?)
    }
}

pub(super) fn platform(options: &PullOptions) -> Platform {
    Platform::wanted(
        options.os.as_deref(),
        options.arch.as_deref(),
        options.variant.as_deref(),
    )
}

fn delay(options: &PullOptions) -> Result<Option<Duration>, PullError> {
    let Some(text) = &options.retry_delay else {
        return Ok(None);
    };
    let invalid = || PullError::Delay(text.clone());
    let span: jiff::SignedDuration = text.parse().map_err(|_| invalid())?;
    Duration::try_from(span).map(Some).map_err(|_| invalid())
}
