//! Which payloads open their standard streams by name.
//!
//! In a unit, standard output and error are sockets of the journal, and `open("/dev/stderr")` on a socket is ENXIO
//! (unix(7) sockets have no `open`). Public images log that way all the same: links from `access.log` to `/dev/stdout`,
//! configuration and scripts that say `/proc/self/fd/2`. Such names are looked for, once per layer.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use memchr::memmem::Finder;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use unipod_linux::inside::open_without_links;

/// The names under which a process finds its standard output and error, proc(5).
const NAMES: [&str; 6] = [
    "/dev/stdout",
    "/dev/stderr",
    "/dev/fd/1",
    "/dev/fd/2",
    "/proc/self/fd/",
    "/proc/1/fd/",
];

/// Configuration and scripts are small. Bytes.
const LARGEST: u64 = 256 << 10;

/// Directories whose files nobody runs or reads as configuration, and `dev`, where the names themselves are links.
const HARMLESS: [&str; 9] = [
    "dev",
    "usr/share/awk",
    "usr/share/bash-completion",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/vim",
    "usr/share/zsh",
];

/// Whether `text` has the name of a standard stream in it.
pub fn names_a_stream(text: &[u8]) -> bool {
    static FINDERS: LazyLock<[Finder<'static>; 6]> = LazyLock::new(|| NAMES.map(Finder::new));
    FINDERS.iter().any(|finder| finder.find(text).is_some())
}

/// Whether `name` in `dir` is a small file, and no program, with the name of a standard stream in it. What cannot be
/// read has none; a link at `name` is not followed.
pub fn file_names_a_stream(dir: impl AsFd, name: impl rustix::path::Arg) -> bool {
    read_small(dir.as_fd(), name).is_ok_and(|text| !text.starts_with(b"\x7fELF") && names_a_stream(&text))
}

/// Whether anything in the tree at `root` leads to a standard stream by name: a link, or a file that says so.
///
/// # Errors
/// A directory cannot be read.
pub fn reopens_streams(root: impl AsFd) -> io::Result<bool> {
    // Paths and not descriptors: how deep a layer nests must not matter.
    let mut left = vec![PathBuf::from(".")];
    while let Some(path) = left.pop() {
        if search(root.as_fd(), &path, &mut left)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Searches one directory, and adds those in it to `left`.
fn search(root: BorrowedFd<'_>, path: &Path, left: &mut Vec<PathBuf>) -> io::Result<bool> {
    let dir = open(root, path)?;
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let found = match file_type(&dir, name, entry.file_type())? {
            FileType::Directory if ![c".", c".."].contains(&name) => {
                let below = path.join(OsStr::from_bytes(name.to_bytes()));
                if !is_harmless(&below) {
                    left.push(below);
                }
                false
            }
            FileType::Symlink => names_a_stream(rustix::fs::readlinkat(&dir, name, Vec::new())?.to_bytes()),
            FileType::RegularFile => file_names_a_stream(&dir, name),
            _ => false,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    Ok(open_without_links(root, path, OFlags::RDONLY | OFlags::DIRECTORY)?)
}

/// Not every file system tells the type with the name (readdir(3), `DT_UNKNOWN`).
fn file_type(dir: &OwnedFd, name: &CStr, told: FileType) -> rustix::io::Result<FileType> {
    if told != FileType::Unknown {
        return Ok(told);
    }
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

fn is_harmless(path: &Path) -> bool {
    let path = path.strip_prefix(".").unwrap_or(path);
    HARMLESS.iter().any(|harmless| path == Path::new(harmless))
}

/// The content of a small regular file, empty for anything else.
fn read_small(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<Vec<u8>> {
    // Opening a FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    let meta = file.metadata()?;
    let mut text = Vec::new();
    if meta.is_file() && meta.len() <= LARGEST {
        io::Read::read_to_end(&mut io::Read::take(file, LARGEST), &mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    /// Whether a tree with one file of this content is found to reopen.
    fn found(path: &str, content: &[u8]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        reopens_streams(File::open(dir.path()).unwrap()).unwrap()
    }

    #[test]
    fn files_that_name_a_stream() {
        let mut large = vec![b'x'; 256 << 10];
        large.extend(b"/dev/stderr");
        for (path, content, expected) in [
            ("etc/nginx.conf", "error_log /dev/stderr;".as_bytes(), true),
            ("usr/local/apache2/conf/httpd.conf", b"ErrorLog /proc/self/fd/2", true),
            ("entrypoint.sh", b"echo x >/proc/1/fd/1", true),
            ("entrypoint.sh", b"echo x >/dev/fd/2", true),
            ("a/b/c/d/.hidden", b"/dev/stdout", true),
            ("entrypoint.sh", b"echo x >&2; cat /dev/stdin /proc/self/stat", false),
            ("usr/share/doc/x/README", b"log to /dev/stdout", false),
            ("srv/usr/share/doc/run.sh", b">/dev/stdout", true),
            ("usr/bin/program", b"\x7fELF\x02 /dev/stderr", false),
            ("var/lib/data", &large, false),
        ] {
            assert_eq!(
                found(path, content),
                expected,
                "{path}: {}",
                String::from_utf8_lossy(&content[..content.len().min(40)])
            );
        }
    }

    #[test]
    fn links_to_a_stream() {
        for (path, target, expected) in [
            ("var/log/access.log", "/dev/stdout", true),
            ("var/log/error.log", "../../dev/stderr", true),
            ("var/log/error.log", "/proc/self/fd/2", true),
            ("etc/mtab", "/proc/self/mounts", false),
            ("dev/stdout", "/proc/self/fd/1", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let link = dir.path().join(path);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, &link).unwrap();
            assert_eq!(
                reopens_streams(File::open(dir.path()).unwrap()).unwrap(),
                expected,
                "{path} -> {target}"
            );
        }
    }

    #[test]
    fn links_are_not_followed_and_special_files_not_waited_for() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("conf"), "/dev/stdout").unwrap();
        let dir = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join("directory")).unwrap();
        symlink(outside.path().join("conf"), dir.path().join("file")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(!reopens_streams(File::open(dir.path()).unwrap()).unwrap());
        assert!(!file_names_a_stream(rustix::fs::CWD, dir.path().join("fifo")));
        assert!(file_names_a_stream(rustix::fs::CWD, outside.path().join("conf")));
    }
}
