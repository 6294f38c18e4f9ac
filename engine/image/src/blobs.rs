//! The content store: `blobs/sha256/HEX`, each file named by the digest of what it holds.
//!
//! A blob on its way is `tmp/HEX.partial`; it stays there when a download breaks off, so that the next one goes on from
//! its end. It becomes a blob by a rename, after all of it was checked and synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use super::layers::room::Room;
use super::reference::sha256_hex;
use unipod_store::scratch::names;
use unipod_store::{Durability, Store, StoreError, create_private, write_atomic};

/// The content store of a [`Store`].
#[derive(Debug, Clone)]
pub struct Blobs {
    dir: PathBuf,
    tmp: PathBuf,
}

impl Blobs {
    /// The blobs of this store.
    pub fn new(store: &Store) -> Self {
        Self {
            dir: store.blobs(),
            tmp: store.tmp(),
        }
    }

    /// Where the blob is, or would be.
    pub fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(file_name(digest))
    }

    /// Whether the blob is there, whole.
    pub fn has(&self, digest: &str) -> bool {
        self.path(digest).is_file()
    }

    /// Writes a small blob whose digest the caller has checked, unless it is there undamaged.
    pub fn put(&self, digest: &str, content: &[u8]) -> Result<(), StoreError> {
        if self.get(digest)?.is_some() {
            return Ok(());
        }
        write_atomic(&self.path(digest), content, Durability::Synced)
    }

    /// Reads a small blob; `None` if it is not there or is not what its name says, in which case it is removed.
    pub fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(digest);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::io("read", &path)(e)),
        };
        if digest_text(Sha256::digest(&content).as_slice()) == digest {
            return Ok(Some(content));
        }
        self.remove(digest)?;
        Ok(None)
    }

    /// Whether a blob, which is there, is what its name says.
    pub fn is_whole(&self, digest: &str) -> Result<bool, StoreError> {
        let path = self.path(digest);
        let mut hasher = Sha256::new();
        let mut file = File::open(&path).map_err(StoreError::io("open", &path))?;
        hash_all(&mut file, &mut hasher).map_err(StoreError::io("read", &path))?;
        Ok(digest_text(hasher.finalize().as_slice()) == digest)
    }

    /// Checks a blob against its name and removes it if it is damaged. Returns whether it was whole.
    pub fn check(&self, digest: &str) -> Result<bool, StoreError> {
        let whole = self.is_whole(digest)?;
        if !whole {
            self.remove(digest)?;
        }
        Ok(whole)
    }

    /// Opens the unfinished download of a blob, or begins one. The caller holds the blob's lock.
    pub fn partial(&self, digest: &str) -> Result<Partial, StoreError> {
        let path = self.tmp.join(format!("{}.partial", file_name(digest)));
        for dir in [&self.tmp, &self.dir] {
            create_private(dir, Durability::Synced)?;
        }
        // What is unlocked in tmp/ counts as abandoned, and a sweep may come before the lock.
        let file = loop {
            let file = open_locked(&path)?;
            if names(&path, &file) {
                break file;
            }
        };
        let room = File::open(&self.tmp).and_then(|dir| Room::new(&dir));
        Partial {
            room: room.map_err(StoreError::io("write", &path))?,
            file,
            path,
            target: self.path(digest),
            hasher: Sha256::new(),
            length: 0,
        }
        .resumed()
    }

    fn remove(&self, digest: &str) -> Result<(), StoreError> {
        let path = self.path(digest);
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))
    }
}

/// A download that is not finished.
#[derive(Debug)]
pub struct Partial {
    file: Flock<File>,
    path: PathBuf,
    target: PathBuf,
    hasher: Sha256,
    length: u64,
    room: Room,
}

impl Partial {
    /// How many bytes are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Forgets what is there.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(StoreError::io("truncate", &self.path))?;
        self.hasher = Sha256::new();
        self.length = 0;
        Ok(())
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.room
            .take(bytes.len() as u64)
            .and_then(|()| self.file.write_all(bytes))
            .map_err(StoreError::io("write", &self.path))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The digest of what is there, `sha256:HEX`.
    pub fn digest(&self) -> String {
        digest_text(self.hasher.clone().finalize().as_slice())
    }

    /// Makes it a blob; the caller has compared the digest.
    pub fn commit(self) -> Result<PathBuf, StoreError> {
        self.file.sync_all().map_err(StoreError::io("sync", &self.path))?;
        fs::rename(&self.path, &self.target).map_err(StoreError::io("rename", &self.path))?;
        let dir = self.target.parent().unwrap_or(Path::new("/"));
        File::open(dir)
            .and_then(|d| d.sync_all())
            .map_err(StoreError::io("sync", dir))?;
        Ok(self.target)
    }

    /// Removes it.
    pub fn discard(self) -> Result<(), StoreError> {
        fs::remove_file(&self.path).map_err(StoreError::io("remove", &self.path))
    }

    /// Hashes what an earlier download left.
    fn resumed(mut self) -> Result<Self, StoreError> {
        self.length = hash_all(&mut self.file, &mut self.hasher).map_err(StoreError::io("read", &self.path))?;
        Ok(self)
    }
}

fn open_locked(path: &Path) -> Result<Flock<File>, StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let file = options.open(path).map_err(StoreError::io("open", path))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| StoreError::io("lock", path)(e.into()))
}

fn hash_all(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(length);
        }
        hasher.update(&buffer[..n]);
        length += n as u64;
    }
}

/// `sha256:HEX` of a raw hash.
pub(crate) fn digest_text(hash: &[u8]) -> String {
    format!("sha256:{}", hex::encode(hash))
}

/// The digits; anything that is no digest becomes a name that no blob has, and never leaves the directory.
fn file_name(digest: &str) -> &str {
    sha256_hex(digest).unwrap_or("invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(dir: &Path) -> Blobs {
        Blobs::new(&Store::at(dir.join("data"), dir.join("run")).unwrap())
    }

    fn digest(content: &[u8]) -> String {
        digest_text(Sha256::digest(content).as_slice())
    }

    #[test]
    fn a_download_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let name = digest(b"hello world");
        blobs.partial(&name).unwrap().write(b"hello ").unwrap();
        let mut second = blobs.partial(&name).unwrap();
        assert_eq!(second.length(), 6);
        assert!(!blobs.has(&name));
        second.write(b"world").unwrap();
        assert_eq!(second.digest(), name);
        assert_eq!(second.commit().unwrap(), blobs.path(&name));
        assert_eq!(blobs.get(&name).unwrap().unwrap(), b"hello world");
    }

    #[test]
    fn damage_is_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let name = digest(b"content");
        for check in [
            |b: &Blobs, d: &str| b.check(d).unwrap(),
            |b: &Blobs, d: &str| b.get(d).unwrap().is_some(),
        ] {
            blobs.put(&name, b"content").unwrap();
            assert!(check(&blobs, &name));
            fs::write(blobs.path(&name), b"c0ntent").unwrap();
            assert!(!check(&blobs, &name));
            assert!(!blobs.has(&name));
        }
        assert!(!blobs.has("sha256:../../../etc/passwd"));
    }
}
