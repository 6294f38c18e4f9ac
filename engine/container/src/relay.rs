//! The relay: a process that copies a pipe to a journal stream, for a payload that opens its standard streams by name.
//! A journal stream is a socket, which cannot be opened; a pipe can. For a detached payload with a terminal it holds the
//! terminal's other end, and copies that.
//!
//! It lives in the unit's control group, holds nothing but its two ends, and ends with the last writer: the container.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;

use super::process::Process;
use unipod_linux::spawn;

/// The word that makes our own program a relay.
pub const COMMAND: &str = "relay-stream";

/// How long the last lines may take from the pipe to the journal once the container is gone.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Starts a relay to `stream` and returns the end of its pipe that is for the payload.
///
/// # Errors
/// There is no pipe to be had, or our own program cannot be started.
pub fn start(stream: BorrowedFd<'_>) -> io::Result<(OwnedFd, Process)> {
    let (from, to) = io::pipe()?;
    let to = File::from(OwnedFd::from(to));
    // Whoever can see the descriptor may write, also as a user that the payload becomes later (nginx, gosu).
    to.set_permissions(Permissions::from_mode(0o666))?;
    Ok((to.into(), from_to(from.into(), stream)?))
}

/// Starts a relay from `source` to `stream`.
///
/// # Errors
/// Our own program cannot be started.
pub fn from_to(source: OwnedFd, stream: BorrowedFd<'_>) -> io::Result<Process> {
    let mut command = Command::new("/proc/self/exe");
    spawn::outliving_us(&mut command);
    let child = command
        .arg0("unipod")
        .arg(COMMAND)
        .env_clear()
        .stdin(source)
        .stdout(stream.try_clone_to_owned()?)
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id();
    Ok(Process::with_pid(pid).unwrap_or(Process { pid, started: 0 }))
}

/// Waits until the relays of a container that is gone have passed on the last lines: what is still in a pipe when systemd
/// kills the rest of the unit would be lost. Gives up after a second; somebody else holds the pipe then.
pub fn settle(relays: &[Process]) {
    let deadline = Instant::now() + LAST_LINES;
    for relay in relays.iter().filter_map(|relay| relay.open()) {
        // A failure of poll(2) leaves nothing to wait with.
        let _ = relay.wait(deadline.saturating_duration_since(Instant::now()));
    }
}

/// The relay itself, from standard input to standard output.
pub fn main() -> ExitCode {
    // Only for those who look at it in `top` or the journal.
    let _ = nix::sys::prctl::set_name(c"unipod-relay");
    spawn::close_inherited();
    // It ends when the payload does and not when systemd asks the payload to.
    let masked = SigSet::all().thread_block();
    match masked.map_err(io::Error::from).and_then(|()| relay()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn relay() -> io::Result<()> {
    let mut from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    copy(&mut from, &mut to)
}

/// Copies until the last writer is gone. A journal that is gone does not take the payload with it: what it writes then is
/// read and dropped.
fn copy(from: &mut File, to: &mut File) -> io::Result<()> {
    loop {
        // splice(2), wherever the kernel can.
        match io::copy(from, to).and_then(|_| to.flush()) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(to.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
            }
            // So ends a terminal: the last process that had it is gone.
            Err(e) if e.raw_os_error() == Some(libc::EIO) => return Ok(()),
            Err(_) => return io::copy(from, &mut io::sink()).map(drop),
            Ok(()) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::net::UnixStream;

    fn pipe() -> (File, File) {
        let (from, to) = io::pipe().unwrap();
        (OwnedFd::from(from).into(), OwnedFd::from(to).into())
    }

    #[test]
    fn everything_arrives_and_the_end_ends_it() {
        let (mut from, mut to) = pipe();
        let (stream, mut journal) = UnixStream::pair().unwrap();
        // More than fits in a pipe and a socket together.
        let text = "a line\n".repeat(200_000);
        std::thread::scope(|scope| {
            scope.spawn(|| copy(&mut from, &mut File::from(OwnedFd::from(stream))).unwrap());
            scope.spawn(|| {
                to.write_all(text.as_bytes()).unwrap();
                drop(to);
            });
            let mut got = String::new();
            journal.read_to_string(&mut got).unwrap();
            assert!(got == text);
        });
    }

    #[test]
    fn lines_arrive_at_once() {
        let (mut from, mut to) = pipe();
        let (stream, journal) = UnixStream::pair().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| copy(&mut from, &mut File::from(OwnedFd::from(stream))).unwrap());
            let mut lines = BufReader::new(journal).lines();
            for line in ["one", "two"] {
                writeln!(to, "{line}").unwrap();
                assert_eq!(lines.next().unwrap().unwrap(), line);
            }
            drop(to);
        });
    }

    #[test]
    fn a_stream_that_does_not_block_is_waited_for() {
        let (mut from, mut to) = pipe();
        let (stream, mut journal) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| copy(&mut from, &mut File::from(OwnedFd::from(stream))).unwrap());
            scope.spawn(|| {
                to.write_all(&vec![b'x'; 1 << 20]).unwrap();
                drop(to);
            });
            let mut got = Vec::new();
            journal.read_to_end(&mut got).unwrap();
            assert_eq!(got.len(), 1 << 20);
        });
    }

    #[test]
    fn a_journal_that_is_gone_does_not_block_the_payload() {
        let (mut from, mut to) = pipe();
        let (stream, journal) = UnixStream::pair().unwrap();
        drop(journal);
        std::thread::scope(|scope| {
            scope.spawn(|| copy(&mut from, &mut File::from(OwnedFd::from(stream))).unwrap());
            to.write_all(&vec![b'x'; 1 << 20]).unwrap();
            drop(to);
        });
    }
}
