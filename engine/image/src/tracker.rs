//! How far a pull is: workers count, and a tick tells whoever wants to know.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Progress;
use unipod_store::{Lock, Store, StoreError};

/// Often enough for a person, and for systemd, which extends a start's time only while it is told so.
const TICK: Duration = Duration::from_millis(250);

/// Counts bytes and knows the present status line.
pub(super) struct Tracker<'a> {
    progress: &'a dyn Progress,
    done: AtomicU64,
    total: AtomicU64,
    status: Mutex<String>,
}

impl<'a> Tracker<'a> {
    pub(super) fn new(progress: &'a dyn Progress) -> Self {
        Self {
            progress,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            status: Mutex::default(),
        }
    }

    /// Reports a new status line at once.
    pub(super) fn status(&self, text: &str) {
        text.clone_into(&mut *self.status.lock().unwrap_or_else(PoisonError::into_inner));
        self.report();
    }

    /// `bytes` more are expected.
    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Relaxed);
    }

    /// `bytes` more are there.
    pub(super) fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Relaxed);
    }

    /// `bytes` that were counted have to be fetched again.
    pub(super) fn retreat(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Relaxed);
    }

    /// Does `work`, reporting a few times a second.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                result = &mut work => return result,
                _ = tick.tick() => self.report(),
            }
        }
    }

    /// Waits for a lock that another process may hold for as long as a pull takes, reporting meanwhile.
    pub(super) fn locked(&self, store: &Store, kind: &str, name: &str) -> Result<Lock, StoreError> {
        if let Some(lock) = Lock::try_acquire(store, kind, name)? {
            return Ok(lock);
        }
        self.status(&format!("Waiting for another pull of {name}"));
        std::thread::scope(|scope| {
            let (send, receive) = channel();
            scope.spawn(move || send.send(Lock::acquire(store, kind, name)));
            loop {
                match receive.recv_timeout(TICK) {
                    Ok(result) => return result,
                    Err(RecvTimeoutError::Timeout) => self.report(),
                    Err(RecvTimeoutError::Disconnected) => unreachable!("the thread sends before it ends"),
                }
            }
        })
    }

    fn report(&self) {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.progress
            .report(&status, self.done.load(Relaxed), self.total.load(Relaxed));
    }
}
