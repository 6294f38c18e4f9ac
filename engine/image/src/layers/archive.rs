//! The tar format as layers use it: ustar, PAX and GNU extensions.
//!
//! The headers are read with the `tar` crate, the sequence of entries here: the crate splits PAX records at line feeds,
//! and the binary value of a `security.capability` attribute may hold one.

use std::io::{self, BufRead, Read};

use tar::{EntryType, Header};

use super::sparse::{self, Piece};

const BLOCK: u64 = 512;

/// Names and PAX records longer than this are refused (Go's archive/tar has the same bound).
const MAX_EXTENSION: u64 = 1024 * 1024;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    CharDevice,
    BlockDevice,
    Fifo,
}

/// One entry, its data still in the archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// As written in the archive: may be absolute, may climb.
    pub(super) path: Vec<u8>,
    /// Where a link goes.
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds since 1970 and nanoseconds.
    pub(super) mtime: (i64, u32),
    /// Major and minor number.
    pub(super) device: (u32, u32),
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Size of the file once written.
    pub(super) size: u64,
    /// Where the data in the archive goes.
    pub(super) pieces: Vec<Piece>,
}

/// A tar archive, read from front to back.
pub(super) struct Archive<'a, R> {
    input: &'a mut R,
    /// Data of the present entry that was not read yet, and the padding after it.
    left: u64,
    padding: u64,
}

/// What `x`, `L` and `K` entries say about the entry that follows them.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extensions {
    /// The entry's whole name: the header's own may be no more than its first 100 bytes.
    fn name(&self, header: &Header) -> Vec<u8> {
        let pax = self
            .records
            .iter()
            .rev()
            .find(|(key, _)| key == b"path")
            .map(|(_, value)| value);
        pax.or(self.path.as_ref())
            .cloned()
            .unwrap_or_else(|| header.path_bytes().into_owned())
    }
}

impl<'a, R: BufRead> Archive<'a, R> {
    pub(super) fn new(input: &'a mut R) -> Self {
        Self {
            input,
            left: 0,
            padding: 0,
        }
    }

    /// The next entry; `None` at the end of the archive.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        while let Some(header) = self.next_header()? {
            let size = size_of(&header)?;
            match header.entry_type() {
                EntryType::XHeader => extensions.records = pax_records(&self.extension(size)?)?,
                EntryType::GNULongName => extensions.path = Some(without_nul(self.extension(size)?)),
                EntryType::GNULongLink => extensions.link = Some(without_nul(self.extension(size)?)),
                // Global PAX headers carry comments such as a commit id; volume headers name a tape.
                EntryType::XGlobalHeader => self.begin_data(size),
                other if other.as_byte() == b'V' => self.begin_data(size),
                _ => return self.entry(&header, extensions).map(Some),
            }
        }
        Ok(None)
    }

    /// Hands the present entry's next bytes to `sink`, at most `length` of them.
    pub(super) fn copy(&mut self, length: u64, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), CopyError> {
        let mut wanted = length;
        while wanted > 0 {
            let buffer = self.input.fill_buf().map_err(CopyError::Read)?;
            if buffer.is_empty() || self.left == 0 {
                return Err(CopyError::Read(io::ErrorKind::UnexpectedEof.into()));
            }
            let length = buffer
                .len()
                .min(usize::try_from(wanted.min(self.left)).unwrap_or(usize::MAX));
            sink(&buffer[..length]).map_err(CopyError::Write)?;
            self.input.consume(length);
            wanted -= length as u64;
            self.left -= length as u64;
        }
        Ok(())
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> io::Result<Entry> {
        let mut size = size_of(header)?;
        let mut entry = basic_entry(header, extensions.name(header), size)?;
        entry.link = extensions.link.unwrap_or(entry.link);
        let pax_size = extensions.records.iter().rev().find(|(key, _)| key == b"size");
        if let Some((_, value)) = pax_size {
            size = decimal(value)?;
            (entry.size, entry.pieces) = (size, whole(size));
        }
        if header.entry_type() == EntryType::GNUSparse {
            (entry.pieces, entry.size) = sparse::gnu(header, self.input)?;
        }
        self.begin_data(if entry.kind == Kind::File { size } else { 0 });
        self.apply(&mut entry, extensions.records)?;
        if !sparse::is_sound(&entry.pieces, entry.size) {
            return Err(io::Error::other("the pieces of a sparse file overlap or exceed it"));
        }
        Ok(entry)
    }

    /// PAX records override the header (POSIX pax, "pax Extended Header").
    fn apply(&mut self, entry: &mut Entry, records: Vec<(Vec<u8>, Vec<u8>)>) -> io::Result<()> {
        let mut head = false;
        for (key, value) in records {
            match key.as_slice() {
                b"path" if !head => entry.path = value,
                b"GNU.sparse.name" => entry.path = value,
                b"linkpath" => entry.link = value,
                b"uid" => entry.uid = owner(decimal(&value)?)?,
                b"gid" => entry.gid = owner(decimal(&value)?)?,
                b"mtime" => entry.mtime = timestamp(&value)?,
                b"GNU.sparse.major" => head = value == b"1",
                b"GNU.sparse.realsize" | b"GNU.sparse.size" => entry.size = decimal(&value)?,
                b"GNU.sparse.map" => entry.pieces = sparse::pax_map(&value)?,
                b"GNU.sparse.offset" => return Err(io::Error::other("sparse format 0.0 is not supported")),
                _ => {
                    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        entry.xattrs.push((name.to_vec(), value));
                    }
                }
            }
        }
        if head && entry.kind == Kind::File {
            let (pieces, taken) = sparse::pax_head(self.input)?;
            entry.pieces = pieces;
            self.left = self.left.checked_sub(taken).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        Ok(())
    }

    fn next_header(&mut self) -> io::Result<Option<Header>> {
        let (left, padding) = (std::mem::take(&mut self.left), std::mem::take(&mut self.padding));
        if self.skip(left)? != left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // An archive may end without padding and without trailer: umoci writes such, and Go's archive/tar reads them.
        self.skip(padding)?;
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut header = Header::new_old();
        self.input.read_exact(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|b| *b == 0) {
            return Ok(None);
        }
        if header.cksum()? != checksum(header.as_bytes()) {
            return Err(io::Error::other("a header of the tar archive has a wrong checksum"));
        }
        Ok(Some(header))
    }

    /// Passes over `length` bytes. Returns how many there were.
    fn skip(&mut self, length: u64) -> io::Result<u64> {
        io::copy(&mut self.input.by_ref().take(length), &mut io::sink())
    }

    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            return Err(io::Error::other("an extension header of more than 1 MiB"));
        }
        self.begin_data(size);
        let mut data = Vec::new();
        self.copy(size, |bytes| {
            data.extend_from_slice(bytes);
            Ok(())
        })
        .map_err(CopyError::into_inner)?;
        Ok(data)
    }

    fn begin_data(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }
}

/// Which side of a copy failed.
#[derive(Debug)]
pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl CopyError {
    fn into_inner(self) -> io::Error {
        match self {
            Self::Read(e) | Self::Write(e) => e,
        }
    }
}

fn basic_entry(header: &Header, path: Vec<u8>, size: u64) -> io::Result<Entry> {
    let kind = kind(header.entry_type(), &path)?;
    let size = if kind == Kind::File { size } else { 0 };
    let old = header.as_old();
    Ok(Entry {
        kind,
        path,
        link: header.link_name_bytes().unwrap_or_default().into_owned(),
        mode: if blank(&old.mode) { 0 } else { header.mode()? & 0o7777 },
        uid: if blank(&old.uid) { 0 } else { owner(header.uid()?)? },
        gid: if blank(&old.gid) { 0 } else { owner(header.gid()?)? },
        mtime: (header.mtime().ok().and_then(|s| i64::try_from(s).ok()).unwrap_or(0), 0),
        device: (
            header.device_major().ok().flatten().unwrap_or(0),
            header.device_minor().ok().flatten().unwrap_or(0),
        ),
        xattrs: Vec::new(),
        size,
        pieces: whole(size),
    })
}

fn size_of(header: &Header) -> io::Result<u64> {
    if blank(&header.as_old().size) {
        Ok(0)
    } else {
        header.entry_size()
    }
}

/// A number that the archiver left out, which GNU tar and Go read as 0.
fn blank(field: &[u8]) -> bool {
    field.iter().all(|b| matches!(b, 0 | b' '))
}

fn kind(entry_type: EntryType, path: &[u8]) -> io::Result<Kind> {
    Ok(match entry_type {
        // Archives older than ustar mark a directory by the slash alone.
        EntryType::Regular if path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Char => Kind::CharDevice,
        EntryType::Block => Kind::BlockDevice,
        EntryType::Fifo => Kind::Fifo,
        other => {
            let path = String::from_utf8_lossy(path);
            return Err(io::Error::other(format!(
                "{path:?} has the unknown type {:?}",
                char::from(other.as_byte())
            )));
        }
    })
}

fn whole(size: u64) -> Vec<Piece> {
    vec![Piece {
        offset: 0,
        length: size,
    }]
}

/// `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record.
fn pax_records(mut data: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let malformed = || io::Error::other("malformed PAX records");
    let mut records = Vec::new();
    while !data.is_empty() && data[0] != 0 {
        let blank = data.iter().position(|b| *b == b' ').ok_or_else(malformed)?;
        let length = usize::try_from(decimal(&data[..blank])?).map_err(|_| malformed())?;
        let record = data.get(blank + 1..length).ok_or_else(malformed)?;
        let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(malformed)?;
        records.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
        data = &data[length..];
    }
    Ok(records)
}

fn decimal(text: &[u8]) -> io::Result<u64> {
    let malformed = || io::Error::other("malformed number in a PAX record");
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(malformed)
}

/// `SECONDS[.FRACTION]`, possibly negative.
fn timestamp(text: &[u8]) -> io::Result<(i64, u32)> {
    let malformed = || io::Error::other("malformed time in a PAX record");
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = seconds.starts_with('-');
    let seconds: i64 = seconds.parse().map_err(|_| malformed())?;
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let nanos: u32 = digits.parse().map_err(|_| malformed())?;
    Ok(if negative && nanos > 0 {
        (seconds.saturating_sub(1), 1_000_000_000 - nanos)
    } else {
        (seconds, nanos)
    })
}

/// The all-ones id means "leave as it is" to chown(2).
fn owner(id: u64) -> io::Result<u32> {
    u32::try_from(id)
        .ok()
        .filter(|id| *id != u32::MAX)
        .ok_or_else(|| io::Error::other(format!("{id} is no user or group id")))
}

fn checksum(header: &[u8; 512]) -> u32 {
    let field = 148..156;
    header
        .iter()
        .enumerate()
        .map(|(i, byte)| if field.contains(&i) { 32 } else { u32::from(*byte) })
        .sum()
}

fn without_nul(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|b| *b == 0) {
        name.truncate(end);
    }
    name
}
