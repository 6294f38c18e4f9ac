//! Where unit files are looked for, and what is there: every directory is read once.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::problem::{Place, Problem};
use crate::rule::Rule;
use crate::unit::UnitType;

/// What decides where to look; a value, so that tests look into a directory of their own.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The directory that stands for `/`.
    pub root: PathBuf,
    /// Whether to look where users keep their units.
    pub user_mode: bool,
    /// The user's id.
    pub uid: u32,
    /// `QUADLET_UNIT_DIRS`: replaces all other places.
    pub unit_dirs: Option<OsString>,
    /// `XDG_RUNTIME_DIR`
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`
    pub xdg_config_home: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
}

/// A directory of the search path.
#[derive(Debug)]
pub struct Directory {
    /// Where it really is.
    pub real: PathBuf,
    /// Its path below the root.
    pub shown: Arc<str>,
    /// The unit files in it, sorted by name.
    pub units: Vec<(String, UnitType)>,
}

/// All directories of the search path, in the order of precedence.
#[derive(Debug, Default)]
pub struct Found {
    /// The directories.
    pub directories: Vec<Directory>,
    /// Which of them are the trees that came before the search path.
    pub trees: Range<usize>,
    /// For each name of a drop-in directory (`web.container.d`), the search directories that have it, in order.
    pub dropins: HashMap<String, Vec<usize>>,
    /// What could not be read. An error costs the exit status, never another directory.
    pub problems: Vec<Problem>,
    /// What was wrong with the environment.
    pub complaints: Vec<String>,
}

/// Which directories of a tree are left out.
#[derive(Debug, Clone)]
enum Filter {
    All,
    /// No directory whose path begins like this one: the users' units are not the system's.
    Without(PathBuf),
    /// Right below this one no directory of digits: other users' units are not this one's.
    WithoutIds(PathBuf),
    /// No directory but this one.
    Only(PathBuf),
}

/// Reads the whole search path.
pub fn search(environment: &Environment) -> Found {
    search_after(environment, &[], &[])
}

/// Reads the whole search path after directories that come before it: of `single` only what is in them, of `trees` what
/// is below them, too.
pub fn search_after(environment: &Environment, single: &[PathBuf], trees: &[PathBuf]) -> Found {
    let mut walk = Walk {
        root: resolved_root(environment),
        seen: HashSet::new(),
        found: Found::default(),
    };
    for path in single {
        walk.top(path, &Filter::Only(path.clone()));
        // The search path may lead to it again, and then to what is below it.
        walk.seen.clear();
    }
    let first = walk.found.directories.len();
    for path in trees {
        walk.top(path, &Filter::All);
    }
    walk.found.trees = first..walk.found.directories.len();
    let places = match environment.unit_dirs.as_deref().filter(|dirs| !dirs.is_empty()) {
        Some(dirs) => walk.listed(dirs),
        None if environment.user_mode => walk.for_user(environment),
        None => walk.for_system(),
    };
    for (path, filter) in places {
        walk.top(&path, &filter);
    }
    // The walk meets `a/x.container.d` before `x.container.d`, but the upper one has precedence.
    walk.found
        .dropins
        .values_mut()
        .for_each(|places| places.sort_unstable());
    walk.found
}

fn resolved_root(environment: &Environment) -> PathBuf {
    if environment.root.as_os_str().is_empty() || environment.root == Path::new("/") {
        return PathBuf::from("/");
    }
    fs::canonicalize(&environment.root).unwrap_or_else(|_| environment.root.clone())
}

struct Walk {
    root: PathBuf,
    seen: HashSet<PathBuf>,
    found: Found,
}

type Places = Vec<(PathBuf, Filter)>;

impl Walk {
    fn listed(&mut self, dirs: &OsStr) -> Places {
        let mut places = Vec::new();
        for dir in dirs.as_bytes().split(|byte| *byte == b':') {
            let dir = Path::new(OsStr::from_bytes(dir));
            if !dir.is_absolute() {
                let complaint = format!("QUADLET_UNIT_DIRS: \"{}\" is not an absolute path", dir.display());
                self.found.complaints.push(complaint);
                break;
            }
            places.push((dir.to_owned(), Filter::All));
        }
        places
    }

    fn for_system(&self) -> Places {
        let users = Filter::Without(self.resolve("/etc/containers/systemd/users"));
        let distribution_users = self.resolve("/usr/share/containers/systemd/users");
        vec![
            ("/run/containers/systemd".into(), users.clone()),
            ("/etc/containers/systemd".into(), users),
            (
                "/usr/share/containers/systemd".into(),
                Filter::Without(distribution_users),
            ),
        ]
    }

    /// As the manual pages say: the user's own directory before the one for all users.
    fn for_user(&mut self, environment: &Environment) -> Places {
        let mut places = Vec::new();
        if let Some(runtime) = non_empty(environment.xdg_runtime_dir.as_ref()) {
            places.push((runtime.join("containers/systemd"), Filter::All));
        }
        let Some(config) = configuration(environment) else {
            let complaint = "neither XDG_CONFIG_HOME nor HOME is an absolute path: no other directory is searched";
            self.found.complaints.push(complaint.to_owned());
            return places;
        };
        places.push((config.join("containers/systemd"), Filter::All));
        for users in ["/etc/containers/systemd/users", "/usr/share/containers/systemd/users"] {
            places.push((Path::new(users).join(environment.uid.to_string()), Filter::All));
            places.push((users.into(), Filter::WithoutIds(self.resolve(users))));
        }
        places
    }

    /// Where a path of the root really is; the path itself if it is not there.
    fn resolve(&self, path: &str) -> PathBuf {
        let real = self.below_root(Path::new(path));
        fs::canonicalize(&real).unwrap_or(real)
    }

    fn below_root(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path as the administrator knows it.
    fn shown(&self, real: &Path) -> String {
        match real.strip_prefix(&self.root) {
            Ok(below) => format!("/{}", below.display()),
            Err(_) => real.display().to_string(),
        }
    }

    fn top(&mut self, path: &Path, filter: &Filter) {
        match fs::canonicalize(self.below_root(path)) {
            Ok(real) if real.is_dir() => self.directory(&real, filter),
            Err(error) if error.kind() != ErrorKind::NotFound => self.unreadable(&path.display().to_string(), &error),
            _ => {}
        }
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        let problem = Problem::error(Place::file(path.into()), format!("this cannot be read: {error}"));
        self.found.problems.push(problem.of(Rule::Unreadable));
    }

    /// A directory whose symlinks are resolved, and all below it: itself, then its entries by name, depth first.
    fn directory(&mut self, real: &Path, filter: &Filter) {
        if real.as_os_str().as_bytes().ends_with(b".d") || !filter.admits(real) || !self.seen.insert(real.to_owned()) {
            return;
        }
        let shown: Arc<str> = self.shown(real).into();
        let entries = match sorted_entries(real) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(&shown, &error),
        };
        let index = self.found.directories.len();
        self.found.directories.push(Directory {
            real: real.to_owned(),
            shown,
            units: Vec::new(),
        });
        for entry in entries {
            self.entry(index, real, &entry, filter);
        }
    }

    fn entry(&mut self, index: usize, directory: &Path, entry: &Entry, filter: &Filter) {
        let unit_type = UnitType::of(&entry.name.to_string_lossy());
        match (entry.name.to_str(), unit_type) {
            (Some(name), Some(unit_type)) => self.found.directories[index].units.push((name.to_owned(), unit_type)),
            (Some(name), None) if entry.may_be_directory() && is_dropin_directory(name) => {
                self.found.dropins.entry(name.to_owned()).or_default().push(index);
            }
            (None, Some(_)) => {
                let place = Place::file(self.shown(&directory.join(&entry.name)).into());
                let problem = Problem::error(place, "the name of this file is not UTF-8");
                self.found.problems.push(problem.of(Rule::Unreadable));
            }
            _ => {}
        }
        let path = directory.join(&entry.name);
        match entry.kind {
            EntryKind::Directory => self.directory(&path, filter),
            EntryKind::Symlink => match fs::canonicalize(&path) {
                Ok(real) if real.is_dir() => self.directory(&real, filter),
                // The file itself will be reported, if it is a unit.
                Err(error) if error.kind() != ErrorKind::NotFound && unit_type.is_none() => {
                    let shown = self.shown(&path);
                    self.unreadable(&shown, &error);
                }
                _ => {}
            },
            EntryKind::Other => {}
        }
    }
}

impl Filter {
    fn admits(&self, real: &Path) -> bool {
        match self {
            Self::All => true,
            // A prefix of the text, not of the path, as in the reference: `users-old` belongs to `users`.
            Self::Without(users) => !real.as_os_str().as_bytes().starts_with(users.as_os_str().as_bytes()),
            Self::WithoutIds(users) => {
                let below = real
                    .strip_prefix(users)
                    .ok()
                    .and_then(|below| below.components().next());
                !below.is_some_and(|first| first.as_os_str().as_bytes().iter().all(u8::is_ascii_digit))
            }
            Self::Only(directory) => real == directory,
        }
    }
}

struct Entry {
    name: OsString,
    kind: EntryKind,
}

#[derive(Clone, Copy, PartialEq)]
enum EntryKind {
    Directory,
    Symlink,
    Other,
}

impl Entry {
    fn may_be_directory(&self) -> bool {
        self.kind != EntryKind::Other
    }
}

fn sorted_entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_dir() => EntryKind::Directory,
            Ok(kind) if kind.is_symlink() => EntryKind::Symlink,
            _ => EntryKind::Other,
        };
        entries.push(Entry {
            name: entry.file_name(),
            kind,
        });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// `web.container.d`, `container.d` and their like.
fn is_dropin_directory(name: &str) -> bool {
    let Some(unit) = name.strip_suffix(".d") else {
        return false;
    };
    UnitType::of(unit).is_some() || UnitType::ALL.iter().any(|unit_type| unit_type.extension() == unit)
}

/// Where a user's configuration is (XDG Base Directory Specification).
pub fn configuration(environment: &Environment) -> Option<PathBuf> {
    let config = non_empty(environment.xdg_config_home.as_ref()).cloned();
    let config = config.or_else(|| non_empty(environment.home.as_ref()).map(|home| home.join(".config")));
    config.filter(|config| config.is_absolute())
}

fn non_empty(path: Option<&PathBuf>) -> Option<&PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}
