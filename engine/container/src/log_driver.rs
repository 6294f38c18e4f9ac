//! `--log-driver`: where the output of a payload goes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where the payload's output goes, `--log-driver`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogDriver {
    /// To the unit's streams; through a relay if the payload is seen to open them by name.
    #[default]
    Automatic,
    /// To the unit's streams, always through a relay.
    Journald,
    /// To our own streams as they are.
    Passthrough,
    /// Nowhere.
    None,
}

impl LogDriver {
    /// What a log driver that writes a file means here.
    pub const NO_FILE: &str = "there is no log file, output goes to the journal (see: unipod logs)";

    /// Whether podman's driver of this name writes a file of its own.
    pub fn is_file(name: &str) -> bool {
        matches!(name, "k8s-file" | "json-file")
    }
}

/// A log driver that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("log driver {0:?} is not known: use journald, passthrough, none, or leave it out")]
pub struct UnknownLogDriver(String);

impl FromStr for LogDriver {
    type Err = UnknownLogDriver;

    /// podman's names, podman-run(1). Those that mean a file of the engine's own are the journal here ([`Self::is_file`]).
    fn from_str(name: &str) -> Result<Self, UnknownLogDriver> {
        match name {
            "" => Ok(Self::Automatic),
            file if Self::is_file(file) => Ok(Self::Automatic),
            "journald" => Ok(Self::Journald),
            "passthrough" | "passthrough-tty" => Ok(Self::Passthrough),
            "none" => Ok(Self::None),
            other => Err(UnknownLogDriver(other.to_owned())),
        }
    }
}
