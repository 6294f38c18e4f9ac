//! What one may wait for in a container.

use std::str::FromStr;

use unipod_container::health;
use unipod_container::record::{Record, State};
use unipod_store::Store;

/// A condition of podman-wait(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It was made and has not run; `configured` and `initialized` are the same here.
    Created,
    /// It has ended; `exited` is the same, and so is `stopping`, which takes a moment.
    Stopped,
    /// Its health check says so.
    Healthy,
    /// Its processes stand still.
    Paused,
    /// It is gone.
    Removing,
    /// Its processes run.
    Running,
    /// Its health check says so.
    Unhealthy,
}

impl Condition {
    /// Whether a container that is gone meets it.
    pub(crate) fn is_of_the_gone(self) -> bool {
        matches!(self, Self::Stopped | Self::Removing)
    }

    /// Whether a container meets it now.
    pub(crate) fn is_met(self, store: &Store, record: &Record) -> bool {
        match self {
            Self::Created => record.state() == State::Created,
            Self::Stopped => record.state() == State::Exited,
            Self::Running => record.state() == State::Running && !record.is_paused(),
            Self::Paused => record.is_paused(),
            Self::Healthy => health::status(store, record) == Some("healthy"),
            Self::Unhealthy => health::status(store, record) == Some("unhealthy"),
            Self::Removing => false,
        }
    }
}

/// podman's words.
impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "configured" | "created" | "initialized" => Self::Created,
            "exited" | "stopped" | "stopping" => Self::Stopped,
            "healthy" => Self::Healthy,
            "paused" => Self::Paused,
            "removing" => Self::Removing,
            "running" => Self::Running,
            "unhealthy" => Self::Unhealthy,
            _ => return Err(format!("{text:?} is nothing that a container is waited for")),
        })
    }
}
