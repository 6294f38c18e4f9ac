//! Standard streams of a process that we wait for: pipes, which are copied to and from our own. What is ours may be a file that
//! the process must not change, or a terminal that it must not read.
//!
//! Each stream has a thread. Everything arrives that was written before the process ended; a process that it leaves behind with
//! an end of a pipe is not waited for, whether it writes or not.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// As much as two pipes hold, in bytes.
pub(super) const CHUNK: usize = 128 << 10;

/// How long to wait where standard input says that it has nothing now instead of waiting itself.
const AGAIN: Duration = Duration::from_millis(20);

/// The ends for the process. To be dropped once it has them.
#[derive(Debug)]
pub struct Ends {
    /// `None` for a process that reads nothing.
    pub stdin: Option<OwnedFd>,
    /// Its standard output.
    pub stdout: OwnedFd,
    /// Its standard error.
    pub stderr: OwnedFd,
}

/// Our ends.
#[derive(Debug)]
pub struct Copies {
    stdin: Option<(File, File)>,
    out: Vec<(File, File)>,
}

/// Which streams of a container in the foreground are seen; what it writes to the other one is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Shown {
    /// All of them.
    pub const ALL: Self = Self {
        stdout: true,
        stderr: true,
    };
}

impl Default for Shown {
    fn default() -> Self {
        Self::ALL
    }
}

/// Copying under way.
#[derive(Debug)]
pub struct Copying {
    threads: Vec<JoinHandle<()>>,
    /// Closed once the process has ended, which the threads see.
    running: OwnedFd,
}

/// Makes the pipes; ours is also standard input if `interactive`.
///
/// # Errors
/// There are no more descriptors.
pub fn pipes(interactive: bool) -> io::Result<(Ends, Copies)> {
    let (from_stdout, stdout) = pipe()?;
    let (from_stderr, stderr) = pipe()?;
    let input = interactive.then(input).transpose()?;
    let (stdin, copies) = input.unzip();
    let ends = Ends { stdin, stdout, stderr };
    let copies = Copies {
        stdin: copies.and_then(|copies| copies.stdin),
        out: vec![(from_stdout, own(io::stdout())?), (from_stderr, own(io::stderr())?)],
    };
    Ok((ends, copies))
}

/// Makes the pipe for standard input alone.
///
/// # Errors
/// There are no more descriptors.
pub fn input() -> io::Result<(OwnedFd, Copies)> {
    let (from, to) = io::pipe()?;
    let copies = Copies {
        stdin: Some((own(io::stdin())?, OwnedFd::from(to).into())),
        out: Vec::new(),
    };
    Ok((from.into(), copies))
}

fn pipe() -> io::Result<(File, OwnedFd)> {
    let (from, to) = io::pipe()?;
    Ok((OwnedFd::from(from).into(), to.into()))
}

/// One of our own streams, without the buffer of the standard library.
pub(super) fn own(stream: impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

impl Copies {
    /// Has what is not to be seen dropped.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn only(mut self, shown: Shown) -> io::Result<Self> {
        for ((_, to), seen) in self.out.iter_mut().zip([shown.stdout, shown.stderr]) {
            if !seen {
                *to = File::options().write(true).open("/dev/null")?;
            }
        }
        Ok(self)
    }

    /// Begins to copy.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn begin(self) -> io::Result<Copying> {
        let (ended, running) = pipe()?;
        if let Some((from, to)) = self.stdin {
            // It ends with us: nobody waits for what may be typed.
            thread::spawn(move || copy(from, to));
        }
        let mut threads = Vec::new();
        for (from, to) in self.out {
            let ended = ended.try_clone()?;
            threads.push(thread::spawn(move || copy_until(from, to, &ended)));
        }
        Ok(Copying { threads, running })
    }
}

impl Copying {
    /// Waits until all is copied that was written so far. The process has ended, and our copies of its ends are closed.
    pub fn drain(self) {
        drop(self.running);
        for thread in self.threads {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Copies until one side is closed.
pub(super) fn copy(mut from: File, mut to: File) {
    let mut buffer = vec![0; CHUNK];
    // Who does not take it has been told by an error, or is gone.
    while let Ok(true) = pass_once(&mut from, &mut to, &mut buffer) {}
}

/// Copies until one side is closed, or, once the other end of `ended` is closed, what is in the pipe then.
fn copy_until(mut from: File, mut to: File, ended: &File) {
    let mut buffer = vec![0; CHUNK];
    while !wait_for_either(&from, ended) {
        if !matches!(pass_once(&mut from, &mut to, &mut buffer), Ok(true)) {
            return;
        }
    }
    let rest = rustix::io::ioctl_fionread(&from).unwrap_or_default();
    let mut from = from.take(rest);
    while let Ok(true) = pass_once(&mut from, &mut to, &mut buffer) {}
}

/// Waits until there is something to read, or the end of it, or the process has ended. Returns whether the latter holds.
pub(super) fn wait_for_either(from: &File, ended: &File) -> bool {
    let mut fds = [
        PollFd::new(from.as_fd(), PollFlags::POLLIN),
        PollFd::new(ended.as_fd(), PollFlags::POLLIN),
    ];
    // Interrupted: the next read waits as well.
    let _ = poll(&mut fds, PollTimeout::NONE);
    fds[1].any() == Some(true)
}

/// Reads once and writes what was read. Returns whether there may be more.
pub(super) fn pass_once(from: &mut impl Read, to: &mut File, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read(buffer) {
        Ok(0) => Ok(false),
        Ok(length) => write(to, &buffer[..length]).map(|()| true),
        Err(e) if e.kind() == ErrorKind::Interrupted => Ok(true),
        // Ours may be set not to wait.
        Err(e) if e.kind() == ErrorKind::WouldBlock => {
            thread::sleep(AGAIN);
            Ok(true)
        }
        Err(e) => Err(e),
    }
}

/// Our streams may be set not to wait, by somebody who shares them.
pub(super) fn write(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(to, PollFlags::POLLOUT),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn wait(file: &File, what: PollFlags) {
    // Whatever it says, the next attempt knows more.
    let _ = poll(&mut [PollFd::new(file.as_fd(), what)], PollTimeout::NONE);
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn copying(from: File, to: File) -> Copying {
        let none = || io::pipe().map(|(from, _)| File::from(OwnedFd::from(from))).unwrap();
        Copies {
            stdin: None,
            out: vec![(from, to), (none(), tempfile::tempfile().unwrap())],
        }
        .begin()
        .unwrap()
    }

    #[test]
    fn everything_written_before_the_end_arrives() {
        let (from, to) = io::pipe().unwrap();
        let mut target = tempfile::tempfile().unwrap();
        let copying = copying(File::from(OwnedFd::from(from)), target.try_clone().unwrap());
        let mut to = File::from(OwnedFd::from(to));
        let text: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_ne_bytes).collect();
        to.write_all(&text).unwrap();
        drop(to);
        copying.drain();
        let mut copied = Vec::new();
        target.rewind().unwrap();
        target.read_to_end(&mut copied).unwrap();
        assert!(copied == text, "{} of {} bytes", copied.len(), text.len());
    }

    #[test]
    fn who_keeps_the_pipe_is_not_waited_for() {
        let (from, to) = io::pipe().unwrap();
        let mut target = tempfile::tempfile().unwrap();
        let copying = copying(File::from(OwnedFd::from(from)), target.try_clone().unwrap());
        let mut kept = File::from(OwnedFd::from(to));
        kept.write_all(b"last words").unwrap();
        copying.drain();
        let mut copied = String::new();
        target.rewind().unwrap();
        target.read_to_string(&mut copied).unwrap();
        assert_eq!(copied, "last words");
        drop(kept);
    }

    #[test]
    fn who_writes_for_ever_is_not_waited_for() {
        let (from, to) = io::pipe().unwrap();
        let target = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        let copying = copying(File::from(OwnedFd::from(from)), target);
        let mut yes = std::process::Command::new("yes")
            .stdout(OwnedFd::from(to))
            .spawn()
            .unwrap();
        copying.drain();
        yes.kill().unwrap();
        yes.wait().unwrap();
    }
}
