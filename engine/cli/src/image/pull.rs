//! `pull`, `image pull`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::arguments::any_value;
use crate::error::CliError;
use crate::global::GlobalOptions;
use crate::output;
use crate::progress;
use unipod::image::{self, PullOptions, PullPolicy};
use unipod::store::Store;

/// Pull images from a registry.
///
/// Example: unipod pull docker.io/library/nginx:alpine
// Every key of a `.image` unit has an option here.
#[derive(Debug, Args)]
#[command(mut_args(any_value))]
pub struct PullArgs {
    /// Names of the images
    #[arg(required = true)]
    images: Vec<String>,
    /// Pull every tag of the repository
    #[arg(short, long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    all_tags: bool,
    /// The architecture to pull for, instead of this machine's
    #[arg(long)]
    arch: Option<String>,
    /// The file with the registries' credentials
    #[arg(long, value_name = "PATH", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
    /// The directory with certificates for the registry
    #[arg(long, value_name = "PATH")]
    cert_dir: Option<PathBuf>,
    /// Credentials for the registry
    #[arg(long, value_name = "USER[:PASSWORD]")]
    creds: Option<String>,
    /// A key for encrypted images (not supported)
    #[arg(long, value_name = "KEY[:PASSPHRASE]")]
    decryption_key: Vec<String>,
    /// Accepted and without meaning, as in podman
    #[arg(long, hide = true, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    disable_content_trust: bool,
    /// The operating system to pull for
    #[arg(long)]
    os: Option<String>,
    /// The platform to pull for
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", conflicts_with_all = ["os", "arch", "variant"])]
    platform: Option<String>,
    /// When to ask the registry
    #[arg(long, value_enum, default_value_t = Policy::Always)]
    policy: Policy,
    /// Print the image ID only
    #[arg(short, long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    quiet: bool,
    /// How often to try again
    #[arg(long)]
    retry: Option<u32>,
    /// How long to wait before that
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
    /// Whether the registry must prove who it is
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// The variant of the architecture
    #[arg(long)]
    variant: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    Always,
    Missing,
    Never,
    Newer,
}

impl PullArgs {
    /// Does it; what the options do not say is that of `global`. Returns the exit code.
    pub fn run(self, store: &Store, global: &GlobalOptions) -> Result<u8, CliError> {
        if !self.decryption_key.is_empty() {
            return Err(CliError::new("encrypted images are not supported (--decryption-key)"));
        }
        let mut options = self.options()?;
        let defaults = global.defaults()?.pull;
        options.retry = options.retry.or(defaults.retry);
        options.retry_delay = options.retry_delay.or(defaults.retry_delay);
        let progress = progress::of_command(self.quiet);
        for name in &self.images {
            let images = if self.all_tags {
                image::ensure_all(store, name, &options, progress.as_ref())?
            } else {
                vec![image::ensure(store, name, &options, progress.as_ref())?]
            };
            for image in images {
                output::print_line(image.id.trim_start_matches("sha256:"));
            }
        }
        Ok(0)
    }

    fn options(&self) -> Result<PullOptions, CliError> {
        let (os, arch, variant) = match &self.platform {
            Some(platform) => split_platform(platform)?,
            None => (self.os.clone(), self.arch.clone(), self.variant.clone()),
        };
        Ok(PullOptions {
            policy: match self.policy {
                Policy::Always => PullPolicy::Always,
                Policy::Missing => PullPolicy::Missing,
                Policy::Never => PullPolicy::Never,
                Policy::Newer => PullPolicy::Newer,
            },
            authfile: self.authfile.clone(),
            creds: self.creds.clone(),
            cert_dir: self.cert_dir.clone(),
            tls_verify: self.tls_verify,
            os,
            arch,
            variant,
            retry: self.retry,
            retry_delay: self.retry_delay.clone(),
        })
    }
}

type Platform = (Option<String>, Option<String>, Option<String>);

/// Splits `OS[/ARCH[/VARIANT]]`.
fn split_platform(text: &str) -> Result<Platform, CliError> {
    let mut parts = text
        .split('/')
        .map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
    let platform = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
    if platform.0.is_none() || parts.next().is_some() {
        return Err(CliError::new(format!(
            "invalid platform {text:?}: write OS/ARCH[/VARIANT]"
        )));
    }
    Ok(platform)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: PullArgs,
    }

    fn options(words: &[&str]) -> PullOptions {
        Command::try_parse_from(std::iter::once(&"pull").chain(words))
            .unwrap()
            .args
            .options()
            .unwrap()
    }

    /// As the generator writes them for a `.image` unit (its keys in the order of the manual).
    #[test]
    fn every_option_of_an_image_unit() {
        let all = options(&[
            "--arch",
            "arm64",
            "--authfile",
            "/a",
            "--cert-dir",
            "/c",
            "--creds",
            "u:p",
            "--os",
            "linux",
            "--policy",
            "newer",
            "--retry",
            "5",
            "--retry-delay",
            "10s",
            "--variant",
            "v8",
            "--all-tags=false",
            "--tls-verify=false",
            "quay.io/a/b",
        ]);
        assert_eq!(
            (all.policy, all.tls_verify, all.retry),
            (PullPolicy::Newer, Some(false), Some(5))
        );
        assert_eq!(
            (all.os.as_deref(), all.arch.as_deref(), all.variant.as_deref()),
            (Some("linux"), Some("arm64"), Some("v8"))
        );
        assert_eq!(options(&["--tls-verify", "a"]).tls_verify, Some(true));
        assert_eq!(options(&["a"]).tls_verify, None);
        assert_eq!(options(&["a"]).policy, PullPolicy::Always);
        assert_eq!(
            options(&["--platform", "linux/arm/v7", "a"]).variant.as_deref(),
            Some("v7")
        );
    }

    #[test]
    fn platforms() {
        assert!(split_platform("linux/amd64").is_ok());
        assert!(split_platform("linux").is_ok());
        for text in ["", "/amd64", "a/b/c/d"] {
            assert!(split_platform(text).is_err(), "{text}");
        }
    }
}
