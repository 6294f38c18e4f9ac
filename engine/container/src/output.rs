//! Standard output and error of a payload: the unit's own streams wherever possible, pipes with a relay where the payload
//! opens them by name, a terminal with a relay where it wants one, `/dev/null` where nobody wants to know.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::fchown;

use rustix::fs::FileType;

use super::log_driver::LogDriver;
use super::process::Process;
use super::record::Record;
use super::streams::{self, Copies, Copying, Ends, Shown};
use super::userns::Users;
use super::{ContainerError, relay, reopen};
use unipod_image::Image;
use unipod_systemd::journal;

/// What the payload gets in place of our own streams, and who reads it.
#[derive(Debug, Default)]
pub struct Output {
    /// `None`: ours.
    pub stdout: Option<OwnedFd>,
    /// `None`: ours.
    pub stderr: Option<OwnedFd>,
    /// `None`: ours, if it reads any.
    pub stdin: Option<OwnedFd>,
    /// Running already; they end when the payload has never got its ends.
    pub relays: Vec<Process>,
    /// What we copy ourselves, once it runs.
    pub copies: Option<Copies>,
}

/// Who is there to copy what a payload writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// Nobody: the engine leaves when the payload runs.
    Leaves,
    /// The engine, until the payload ends.
    Stays,
}

/// Makes the streams of a container that is about to start; pipes belong to its root, who hands them on to its user.
///
/// # Errors
/// A relay cannot be started.
pub fn prepare(
    record: &Record,
    image: Option<&Image>,
    users: Option<&Users>,
    engine: Attendance,
) -> Result<Output, ContainerError> {
    let failed = failed("a pipe");
    let output = match record.lifecycle.log_driver {
        // The terminal is all three streams.
        _ if record.options.tty => Ok(Output::default()),
        LogDriver::None => nowhere(record.options.interactive && engine == Attendance::Stays),
        LogDriver::Passthrough => Ok(Output::default()),
        LogDriver::Automatic | LogDriver::Journald if engine == Attendance::Stays => copied(record.options.interactive),
        LogDriver::Journald => relayed(tagged(record)?.as_ref()),
        LogDriver::Automatic if has_socket() && reopen::is_expected(&record.options, image) => {
            relayed(tagged(record)?.as_ref())
        }
        LogDriver::Automatic => direct(tagged(record)?),
    };
    let output = output.map_err(&failed)?;
    if let Some((uid, gid)) = users
        .filter(|_| !output.relays.is_empty() || output.copies.is_some())
        .map(Users::root)
        .transpose()?
    {
        for pipe in output.stdin.iter().chain(&output.stdout).chain(&output.stderr) {
            fchown(pipe, Some(uid), Some(gid)).map_err(&failed)?;
        }
    }
    Ok(output)
}

/// Begins to copy between the pipes and our own streams, as far as they are to be `shown`.
///
/// # Errors
/// There are no more descriptors.
pub fn begin_copying(copies: Option<Copies>, shown: Shown) -> Result<Option<Copying>, ContainerError> {
    let begin = |copies: Copies| copies.only(shown)?.begin();
    copies.map(begin).transpose().map_err(failed("a pipe"))
}

/// Starts the relay of a detached container's terminal, which it holds as long as the payload does.
///
/// # Errors
/// The relay cannot be started.
pub fn of_terminal(record: &Record, terminal: OwnedFd) -> Result<Process, ContainerError> {
    let own = match record.lifecycle.log_driver {
        LogDriver::None => Some(null().map_err(failed("a terminal"))?),
        _ => tagged(record)?,
    };
    let stdout = io::stdout();
    let started = relay::from_to(terminal, own.as_ref().map_or(stdout.as_fd(), AsFd::as_fd));
    started.map_err(failed("a terminal"))
}

/// What a stream that cannot be had is told as.
pub(super) fn failed(target: &'static str) -> impl Fn(io::Error) -> ContainerError {
    move |source| ContainerError::Io {
        action: "redirect output of the container to",
        path: target.into(),
        source,
    }
}

/// A stream of the container's own into the journal, where it is to be called otherwise there than its unit.
fn tagged(record: &Record) -> Result<Option<OwnedFd>, ContainerError> {
    let tag = record.lifecycle.log_tag.as_ref().filter(|_| has_socket());
    tag.map(|tag| journal::stream(&tag.of(&record.name, record.id.as_str(), image_name(record))))
        .transpose()
        .map_err(failed("the journal"))
}

fn has_socket() -> bool {
    socket(io::stdout()).or(socket(io::stderr())).is_some()
}

/// Our own streams, but for sockets where the container has a `journal` of its own.
fn direct(journal: Option<OwnedFd>) -> io::Result<Output> {
    let Some(journal) = journal else {
        return Ok(Output::default());
    };
    let instead = |socket: Option<_>| socket.map(|_| journal.try_clone()).transpose();
    Ok(Output {
        stdout: instead(socket(io::stdout()))?,
        stderr: instead(socket(io::stderr()))?,
        ..Output::default()
    })
}

/// Sockets are replaced by pipes, one relay each, to the same socket or the container's `journal`; systemd uses one socket for
/// both streams unless the unit says otherwise. Anything else can be opened by name as it is.
fn relayed(journal: Option<&OwnedFd>) -> io::Result<Output> {
    let mut output = Output::default();
    let (stdout, stderr) = (socket(io::stdout()), socket(io::stderr()));
    let is_one = stdout == stderr || (stderr.is_some() && journal.is_some());
    let relay_to = |own: BorrowedFd<'_>| relay::start(journal.map_or(own, AsFd::as_fd));
    if stdout.is_some() {
        let (pipe, relay) = relay_to(io::stdout().as_fd())?;
        output.stderr = is_one.then(|| pipe.try_clone()).transpose()?;
        output.stdout = Some(pipe);
        output.relays.push(relay);
    }
    if stderr.is_some() && output.stderr.is_none() {
        let (pipe, relay) = relay_to(io::stderr().as_fd())?;
        output.stderr = Some(pipe);
        output.relays.push(relay);
    }
    Ok(output)
}

/// Device and inode if it is a socket.
fn socket(stream: impl AsFd) -> Option<(u64, u64)> {
    let stat = rustix::fs::fstat(stream).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::Socket).then_some((stat.st_dev, stat.st_ino))
}

/// Pipes that the engine itself copies from and to its own streams, while it waits.
pub(super) fn copied(interactive: bool) -> io::Result<Output> {
    let (Ends { stdin, stdout, stderr }, copies) = streams::pipes(interactive)?;
    Ok(Output {
        stdin,
        stdout: Some(stdout),
        stderr: Some(stderr),
        relays: Vec::new(),
        copies: Some(copies),
    })
}

/// Nobody reads what the process writes. What we are told is copied to it if it is `interactive`, while we wait.
pub(super) fn nowhere(interactive: bool) -> io::Result<Output> {
    let null = null()?;
    let input = interactive.then(streams::input).transpose()?;
    let (stdin, copies) = input.unzip();
    Ok(Output {
        stdin,
        copies,
        stderr: Some(null.try_clone()?),
        stdout: Some(null),
        ..Output::default()
    })
}

fn null() -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().write(true).open("/dev/null")?.into())
}

/// What `{{.ImageName}}` stands for.
fn image_name(record: &Record) -> &str {
    record.image.as_ref().map_or("rootfs", |image| &image.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_log_drivers() {
        for (name, driver) in [
            ("", Some(LogDriver::Automatic)),
            ("journald", Some(LogDriver::Journald)),
            ("passthrough", Some(LogDriver::Passthrough)),
            ("none", Some(LogDriver::None)),
            ("k8s-file", Some(LogDriver::Automatic)),
            ("json-file", Some(LogDriver::Automatic)),
            ("syslog", None),
        ] {
            assert_eq!(name.parse().ok(), driver, "{name}");
        }
        let refused = "syslog".parse::<LogDriver>().unwrap_err().to_string();
        assert!(refused.contains("syslog") && refused.contains("journald"), "{refused}");
    }

    #[test]
    fn one_socket_is_one_stream() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(socket(&one), socket(one.try_clone().unwrap()));
        assert_ne!(socket(&one), socket(&other));
        assert_eq!(socket(io::pipe().unwrap().0), None);
    }
}
