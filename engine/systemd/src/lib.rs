//! Floor 2: systemd, the only supervisor, as an engine sees it.
//!
//! It owns what is said to the manager that started us, what is asked of it, and what its journal remembers. It must not know
//! what a container is: it speaks of units.
//!
//! | module | job |
//! |---|---|
//! | [`activation`] | socket activation, sd_listen_fds(3): descriptors 3, 4, … that systemd opened for the payload |
//! | [`invocation`] | in which unit this process runs, as systemd.exec(5) "Environment variables set on the command" tells it |
//! | [`journal`] | reading the journal through journalctl(1), its documented interface, and a stream into it |
//! | [`manager`] | the service manager over D-Bus (org.freedesktop.systemd1(5)): transient units, start and stop |
//! | [`notify`] | sd_notify(3) |
//! | [`post_mortem`] | what happened to a service the last time it ran, told from what systemd and the journal still know: `facts` are what they say, `verdict` is what it means, `next` what systemd will do |
//! | [`restart`] | whether systemd is going to start a service again that has just ended |
//! | [`slice`](mod@slice) | slices with limits of their own |
//! | [`units`] | what systemd knows about units, read over D-Bus (org.freedesktop.systemd1(5)) |
//!
//! ```
//! use unipod_systemd::journal::{self, Query};
//!
//! let query = Query {
//!     unit: "web.service".to_owned(),
//!     follow: true,
//!     ..Query::default()
//! };
//! let command = journal::command(&query);
//! assert_eq!(command.get_program(), "journalctl");
//! assert!(command.get_args().any(|argument| argument == "_SYSTEMD_UNIT=web.service"));
//! ```

pub mod activation;
pub mod invocation;
pub mod journal;
pub mod manager;
pub mod notify;
pub mod post_mortem;
pub mod restart;
pub mod slice;
pub mod units;

pub use invocation::Invocation;
