//! Small files that a caller names, in places where others may have put something else: no link is followed, and nobody waits at a
//! FIFO, where signals may be blocked and a lock is held.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const SAFELY: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;

/// More than any of them holds, in bytes.
const LONGEST: u64 = 4 << 10;

/// Replaces the content of a file.
///
/// # Errors
/// It cannot be written, is a link, or a FIFO that nobody reads.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(SAFELY);
    options.open(path)?.write_all(text.as_bytes())
}

/// The content of a file, as far as it can be one of ours.
///
/// # Errors
/// It cannot be read, or is no regular file.
pub fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(SAFELY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_others_have_put_there_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "before").unwrap();
        write(&at("file"), "id").unwrap();
        assert_eq!(read(&at("file")).unwrap(), "id");
        fs::write(at("victim"), "kept").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for name in ["link", "fifo"] {
            write(&at(name), "id").unwrap_err();
            read(&at(name)).unwrap_err();
        }
        assert_eq!(fs::read(at("victim")).unwrap(), b"kept");
        read(Path::new("/dev/zero")).unwrap_err();
    }
}
