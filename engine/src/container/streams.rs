//! Standard streams of a process that we wait for: pipes, which are copied to and from our own. What is ours may be a file that
//! the process must not change, or a terminal that it must not read.
//!
//! Each stream has a thread. Nothing is lost that was written before the process ended; a process that it leaves behind with
//! an end of a pipe is not waited for.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// As much as two pipes hold, in bytes.
const CHUNK: usize = 128 << 10;

/// For how long nothing more has to come after the end of the process, from whoever else holds the pipe.
const QUIET: Duration = Duration::from_millis(100);

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
    out: [(File, File); 2],
}

/// Copying under way.
#[derive(Debug)]
pub struct Copying {
    out: Vec<(JoinHandle<()>, Arc<AtomicBool>)>,
}

/// Makes the pipes; ours is also standard input if `interactive`.
///
/// # Errors
/// There are no more descriptors.
pub fn pipes(interactive: bool) -> io::Result<(Ends, Copies)> {
    let (stdout, to_stdout) = pipe()?;
    let (stderr, to_stderr) = pipe()?;
    let (stdin, input) = if interactive {
        let (from, to) = io::pipe()?;
        let to = File::from(OwnedFd::from(to));
        (Some(from.into()), Some((own(io::stdin())?, to)))
    } else {
        (None, None)
    };
    let ends = Ends {
        stdin,
        stdout: to_stdout,
        stderr: to_stderr,
    };
    let copies = Copies {
        stdin: input,
        out: [(stdout, own(io::stdout())?), (stderr, own(io::stderr())?)],
    };
    Ok((ends, copies))
}

fn pipe() -> io::Result<(File, OwnedFd)> {
    let (from, to) = io::pipe()?;
    Ok((OwnedFd::from(from).into(), to.into()))
}

/// One of our own streams, without the buffer of the standard library.
fn own(stream: impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

impl Copies {
    /// Begins to copy.
    pub fn begin(self) -> Copying {
        if let Some((from, to)) = self.stdin {
            // It ends with us: nobody waits for what may be typed.
            thread::spawn(move || copy(from, to, &AtomicBool::new(true)));
        }
        let start = |(from, to): (File, File)| {
            let idle = Arc::new(AtomicBool::new(true));
            let shared = Arc::clone(&idle);
            (thread::spawn(move || copy(from, to, &shared)), idle)
        };
        Copying {
            out: self.out.map(start).into(),
        }
    }
}

impl Copying {
    /// Waits until all is copied that the process has written. It has ended, and our copies of its ends are closed.
    pub fn drain(self) {
        for (thread, idle) in self.out {
            let mut quiet = 0;
            while !thread.is_finished() && quiet < 10 {
                thread::sleep(if quiet == 0 {
                    Duration::from_micros(200)
                } else {
                    QUIET / 10
                });
                quiet = if idle.load(Ordering::Acquire) { quiet + 1 } else { 1 };
            }
        }
    }
}

/// Copies until one side is closed. `idle` says that there is nothing to be written.
fn copy(mut from: File, mut to: File, idle: &AtomicBool) {
    let mut buffer = vec![0; CHUNK];
    loop {
        idle.store(true, Ordering::Release);
        let read = from.read(&mut buffer);
        idle.store(false, Ordering::Release);
        match read {
            Ok(0) => return,
            Ok(length) if write(&mut to, &buffer[..length]).is_err() => return,
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(&from, PollFlags::POLLIN),
            Err(e) if e.kind() != ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}

/// Our streams may be set not to wait, by somebody who shares them.
fn write(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
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
            out: [(from, to), (none(), tempfile::tempfile().unwrap())],
        }
        .begin()
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
}
