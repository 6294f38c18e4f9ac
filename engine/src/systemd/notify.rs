//! sd_notify(3). Each function does nothing where nobody listens (`NOTIFY_SOCKET` is not set): a service that is
//! started by hand works the same.

use std::time::Duration;

use sd_notify::NotifyState;

/// The container's init is the unit's main process from now on.
pub fn main_pid(pid: u32) {
    send(&[NotifyState::MainPid(pid)]);
}

/// The container's init is the unit's main process, and the unit is ready: one datagram, so that systemd never sees
/// a ready unit with the wrong main process.
pub fn main_pid_and_ready(pid: u32) {
    send(&[NotifyState::MainPid(pid), NotifyState::Ready, NotifyState::Status("")]);
}

/// The unit is ready.
pub fn ready() {
    send(&[NotifyState::Ready, NotifyState::Status("")]);
}

/// What is going on, for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

/// What is going on in an operation that may outlast `TimeoutStartSec=`, which is pushed back by `more`.
pub fn status_extending(text: &str, more: Duration) {
    let micros = u32::try_from(more.as_micros()).unwrap_or(u32::MAX);
    send(&[NotifyState::Status(text), NotifyState::ExtendTimeoutUsec(micros)]);
}

/// The payload is alive, where the unit has `WatchdogSec=`.
pub fn watchdog() {
    if std::env::var_os("WATCHDOG_USEC").is_some() {
        send(&[NotifyState::Watchdog]);
    }
}

fn send(states: &[NotifyState]) {
    // A lost notification must not cost the container: systemd answers with its own time-out.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
