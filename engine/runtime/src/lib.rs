//! The OCI runtime: the program (crun, runc …), what it is told, and a start that is held where it must wait.

pub mod console;
mod creation;
mod early;
mod gate;
mod held;
mod log;
pub mod oci;
mod program;
#[cfg(test)]
mod real_runs;

pub use console::ConsoleSocket;
pub use creation::{Creation, Release, Supplied};
pub use log::RuntimeError;
pub use oci::OciRuntime;
