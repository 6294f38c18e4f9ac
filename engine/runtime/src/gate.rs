//! A file that its readers wait for: until it is complete, a lease holds whoever opens it (fcntl(2), "Leases").
//!
//! `unsafe` because no crate has these calls of fcntl(2); they take and give plain numbers.
#![allow(unsafe_code)]

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// For how long the kernel holds readers, in seconds, unless it says 0: forever (proc(5)).
const BREAK_TIME: &str = "/proc/sys/fs/lease-break-time";

/// Longer than this nobody is held, however patient the kernel is.
const LONGEST: Duration = Duration::from_secs(10);

/// So long every kernel holds them: it counts in seconds.
const SHORTEST: Duration = Duration::from_millis(500);

/// A file that nobody else can open. Dropping this lets the readers in.
#[derive(Debug)]
pub(super) struct Gate {
    file: File,
    since: Instant,
}

impl Gate {
    /// Makes the file; only its owner may read it.
    ///
    /// # Errors
    /// It cannot be made, or its file system has no leases, or somebody has it open.
    pub(super) fn shut(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        fcntl(&file, libc::F_SETLEASE, libc::F_WRLCK)?;
        // The holder would be told that somebody waits, with a signal that ends it.
        fcntl(&file, libc::F_SETOWN, 0)?;
        Ok(Self {
            file,
            since: Instant::now(),
        })
    }

    /// Whether readers surely still wait.
    pub(super) fn holds(&self) -> bool {
        self.since.elapsed() < SHORTEST || self.since.elapsed() < Self::patience()
    }

    /// How long readers surely wait in all.
    pub(super) fn patience() -> Duration {
        patience(&std::fs::read_to_string(BREAK_TIME).unwrap_or_default())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// It cannot be written; it may be half there.
    pub(super) fn fill(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)
    }
}

/// How long readers surely wait where [`BREAK_TIME`] reads like this; the file is still to be written then.
fn patience(break_time: &str) -> Duration {
    match break_time.trim().parse() {
        Ok(0) => LONGEST,
        Ok(seconds) => (Duration::from_secs(seconds) / 2).min(LONGEST),
        Err(_) => Duration::ZERO,
    }
}

fn fcntl(file: &File, command: i32, value: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open, and these commands take a number.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, value) };
    (result != -1).then_some(()).ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_reader_waits_for_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let mut gate = Gate::shut(&path).unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| std::fs::read_to_string(&path).unwrap());
            thread::sleep(Duration::from_millis(50));
            assert!(!reader.is_finished() && gate.holds());
            gate.fill(b"complete").unwrap();
            thread::sleep(Duration::from_millis(50));
            assert!(!reader.is_finished());
            drop(gate);
            assert_eq!(reader.join().unwrap(), "complete");
        });
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn readers_are_held_for_as_long_as_the_kernel_does() {
        for (text, held) in [("45\n", 10_000), ("5\n", 2_500), ("1\n", 500), ("0\n", 10_000), ("", 0)] {
            assert_eq!(patience(text), Duration::from_millis(held), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_somebody_reads_cannot_be_shut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, "old").unwrap();
        let _reader = File::open(&path).unwrap();
        assert!(Gate::shut(&path).is_err());
    }
}
