//! The terminal of a container that we wait for: what is typed at ours goes there as it is typed, what it shows comes here, and
//! it is as large as ours.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::streams;

/// More than a terminal holds, in bytes: who shows more after the end is one whom the container has left behind.
const MOST: usize = 1 << 20;

/// Our terminal while it stands for the container's. Dropping this makes it what it was.
#[derive(Debug)]
pub struct Attached {
    own: File,
    before: Termios,
    containers: File,
    showing: Option<JoinHandle<()>>,
    /// Closed once the container has ended, which the thread sees.
    running: Option<OwnedFd>,
}

/// Attaches the terminal that is our standard input to the `container`'s. Nothing interprets what is typed but the latter.
///
/// # Errors
/// Standard input is not a terminal, or there are no more descriptors.
pub fn attach(container: OwnedFd) -> io::Result<Attached> {
    let own = streams::own(io::stdin())?;
    let before = tcgetattr(&own)?;
    let containers = File::from(container);
    let (ended, running) = io::pipe()?;
    let (typed, to) = (own.try_clone()?, containers.try_clone()?);
    let (shown, screen) = (containers.try_clone()?, streams::own(io::stdout())?);
    let mut attached = Attached {
        own,
        before,
        containers,
        showing: None,
        running: Some(running.into()),
    };
    attached.resize();
    let mut raw = attached.before.clone();
    raw.make_raw();
    tcsetattr(&attached.own, OptionalActions::Drain, &raw)?;
    // It ends with us: nobody waits for what may be typed.
    thread::spawn(move || streams::copy(typed, to));
    attached.showing = Some(thread::spawn(move || {
        show(shown, screen, &File::from(OwnedFd::from(ended)));
    }));
    Ok(attached)
}

impl Attached {
    /// Makes the container's terminal as large as ours, of which it tells its processes itself.
    pub fn resize(&self) {
        // A terminal without a size is none that we can be asked about.
        let _ = tcgetwinsize(&self.own).and_then(|size| tcsetwinsize(&self.containers, size));
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(showing) = self.showing.take() {
            // One that panicked has said so.
            let _ = showing.join();
        }
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.own, OptionalActions::Drain, &self.before);
    }
}

/// Copies what the container shows, until nobody has its terminal any more; once the other end of `ended` is closed, what is
/// there then.
fn show(mut terminal: File, mut screen: File, ended: &File) {
    let mut buffer = vec![0; streams::CHUNK];
    while !streams::wait_for_either(&terminal, ended) {
        if !matches!(streams::pass_once(&mut terminal, &mut screen, &mut buffer), Ok(true)) {
            return;
        }
    }
    let unblocked = fcntl_getfl(&terminal).and_then(|flags| fcntl_setfl(&terminal, flags | OFlags::NONBLOCK));
    let mut left = if unblocked.is_ok() { MOST } else { 0 };
    while let Some(length) = terminal
        .read(&mut buffer)
        .ok()
        .filter(|length| (1..=left).contains(length))
    {
        left -= length;
        if streams::write(&mut screen, &buffer[..length]).is_err() {
            return;
        }
    }
}
