//! Applications: which files were installed together, as podman writes it down.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::error::CliError;
use unipod::store::StoreError;

/// The applications of a directory: `.NAME.app`, and of earlier versions of podman `.NAME.asset`.
#[derive(Debug)]
pub struct Applications {
    directory: PathBuf,
    files: BTreeMap<String, Vec<String>>,
}

impl Applications {
    /// Reads all of them; a directory that is not there has none.
    pub fn read(directory: &Path) -> Result<Self, CliError> {
        let mut files = BTreeMap::new();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            entries => Some(entries.map_err(StoreError::io("read", directory))?),
        };
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(StoreError::io("read", directory))?;
            if let Some(name) = entry.file_name().to_str().filter(|name| is_list(name)) {
                let text = fs::read_to_string(entry.path()).map_err(StoreError::io("read", &entry.path()))?;
                let names = text.lines().map(str::trim).filter(|line| is_plain(line));
                files.insert(name.to_owned(), names.map(str::to_owned).collect());
            }
        }
        Ok(Self {
            directory: directory.to_owned(),
            files,
        })
    }

    /// The application that a file belongs to, `.web.container.app`.
    pub fn of(&self, file: &str) -> Option<&str> {
        let has = |files: &Vec<String>| files.iter().any(|name| name == file);
        self.files
            .iter()
            .find(|(list, files)| has(files) || **list == format!(".{file}.asset"))
            .map(|(list, _)| list.as_str())
    }

    /// An application by the name that `list` shows, or by what was installed: `.shop.app` or `shop`.
    pub fn find(&self, name: &str) -> Option<&str> {
        let list = [name.to_owned(), format!(".{name}.app")];
        self.files
            .keys()
            .map(String::as_str)
            .find(|key| list.iter().any(|name| name == key))
    }

    /// The files of an application.
    pub fn files(&self, application: &str) -> &[String] {
        self.files.get(application).map_or(&[], Vec::as_slice)
    }

    /// Adds files to an application.
    pub fn add(&mut self, application: &str, names: &[&str]) -> Result<(), CliError> {
        let files = self.files.entry(application.to_owned()).or_default();
        for name in names {
            if !files.iter().any(|file| file == name) {
                files.push((*name).to_owned());
            }
        }
        let text = files.join("\n") + "\n";
        Ok(put(&self.directory, application, text.as_bytes(), true)?)
    }
}

/// Writes a file that everybody may read. Whoever looks sees the old or the new; an existing one stays without `replace`.
pub fn put(directory: &Path, name: &str, content: &[u8], replace: bool) -> Result<(), StoreError> {
    let path = directory.join(name);
    let write = || -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(".quadlet-install-")
            .permissions(PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        if replace {
            file.persist(&path)?;
        } else {
            file.persist_noclobber(&path)?;
        }
        Ok(())
    };
    write().map_err(StoreError::io("write", &path))
}

/// Names and nothing else: what a list names is removed with it.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains('/')
}

fn is_list(name: &str) -> bool {
    let extension = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    extension.is_some_and(|(_, extension)| ["app", "asset"].contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_podmans() {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        for (name, text) in [
            (".shop.app", "web.container\nweb.conf\n\n../evil\n..\n"),
            (".old.container.asset", "old.conf\n"),
            (".web.container.swp", "x\n"),
        ] {
            fs::write(dir.path().join(name), text).expect("can be written");
        }
        let mut applications = Applications::read(dir.path()).expect("can be read");
        for (file, application) in [
            ("web.container", Some(".shop.app")),
            ("web.conf", Some(".shop.app")),
            ("old.container", Some(".old.container.asset")),
            ("x", None),
        ] {
            assert_eq!(applications.of(file), application, "{file}");
        }
        assert_eq!(applications.files(".shop.app"), ["web.container", "web.conf"]);
        for (name, application) in [
            ("shop", Some(".shop.app")),
            (".shop.app", Some(".shop.app")),
            ("sho", None),
        ] {
            assert_eq!(applications.find(name), application, "{name}");
        }
        applications
            .add(".shop.app", &["web.conf", "new.volume"])
            .expect("can be written");
        let text = fs::read_to_string(dir.path().join(".shop.app")).expect("can be read");
        assert_eq!(text, "web.container\nweb.conf\nnew.volume\n");
    }

    #[test]
    fn a_directory_that_is_not_there_has_none() {
        let none = Applications::read(Path::new("/nonexistent/x")).expect("is no error");
        assert_eq!(none.of("web.container"), None);
    }
}
