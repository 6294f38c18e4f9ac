//! Which registries.conf files are read, and how they are merged.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::RegistriesError;
use super::rules::{Registries, ShortNameMode, Table};

/// The files to read, in the order in which later ones override earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The main file: the first of these that is there.
    pub main: Vec<PathBuf>,
    /// A user named the main file, so it must be there.
    pub required: bool,
    /// Drop-in directories.
    pub dirs: Vec<PathBuf>,
    /// The aliases that engines recorded; they have precedence over all others.
    pub aliases: Option<PathBuf>,
}

impl Files {
    /// As containers-registries.conf(5) and containers-registries.conf.d(5) say for the calling user:
    /// `CONTAINERS_REGISTRIES_CONF`, or else the user's own file, or else the system's. With a file of the user,
    /// the system's drop-ins are not read.
    pub fn of_user() -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        let user = home.join(".config/containers");
        let user_dir = user.join("registries.conf.d");
        let system_dirs = [
            "/usr/share/containers/registries.conf.d",
            "/etc/containers/registries.conf.d",
        ];
        let both = system_dirs
            .into_iter()
            .map(PathBuf::from)
            .chain([user_dir.clone()])
            .collect();
        let aliases = Some(alias_cache(&home));
        if let Some(named) = std::env::var_os("CONTAINERS_REGISTRIES_CONF") {
            return Self {
                main: vec![named.into()],
                required: true,
                dirs: both,
                aliases,
            };
        }
        let own = user.join("registries.conf");
        if own.exists() {
            return Self {
                main: vec![own],
                required: true,
                dirs: vec![user_dir],
                aliases,
            };
        }
        let main = [
            "/etc/containers/registries.conf",
            "/usr/share/containers/registries.conf",
        ];
        Self {
            main: main.into_iter().map(PathBuf::from).collect(),
            required: false,
            dirs: both,
            aliases,
        }
    }
}

fn alias_cache(home: &Path) -> PathBuf {
    const FILE: &str = "containers/short-name-aliases.conf";
    if nix::unistd::geteuid().is_root() {
        return Path::new("/var/cache").join(FILE);
    }
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(|| home.join(".cache"), PathBuf::from)
        .join(FILE)
}

/// One file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    unqualified_search_registries: Option<Vec<String>>,
    short_name_mode: Option<ShortNameMode>,
    registry: Vec<Table>,
    aliases: BTreeMap<String, String>,
    /// Version 1 of the format (deprecated).
    registries: Option<Version1>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version1 {
    search: List,
    insecure: List,
    block: List,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    registries: Vec<String>,
}

impl Registries {
    /// Reads the configuration that containers-registries.conf(5) prescribes for the calling user.
    pub fn load() -> Result<Self, RegistriesError> {
        Self::read(&Files::of_user())
    }

    /// Reads and merges the given files.
    pub fn read(files: &Files) -> Result<Self, RegistriesError> {
        load(files)
    }
}

/// Reads and merges.
fn load(files: &Files) -> Result<Registries, RegistriesError> {
    let mut merged = Registries::default();
    let mut found = false;
    for path in &files.main {
        if let Some(file) = read(path)? {
            merged.merge(file);
            found = true;
            break;
        }
    }
    if let (false, true, Some(path)) = (found, files.required, files.main.first()) {
        return Err(RegistriesError::Read {
            path: path.clone(),
            source: io::ErrorKind::NotFound.into(),
        });
    }
    for path in files
        .dirs
        .iter()
        .map(|dir| drop_ins(dir))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
    {
        merged.merge(read(&path)?.unwrap_or_default());
    }
    if let Some(path) = &files.aliases {
        merged.merge_aliases(read(path)?.unwrap_or_default().aliases);
    }
    Ok(merged)
}

fn drop_ins(dir: &Path) -> Result<Vec<PathBuf>, RegistriesError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(source) => {
            return Err(RegistriesError::Read {
                path: dir.into(),
                source,
            });
        }
    };
    let is_conf = |p: &PathBuf| p.extension().is_some_and(|e| e == "conf") && p.is_file();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_conf).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Option<File>, RegistriesError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(RegistriesError::Read {
                path: path.into(),
                source,
            });
        }
    };
    let mut file: File = toml::from_str(&text).map_err(|source| RegistriesError::Parse {
        path: path.into(),
        source: Box::new(source),
    })?;
    if let Some(old) = file.registries.take() {
        file.upgrade(old);
    }
    Ok(Some(file))
}

impl File {
    fn upgrade(&mut self, old: Version1) {
        let Version1 {
            search,
            insecure,
            block,
        } = old;
        self.unqualified_search_registries.get_or_insert(search.registries);
        let table = |prefix: &String| Table {
            prefix: prefix.clone(),
            location: prefix.clone(),
            ..Table::default()
        };
        for prefix in &insecure.registries {
            self.registry.push(Table {
                insecure: true,
                blocked: block.registries.contains(prefix),
                ..table(prefix)
            });
        }
        for prefix in block.registries.iter().filter(|p| !insecure.registries.contains(p)) {
            self.registry.push(Table {
                blocked: true,
                ..table(prefix)
            });
        }
    }
}

impl Registries {
    fn merge(&mut self, file: File) {
        let File {
            unqualified_search_registries,
            short_name_mode,
            registry,
            aliases,
            registries: _,
        } = file;
        if let Some(search) = unqualified_search_registries {
            self.search = search;
        }
        if let Some(mode) = short_name_mode {
            self.mode = mode;
        }
        for table in registry {
            let table = complete(table);
            self.tables.retain(|t| t.prefix != table.prefix);
            self.tables.push(table);
        }
        self.merge_aliases(aliases);
    }

    /// An empty value erases the alias.
    fn merge_aliases(&mut self, aliases: BTreeMap<String, String>) {
        self.aliases.extend(aliases);
        self.aliases.retain(|_, value| !value.is_empty());
    }
}

/// A missing prefix is the location; a missing location is the prefix, unless that is a wildcard.
fn complete(mut table: Table) -> Table {
    if table.prefix.is_empty() {
        table.prefix = table.location.clone();
    } else if table.location.is_empty() && !table.prefix.starts_with('*') {
        table.location = table.prefix.clone();
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn later_files_override_field_by_field_and_aliases_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path();
        let main = file(
            d,
            "m.conf",
            "unqualified-search-registries=['a']\n[[registry]]\nlocation='r'\ninsecure=true",
        );
        file(
            d,
            "d/10-shortnames.conf",
            "[aliases]\nx='one.io/x'\ny='one.io/y'\nz='one.io/z'",
        );
        file(
            d,
            "d/20.conf",
            "[aliases]\nx=''\n[[registry]]\nprefix='r'\nblocked=true",
        );
        file(d, "d/30.txt", "not read");
        let cache = file(d, "cache.conf", "[aliases]\ny='two.io/y'");
        let files = Files {
            main: vec![main],
            required: true,
            dirs: vec![d.join("d")],
            aliases: Some(cache),
        };
        let merged = load(&files).unwrap();
        assert_eq!(merged.search, ["a"]);
        assert_eq!(merged.aliases.get("x"), None);
        assert_eq!(merged.aliases["y"], "two.io/y");
        assert_eq!(merged.aliases["z"], "one.io/z");
        assert_eq!(merged.tables.len(), 1);
        assert!(merged.tables[0].blocked && !merged.tables[0].insecure);
    }

    #[test]
    fn version_1_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[registries.search]\nregistries=['s']\n[registries.insecure]\nregistries=['i']\n[registries.block]\nregistries=['b']";
        let files = Files {
            main: vec![file(dir.path(), "m", text)],
            ..Files::default()
        };
        let merged = load(&files).unwrap();
        assert_eq!(merged.search, ["s"]);
        assert!(merged.tables.iter().any(|t| t.prefix == "i" && t.insecure));
        assert!(merged.tables.iter().any(|t| t.prefix == "b" && t.blocked));
    }

    #[test]
    fn a_named_file_must_be_there_and_errors_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Files {
            main: vec![dir.path().join("gone.conf")],
            required: true,
            ..Files::default()
        };
        assert!(load(&missing).unwrap_err().to_string().contains("gone.conf"));
        assert!(
            load(&Files {
                required: false,
                ..missing
            })
            .is_ok()
        );
        let bad = Files {
            main: vec![file(dir.path(), "bad.conf", "[[registry]")],
            ..Files::default()
        };
        assert!(load(&bad).unwrap_err().to_string().contains("bad.conf"));
    }
}
