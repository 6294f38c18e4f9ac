//! `[Install]` as a preset: what no administrator has decided yet is decided once, by the links that `systemctl enable`
//! would make; afterwards they are his.
//!
//! A record names the links that were made. If of a service in it
//!
//! - a link is there, it is enabled: its links follow `[Install]` when that changes, and go when the unit goes;
//! - none is there, somebody has said `systemctl disable`: that holds, even if the unit goes and comes back.
//!
//! ```text
//! /etc/unipod/presets                 of users: $XDG_CONFIG_HOME/unipod/presets
//! web.service multi-user.target.wants/web.service
//! ```
//!
//! A link is made before it is recorded, and removed after it was taken from the record: whoever is killed in between
//! has decided nothing. Two generators at once take turns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::generate::Service;
use crate::install::Link;
use crate::manager::Manager;
use crate::names::is_valid_name;

/// For each service the paths of its links, below the directory that `systemctl enable` makes them in.
type Links = BTreeMap<String, BTreeSet<String>>;

const HEADER: &str =
    "# Links that unipod has made for [Install] sections, once. A service here that has none of them is disabled.\n";

/// The service that runs the generator again when the disks can be written to.
const LATER: &str = "unipod-preset.service";

/// Nothing can be decided now: at early boot the disks may be read-only. What makes up for it until it can.
#[derive(Debug)]
pub struct Undecided {
    /// Why.
    pub error: io::Error,
    /// Has the decision made when the disks can be written to. Its links start what would have been enabled. There is none
    /// where that would not help.
    pub later: Option<Service>,
}

/// Enables the services that nobody has decided about.
pub fn apply(manager: &Manager, services: &[Service]) -> Result<(), Box<Undecided>> {
    let wanted = wanted(services);
    let record = match read(&manager.record) {
        // Somebody's decisions are in it: to take it for empty would enable what was disabled.
        Err(error) if is_damage(&error) => return Err(Box::new(Undecided { error, later: None })),
        record => record.unwrap_or_default(),
    };
    let change = Change::of(manager, record, &wanted);
    if change.is_empty() {
        return Ok(());
    }
    locked(&manager.record, || {
        Change::of(manager, read(&manager.record)?, &wanted).carry_out(manager)
    })
    .map_err(|error| {
        hide(manager, &change.dropped);
        Box::new(Undecided {
            error,
            later: Some(later(manager, &change.made)),
        })
    })
}

/// The links of each service that `systemctl enable` would make, too.
fn wanted(services: &[Service]) -> Links {
    let links = services.iter().map(|service| {
        let paths = service.links.iter().map(|link| &link.path);
        let paths: BTreeSet<String> = paths.filter(|path| enables(path)).cloned().collect();
        (service.file_name.clone(), paths)
    });
    links.filter(|(_, paths)| !paths.is_empty()).collect()
}

/// Whether a link is one of `alias.service` and `some.target.wants/web.service`.
fn enables(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("x.wants", path));
    let unit = directory.rsplit_once('.').map_or("", |(unit, _)| unit);
    is_valid_name(unit) && name.strip_suffix(".service").is_some_and(is_valid_name)
}

/// What is to be done.
#[derive(Debug, Default)]
struct Change {
    made: Links,
    dropped: Links,
    /// The record afterwards.
    record: Links,
}

impl Change {
    /// | the record has it | it is wanted | some of its links are there | |
    /// |---|---|---|---|
    /// | no | yes | | its links are made |
    /// | yes | yes, by other links | yes | new links are made, old ones dropped |
    /// | yes | no | yes | its links are dropped, and it is forgotten: it may come back |
    /// | yes | | no | somebody has disabled it, and so it stays |
    fn of(manager: &Manager, record: Links, wanted: &Links) -> Self {
        let mut change = Self {
            record,
            ..Self::default()
        };
        for (service, links) in wanted {
            match change.record.get(service).cloned() {
                None => change.enable(service, links),
                Some(before) if before != *links => change.follow(manager, service, &before, links),
                Some(_) => {}
            }
        }
        let unwanted: Vec<String> = change
            .record
            .keys()
            .filter(|service| !wanted.contains_key(*service))
            .cloned()
            .collect();
        for service in unwanted {
            change.forget(manager, &service);
        }
        change
    }

    fn enable(&mut self, service: &str, links: &BTreeSet<String>) {
        self.made.insert(service.to_owned(), links.clone());
        self.record.insert(service.to_owned(), links.clone());
    }

    /// `[Install]` has changed.
    fn follow(&mut self, manager: &Manager, service: &str, before: &BTreeSet<String>, links: &BTreeSet<String>) {
        if is_enabled(manager, service, &(before | links)) {
            self.made.insert(service.to_owned(), links - before);
            self.dropped.insert(service.to_owned(), before - links);
            self.record.insert(service.to_owned(), links.clone());
        }
    }

    /// The unit file is gone.
    fn forget(&mut self, manager: &Manager, service: &str) {
        if self
            .record
            .get(service)
            .is_some_and(|links| is_enabled(manager, service, links))
            && let Some(links) = self.record.remove(service)
        {
            self.dropped.insert(service.to_owned(), links);
        }
    }

    fn is_empty(&self) -> bool {
        self.made.is_empty() && self.dropped.is_empty()
    }

    fn carry_out(&self, manager: &Manager) -> io::Result<()> {
        let mut changed = BTreeSet::new();
        for (service, path) in pairs(&self.made) {
            make(manager, path, service)?;
            changed.insert(manager.links.join(path).parent().unwrap_or(&manager.links).to_owned());
        }
        // A link that is recorded and not there was taken away by somebody, not by a power cut.
        changed.iter().try_for_each(|directory| sync(directory))?;
        write(&manager.record, &self.record)?;
        for (service, path) in pairs(&self.dropped) {
            remove(manager, path, service)?;
        }
        Ok(())
    }
}

/// Whether one of these links is there and leads to the service.
fn is_enabled(manager: &Manager, service: &str, links: &BTreeSet<String>) -> bool {
    links.iter().any(|path| leads_to(manager, path, service))
}

fn pairs(links: &Links) -> impl Iterator<Item = (&String, &String)> {
    links
        .iter()
        .flat_map(|(service, paths)| paths.iter().map(move |path| (service, path)))
}

/// Whether a link is there and is the service's, wherever the service lay when it was made.
fn leads_to(manager: &Manager, path: &str, service: &str) -> bool {
    fs::read_link(manager.links.join(path)).is_ok_and(|target| target.file_name().is_some_and(|name| name == service))
}

/// What somebody else has put in its place stays.
fn make(manager: &Manager, path: &str, service: &str) -> io::Result<()> {
    let (place, target) = (manager.links.join(path), manager.units.join(service));
    let made = match symlink(&target, &place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(place.parent().unwrap_or(&manager.links))?;
            symlink(&target, &place)
        }
        made => made,
    };
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Removes a link, and its directory with the last one. An administrator's own copy of the service keeps it.
fn remove(manager: &Manager, path: &str, service: &str) -> io::Result<()> {
    if !leads_to(manager, path, service) || manager.links.join(service).is_file() {
        return Ok(());
    }
    let place = manager.links.join(path);
    fs::remove_file(&place)?;
    if let Some(directory) = place.parent().filter(|directory| *directory != manager.links) {
        // Most have other links in them.
        let _ = fs::remove_dir(directory);
    }
    Ok(())
}

/// The record, empty if there is none. What is no line of it is nothing.
fn read(path: &Path) -> io::Result<Links> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Links::new()),
        bytes => bytes?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines
        .filter_map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Some((words.next()?, words.filter(|path| enables(path)).collect()))
        })
        .collect())
}

/// Whether the record itself is unreadable, whoever asks.
fn is_damage(error: &io::Error) -> bool {
    let damage = [Errno::ISDIR, Errno::IO, Errno::LOOP, Errno::BADMSG, Errno::UCLEAN];
    Errno::from_io_error(error).is_some_and(|error| damage.contains(&error))
}

/// Replaces the record. It is on the disk before its name is: half a record would enable what was disabled.
fn write(path: &Path, record: &Links) -> io::Result<()> {
    let mut text = String::from(HEADER);
    for (service, paths) in record {
        text.push_str(service);
        for path in paths {
            text.push(' ');
            text.push_str(path);
        }
        text.push('\n');
    }
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync(path.parent().unwrap_or(path))
}

/// Creates a directory and those above it where they are missing, and brings their names to the disk.
fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().unwrap_or(directory);
    create(above)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync(above),
    }
}

/// Brings the names in a directory to the disk.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Does something while no other generator does; makes the record's directory. What is locked is a file that nobody else can
/// open: who can open one, if only to read it, can lock it, and the manager waits for us.
fn locked(record: &Path, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    create(record.parent().unwrap_or(record))?;
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(record.with_extension("lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    act()
}

/// Hides links that cannot be removed behind links to nowhere: a target that requires a unit that is gone would not start.
fn hide(manager: &Manager, links: &Links) {
    for (_, path) in pairs(links) {
        let place = manager.early.join(path);
        // Where even this cannot be written nothing can.
        let _ = fs::create_dir_all(place.parent().unwrap_or(&manager.early)).and_then(|()| symlink("/dev/null", place));
    }
}

/// The service of [`Undecided`].
fn later(manager: &Manager, links: &Links) -> Service {
    let (target, scope) = if manager.is_user {
        ("default.target", "--user ")
    } else {
        ("multi-user.target", "")
    };
    let links = pairs(links).map(|(service, path)| Link {
        path: path.clone(),
        target: manager.units.join(service).display().to_string(),
    });
    let own = Link {
        path: format!("{target}.wants/{LATER}"),
        target: format!("../{LATER}"),
    };
    let content = format!(
        "[Unit]\nDescription=Enable new container services\nConditionPathIsReadWrite=%E\n\n\
         [Service]\nType=oneshot\nExecStart=systemctl {scope}daemon-reload\n"
    );
    Service {
        file_name: LATER.to_owned(),
        source: "".into(),
        content: content.into_bytes(),
        links: links.chain([own]).collect(),
        is_stub: false,
    }
}
