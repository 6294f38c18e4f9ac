//! Writes services and links so that whoever looks sees the old or the new, never half: a file has no name before it is
//! complete.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, readlinkat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::install::Link;

/// What everybody may do with a new file, before the umask.
const MODE: Mode = Mode::from_raw_mode(0o666);

/// The directory that services are written to.
#[derive(Debug)]
pub struct OutputDirectory {
    path: PathBuf,
    /// All names are relative to it: the kernel walks no path for each of them.
    directory: OwnedFd,
    /// What is there already, so that nothing has to be looked for.
    existing: HashSet<OsString>,
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
            directory: openat(CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?,
            existing,
            prefix: format!(".unipod-{}-", std::process::id()),
            next: AtomicUsize::new(0),
        })
    }

    /// Writes a file of these parts, unless it has this content already. Returns whether it did.
    pub fn write(&self, name: &str, content: [&[u8]; 2]) -> io::Result<bool> {
        let exists = self.existing.contains(OsStr::new(name));
        if exists && self.has_content(name, content) {
            return Ok(false);
        }
        // What stands in the way, and a file system without nameless files, are matters of the other way.
        if exists || self.write_nameless(name, content).is_err() {
            self.write_renamed(name, content)?;
        }
        Ok(true)
    }

    /// A new file. It gets its name when it is complete, and is gone without a trace if that never happens.
    fn write_nameless(&self, name: &str, content: [&[u8]; 2]) -> io::Result<()> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.directory, ".", flags, MODE)?);
        write_all(&mut file, content)?;
        Ok(linkat(&file, "", &self.directory, name, AtFlags::EMPTY_PATH)?)
    }

    /// Takes the place of whatever has the name, except a directory.
    fn write_renamed(&self, name: &str, content: [&[u8]; 2]) -> io::Result<()> {
        let temporary = self.temporary();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.directory, &temporary, flags, MODE)?);
        let written = write_all(&mut file, content);
        self.rename(&temporary, Path::new(name), written)
    }

    /// Makes a link, and the directories before it. Replaces a file, a link or an empty directory.
    pub fn link(&self, link: &Link) -> io::Result<()> {
        let place = Path::new(&link.path);
        let symlink = || symlinkat(&link.target, &self.directory, place);
        let mut made = symlink();
        if made == Err(Errno::NOENT) {
            fs::create_dir_all(self.path.join(place).parent().unwrap_or(&self.path))?;
            made = symlink();
        }
        if made == Err(Errno::EXIST) {
            return self.replace_link(place, &link.target);
        }
        Ok(made?)
    }

    fn replace_link(&self, place: &Path, target: &str) -> io::Result<()> {
        if readlinkat(&self.directory, place, Vec::new()).is_ok_and(|there| there.to_bytes() == target.as_bytes()) {
            return Ok(());
        }
        // Only an empty directory goes this way; whatever else is there is replaced by the rename.
        let _ = unlinkat(&self.directory, place, AtFlags::REMOVEDIR);
        let temporary = self.temporary();
        symlinkat(target, &self.directory, &temporary)?;
        self.rename(&temporary, place, Ok(()))
    }

    /// A name that systemd never reads and no other process uses.
    fn temporary(&self) -> String {
        format!("{}{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Gives what was `made` under a temporary name its own one, or removes it.
    fn rename(&self, temporary: &str, place: &Path, made: io::Result<()>) -> io::Result<()> {
        made.and_then(|()| Ok(renameat(&self.directory, temporary, &self.directory, place)?))
            .inspect_err(|_| {
                let _ = unlinkat(&self.directory, temporary, AtFlags::empty());
            })
    }

    /// Whether a regular file has exactly this content.
    fn has_content(&self, name: &str, content: [&[u8]; 2]) -> bool {
        let content = content.concat();
        let compare = || -> io::Result<bool> {
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut file = File::from(openat(&self.directory, name, flags, Mode::empty())?);
            let metadata = file.metadata()?;
            if !metadata.is_file() || metadata.len() != content.len() as u64 {
                return Ok(false);
            }
            let mut bytes = vec![0; content.len()];
            file.read_exact(&mut bytes)?;
            Ok(bytes == content)
        };
        compare().unwrap_or(false)
    }
}

/// Writes both parts, as a rule by one call.
fn write_all(file: &mut File, content: [&[u8]; 2]) -> io::Result<()> {
    let written = file.write_vectored(&content.map(IoSlice::new))?;
    let [first, second] = content;
    file.write_all(first.get(written..).unwrap_or_default())?;
    file.write_all(second.get(written.saturating_sub(first.len())..).unwrap_or_default())
}
