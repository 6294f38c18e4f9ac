//! What the members of a pod have written: the journal has it. Nothing is kept beside it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use unipod_container::record::Record;
use unipod_linux::spawn;
use unipod_systemd::journal::{self, Message, Query};

/// How much of one line of the journal's answer is read, in bytes. Journald itself takes less of a message.
const LONGEST: u64 = 64 << 20;

/// What of it is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Go on as lines arrive.
    pub follow: bool,
    /// Only so many lines of each member, the last ones.
    pub tail: Option<u64>,
    /// Only what is newer: a time, or how long ago (`10m`).
    pub since: Option<String>,
    /// Only what is older.
    pub until: Option<String>,
}

/// Hands the lines of `members` to `take`, oldest first, until there are no more or it returns `false`: the member's place among them,
/// and what it has written. A member that runs in the foreground has its lines elsewhere. It is over as well when nobody can read
/// from the other end of `listener`.
///
/// # Errors
/// journalctl cannot be run.
pub fn read(
    members: &[Record],
    wanted: &Wanted,
    listener: Option<BorrowedFd<'_>>,
    take: &mut dyn FnMut(usize, &Message) -> bool,
) -> io::Result<()> {
    let sources = Sources::of(members);
    if sources.units.is_empty() {
        return Ok(());
    }
    let mut last = None;
    if wanted.tail.is_some() {
        let mut all = Vec::new();
        for unit in sources.units.keys() {
            let query = Query {
                follow: false,
                ..sources.query(wanted)
            };
            stream(journal::messages(&[*unit], &query, None), listener, &mut |message| {
                all.push(message);
                true
            })?;
        }
        all.sort_by_key(Message::micros);
        for message in &all {
            if sources.of_message(message).is_some_and(|member| !take(member, message)) {
                return Ok(());
            }
        }
        if !wanted.follow {
            return Ok(());
        }
        last = all.last().map(|message| message.field("__CURSOR").to_owned());
    }
    let units: Vec<&str> = sources.units.keys().copied().collect();
    let mut query = sources.query(wanted);
    if wanted.tail.is_some() && last.is_none() {
        query.since = Some(journal::moment(jiff::Timestamp::now()));
    }
    query.tail = None;
    let command = journal::messages(&units, &query, last.as_deref());
    stream(command, listener, &mut |message| {
        sources.of_message(&message).is_none_or(|member| take(member, &message))
    })
}

/// The units of members, each with the place of its member, and since when it is that one's.
struct Sources<'a> {
    units: BTreeMap<&'a str, (usize, jiff::Timestamp)>,
}

impl<'a> Sources<'a> {
    fn of(members: &'a [Record]) -> Self {
        let unit = |(place, record): (usize, &'a Record)| {
            let unit = record.unit.as_ref()?;
            Some((unit.name.as_str(), (place, record.created)))
        };
        Self {
            units: members.iter().enumerate().filter_map(unit).collect(),
        }
    }

    fn query(&self, wanted: &Wanted) -> Query {
        let oldest = self.units.values().map(|(_, created)| *created).min();
        Query {
            user: !nix::unistd::geteuid().is_root(),
            follow: wanted.follow,
            tail: wanted.tail,
            since: wanted.since.clone().or_else(|| oldest.map(journal::moment)),
            until: wanted.until.clone(),
            ..Query::default()
        }
    }

    /// The member that has written it. A unit may have had containers of the same name before.
    fn of_message(&self, message: &Message) -> Option<usize> {
        let unit = ["_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT"].map(|field| self.units.get(message.field(field)));
        let (place, created) = unit.into_iter().flatten().next()?;
        let created = u64::try_from(created.as_microsecond()).unwrap_or_default();
        (message.micros() >= created).then_some(*place)
    }
}

/// Hands on each message that a journalctl says, which ends with us.
fn stream(
    mut command: Command,
    listener: Option<BorrowedFd<'_>>,
    take: &mut dyn FnMut(Message) -> bool,
) -> io::Result<()> {
    spawn::free_of_us(&mut command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut out = child
        .stdout
        .take()
        .map(BufReader::new)
        .ok_or(io::ErrorKind::BrokenPipe)?;
    let read = (|| {
        let mut line = Vec::new();
        loop {
            if out.buffer().is_empty() && !comes_before_it_is_unheard(out.get_ref().as_fd(), listener)? {
                return Ok(());
            }
            line.clear();
            let length = io::Read::take(&mut out, LONGEST).read_until(b'\n', &mut line)?;
            if length == 0 || !serde_json::from_slice(&line).map_or(true, &mut *take) {
                return Ok(());
            }
        }
    })();
    // One that follows goes on for ever; one that has said all is gone already.
    let _ = child.kill();
    child.wait()?;
    read
}

/// Waits until there is something to read, or the end of it; `false` if nobody listens any more.
fn comes_before_it_is_unheard(source: BorrowedFd<'_>, listener: Option<BorrowedFd<'_>>) -> io::Result<bool> {
    loop {
        let mut both = vec![PollFd::new(source, PollFlags::POLLIN)];
        both.extend(listener.map(|listener| PollFd::new(listener, PollFlags::empty())));
        match poll(&mut both, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(both.get(1).and_then(PollFd::any) != Some(true)),
        }
    }
}
