//! Floor 1: systemd, the only supervisor. [`notify`] speaks to the manager that started us, [`invocation`] tells
//! in which unit we run, [`activation`] finds the sockets it handed over, [`manager`] asks it to start and stop
//! units, [`units`] asks what became of them, [`post_mortem`] makes sense of the answer, [`journal`] reads what they said.

pub mod activation;
pub mod invocation;
pub mod journal;
pub mod manager;
pub mod notify;
pub mod post_mortem;
pub mod units;

pub use invocation::Invocation;
