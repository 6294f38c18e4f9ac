//! A directory or a tar archive: files by name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Where files are read from.
pub(super) enum Tree {
    Directory(PathBuf),
    Archive {
        path: PathBuf,
        files: BTreeMap<PathBuf, Place>,
    },
}

/// What a name in an archive stands for.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Data {
        offset: u64,
        size: u64,
    },
    /// Old `docker save`s write a repeated layer once.
    Link(PathBuf),
}

impl Tree {
    /// Reads the table of contents.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let mut archive = tar::Archive::new(File::open(path)?);
        let mut files = BTreeMap::new();
        for entry in archive.entries_with_seek()? {
            let entry = entry.map_err(unreadable)?;
            let name = normal(&entry.path()?);
            let kind = entry.header().entry_type();
            if kind.is_file() {
                files.insert(
                    name,
                    Place::Data {
                        offset: entry.raw_file_position(),
                        size: entry.size(),
                    },
                );
            } else if let (true, Some(link)) = (kind.is_symlink() || kind.is_hard_link(), entry.link_name()?) {
                let base = if kind.is_symlink() {
                    name.parent().unwrap_or(Path::new(""))
                } else {
                    Path::new("")
                };
                files.insert(name.clone(), Place::Link(normal(&base.join(link))));
            }
        }
        Ok(Self::Archive {
            path: path.to_owned(),
            files,
        })
    }

    /// Opens a file.
    pub(super) fn open_file(&self, name: &str) -> io::Result<Box<dyn Read>> {
        match self {
            Self::Directory(dir) => Ok(Box::new(File::open(dir.join(normal(Path::new(name))))?)),
            Self::Archive { path, .. } => {
                let (offset, size) = self.place(name)?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Ok(Box::new(file.take(size)))
            }
        }
    }

    /// A file's size in bytes.
    pub(super) fn size(&self, name: &str) -> io::Result<u64> {
        match self {
            Self::Directory(dir) => Ok(dir.join(normal(Path::new(name))).metadata()?.len()),
            Self::Archive { .. } => self.place(name).map(|(_, size)| size),
        }
    }

    /// Reads a file of at most `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open_file(name)?.take(limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(io::Error::other(format!("it has more than {limit} bytes")));
        }
        Ok(content)
    }

    fn place(&self, name: &str) -> io::Result<(u64, u64)> {
        let Self::Archive { files, .. } = self else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut name = normal(Path::new(name));
        // Links that go round in a circle end here.
        for _ in 0..8 {
            match files.get(&name) {
                Some(Place::Data { offset, size }) => return Ok((*offset, *size)),
                Some(Place::Link(target)) => name.clone_from(target),
                None => break,
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The `tar` crate quotes what it cannot understand, and that may be any file of the host.
fn unreadable(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::other("it is no tar archive, or damaged"),
    }
}

/// The names in between, without `.`; `..` stops at the root, so that no name leaves the tree.
fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => result.push(name),
            Component::ParentDir => {
                result.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    result
}
