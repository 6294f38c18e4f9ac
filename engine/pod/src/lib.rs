//! Floor 5: pods. Containers that share a network, shared memory and a host name, and that start and end together.
//!
//! A pod that runs is a service without a process, `active (exited)`, unless its members share process IDs. Its namespaces are held by pins, mounts in the host's mount
//! namespace; its members are services bound to it. So there is nobody to crash, and nothing to wait for.
//!
//! It must not read a command line, and must not start a container in any other way than the rooms below.
//!
//! | module | job |
//! |---|---|
//! | [`record`] | pods on disk: found by name or ID |
//! | [`options`] | what a pod is asked to be |
//! | [`create`] | a pod's name is claimed, its record is on disk |
//! | [`start`] | from the record to namespaces, network, shared memory and files of `/etc` |
//! | [`teardown`] | and back, from whatever is there |
//! | [`etc`] | the files of `/etc` that all members see |
//! | [`holder`] | the process of a pod, where there has to be one |
//! | [`member`] | what a container of the pod gets, and which containers those are |
//! | [`members`] | what is done with all of them: signals, standing still, going on |
//! | [`logs`] | what they have written |
//! | [`state`] | what a pod does, seen by its members |
//! | [`ending`] | what becomes of it when a member has ended |
//! | [`inspect`] | a pod in podman's JSON |
//! | [`slice`](mod@slice) | the limits of all members together |
//! | [`names`] | what its units are called |
//! | [`service`] | the life of a pod through its unit |
//!
//! ```
//! use unipod_pod::options::Share;
//!
//! let share: Share = "+pid".parse()?;
//! assert!(share.network && share.ipc && share.uts && share.pid);
//! assert_eq!("net".parse::<Share>()?.to_string(), "net");
//! # Ok::<(), String>(())
//! ```

pub mod create;
pub mod ending;
pub mod error;
pub mod etc;
pub mod holder;
pub mod inspect;
pub mod logs;
pub mod member;
pub mod members;
pub mod names;
pub mod options;
pub mod record;
pub mod service;
pub mod slice;
pub mod start;
pub mod state;
pub mod teardown;

pub use error::PodError;
pub use options::{ExitPolicy, PodOptions, Share};
pub use record::Pod;
pub use state::State;
