//! Limits: ulimits of processes, and what the control group is asked to keep.

pub mod resources;
pub mod ulimits;
