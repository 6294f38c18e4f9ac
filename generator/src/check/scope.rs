//! Which unit files are meant: some files and directories, or the whole search path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::names::Registry;
use crate::search::Directory;
use crate::unit::UnitType;
use crate::{Place, Problem, Rule};

/// Files and directories, symbolic links in their directories resolved. Empty: everything on the search path.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Single unit files; what else is in their directories is known, but not meant.
    pub files: Vec<PathBuf>,
    /// Directories with all that is below them.
    pub trees: Vec<PathBuf>,
}

/// A path that cannot be meant.
#[derive(Debug)]
pub enum ScopeError {
    /// It is not there, or cannot be seen.
    Unreadable(PathBuf, io::Error),
    /// A file that is none of the eight types.
    NotAUnit(PathBuf),
    /// A directory of drop-ins, or what is in one.
    Dropin(PathBuf),
}

impl std::fmt::Display for ScopeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dropin(path) => write!(
                f,
                "{}: directories that end in .d hold drop-ins; check the unit that they belong to",
                path.display()
            ),
            Self::Unreadable(path, _) => write!(f, "{}: cannot be read", path.display()),
            Self::NotAUnit(path) => {
                let types = UnitType::ALL.map(|unit_type| format!(".{}", unit_type.extension()));
                write!(f, "{}: not a unit file ({})", path.display(), types.join(" "))
            }
        }
    }
}

impl std::error::Error for ScopeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::NotAUnit(_) | Self::Dropin(_) => None,
        }
    }
}

impl Scope {
    /// The scope of some paths; relative ones start from the current directory.
    pub fn of(paths: &[PathBuf]) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for path in paths {
            let unreadable = |error| ScopeError::Unreadable(path.clone(), error);
            if fs::metadata(path).map_err(unreadable)?.is_dir() {
                let tree = fs::canonicalize(path).map_err(unreadable)?;
                scope.trees.push(not_of_dropins(tree)?);
            } else {
                scope.files.push(file(path)?);
            }
        }
        Ok(scope)
    }

    /// Whether no path was given.
    pub fn is_everything(&self) -> bool {
        self.files.is_empty() && self.trees.is_empty()
    }

    /// Whether the file at this path is meant.
    pub fn contains(&self, path: &str) -> bool {
        let path = Path::new(path);
        self.is_everything()
            || self.files.iter().any(|file| file == path)
            || self.trees.iter().any(|tree| path.starts_with(tree))
    }

    /// The directories that the single files lie in.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let mut directories: Vec<PathBuf> = self
            .files
            .iter()
            .filter_map(|file| file.parent())
            .map(Path::to_owned)
            .collect();
        directories.sort();
        directories.dedup();
        directories
    }

    /// The files that stand behind another one of their name: single ones, and those in `trees`.
    pub(super) fn hidden(&self, trees: &[Directory], registry: &Registry) -> Vec<Problem> {
        let in_tree = |tree: &Directory| -> Vec<PathBuf> {
            let names = tree.units.iter().map(|(name, _)| Path::new(&*tree.shown).join(name));
            names.collect()
        };
        let files = self.files.iter().cloned().chain(trees.iter().flat_map(in_tree));
        files.filter_map(|file| hidden(&file, registry)).collect()
    }
}

fn hidden(file: &Path, registry: &Registry) -> Option<Problem> {
    let name = file.file_name()?.to_str()?;
    let first = &registry.units[registry.find(name)?].unit.path;
    if Path::new(&**first) == file {
        return None;
    }
    let message = format!("not checked: {first} has the same name and comes first");
    let problem = Problem::warning(Place::file(file.to_string_lossy().into()), message);
    Some(problem.of(Rule::HiddenFile).help(Some("check it alone")))
}

/// The file itself may be a link: its name counts, and where the link lies.
fn file(path: &Path) -> Result<PathBuf, ScopeError> {
    let not_a_unit = || ScopeError::NotAUnit(path.to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(not_a_unit)?;
    UnitType::of(name).ok_or_else(not_a_unit)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = fs::canonicalize(parent.unwrap_or(Path::new(".")));
    let parent = parent.map_err(|error| ScopeError::Unreadable(path.to_owned(), error))?;
    Ok(not_of_dropins(parent)?.join(name))
}

/// The search does not look for units in directories of drop-ins.
fn not_of_dropins(directory: PathBuf) -> Result<PathBuf, ScopeError> {
    if directory.as_os_str().as_encoded_bytes().ends_with(b".d") {
        return Err(ScopeError::Dropin(directory));
    }
    Ok(directory)
}
