//! Trying again, with growing pauses, what may work in a moment.

use std::time::Duration;

use super::tracker::Tracker;

/// How often to try again and how long to wait before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// Further attempts after the first.
    pub(super) times: u32,
    /// The pause; without one it is 1, 2, 4 … seconds.
    pub(super) delay: Option<Duration>,
}

/// An error that knows whether it may be over soon.
pub(super) trait Transient: std::error::Error {
    /// Whether trying again may help.
    fn is_transient(&self) -> bool;
}

/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);

impl Retry {
    /// Calls `action` until it succeeds, fails for good, or was tried often enough.
    pub(super) async fn run<T, E: Transient>(
        &self,
        tracker: &Tracker<'_>,
        mut action: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempt = 0;
        loop {
            match action().await {
                Err(error) if attempt < self.times && error.is_transient() => {
                    let pause = self.pause(attempt);
                    attempt += 1;
                    let of = self.times;
                    tracing::warn!("{error}; trying again in {pause:?} ({attempt}/{of})");
                    tracker.status(&format!("Waiting to try again ({attempt}/{of})"));
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let exponential = || Duration::from_secs(1 << attempt.min(6));
        self.delay.unwrap_or_else(exponential).min(MAX_PAUSE)
    }
}
