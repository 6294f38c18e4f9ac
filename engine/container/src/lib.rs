//! Floor 4: containers: what one is, its life, and what can be done with one that runs.
//!
//! It owns the record of a container and everything that is made for it, from the claim of its name to the last directory that
//! goes. It must not print, parse a command line, or ask a registry: the image is there when a container is made.
//!
//! | module | job |
//! |---|---|
//! | `answer` | what a health check's command answers: within a time, and no more than fits a log |
//! | `bundle` | everything that was found out about a container, put before `unipod-bundle`, which writes it |
//! | [`create`] | making a container: its name is claimed, its image is there, its record is on disk |
//! | `error` | what can go wrong with a container |
//! | [`exec`] | a further process in a running container |
//! | [`feasible`] | what can be known of a container before it is made: whether what it names is there, and whether this machine can grant what it asks for |
//! | [`foreground`] | a container in the foreground: the engine is its parent, passes signals on, and ends as it ends |
//! | `group` | a control group of its own for a container in the foreground |
//! | [`health`] | health checks |
//! | [`inspect`] | `inspect`: a container in podman's JSON, as far as there is something to tell |
//! | `leftover` | what makes a record garbage: a container that nobody needs any more, and that nobody is going to remove |
//! | `limits` | resource limits given as options (`--memory`, `--pids-limit`, …), beside those that systemd sets on the unit |
//! | `log_driver` | `--log-driver`: where the output of a payload goes |
//! | `mount_points` | what the bottom of every root file system has: the places where each container gets something mounted |
//! | `names` | names for containers that were given none |
//! | `networking` | from `--network` and `--publish` to a network namespace |
//! | `output` | standard output and error of a payload: the unit's own streams wherever possible, pipes with a relay where the payload opens them by name, a terminal with a relay where it wants one, `/dev/null` where nobody wants to know |
//! | [`pause`] | standing still and going on: all processes of a container, frozen by the kernel |
//! | [`process`] | the container's init process as the kernel shows it: whether it lives, how to signal it, how to wait for it |
//! | [`record`] | a container's record: one JSON file per container, named by the container's name, so that a name is claimed, looked up and released in one step |
//! | [`relay`] | the relay: a process that copies a pipe to a journal stream, for a payload that opens its standard streams by name |
//! | [`remove`] | taking a container down: its network, its bundle, its writable layer, its anonymous volumes, its name |
//! | `reopen` | whether a payload is going to open its standard streams by name, as far as it shows before it runs: in its image, in its command line and environment, in files that the host lends it |
//! | `rootfs` | the container's root file system: the image's layers with a writable one on top, mounted in the engine's private mount namespace, where it ends with the container |
//! | [`start`] | starting a container: everything between its record and its first instruction, with what systemd is told and when (`MAINPID=`, `READY=1`) |
//! | [`stats`] | what a container uses: processor, memory, disks, network |
//! | [`stop`] | ending a container's init: the stop signal, a while of patience, SIGKILL; at once where the signal cannot be noticed |
//! | `stop_signal` | whether a container's init notices its stop signal |
//! | `storage` | what a container mounts beside its root: named and anonymous volumes, images, secrets |
//! | `streams` | standard streams of a process that we wait for: pipes, which are copied to and from our own |
//! | `tag` | `--log-opt tag=`: what a container's lines are called in the journal (`SYSLOG_IDENTIFIER=`, `journalctl -t`) |
//! | `terminal` | the terminal of a container that we wait for: what is typed at ours goes there as it is typed, what it shows comes here, and it is as large as ours |
//! | [`top`] | the processes of a container, in the columns of podman-top(1) |
//! | [`transient`] | a container of the command line lives as a transient service: `unipod-NAME.service`, systemd.unit(5) |
//! | `userns` | a container's user namespace: which mapping it has, written down before it is used, and the namespace itself |
//! | [`verify`] | whether the records of containers can be read and lead to what they name, and whether anything is left of containers that are gone |
//! | [`wait`] | waiting as the parent: a container in the foreground, without a unit |
//!
//! ```
//! use unipod_container::record;
//!
//! # let dir = tempfile::tempdir().unwrap();
//! let store = unipod_store::Store::at(dir.path().join("data"), dir.path().join("run"))?;
//! assert!(record::list(&store)?.is_empty());
//! assert!(record::find(&store, "web").is_err());
//! # Ok::<(), unipod_store::StoreError>(())
//! ```

mod answer;
mod bundle;
pub mod create;
mod error;
pub mod exec;
pub mod feasible;
pub mod foreground;
mod group;
pub mod health;
pub mod inspect;
mod leftover;
mod limits;
mod log_driver;
mod mount_points;
pub mod names;
pub mod networking;
mod output;
pub mod pause;
pub mod pod;
pub mod process;
pub mod record;
pub mod relay;
pub mod remove;
mod reopen;
mod rootfs;
pub mod service;
pub mod start;
pub mod stats;
pub mod stop;
mod stop_signal;
mod storage;
mod streams;
mod tag;
mod terminal;
pub mod top;
pub mod transient;
pub mod userns;
pub mod verify;
pub mod wait;

pub use error::ContainerError;
pub use log_driver::{LogDriver, UnknownLogDriver};
pub use output::Attendance;
pub use record::{Lifecycle, Record, SdNotify, State};
pub use streams::Shown;
pub use tag::{BadTag, LogTag};
