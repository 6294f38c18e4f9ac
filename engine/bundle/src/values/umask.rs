//! Masks as `--umask` writes them: octal digits.

use crate::BundleError;

/// Reads a mask.
///
/// # Errors
/// It is no octal number, or larger than all bits of a mode.
pub fn parse(text: &str) -> Result<u32, BundleError> {
    let mask = u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o7777);
    mask.ok_or_else(|| BundleError::invalid("--umask", text, "expected an octal number such as 0027"))
}
