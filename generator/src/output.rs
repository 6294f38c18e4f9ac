//! Writes services and links so that whoever looks sees the old or the new, never half.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::install::Link;

/// The directory that services are written to.
#[derive(Debug)]
pub struct OutputDirectory {
    path: PathBuf,
    /// What is there already, so that nothing has to be looked for.
    existing: HashSet<OsString>,
    /// Directories for links that are known to be there.
    made: Mutex<HashSet<PathBuf>>,
    /// What temporary names begin with; no other process uses it.
    prefix: String,
    /// Number of the next temporary name.
    next: AtomicUsize,
}

impl OutputDirectory {
    /// Opens the directory; it is made if it is missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let existing = fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            path: path.to_owned(),
            existing,
            made: Mutex::default(),
            prefix: format!(".unipod-{}-", std::process::id()),
            next: AtomicUsize::new(0),
        })
    }

    /// Writes a file, unless it has this content already. Returns whether it did.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let place = self.path.join(name);
        if self.existing.contains(std::ffi::OsStr::new(name)) && has_content(&place, content) {
            return Ok(false);
        }
        let temporary = self.temporary(&self.path.clone());
        let written = File::create(&temporary)
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| fs::rename(&temporary, &place));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| true)
    }

    /// Makes a link, and the directories before it. Replaces a file, a link or an empty directory.
    pub fn link(&self, link: &Link) -> io::Result<()> {
        let place = self.path.join(&link.path);
        let parent = place.parent().unwrap_or(&self.path).to_owned();
        self.make(&parent)?;
        match symlink(&link.target, &place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
        if fs::read_link(&place).is_ok_and(|target| target == Path::new(&link.target)) {
            return Ok(());
        }
        // Only an empty directory goes this way; whatever else is there is replaced by the rename.
        let _ = fs::remove_dir(&place);
        let temporary = self.temporary(&parent);
        symlink(&link.target, &temporary)?;
        fs::rename(&temporary, &place).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    }

    /// A name that systemd never reads and no other process uses.
    fn temporary(&self, directory: &Path) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        directory.join(format!("{}{number}", self.prefix))
    }

    /// Makes a directory for links, once.
    fn make(&self, directory: &Path) -> io::Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(directory) {
            fs::create_dir_all(directory)?;
            made.insert(directory.to_owned());
        }
        Ok(())
    }
}

/// Whether a regular file has exactly this content.
fn has_content(path: &Path, content: &[u8]) -> bool {
    let compare = || -> io::Result<bool> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() != content.len() as u64 {
            return Ok(false);
        }
        let mut bytes = Vec::with_capacity(content.len() + 1);
        file.take(content.len() as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes == content)
    };
    compare().unwrap_or(false)
}
