//! A container engine whose only supervisor is systemd, as a library: what the command line `unipod` is made of, for other
//! programs.
//!
//! An [`Engine`] is a store on disk, and one room for each kind of thing in it. There is no service to connect to and nothing
//! to keep open: each call reads what is on disk, asks systemd where a unit is concerned, and is done.
//!
//! ```no_run
//! use unipod::{Engine, NewContainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::open()?;
//! let container = engine.containers().create(NewContainer::of("docker.io/library/busybox", &["echo", "hello"]))?;
//! container.start()?;
//! assert_eq!(container.wait()?, Some(0));
//! print!("{}", container.output()?);
//! container.remove()?;
//! # Ok(())
//! # }
//! ```
//!
//! A container that is started this way runs in a service of its own, `unipod-NAME.service`. The service executes the program
//! `unipod`, which therefore has to be installed; the program that uses the library may end at any time.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Containers`], [`Container`] | create, start, pause, restart, wait for, look into, stop, remove |
//! | [`Pods`], [`Pod`] | the same for containers that share a network |
//! | [`Images`] | pull, find, list, name, remove |
//! | [`Volumes`], [`Networks`], [`Secrets`] | create, find, list, remove |
//!
//! A [`NewContainer`] is as its maker says. What an administrator wants of those of which nobody says more is in
//! containers.conf(5): [`Defaults`] reads it.
//!
//! Below the rooms are the crates that do the work. Who needs more than the rooms have finds each under its name here: the
//! command line uses nothing else of the engine, but for its Go templates.
//!
//! | module | floor | what it owns |
//! |---|---|---|
//! | [`service`] | here | the life of a container through the unit that it belongs to |
//! | [`pod`] | 5 | pods: what is shared, their members, their units |
//! | [`container`] | 4 | records, starts, stops, `exec`, health checks |
//! | [`volume`], [`secret`], [`runtime`] | 3 | what containers use; the OCI runtime |
//! | [`image`], [`network`], [`bundle`], [`systemd`] | 2 | registries and layers; netavark; config.json; the manager and the journal |
//! | [`store`] | 1 | what is on disk |
//! | [`linux`], [`config`] | 0 | what is asked of the kernel; containers.conf |
//!
//! It must not print, read a command line, or end the process.

mod clone;
mod condition;
mod containers;
mod defaults;
mod engine;
mod error;
mod images;
mod networks;
mod new_container;
mod pods;
mod rooms;
mod secrets;
mod volumes;

pub use clone::clone;
pub use condition::Condition;
pub use containers::{Container, Containers};
pub use defaults::{Defaults, DefaultsError};
pub use engine::Engine;
pub use error::EngineError;
pub use images::Images;
pub use networks::Networks;
pub use new_container::{NewContainer, make};
pub use pods::{NewPod, Pod, Pods};
pub use secrets::Secrets;
pub use volumes::Volumes;

pub use unipod_bundle as bundle;
pub use unipod_config as config;
pub use unipod_container as container;
pub use unipod_container::service;
pub use unipod_image as image;
pub use unipod_linux as linux;
pub use unipod_network as network;
pub use unipod_pod as pod;
pub use unipod_runtime as runtime;
pub use unipod_secret as secret;
pub use unipod_store as store;
pub use unipod_systemd as systemd;
pub use unipod_volume as volume;
