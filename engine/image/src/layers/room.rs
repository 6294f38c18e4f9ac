//! Room for a blob that is being fetched and a layer that is being unpacked. A blob may have no end, and a megabyte of a layer
//! become a terabyte: that ends before the disk is full, for what else is on it wants to write as well.

use std::fs::File;
use std::io;

use rustix::fs::{StatVfs, fstatvfs};

/// Of the file system, this part stays free…
const SHARE: u64 = 20;
/// … but no more bytes than these,
const MOST_BYTES: u64 = 256 << 20;
/// and no more inodes than these.
const MOST_INODES: u64 = 16 << 10;

/// Looked at again after so many bytes: a fraction of what stays free, for several layers are unpacked at once.
const LARGEST_STEP: u64 = 16 << 20;

/// What an entry takes beside its content, in bytes, at most: an inode, a name, a block.
const ENTRY: u64 = 4 << 10;

/// The largest images have about a million. Names of directories are kept in memory until the end.
const MOST_ENTRIES: u64 = 5_000_000;

/// Keeps count of what is written to a directory's file system.
#[derive(Debug)]
pub(crate) struct Room {
    dir: File,
    unseen: u64,
    step: u64,
    written: u64,
    entries: u64,
}

impl Room {
    /// Watches over the file system of `dir`.
    ///
    /// # Errors
    /// Too little of it is free already ([`io::ErrorKind::StorageFull`]).
    pub(crate) fn new(dir: &File) -> io::Result<Self> {
        let mut room = Self {
            dir: dir.try_clone()?,
            unseen: 0,
            step: 0,
            written: 0,
            entries: 0,
        };
        let system = room.look()?;
        room.step = (kept_bytes(&system) / 16).clamp(ENTRY, LARGEST_STEP);
        Ok(room)
    }

    /// Notes that so many bytes are about to be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`]: they must not be.
    pub(crate) fn take(&mut self, bytes: u64) -> io::Result<()> {
        self.unseen += bytes;
        if self.unseen < self.step {
            return Ok(());
        }
        self.written += std::mem::take(&mut self.unseen);
        let system = self.look()?;
        // What is written over again and again fills no disk, but takes for ever.
        if self.written > size(&system) {
            return Err(full("it is larger than the whole file system".into()));
        }
        Ok(())
    }

    /// Notes that an entry is about to be made.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn take_entry(&mut self) -> io::Result<()> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(full(format!("the layer has more than {MOST_ENTRIES} entries")));
        }
        self.take(ENTRY)
    }

    fn look(&self) -> io::Result<StatVfs> {
        let system = fstatvfs(&self.dir)?;
        let (free, kept) = (system.f_bavail.saturating_mul(system.f_frsize), kept_bytes(&system));
        let (inodes, kept_inodes) = (system.f_favail, (system.f_files / SHARE).min(MOST_INODES));
        if free < kept {
            let (free, kept) = (free >> 20, kept.div_ceil(1 << 20));
            Err(full(format!(
                "no space left: {free} MiB are free, and {kept} MiB are kept free for others"
            )))
        } else if system.f_files > 0 && inodes < kept_inodes {
            // A file system that makes them as it needs them says 0.
            Err(full(format!(
                "no space left: {inodes} inodes are free, and {kept_inodes} are kept free for others"
            )))
        } else {
            Ok(system)
        }
    }
}

fn size(system: &StatVfs) -> u64 {
    system.f_blocks.saturating_mul(system.f_frsize)
}

fn kept_bytes(system: &StatVfs) -> u64 {
    (size(system) / SHARE).min(MOST_BYTES)
}

fn full(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, reason)
}
