//! From the bytes of a blob to the bytes of the tar archive in it, digested on the way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// Big enough that digesting and writing run at memory speed, small enough for the second-level cache.
const BUFFER: usize = 128 * 1024;

/// What may follow the end of the archive. Archives are padded to 10 KiB; without a bound, a few megabytes of zstd could
/// keep a CPU busy for hours.
const TRAILER_LIMIT: u64 = 64 * 1024 * 1024;

/// Whether a layer of this type is a file system archive that we can read. How it is compressed is seen from its first
/// bytes: registries hold layers that are not what their type says, and every engine takes them.
pub(super) fn is_supported(media_type: &str) -> bool {
    let kind = media_type.strip_prefix("application/vnd.").unwrap_or_default();
    let archive = ["oci.image.layer.v1.tar", "oci.image.layer.nondistributable.v1.tar"]
        .iter()
        .chain(&["docker.image.rootfs.diff.tar", "docker.image.rootfs.foreign.diff.tar"])
        .find_map(|known| kind.strip_prefix(known));
    matches!(archive, Some("" | "+gzip" | ".gzip" | "+zstd" | ".zstd"))
}

/// The uncompressed archive.
pub(super) struct TarStream {
    input: BufReader<Digesting>,
}

impl TarStream {
    pub(super) fn new(blob: File) -> io::Result<Self> {
        let mut blob = BufReader::with_capacity(BUFFER, blob);
        let decoder: Box<dyn Read + Send> = match blob.fill_buf()? {
            [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(blob)),
            // A zstd frame, or the skippable frame that zstd:chunked may begin with (RFC 8878, 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Box::new(zstd::stream::read::Decoder::with_buffer(blob)?)
            }
            _ => Box::new(blob),
        };
        let digesting = Digesting {
            decoder,
            digest: Sha256::new(),
        };
        Ok(Self {
            input: BufReader::with_capacity(BUFFER, digesting),
        })
    }

    /// Reads what follows the end of the archive. Returns the digest of everything, `sha256:HEX`.
    pub(super) fn finish(mut self) -> io::Result<String> {
        let mut rest = 0;
        loop {
            let length = self.input.fill_buf()?.len();
            if length == 0 {
                return Ok(format!(
                    "sha256:{}",
                    hex::encode(self.input.into_inner().digest.finalize())
                ));
            }
            self.input.consume(length);
            rest += length as u64;
            if rest > TRAILER_LIMIT {
                return Err(io::Error::other("more than 64 MiB follow the end of the archive"));
            }
        }
    }
}

impl Read for TarStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl BufRead for TarStream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

struct Digesting {
    decoder: Box<dyn Read + Send>,
    digest: Sha256,
}

impl Read for Digesting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.decoder.read(buffer)?;
        self.digest.update(&buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_types() {
        for (media_type, supported) in [
            ("application/vnd.oci.image.layer.v1.tar", true),
            ("application/vnd.oci.image.layer.v1.tar+gzip", true),
            ("application/vnd.oci.image.layer.v1.tar+zstd", true),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true),
            ("application/vnd.docker.image.rootfs.diff.tar", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", true),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", false),
            ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", false),
            ("application/vnd.in-toto+json", false),
            ("", false),
        ] {
            assert_eq!(is_supported(media_type), supported, "{media_type}");
        }
    }
}
