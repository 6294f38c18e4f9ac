//! Floor 0: what an engine asks of the kernel: mounts, namespaces, and programs of others that end in time.
//!
//! It must not know what it is asked for: neither a container nor where anything is kept. Nothing here writes a record.
//!
//! | module | job |
//! |---|---|
//! | [`child`] | programs of others that work for us: they end in time, and what they say has an end |
//! | [`confine`] | a process of ours that gives up files, rights and system calls, for others can see it |
//! | [`host`] | the host's mount namespace, seen from a unit with one of its own |
//! | [`idmap`] | mounts whose owners are shifted by a user namespace: the layers of an image belong to everybody's root on disk, and to the container's root where a container of a user namespace sees them |
//! | [`inside`] | opening what lies inside a directory that somebody else fills, whatever its symbolic links say (openat2(2)) |
//! | [`mount`] | mounts: a private mount namespace, and an overlay in it |
//! | [`owner`] | numbers of users and groups, wherever somebody writes one |
//! | [`pin`] | namespaces that live without a process |
//! | [`spawn`] | programs that may outlive us, or start such: what is ours alone is not handed on to them |
//! | [`tree`] | detached mounts: a view of a directory or file with attributes of its own, attached nowhere (open_tree(2), mount_setattr(2)) |
//! | [`userns`] | user namespaces held by a descriptor |
//!
//! ```
//! use std::process::Command;
//! use std::time::Duration;
//!
//! use unipod_linux::child;
//!
//! let said = child::output(Command::new("echo").arg("hello"), b"", Duration::from_secs(10))?;
//! assert_eq!(said.stdout, b"hello\n");
//! // Whoever talks for ever, or hangs, is gone when the time is over.
//! assert!(child::output(Command::new("sleep").arg("60"), b"", Duration::from_millis(10)).is_err());
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod child;
pub mod confine;
pub mod host;
pub mod idmap;
pub mod inside;
pub mod mount;
pub mod owner;
pub mod pin;
pub mod spawn;
pub mod tree;
pub mod userns;

pub use mount::MountError;
pub use userns::UserNamespace;
