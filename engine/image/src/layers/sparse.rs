//! Where the data of a sparse file goes: the old GNU form, and the PAX forms 0.1 and 1.0 (GNU tar manual, "Sparse Formats").

use std::io::{self, BufRead, Read};

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

/// More pieces than any file system writes; bounds what a hostile header can make us keep.
const MAX_PIECES: u64 = 1 << 20;

/// A piece of a file: `length` bytes of the archive belong at `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The map of an old GNU entry: four pieces in its header, the rest in blocks that follow it.
pub(super) fn gnu(header: &Header, input: &mut impl Read) -> io::Result<(Vec<Piece>, u64)> {
    let gnu = header
        .as_gnu()
        .ok_or_else(|| io::Error::other("a sparse entry without GNU header"))?;
    let mut pieces = Vec::new();
    push(&mut pieces, &gnu.sparse)?;
    let mut more = gnu.is_extended();
    while more {
        let mut block = GnuExtSparseHeader::new();
        input.read_exact(block.as_mut_bytes())?;
        push(&mut pieces, block.sparse())?;
        more = block.is_extended();
    }
    Ok((pieces, gnu.real_size()?))
}

fn push(pieces: &mut Vec<Piece>, headers: &[GnuSparseHeader]) -> io::Result<()> {
    for header in headers.iter().filter(|h| !h.is_empty()) {
        pieces.push(Piece {
            offset: header.offset()?,
            length: header.length()?,
        });
    }
    bounded(pieces.len() as u64)
}

/// The value of `GNU.sparse.map` (format 0.1): `offset,length,offset,length…`.
pub(super) fn pax_map(value: &[u8]) -> io::Result<Vec<Piece>> {
    let numbers = value
        .split(|b| *b == b',')
        .map(number)
        .collect::<io::Result<Vec<_>>>()?;
    bounded(numbers.len() as u64)?;
    pairs(&numbers)
}

/// Format 1.0: the map is in front of the data, one decimal number per line, padded to a whole block.
/// Returns it with the number of bytes it takes.
pub(super) fn pax_head(input: &mut impl BufRead) -> io::Result<(Vec<Piece>, u64)> {
    let mut taken = 0;
    let mut line = || -> io::Result<u64> {
        let mut text = Vec::new();
        input.by_ref().take(21).read_until(b'\n', &mut text)?;
        taken += text.len() as u64;
        number(text.strip_suffix(b"\n").ok_or_else(bad_number)?)
    };
    let count = line()?;
    bounded(count)?;
    let numbers = (0..2 * count).map(|_| line()).collect::<io::Result<Vec<_>>>()?;
    let padding = taken.next_multiple_of(512) - taken;
    io::copy(&mut input.take(padding), &mut io::sink())?;
    Ok((pairs(&numbers)?, taken + padding))
}

fn pairs(numbers: &[u64]) -> io::Result<Vec<Piece>> {
    if !numbers.len().is_multiple_of(2) {
        return Err(bad_number());
    }
    Ok(numbers
        .chunks_exact(2)
        .map(|pair| Piece {
            offset: pair[0],
            length: pair[1],
        })
        .collect())
}

fn number(text: &[u8]) -> io::Result<u64> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(bad_number)
}

fn bounded(pieces: u64) -> io::Result<()> {
    if pieces > 2 * MAX_PIECES {
        Err(io::Error::other("a sparse file in too many pieces"))
    } else {
        Ok(())
    }
}

fn bad_number() -> io::Error {
    io::Error::other("the map of a sparse file is malformed")
}

/// Whether the pieces are in order, do not overlap, and end within `size`.
pub(super) fn is_sound(pieces: &[Piece], size: u64) -> bool {
    let mut end = 0;
    pieces.iter().all(|piece| {
        let sound = piece.offset >= end;
        end = piece.offset.saturating_add(piece.length);
        sound && end <= size
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let expected = vec![
            Piece { offset: 0, length: 3 },
            Piece {
                offset: 1024,
                length: 5,
            },
        ];
        assert_eq!(pax_map(b"0,3,1024,5").unwrap(), expected);
        let mut head = b"2\n0\n3\n1024\n5\n".to_vec();
        head.resize(512, 0);
        head.extend(b"abc");
        let mut input = head.as_slice();
        assert_eq!(pax_head(&mut input).unwrap(), (expected, 512));
        assert_eq!(input, b"abc");
    }

    #[test]
    fn hostile_maps_are_refused() {
        for map in ["", "1", "a,b", "1,2,3", "-1,2"] {
            pax_map(map.as_bytes()).unwrap_err();
        }
        for head in ["99999999\n", "", "1\n2", "123456789012345678901234567890\n"] {
            pax_head(&mut head.as_bytes()).unwrap_err();
        }
        let piece = |offset, length| Piece { offset, length };
        assert!(is_sound(&[piece(0, 2), piece(2, 3)], 5));
        assert!(!is_sound(&[piece(0, 3), piece(2, 3)], 5));
        assert!(!is_sound(&[piece(0, 6)], 5));
        assert!(!is_sound(&[piece(u64::MAX, u64::MAX)], 5));
    }
}
