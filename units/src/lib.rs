//! The syntax of systemd unit files (systemd.syntax(7)): read, look up, change, write, without loss.
//!
//! Pure text in, text out: opens no file, reads no environment, knows nothing about containers.
//!
//! (The author of this crate splits it into modules; the public API that the generator builds on is sketched here.)

/// A unit file: ordered sections of ordered lines, comments included.
#[derive(Debug, Clone, Default)]
pub struct UnitFile;
