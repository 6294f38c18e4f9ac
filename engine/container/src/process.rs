//! The container's init process as the kernel shows it: whether it lives, how to signal it, how to wait for it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The time between two looks at what changes in a moment.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// What the kernel's clock ticks and those of a file system may differ by. No number comes around so fast.
const SLACK: Duration = Duration::from_secs(1);

/// A process that cannot be mistaken for another one that got the same number later during this boot. What is kept for longer
/// says which boot that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number in the host's PID namespace.
    pub pid: u32,
    /// When it started, in clock ticks after boot: field 22 of proc_pid_stat(5).
    pub started: u64,
}

impl Process {
    /// One of an earlier boot, of which nothing can be left.
    pub const GONE: Self = Self { pid: 0, started: 0 };

    /// The process that has this number now; `None` if there is none, or only its zombie is left.
    pub fn with_pid(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, started) = parse_stat(&stat)?;
        (!matches!(state, 'Z' | 'X')).then_some(Self { pid, started })
    }

    /// The process whose number somebody has written into a file, if it is that process still: it is older than the file.
    pub fn written_in(file: &Path) -> Option<Self> {
        let process = Self::with_pid(fs::read_to_string(file).ok()?.trim().parse().ok()?)?;
        let age = fs::metadata(file).ok()?.modified().ok()?.elapsed().unwrap_or_default();
        (process.age()? + SLACK >= age).then_some(process)
    }

    /// For how long it has been running.
    fn age(self) -> Option<Duration> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let now = Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        let started = Duration::from_millis(self.started.checked_mul(1000)? / ticks);
        Some(now.saturating_sub(started))
    }

    /// Whether it still runs.
    pub fn is_alive(self) -> bool {
        Self::with_pid(self.pid) == Some(self)
    }

    /// Waits, for at most a second, until the process has been handed to whoever will reap it: `heirs` are their PIDs.
    ///
    /// The OCI runtime says that the container runs a moment before its last helper ends, and until then the container is
    /// that helper's child, whose end nobody else would be told.
    pub fn wait_for_heir(self, heirs: &[u32]) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while let Some(parent) = parent(self.pid).filter(|p| !heirs.contains(p)) {
            let Some(helper) = Self::with_pid(parent).and_then(Self::open) else {
                if Instant::now() >= deadline {
                    return;
                }
                thread::sleep(BETWEEN_LOOKS);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            // Adopted by another reaper (a test, a shell): that is none of our business.
            if left.is_zero() || !helper.wait(left).unwrap_or(false) {
                return;
            }
        }
    }

    /// A handle that stays with this very process; `None` if it is gone.
    pub fn open(self) -> Option<Handle> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        let fd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Opened first, compared second: from here on the number cannot change its meaning.
        self.is_alive().then_some(Handle { pid: self.pid, fd })
    }
}

/// An open pidfd, pidfd_open(2).
#[derive(Debug)]
pub struct Handle {
    pid: u32,
    fd: OwnedFd,
}

impl Handle {
    /// Sends a signal; a process that has just gone is fine.
    ///
    /// # Errors
    /// The kernel refuses (not ours to signal, no such signal).
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let signal = signal_from_number(signal).ok_or(io::ErrorKind::InvalidInput)?;
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Waits until the process is gone. Returns whether it is, within `timeout`.
    ///
    /// # Errors
    /// poll(2) fails.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Round up: a wait of half a millisecond must not become a busy loop.
            let left = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)], left) {
                Ok(0) if Instant::now() >= deadline => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Its number in the host's PID namespace.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The descriptor, readable once the process is gone.
    pub fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn signal_from_number(number: i32) -> Option<Signal> {
    Signal::from_named_raw(number).or_else(|| realtime_signal(number))
}

#[allow(unsafe_code)]
fn realtime_signal(number: i32) -> Option<Signal> {
    // SAFETY: the number is one of the kernel's real-time signals that the C library leaves to programs (34 and 35 to 64).
    (libc::SIGRTMIN()..=libc::SIGRTMAX())
        .contains(&number)
        .then(|| unsafe { Signal::from_raw_unchecked(number) })
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn parse_stat(stat: &str) -> Option<(char, u64)> {
    // The second field is the program's name in parentheses and may hold anything, even parentheses.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_program_name_with_parentheses_does_not_confuse() {
        let stat = format!(
            "12 (a) b) S 1 {} 4242 0",
            (0..17).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
        );
        assert_eq!(parse_stat(&stat), Some(('S', 4242)));
    }

    #[test]
    fn a_process_is_waited_for_and_never_confused_with_a_later_one() {
        let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let process = Process::with_pid(child.id()).unwrap();
        let handle = process.open().unwrap();
        assert!(!handle.wait(Duration::from_millis(1)).unwrap());
        assert!(
            Process {
                started: process.started + 1,
                ..process
            }
            .open()
            .is_none()
        );
        handle.signal(libc::SIGKILL).unwrap();
        assert!(handle.wait(Duration::from_secs(10)).unwrap());
        assert!(!process.is_alive(), "a zombie does not live");
        child.wait().unwrap();
        handle.signal(libc::SIGTERM).unwrap();
    }

    #[test]
    fn real_time_signals_are_known() {
        assert!(signal_from_number(libc::SIGRTMIN() + 3).is_some());
        assert!(signal_from_number(0).is_none());
        assert!(signal_from_number(99).is_none());
    }
}
