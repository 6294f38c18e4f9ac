//! Any bytes as the answer of a registry.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exercise::answer(bytes);
});
