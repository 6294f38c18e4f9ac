//! The content of one file, and what is said of one that cannot be parsed.

use std::io;
use std::os::fd::AsFd;

use rustix::buffer::spare_capacity;
use rustix::fs::{FileType, Mode, OFlags, fstat, makedev, openat};
use rustix::io::Errno;
use rustix::path::Arg;
use systemd_unit_parser::ParseErrors;

use crate::problem::{Place, Problem};
use crate::rule::Rule;

/// Files larger than this, in bytes, are no unit files, whatever they are.
const LARGEST: usize = 32 << 20;

/// A path as people read it.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory == "/" {
        ["/", name].concat()
    } else {
        [directory, "/", name].concat()
    }
}

/// What could not be parsed.
pub(crate) fn from_errors(errors: &ParseErrors) -> impl Iterator<Item = Problem> {
    errors.0.iter().map(|error| {
        let place = Place::line(error.place.source.clone(), error.place.line as usize, &error.text);
        let place = place.from_column(error.place.column, 0);
        Problem::error(place, error.problem.to_string()).of(Rule::Syntax)
    })
}

/// The content of a file of a directory. Opening never waits (for the writer of a pipe), and one read is enough for a file
/// that stays as long as it is. A link to /dev/null is an empty file.
pub(crate) fn read(directory: impl AsFd, name: impl Arg) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty()).map_err(|error| match error {
        Errno::NXIO => no_file(),
        error => error.into(),
    })?;
    let stat = fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Errno::ISDIR.into()),
        FileType::CharacterDevice if stat.st_rdev == makedev(1, 3) => return Ok(Vec::new()),
        _ => return Err(no_file()),
    }
    let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size.min(LARGEST) + 1);
    while rustix::io::read(&file, spare_capacity(&mut bytes))? > 0 && bytes.len() != size {
        if bytes.len() > LARGEST {
            return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        bytes.reserve(1);
    }
    Ok(bytes)
}

fn no_file() -> io::Error {
    io::Error::other("it is a pipe, a socket or a device, not a file")
}
