//! How an image is pulled.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When to ask the registry (`--pull`, `Pull=`, `Policy=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Always; fail if the registry does not answer.
    Always,
    /// Only if the image is not there.
    #[default]
    Missing,
    /// Never.
    Never,
    /// If the registry has another one; use the local one if it does not answer.
    Newer,
}

/// A word that says of no time to pull.
#[derive(Debug, thiserror::Error)]
#[error("expected always, missing, never or newer")]
pub struct UnknownPolicy;

impl FromStr for PullPolicy {
    type Err = UnknownPolicy;

    /// podman's words; nothing is the default.
    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        match text {
            "always" | "true" => Ok(Self::Always),
            "missing" | "ifmissing" | "ifnotpresent" | "" => Ok(Self::Missing),
            "never" | "false" => Ok(Self::Never),
            "newer" | "ifnewer" => Ok(Self::Newer),
            _ => Err(UnknownPolicy),
        }
    }
}

/// How to pull.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PullOptions {
    /// When to ask the registry.
    pub policy: PullPolicy,
    /// `--authfile`.
    pub authfile: Option<PathBuf>,
    /// `--creds USER[:PASSWORD]`; never stored.
    #[serde(skip)]
    pub creds: Option<String>,
    /// `--cert-dir`.
    pub cert_dir: Option<PathBuf>,
    /// `--tls-verify`; `None` leaves it to registries.conf.
    pub tls_verify: Option<bool>,
    /// `--os`, `--arch`, `--variant`, `--platform`.
    pub os: Option<String>,
    /// See `os`.
    pub arch: Option<String>,
    /// See `os`.
    pub variant: Option<String>,
    /// `--retry`: how often to try again, 3 if not said.
    pub retry: Option<u32>,
    /// `--retry-delay`, a duration as Go writes it.
    pub retry_delay: Option<String>,
}
