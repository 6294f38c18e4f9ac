//! Waiting as the parent: a container in the foreground, without a unit.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::ContainerError;
use super::process::{Handle, Process};
use super::terminal::Attached;

/// Signals that are the container's, not ours: podman-run(1) `--sig-proxy`.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// A parent that adopts what the OCI runtime leaves behind, and passes signals on.
#[derive(Debug)]
pub struct Parent {
    signals: SignalFd,
}

impl Parent {
    /// Makes this process the parent of the container to be started. Its signals wait until [`Self::wait`].
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn prepare() -> std::io::Result<Self> {
        nix::sys::prctl::set_child_subreaper(true)?;
        let mask: SigSet = FORWARDED.into_iter().collect();
        mask.thread_block()?;
        Ok(Self {
            signals: SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?,
        })
    }

    /// Waits until the container's init ends and returns its exit code, 128 + signal number if a signal ended it. Meanwhile
    /// its `terminal` is kept as large as ours.
    ///
    /// # Errors
    /// The process is not our child.
    pub fn wait(self, process: Process, name: &str, terminal: Option<&Attached>) -> Result<i32, ContainerError> {
        let failed = |source: std::io::Error| ContainerError::Signal {
            name: name.to_owned(),
            source,
        };
        if let Some(handle) = process.open() {
            self.forward_until_gone(&handle, terminal).map_err(failed)?;
        }
        let pid = Pid::from_raw(i32::try_from(process.pid).unwrap_or(-1));
        loop {
            match waitpid(pid, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(code),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(failed(e.into())),
            }
        }
    }

    fn forward_until_gone(&self, handle: &Handle, terminal: Option<&Attached>) -> std::io::Result<()> {
        loop {
            let mut fds = [
                PollFd::new(handle.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            if fds[0].any() == Some(true) {
                return Ok(());
            }
            while let Some(signal) = self.signals.read_signal()? {
                let signal = i32::try_from(signal.ssi_signo).unwrap_or(libc::SIGTERM);
                match terminal {
                    Some(terminal) if signal == libc::SIGWINCH => terminal.resize(),
                    _ => handle.signal(signal)?,
                }
            }
        }
    }
}
