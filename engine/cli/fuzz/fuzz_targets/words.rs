//! Any text as the name of an image, a size, a duration, a mount.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::words(bytes);
});
