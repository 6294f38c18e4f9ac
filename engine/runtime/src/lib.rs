//! Floor 3: the OCI runtime: the program (crun, runc …), what it is told, and a start that is held where it must wait.
//!
//! It owns every execution of the runtime, and what its failures mean. It must not decide what is in the bundle, nor what
//! becomes of a container afterwards.
//!
//! | module | job |
//! |---|---|
//! | [`console`] | the console socket: over it the OCI runtime hands out the terminal of a container that it does not stay with |
//! | `creation` | making a container, and letting its first process go |
//! | `early` | a program that is started before what it reads is complete: while it is loaded, we go on, and a `Gate` at the first file that counts holds it until then |
//! | `failure` | what the OCI runtime says when it fails, what that means, and the exit code for it (126, 127) |
//! | `gate` | a file that its readers wait for: until it is complete, a lease holds whoever opens it (fcntl(2), "Leases") |
//! | `held` | a program that waits at a `Gate` for a file which never gets complete would complain about that where the container's messages go, when a signal ends us or the kernel loses its patience: the gate opens |
//! | [`oci`] | the OCI runtime program: crun, runc or youki, each with the words it understands |
//! | `program` | the OCI runtime as a program: where it is, and how it is executed |
//!
//! ```
//! use unipod_runtime::OciRuntime;
//!
//! // One that is named by its path is taken as it is; others are looked for as podman does.
//! let missing = OciRuntime::find(Some("/no/such/runtime"));
//! assert!(missing.is_err());
//! ```

pub mod console;
mod creation;
mod early;
mod failure;
mod gate;
mod held;
pub mod oci;
mod program;
#[cfg(test)]
mod real_runs;

pub use console::ConsoleSocket;
pub use creation::{Creation, Release, Supplied};
pub use failure::RuntimeError;
pub use oci::OciRuntime;
pub use program::in_path;
