//! unipod: a container engine whose only supervisor is systemd.
//!
//! Floors, top to bottom; a module imports only from floors below its own:
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 4 | [`cli`] | one file per noun: parse, call, print |
//! | 3 | [`container`] | what a container is, its lifecycle, its record on disk |
//! | 2 | [`volume`], [`secret`] | what containers use and what outlives them |
//! | 1 | [`image`], [`network`], [`runtime`], [`systemd`] | the four outside worlds: registries, netavark, the OCI runtime, systemd |
//! | 0 | [`store`], [`config`] | files, locks, atomic commits, mounts, ids, the paths of everything; containers.conf |
//!
//! Async code stays inside [`image`]: `run`, `rm`, `ps` start no async runtime.

// These panic where standard output or error cannot be written; `cli::output` does not.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod config;
pub mod container;
pub mod image;
pub mod network;
pub mod runtime;
pub mod secret;
pub mod store;
pub mod systemd;
pub mod volume;
