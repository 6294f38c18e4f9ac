//! Where unit files are looked for, as the environment says.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

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

/// Which directories of a tree are left out.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    /// None.
    All,
    /// No directory whose path begins like this one: the users' units are not the system's.
    Without(PathBuf),
    /// Right below this one no directory of digits: other users' units are not this one's.
    WithoutIds(PathBuf),
    /// No directory but this one.
    Only(PathBuf),
}

impl Filter {
    /// Whether a directory, its symlinks resolved, is left in.
    pub fn admits(&self, real: &Path) -> bool {
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

/// The search path.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// In the order of precedence, each with what is left out below it.
    pub list: Vec<(PathBuf, Filter)>,
    /// What was wrong with the environment.
    pub complaints: Vec<String>,
}

impl Places {
    /// `root` is the environment's, symlinks resolved.
    pub fn of(environment: &Environment, root: &Path) -> Self {
        let mut places = Self::default();
        match environment.unit_dirs.as_deref().filter(|dirs| !dirs.is_empty()) {
            Some(dirs) => places.listed(dirs),
            None if environment.user_mode => places.for_user(environment, root),
            None => places.for_system(root),
        }
        places
    }

    fn listed(&mut self, dirs: &OsStr) {
        for dir in dirs.as_bytes().split(|byte| *byte == b':') {
            let dir = Path::new(OsStr::from_bytes(dir));
            if !dir.is_absolute() {
                let complaint = format!("QUADLET_UNIT_DIRS: \"{}\" is not an absolute path", dir.display());
                self.complaints.push(complaint);
                break;
            }
            self.list.push((dir.to_owned(), Filter::All));
        }
    }

    fn for_system(&mut self, root: &Path) {
        let users = Filter::Without(resolve(root, "/etc/containers/systemd/users"));
        let distribution_users = Filter::Without(resolve(root, "/usr/share/containers/systemd/users"));
        self.list = vec![
            ("/run/containers/systemd".into(), users.clone()),
            ("/etc/containers/systemd".into(), users),
            ("/usr/share/containers/systemd".into(), distribution_users),
        ];
    }

    /// As the manual pages say: the user's own directory before the one for all users.
    fn for_user(&mut self, environment: &Environment, root: &Path) {
        if let Some(runtime) = non_empty(environment.xdg_runtime_dir.as_ref()) {
            self.list.push((runtime.join("containers/systemd"), Filter::All));
        }
        let Some(config) = configuration(environment) else {
            let complaint = "neither XDG_CONFIG_HOME nor HOME is an absolute path: no other directory is searched";
            self.complaints.push(complaint.to_owned());
            return;
        };
        self.list.push((config.join("containers/systemd"), Filter::All));
        for users in ["/etc/containers/systemd/users", "/usr/share/containers/systemd/users"] {
            self.list
                .push((Path::new(users).join(environment.uid.to_string()), Filter::All));
            self.list.push((users.into(), Filter::WithoutIds(resolve(root, users))));
        }
    }
}

/// Where a path of the root really is; the path itself if it is not there.
fn resolve(root: &Path, path: &str) -> PathBuf {
    let real = below(root, Path::new(path));
    fs::canonicalize(&real).unwrap_or(real)
}

/// An absolute path, with another directory in the place of `/`.
pub(crate) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
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
