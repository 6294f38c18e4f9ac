//! Values as podman's options write them: durations, sizes, signals.

pub mod duration;
pub mod signal;
pub mod size;
