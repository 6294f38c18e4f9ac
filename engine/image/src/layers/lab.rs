//! What the tests of layers begin with: a store to unpack into, and archives in the making.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{LayerError, directory, is_unpacked, unpack};
use unipod_store::Store;

pub const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

pub struct Lab {
    pub dir: tempfile::TempDir,
    pub store: Store,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::at(dir.path().join("data"), dir.path().join("run")).unwrap();
        Self { dir, store }
    }

    pub fn blob(&self, content: &[u8]) -> PathBuf {
        let path = self.dir.path().join("blob");
        fs::write(&path, content).unwrap();
        path
    }

    /// Unpacks and returns the layer's directory.
    pub fn unpack(&self, tar: &[u8]) -> Result<PathBuf, LayerError> {
        self.unpack_blob(&self.blob(tar), tar)
    }

    pub fn unpack_blob(&self, blob: &Path, tar: &[u8]) -> Result<PathBuf, LayerError> {
        let id = digest(tar);
        unpack(&self.store, blob, TAR, &id, &id)?;
        Ok(directory(&self.store, &id))
    }

    pub fn refused(&self, tar: &[u8]) -> String {
        let error = self.unpack(tar).unwrap_err();
        assert_eq!(
            fs::read_dir(self.store.tmp()).unwrap().count(),
            0,
            "nothing is left of a refused layer"
        );
        assert!(!is_unpacked(&self.store, &digest(tar)));
        error.to_string()
    }
}

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// An archive in the making; names are written as they are, hostile ones too.
pub struct Tar(Builder<Vec<u8>>);

impl Tar {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub fn add(
        mut self,
        kind: EntryType,
        name: &str,
        link: &str,
        data: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.add(EntryType::Regular, name, "", data, |_| {})
    }

    pub fn dir(self, name: &str) -> Self {
        self.add(EntryType::Directory, name, "", b"", |h| h.set_mode(0o755))
    }

    pub fn symlink(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Symlink, name, to, b"", |_| {})
    }

    pub fn hard_link(self, name: &str, to: &str) -> Self {
        self.add(EntryType::Link, name, to, b"", |_| {})
    }

    pub fn pax(mut self, records: &[(&str, &[u8])]) -> Self {
        self.0.append_pax_extensions(records.iter().copied()).unwrap();
        self
    }

    pub fn end(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub fn xattr(path: &Path, name: &str) -> Option<Vec<u8>> {
    xattr::get(path, name).unwrap()
}
