//! A program that waits at a [`Gate`](crate::gate::Gate) for a file which never gets complete would complain about that where
//! the container's messages go, when a signal ends us or the kernel loses its patience: the gate opens. So it is killed before.
//!
//! `unsafe` because a signal handler has to be installed; all that it does is async-signal-safe (signal-safety(7)).
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Signals that end us unless somebody has other plans with them.
const ENDS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// The program that is held, one at a time. Dropping this leaves it to its fate.
#[derive(Debug)]
pub(super) struct Held(());

impl Held {
    /// From now on the child with this PID ends when a signal ends us, at the latest after `patience`.
    pub(super) fn new(pid: u32, patience: Duration) -> Self {
        PROGRAM.store(i32::try_from(pid).unwrap_or(0), Relaxed);
        let ends = SigAction::new(SigHandler::Handler(end_with_it), SaFlags::SA_RESETHAND, SigSet::empty());
        for signal in ENDS {
            replace_default(signal, &ends);
        }
        let lapses = SigAction::new(SigHandler::Handler(end_it), SaFlags::SA_RESTART, SigSet::empty());
        replace_default(Signal::SIGALRM, &lapses);
        nix::unistd::alarm::set(u32::try_from(patience.as_secs()).unwrap_or(u32::MAX).max(1));
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        PROGRAM.store(0, Relaxed);
        nix::unistd::alarm::cancel();
    }
}

/// What cannot be set is as good as before.
fn replace_default(signal: Signal, action: &SigAction) {
    // SAFETY: the handlers call only kill(2) and raise(3).
    let before = unsafe { sigaction(signal, action) };
    if let Ok(before) = before
        && !matches!(before.handler(), SigHandler::SigDfl)
    {
        // SAFETY: it was there before.
        let _ = unsafe { sigaction(signal, &before) };
    }
}

extern "C" fn end_it(_: libc::c_int) {
    let program = PROGRAM.load(Relaxed);
    if program > 0 {
        // SAFETY: a system call that takes numbers. The child is not waited for while it is held, so it is still the same.
        unsafe { libc::kill(program, libc::SIGKILL) };
    }
}

/// The default action is restored by now, and taken when this returns.
extern "C" fn end_with_it(signal: libc::c_int) {
    end_it(signal);
    // SAFETY: it takes a number.
    unsafe { libc::raise(signal) };
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn nobody_is_held_longer_than_there_is_patience() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let held = Held::new(child.id(), Duration::from_secs(1));
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        drop(held);
    }
}
