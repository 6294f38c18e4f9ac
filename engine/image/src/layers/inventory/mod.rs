//! What an unpacked layer consists of, `layers/CHAINID.files`: noted when it is unpacked, compared when somebody doubts it.
//!
//! Zstandard with a checksum; inside, each file is three strings that end with NUL:
//!
//! ```text
//! MODE UID GID SIZE SECONDS.NANOSECONDS DEVICE ATTRIBUTES CONTENT
//! path, empty for the root
//! where a symbolic link leads
//! ```
//!
//! Attributes and content are CRC-32 sums. They are to tell damage, as disks and people do it; whoever can write into a
//! layer on purpose can write here, too. Against that stand the digests of the blobs.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::Crc;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;

use unipod_linux::inside::open_without_links;
use unipod_linux::mount;

/// Attributes that the host gives to files as it likes.
const HOSTS_OWN: [&[u8]; 3] = [b"security.selinux", b"security.ima", b"security.evm"];

/// The longest list of names of attributes, `XATTR_LIST_MAX`, and the largest value, `XATTR_SIZE_MAX` in linux/limits.h.
const LONGEST: usize = 65_536;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Without reading files.
    Metadata,
    /// With what is in them.
    Contents,
}

/// A file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// With the type, as in stat(2).
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: (i64, u32),
    device: u64,
    attributes: u32,
    content: u32,
    target: OsString,
}

/// What a layer consists of, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory(BTreeMap<PathBuf, Entry>);

/// What is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In the layer.
    pub path: PathBuf,
    /// What about it, to be read after its name.
    pub what: String,
}

impl Inventory {
    /// Looks at everything in `root`. Sums in `known`, by inode number, need not be computed.
    pub(super) fn take(root: &File, depth: Depth, known: &HashMap<u64, u32>) -> io::Result<Self> {
        let mut walk = Walk {
            root: root.as_fd(),
            depth,
            known,
            linked: HashMap::new(),
            buffer: vec![0; LONGEST],
            found: BTreeMap::new(),
            left: vec![PathBuf::new()],
        };
        walk.note(root.as_fd(), OsStr::new("."), PathBuf::new())?;
        while let Some(path) = walk.left.pop() {
            walk.directory(&path)?;
        }
        Ok(Self(walk.found))
    }

    /// As it is written down.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 0)?;
        encoder.include_checksum(true)?;
        let mut line = String::new();
        for (path, entry) in &self.0 {
            let Entry {
                mode,
                uid,
                gid,
                size,
                mtime,
                device,
                attributes,
                content,
                target,
            } = entry;
            line.clear();
            let (seconds, nanoseconds) = mtime;
            write!(
                line,
                "{mode:o} {uid} {gid} {size} {seconds}.{nanoseconds:09} {device:x} {attributes:08x} {content:08x}"
            )
            .map_err(io::Error::other)?;
            for text in [line.as_bytes(), path.as_os_str().as_bytes(), target.as_bytes()] {
                encoder.write_all(text)?;
                encoder.write_all(&[0])?;
            }
        }
        encoder.finish()
    }

    /// Reads what was written down.
    pub(super) fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let text = zstd::decode_all(bytes)?;
        let mut strings = text.split(|byte| *byte == 0);
        let mut entries = BTreeMap::new();
        while let (Some(line), Some(path), Some(target)) = (strings.next(), strings.next(), strings.next()) {
            let entry = parse(line, target).ok_or(io::ErrorKind::InvalidData)?;
            entries.insert(PathBuf::from(OsStr::from_bytes(path)), entry);
        }
        if entries.contains_key(Path::new("")) {
            Ok(Self(entries))
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }

    /// In what `found` differs from this; of what is missing, or should not be there, only the uppermost.
    pub fn differences(&self, found: &Self, depth: Depth) -> Vec<Difference> {
        let mut differences: Vec<Difference> = Vec::new();
        let mut above: Option<&Path> = None;
        let mut paths: Vec<&PathBuf> = self.0.keys().chain(found.0.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            if above.is_some_and(|above| path.starts_with(above)) {
                continue;
            }
            let (what, is_whole) = match (self.0.get(path), found.0.get(path)) {
                (Some(expected), Some(found)) => (expected.difference(found, depth), expected.kind() != found.kind()),
                (Some(_), None) => (Some("is missing".to_owned()), true),
                (None, _) => (Some("does not belong there".to_owned()), true),
            };
            above = Some(path.as_path()).filter(|_| is_whole);
            differences.extend(what.map(|what| Difference {
                path: path.clone(),
                what,
            }));
        }
        differences
    }
}

impl Entry {
    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    fn difference(&self, found: &Self, depth: Depth) -> Option<String> {
        let is_file = self.kind() == FileType::RegularFile;
        let permissions = |entry: &Self| entry.mode & 0o7777;
        Some(if self.kind() != found.kind() {
            format!("is {}, not {}", name_of(found.kind()), name_of(self.kind()))
        } else if is_file && self.size != found.size {
            format!("has {} bytes, not {}", found.size, self.size)
        } else if self.target != found.target {
            format!("leads to {}, not to {}", found.target.display(), self.target.display())
        } else if self.device != found.device {
            "is another device".to_owned()
        } else if permissions(self) != permissions(found) {
            format!("has the mode {:04o}, not {:04o}", permissions(found), permissions(self))
        } else if (self.uid, self.gid) != (found.uid, found.gid) {
            format!(
                "belongs to {}:{}, not to {}:{}",
                found.uid, found.gid, self.uid, self.gid
            )
        } else if self.attributes != found.attributes {
            "has other extended attributes".to_owned()
        } else if is_file && depth == Depth::Contents && self.content != found.content {
            "has another content".to_owned()
        } else if is_file && self.mtime != found.mtime {
            "was written to, as its time says".to_owned()
        } else {
            return None;
        })
    }
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something unknown",
    }
}

fn parse(line: &[u8], target: &[u8]) -> Option<Entry> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let hexadecimal = |words: &mut std::str::Split<'_, char>| u64::from_str_radix(words.next()?, 16).ok();
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let [uid, gid] = [words.next()?.parse().ok()?, words.next()?.parse().ok()?];
    let size = words.next()?.parse().ok()?;
    let (seconds, nanoseconds) = words.next()?.split_once('.')?;
    Some(Entry {
        mode,
        uid,
        gid,
        size,
        mtime: (seconds.parse().ok()?, nanoseconds.parse().ok()?),
        device: hexadecimal(&mut words)?,
        attributes: hexadecimal(&mut words)?.try_into().ok()?,
        content: hexadecimal(&mut words)?.try_into().ok()?,
        target: OsStr::from_bytes(target).to_owned(),
    })
}

/// A look at everything in a tree.
struct Walk<'a> {
    root: BorrowedFd<'a>,
    depth: Depth,
    known: &'a HashMap<u64, u32>,
    /// Sums of files with several names, which are read once.
    linked: HashMap<u64, u32>,
    /// For attributes.
    buffer: Vec<u8>,
    found: BTreeMap<PathBuf, Entry>,
    /// Paths and not descriptors: how deep a layer nests must not matter.
    left: Vec<PathBuf>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let place = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let dir = open_without_links(self.root, place, flags)?;
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                self.note(dir.as_fd(), name, path.join(name))?;
            }
        }
        Ok(())
    }

    fn note(&mut self, dir: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> io::Result<()> {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let target = match kind {
            FileType::Symlink => rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes(),
            _ => Vec::new(),
        };
        let attributes = self.attributes(&mount::fd_path(dir).join(name))?;
        let content = match kind {
            FileType::RegularFile => self.content(dir, name, &stat)?,
            _ => 0,
        };
        if kind == FileType::Directory && !path.as_os_str().is_empty() {
            self.left.push(path.clone());
        }
        let is_device = matches!(kind, FileType::CharacterDevice | FileType::BlockDevice);
        let entry = Entry {
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: if kind == FileType::RegularFile {
                stat.st_size.cast_unsigned()
            } else {
                0
            },
            mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or_default()),
            device: if is_device { stat.st_rdev } else { 0 },
            attributes,
            content,
            target: OsStr::from_bytes(&target).to_owned(),
        };
        self.found.insert(path, entry);
        Ok(())
    }

    fn content(&mut self, dir: BorrowedFd<'_>, name: &OsStr, stat: &Stat) -> io::Result<u32> {
        if let Some(sum) = self.known.get(&stat.st_ino).or_else(|| self.linked.get(&stat.st_ino)) {
            return Ok(*sum);
        }
        if self.depth == Depth::Metadata {
            return Ok(0);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let sum = sum_of(rustix::fs::openat(dir, name, flags, Mode::empty())?)?;
        if stat.st_nlink > 1 {
            self.linked.insert(stat.st_ino, sum);
        }
        Ok(sum)
    }

    /// The sum of names and values of all attributes, 0 without any.
    fn attributes(&mut self, path: &Path) -> io::Result<u32> {
        let length = match rustix::fs::llistxattr(path, &mut self.buffer[..]) {
            Err(Errno::NOTSUP) => 0,
            length => length?,
        };
        let mut names: Vec<Vec<u8>> = self.buffer[..length]
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty() && !HOSTS_OWN.contains(name))
            .map(<[u8]>::to_vec)
            .collect();
        names.sort_unstable();
        let mut sum = Crc::new();
        for name in names {
            let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(&name), &mut self.buffer[..])?;
            for bytes in [&name, &[0][..], &self.buffer[..length]] {
                sum.update(bytes);
            }
        }
        Ok(sum.sum())
    }
}

/// Holes are not read: an archive of a few bytes may bring a file of terabytes.
fn sum_of(file: OwnedFd) -> io::Result<u32> {
    let (mut file, mut sum, mut buffer) = (File::from(file), Crc::new(), vec![0; 256 << 10]);
    let size = file.metadata()?.len();
    let mut at = 0;
    while at < size {
        let data = edge(&file, SeekFrom::Data(at), at, size)?;
        sum.combine(&zeros(data - at));
        let end = edge(&file, SeekFrom::Hole(data), size, size)?;
        file.seek(io::SeekFrom::Start(data))?;
        let mut rest = end - data;
        while rest > 0 {
            let most = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
            match file.read(&mut buffer[..most])? {
                0 => return Ok(sum.sum()),
                length => {
                    sum.update(&buffer[..length]);
                    rest -= length as u64;
                }
            }
        }
        at = end;
    }
    Ok(sum.sum())
}

/// Where data or a hole begins; `unknown` where the file system does not tell, `size` where there is no more of it.
fn edge(file: &File, from: SeekFrom, unknown: u64, size: u64) -> io::Result<u64> {
    match rustix::fs::seek(file, from) {
        Ok(edge) => Ok(edge.min(size)),
        Err(Errno::NXIO) => Ok(size),
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(unknown),
        Err(e) => Err(e.into()),
    }
}

/// The sum of so many zeros: twice as many in each step.
fn zeros(length: u64) -> Crc {
    let (mut sum, mut power, mut left) = (Crc::new(), Crc::new(), length);
    power.update(&[0]);
    while left > 0 {
        if left & 1 == 1 {
            sum.combine(&power);
        }
        let mut double = Crc::new();
        double.combine(&power);
        double.combine(&power);
        power = double;
        left >>= 1;
    }
    sum
}

#[cfg(test)]
mod tests;
