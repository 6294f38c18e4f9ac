//! A layer under construction: paths and what is there, written as a reproducible tar archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// One thing in a layer.
#[derive(Debug, Clone)]
enum Node {
    Directory { mode: u32, owner: u64 },
    Text { mode: u32, text: Vec<u8> },
    HostFile(PathBuf),
    Link(PathBuf),
}

/// A layer: paths relative to the image's root.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    nodes: BTreeMap<PathBuf, Node>,
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// What most registries hold.
    Gzip,
    /// What newer tools push.
    Zstd,
}

/// A layer as a blob.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The blob's media type (OCI image specification, `layer.md`).
    pub kind: &'static str,
    /// The compressed archive.
    pub blob: Vec<u8>,
    /// The digest of the archive before compression (OCI image specification, `DiffID`).
    pub diff_id: String,
}

impl Layer {
    /// A directory with its mode and the number of its owner (user and group alike).
    #[must_use]
    pub fn directory(mut self, path: &str, mode: u32, owner: u64) -> Self {
        self.put(Path::new(path), Node::Directory { mode, owner });
        self
    }

    /// A file of root's with the given text.
    #[must_use]
    pub fn text(self, path: &str, mode: u32, text: &str) -> Self {
        self.bytes(path, mode, text.as_bytes().to_vec())
    }

    /// A file of root's with the given bytes.
    #[must_use]
    pub fn bytes(mut self, path: &str, mode: u32, text: Vec<u8>) -> Self {
        self.put(Path::new(path), Node::Text { mode, text });
        self
    }

    /// A symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.put(Path::new(path), Node::Link(target.into()));
        self
    }

    /// A copy of a file or symbolic link of the host, at the same path with every directory's links resolved.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn host_file(&mut self, path: &Path) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(());
        };
        let place = fs::canonicalize(parent)?.join(name);
        let metadata = fs::symlink_metadata(&place)?;
        if metadata.is_symlink() {
            self.put(&place, Node::Link(fs::read_link(&place)?));
        } else if metadata.is_file() {
            self.put(&place, Node::HostFile(place.clone()));
        }
        Ok(())
    }

    fn put(&mut self, path: &Path, node: Node) {
        let path = path.strip_prefix("/").unwrap_or(path);
        for parent in path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            self.nodes
                .entry(parent.to_owned())
                .or_insert(Node::Directory { mode: 0o755, owner: 0 });
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Writes the archive and compresses it.
    ///
    /// # Errors
    /// A file of the host cannot be read.
    pub fn pack(&self, form: Form) -> io::Result<Packed> {
        match form {
            Form::Gzip => {
                let (diff_id, gzip) = self.write(GzEncoder::new(Vec::new(), Compression::fast()))?;
                Ok(Packed {
                    kind: "application/vnd.oci.image.layer.v1.tar+gzip",
                    blob: gzip.finish()?,
                    diff_id,
                })
            }
            Form::Zstd => {
                let (diff_id, zstd) = self.write(zstd::Encoder::new(Vec::new(), 1)?)?;
                Ok(Packed {
                    kind: "application/vnd.oci.image.layer.v1.tar+zstd",
                    blob: zstd.finish()?,
                    diff_id,
                })
            }
        }
    }

    /// Writes the archive through `compressor`; gives back its digest before compression.
    fn write<W: Write>(&self, compressor: W) -> io::Result<(String, W)> {
        let mut archive = Builder::new(Hashing {
            digest: Sha256::new(),
            inner: compressor,
        });
        for (path, node) in &self.nodes {
            append(&mut archive, path, node)?;
        }
        let Hashing { digest, inner } = archive.into_inner()?;
        Ok((super::digest::hex_digest(digest), inner))
    }
}

fn append<W: Write>(archive: &mut Builder<W>, path: &Path, node: &Node) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match node {
        Node::Directory { mode, owner } => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(*mode);
            header.set_uid(*owner);
            header.set_gid(*owner);
            archive.append_data(&mut header, path, io::empty())
        }
        Node::Text { mode, text } => {
            header.set_mode(*mode);
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, path, text.as_slice())
        }
        Node::HostFile(source) => {
            let metadata = fs::metadata(source)?;
            header.set_mode(metadata.permissions().mode() & 0o7777);
            header.set_size(metadata.len());
            archive.append_data(&mut header, path, File::open(source)?)
        }
        Node::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, target)
        }
    }
}

/// A writer that also takes the digest of what goes through.
#[derive(Debug)]
struct Hashing<W> {
    digest: Sha256,
    inner: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
