//! What a health check's command answers: within a time, and no more than fits a log. What runs in the container decides
//! how long it takes and how much it prints, and may leave a process behind that keeps its output open.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::process::{Handle, Process};
use unipod_linux::child;

/// As much of each stream is kept; the rest is read and dropped, so that nobody waits for us. Bytes.
const KEPT: usize = 64 << 10;

/// Waits for a command with pipes as its output. Returns its exit code and what it printed, standard output first; one that
/// takes longer than `timeout` is killed with all that it has started, and has failed.
///
/// # Errors
/// The kernel refuses to wait.
pub fn answer_within(mut started: Child, timeout: Duration) -> io::Result<(i32, String)> {
    let process = Process::with_pid(started.id()).and_then(Process::open);
    let streams = [
        started.stdout.take().map(OwnedFd::from),
        started.stderr.take().map(OwnedFd::from),
    ];
    let mut streams: Vec<Stream> = streams
        .into_iter()
        .flatten()
        .map(Stream::new)
        .collect::<io::Result<_>>()?;
    let in_time = match &process {
        Some(process) => listen(process, &mut streams, Instant::now() + timeout)?,
        // It has ended already.
        None => true,
    };
    if !in_time {
        child::kill_tree(started.id());
    }
    let status = started.wait()?;
    if !in_time {
        return Ok((125, format!("the check did not answer within {timeout:?}")));
    }
    let output = streams.iter_mut().map(Stream::rest).collect();
    Ok((status.code().unwrap_or(125), output))
}

/// Reads until the process is gone. Returns whether it is, before `deadline`.
fn listen(process: &Handle, streams: &mut [Stream], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = vec![PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        let pipes = streams.iter().filter_map(|stream| stream.pipe.as_ref());
        fds.extend(pipes.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)));
        // Rounded up: a wait of half a millisecond must not become a busy loop.
        let wait = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, wait) {
            Ok(_) if fds[0].any() == Some(true) => return Ok(true),
            Ok(_) | Err(Errno::EINTR) if left.is_zero() => return Ok(false),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        for stream in streams.iter_mut() {
            stream.read();
        }
    }
}

/// One of the command's streams.
struct Stream {
    /// `None` once it has ended.
    pipe: Option<File>,
    kept: Vec<u8>,
}

impl Stream {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self {
            pipe: Some(pipe.into()),
            kept: Vec::new(),
        })
    }

    /// Reads once. Returns whether there may be more already.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 8 << 10];
        match self.pipe.as_mut().map(|pipe| pipe.read(&mut chunk)) {
            Some(Ok(length)) if length > 0 => {
                let kept = length.min(KEPT - self.kept.len());
                self.kept.extend_from_slice(&chunk[..kept]);
                true
            }
            Some(Err(e)) if e.kind() == ErrorKind::Interrupted => true,
            Some(Err(e)) if e.kind() == ErrorKind::WouldBlock => false,
            _ => {
                self.pipe = None;
                false
            }
        }
    }

    /// All that was printed, after the end of the command: not what somebody may still print.
    fn rest(&mut self) -> String {
        while self.kept.len() < KEPT && self.read() {}
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn run(script: &str, timeout: Duration) -> (i32, String) {
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        answer_within(child, timeout).unwrap()
    }

    #[test]
    fn a_check_that_hangs_is_killed_with_all_its_children() {
        let (code, output) = run("setsid sleep 60 & sleep 60", Duration::from_millis(50));
        assert_eq!(code, 125);
        assert!(output.contains("within"), "{output}");
    }

    #[test]
    fn what_it_prints_is_kept_up_to_a_bound() {
        let (code, output) = run("echo out; echo err >&2; exit 3", Duration::from_secs(10));
        assert_eq!((code, output.as_str()), (3, "out\nerr\n"));
        let (code, output) = run("head -c 3000000 /dev/zero", Duration::from_secs(10));
        assert_eq!((code, output.len()), (0, KEPT));
        let (code, _) = run("cat /dev/zero", Duration::from_millis(100));
        assert_eq!(code, 125);
    }

    #[test]
    fn a_process_that_it_leaves_behind_is_not_waited_for() {
        let begun = Instant::now();
        let (code, output) = run("sleep 5 & echo done", Duration::from_secs(20));
        assert_eq!((code, output.as_str()), (0, "done\n"));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}
