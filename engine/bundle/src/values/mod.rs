//! Values as podman's options write them: durations, sizes, signals, masks, name servers, variables.

pub mod duration;
pub mod servers;
pub mod signal;
pub mod size;
pub mod umask;
pub mod variables;
