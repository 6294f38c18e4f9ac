//! sd_notify(3). Each function does nothing where nobody listens (`NOTIFY_SOCKET` is not set): a service that is
//! started by hand works the same.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use sd_notify::NotifyState;

/// In milliseconds. systemd(1) answers in well under one, unless the machine stands still.
const BARRIER_TIMEOUT: u16 = 5_000;

/// The container's init is the unit's main process from now on. Returns when systemd has taken note: it refuses one that
/// has ended in the meantime, and a message of a sender that is gone by then belongs to no unit.
pub fn main_pid(pid: u32) {
    send(&[NotifyState::MainPid(pid)]);
    barrier();
}

/// As [`main_pid`], and the unit is ready: one datagram, so that systemd never sees a ready unit with the wrong main process.
pub fn main_pid_and_ready(pid: u32) {
    send(&[NotifyState::MainPid(pid), NotifyState::Ready, NotifyState::Status("")]);
    barrier();
}

/// The unit is ready. For a sender that stays.
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

/// Waits until systemd has processed everything sent so far, sd_notify_barrier(3).
fn barrier() {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let closed = std::io::pipe().and_then(|(ours, theirs)| {
        sd_notify::notify_with_fds(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()])?;
        drop(theirs);
        // systemd closes its end when it gets there.
        poll(
            &mut [PollFd::new(ours.as_fd(), PollFlags::empty())],
            PollTimeout::from(BARRIER_TIMEOUT),
        )
        .map_err(std::io::Error::from)
    });
    if let Err(error) = closed {
        tracing::warn!("cannot wait for systemd to take note: {error}");
    }
}

fn send(states: &[NotifyState]) {
    // A lost notification must not cost the container: systemd answers with its own time-out.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
