//! How the image is pulled.

use std::path::PathBuf;

use clap::Args;

use super::values::{Switch, refused};
use crate::error::CliError;
use unipod::bundle::values::duration;
use unipod::image::{PullOptions, PullPolicy, UnknownPolicy};

/// Options of the pull.
#[derive(Debug, Args)]
pub(super) struct PullArguments {
    /// When to pull the image: always, missing, never or newer
    #[arg(long, value_name = "POLICY")]
    pull: Option<String>,
    /// How often a pull is tried again
    #[arg(long, value_name = "NUMBER")]
    retry: Option<u32>,
    /// Time between two tries
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
    /// File of credentials
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
    /// Credentials, USER[:PASSWORD]
    #[arg(long, value_name = "CREDENTIALS", hide = true)]
    creds: Option<String>,
    /// Directory of certificates for registries
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Insist on https and valid certificates
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<Switch>,
    /// Platform of the image, OS/ARCH[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Operating system of the image
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Architecture of the image
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
}

impl PullArguments {
    pub(super) fn resolve(self, defaults: PullOptions) -> Result<PullOptions, CliError> {
        let Self {
            pull,
            retry,
            retry_delay,
            authfile,
            creds,
            cert_dir,
            tls_verify,
            platform,
            os,
            arch,
            variant,
        } = self;
        let platform = Platform::read(platform.as_deref())?;
        Ok(PullOptions {
            policy: pull.as_deref().map_or(Ok(defaults.policy), policy)?,
            authfile,
            creds,
            cert_dir,
            tls_verify: tls_verify.map(|switch| switch.0),
            os: os.or(platform.os),
            arch: arch.or(platform.arch),
            variant: variant.or(platform.variant),
            retry: retry.or(defaults.retry),
            retry_delay: retry_delay.map(checked_delay).transpose()?.or(defaults.retry_delay),
        })
    }
}

#[derive(Default)]
struct Platform {
    os: Option<String>,
    arch: Option<String>,
    variant: Option<String>,
}

impl Platform {
    fn read(text: Option<&str>) -> Result<Self, CliError> {
        let Some(text) = text else { return Ok(Self::default()) };
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        match parts.as_slice() {
            [os, arch, rest @ ..] if rest.len() < 2 && parts.iter().all(|part| !part.is_empty()) => Ok(Self {
                os: Some(os.clone()),
                arch: Some(arch.clone()),
                variant: rest.first().cloned(),
            }),
            _ => Err(refused("--platform", text, "expected OS/ARCH[/VARIANT]")),
        }
    }
}

/// When `--pull` says to pull.
fn policy(text: &str) -> Result<PullPolicy, CliError> {
    text.parse()
        .map_err(|unknown: UnknownPolicy| refused("--pull", text, &unknown.to_string()))
}

fn checked_delay(text: String) -> Result<String, CliError> {
    if duration::parse(&text).is_some() {
        Ok(text)
    } else {
        Err(refused("--retry-delay", &text, "expected a duration such as 5s"))
    }
}
