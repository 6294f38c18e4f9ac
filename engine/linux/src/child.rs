//! Programs of others that work for us: they end in time, and what they say has an end. They may hang (a lock, a name service, a
//! broken disk) or talk for ever; what they were to do has failed then.
//!
//! Waiting is a poll(2) on the child's pidfd, on what it says, and on the signals that are to end us: no thread, no other process.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open};

/// What a program may say on each stream, in bytes. Real ones say some kilobytes. A multiple of the largest page: a sealed memory
/// file is filled to its last byte.
pub const MOST: usize = 4 << 20;

/// How much of what it said an error repeats, in bytes.
const QUOTED: usize = 4 << 10;

/// What a program still has to get done once a signal is waiting for us. What was all but done is not torn in two.
const GRACE: Duration = Duration::from_secs(5);

/// Signals that end us. Who hands them on to a container has them blocked, and sees them when the container runs: then a program
/// that hangs would keep us from it.
const ENDS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// Runs `command` for its answer, with `input` on its standard input. Its end is the end, whatever it has started.
///
/// # Errors
/// It cannot be started, takes longer than `limit`, says more than [`MOST`], or a signal came. It is gone in any case.
pub fn output(command: &mut Command, input: &[u8], limit: Duration) -> io::Result<Output> {
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        memory_file(input)?.into()
    };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pipes = [
        child.stdout.take().map(OwnedFd::from),
        child.stderr.take().map(OwnedFd::from),
    ];
    let mut streams: Vec<Stream> = pipes.into_iter().flatten().map(Stream::new).collect();
    let status = wait_reading(&mut child, &mut streams, limit)?;
    let mut said = streams.into_iter().map(|stream| stream.said);
    Ok(Output {
        status,
        stdout: said.next().unwrap_or_default(),
        stderr: said.next().unwrap_or_default(),
    })
}

/// Waits for the end of a child; it may have been waited for.
///
/// # Errors
/// It takes longer than `limit`, or a signal came. It is gone then, with what it had started.
pub fn wait(child: &mut Child, limit: Duration) -> io::Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    wait_reading(child, &mut [], limit)
}

/// What a program said, for an error: not much, and without blanks around it.
pub fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[..said.len().min(QUOTED)]);
    let more = if said.len() > QUOTED { " …" } else { "" };
    format!("{}{more}", text.trim())
}

/// What a program has said that talks for ever.
pub fn too_much() -> io::Error {
    io::Error::other(format!("it said more than {} MiB", MOST >> 20))
}

/// An anonymous file with this content, read from its beginning.
fn memory_file(content: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("input", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
}

/// One stream of a program, as far as it was read.
struct Stream {
    pipe: Option<File>,
    said: Vec<u8>,
}

impl Stream {
    fn new(pipe: OwnedFd) -> Self {
        Self {
            pipe: Some(pipe.into()),
            said: Vec::new(),
        }
    }

    /// Reads what is there.
    fn read(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let left = (MOST + 1 - self.said.len()) as u64;
        match pipe.take(left).read_to_end(&mut self.said) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            // Its end.
            Ok(_) => self.pipe = None,
        }
        if self.said.len() > MOST {
            Err(too_much())
        } else {
            Ok(())
        }
    }
}

fn wait_reading(child: &mut Child, streams: &mut [Stream], limit: Duration) -> io::Result<ExitStatus> {
    match watch(child, streams, limit) {
        Ok(()) => child.wait(),
        Err(error) => {
            kill_tree(child.id());
            // It was killed, and has no other end.
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Returns when the child has ended.
fn watch(child: &Child, streams: &mut [Stream], limit: Duration) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = pidfd_open(pid.ok_or(io::ErrorKind::InvalidInput)?, PidfdFlags::empty())?;
    for pipe in streams.iter().filter_map(|stream| stream.pipe.as_ref()) {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    let mut deadline = Instant::now() + limit;
    let mut signals = signals()?;
    let mut why = Why::Late(limit);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: less than a millisecond must not become a busy loop.
        let left = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        let pipes = streams
            .iter()
            .filter_map(|stream| stream.pipe.as_ref())
            .map(AsFd::as_fd);
        let watched = [ended.as_fd()]
            .into_iter()
            .chain(signals.as_ref().map(AsFd::as_fd))
            .chain(pipes);
        let mut watched: Vec<PollFd<'_>> = watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut watched, left) {
            Ok(0) if Instant::now() >= deadline => return Err(why.error()),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let is_over = watched[0].any() == Some(true);
        let is_asked = signals.is_some() && watched[1].any() == Some(true);
        drop(watched);
        // First asked whether it has ended, then read: nothing that it said is missed.
        streams.iter_mut().try_for_each(Stream::read)?;
        if is_over {
            return Ok(());
        }
        if is_asked {
            // Left to whom it is for.
            signals = None;
            deadline = deadline.min(Instant::now() + GRACE);
            why = Why::Asked;
        }
    }
}

/// Those of [`ENDS`] that are blocked, and wait for somebody to take them.
fn signals() -> io::Result<Option<SignalFd>> {
    let blocked = SigSet::thread_get_mask()?;
    let ours: SigSet = ENDS.into_iter().filter(|signal| blocked.contains(*signal)).collect();
    if ours == SigSet::empty() {
        return Ok(None);
    }
    Ok(Some(SignalFd::with_flags(&ours, SfdFlags::SFD_CLOEXEC)?))
}

/// Why a program is not waited for any longer.
enum Why {
    Late(Duration),
    Asked,
}

impl Why {
    fn error(&self) -> io::Error {
        match self {
            Self::Late(limit) => {
                let text = format!("it did not end within {} seconds, and was killed", limit.as_secs_f32());
                io::Error::new(io::ErrorKind::TimedOut, text)
            }
            Self::Asked => io::Error::other("we were asked to end, and it did not: it was killed"),
        }
    }
}

/// Kills a child that was not waited for yet, and what it has started.
pub fn kill_tree(pid: u32) {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    // What is stopped starts nothing more, and waits for none of its children: their numbers stay theirs. It may have ended.
    let _ = kill_process(process, rustix::process::Signal::STOP);
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|number| number.parse().ok()) {
        kill_tree(child);
    }
    let _ = kill_process(process, rustix::process::Signal::KILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_is_said_and_read() {
        let output = output(&mut shell("cat; echo no >&2; exit 3"), b"yes", LONG).unwrap();
        assert_eq!((&*output.stdout, &*output.stderr), (&b"yes"[..], &b"no\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        // Its end counts, not that of what it left running, which has its streams.
        let started = Instant::now();
        let quick = super::output(&mut shell("echo ready; sleep 50 & echo $!"), b"", LONG).unwrap();
        let text = String::from_utf8(quick.stdout).unwrap();
        assert!(text.starts_with("ready\n") && started.elapsed() < Duration::from_secs(20));
        kill_process(
            Pid::from_raw(text["ready\n".len()..].trim().parse().unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }

    #[test]
    fn who_hangs_is_killed_with_what_it_has_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! >{}; wait", file.display());
        let mut child = shell(&script).spawn().unwrap();
        while fs::read_to_string(&file).unwrap_or_default().trim().is_empty() {
            std::thread::yield_now();
        }
        let error = wait(&mut child, Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let grandchild = fs::read_to_string(&file).unwrap();
        let stat = || fs::read_to_string(format!("/proc/{}/stat", grandchild.trim()));
        while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn who_talks_for_ever_is_killed() {
        for script in ["exec cat /dev/zero", "exec cat /dev/zero >&2"] {
            let error = output(&mut shell(script), b"", LONG).unwrap_err().to_string();
            assert!(error.contains("more than 4 MiB"), "{error}");
        }
        assert_eq!(words(b" so \n"), "so");
        assert!(words(&[b'x'; 9000]).len() < 5000);
    }

    #[test]
    fn a_signal_that_waits_for_us_shortens_the_time() {
        let waited = std::thread::spawn(|| {
            let mut mask = SigSet::empty();
            mask.add(Signal::SIGHUP);
            mask.thread_block().unwrap();
            // For this thread alone, so that no other one gets it.
            nix::sys::signal::raise(Signal::SIGHUP).unwrap();
            let started = Instant::now();
            let error = wait(&mut shell("exec sleep 1000").spawn().unwrap(), LONG).unwrap_err();
            (started.elapsed(), error.to_string())
        });
        let (time, error) = waited.join().unwrap();
        assert!(
            time >= GRACE && time < LONG / 2 && error.contains("asked to end"),
            "{time:?} {error}"
        );
    }
}
