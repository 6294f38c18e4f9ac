//! Floor 2: what a container is asked to be, and the OCI bundle that says so in the language of the OCI runtime specification.
//!
//! It owns the meaning of podman's options once the command line has read them: mounts, devices, rights, namespaces, limits, the
//! files in `/etc`. It must not start anything, and must not know where images, volumes or networks come from: they are resolved
//! before, and stand in the [`BundleRequest`].
//!
//! | module | job |
//! |---|---|
//! | [`check`](mod@check) | options checked before anything is pulled, mounted or started: as far as words go (`check`), and against this machine (`check_here`) |
//! | [`devices`] | `--device`, and all of the host's devices for `--privileged` |
//! | [`error`] | what can be wrong with a request for a bundle |
//! | [`files`] | files written for a container into its bundle and mounted over what the image has: `hosts`, `resolv.conf` … |
//! | [`health`] | health checks: the options over what the image says |
//! | [`limits`] | limits: ulimits of processes, and what the control group is asked to keep |
//! | [`mounts`] | the mounts of a container: what every container has, and what was asked for |
//! | [`namespaces`] | `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--userns`: which namespaces are the container's own |
//! | [`options`] | what a container is asked to be: the options of `run`, read but not yet resolved against image or host |
//! | [`process`] | the first process: its words, user, directory, environment; its capabilities and limits are decided in [`security`] and [`limits`] |
//! | `request` | what is known of a container once image, volumes and network are resolved |
//! | [`root`] | reading inside a root file system that nobody trusts: symbolic links never lead out of it |
//! | [`security`] | capabilities, the system call filter, and what `--security-opt` says |
//! | [`spec`] | from a request to a bundle: the container as the OCI runtime wants to be told, and the files that belong to it |
//! | [`values`] | values as podman's options write them: durations, sizes, signals, masks, name servers, variables |
//!
//! ```
//! use unipod_bundle::values::{duration, signal, size};
//! use unipod_bundle::{ContainerOptions, check};
//!
//! assert_eq!(signal::parse("SIGTERM"), Some(15));
//! assert_eq!(size::parse("64m"), Some(64 << 20));
//! assert_eq!(duration::parse("1m30s").map(|time| time.as_secs()), Some(90));
//!
//! let options = ContainerOptions {
//!     pid: Some("neighbour".to_owned()),
//!     ..ContainerOptions::default()
//! };
//! assert!(check(&options).is_err());
//! ```

pub mod check;
pub mod devices;
pub mod error;
pub mod files;
pub mod health;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod options;
pub mod process;
mod request;
pub mod root;
pub mod security;
pub mod spec;
pub mod values;

pub use check::{check, check_here};
pub use error::BundleError;
pub use options::ContainerOptions;
pub use request::{BundleRequest, HostMount, IdMappings, JoinedNamespaces, Namespace, SharedFiles};
pub use spec::{Bundle, write_bundle};
