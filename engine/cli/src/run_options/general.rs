//! Name, image, labels and how it ends.

use std::path::PathBuf;

use clap::Args;

use super::values::{Switch, labels, pairs, refused};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::values::signal;

/// Options that say what the container is.
#[derive(Debug, Args)]
pub(super) struct GeneralOptions {
    /// Name of the container
    #[arg(long)]
    name: Option<String>,
    /// Take the first word as a directory that is the root file system, instead of an image
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rootfs: Option<Switch>,
    /// Label, NAME=VALUE
    #[arg(short, long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// File of labels, one NAME=VALUE per line
    #[arg(long, value_name = "FILE")]
    label_file: Vec<PathBuf>,
    /// Annotation for the OCI runtime, NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    annotation: Vec<String>,
    /// Signal that asks the container to end
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// Seconds to wait before it is killed; -1 waits forever
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    stop_timeout: Option<i64>,
    /// Secret for the container, NAME[,type=mount|env,target=…,uid=…,gid=…,mode=…]
    #[arg(long, value_name = "SECRET")]
    secret: Vec<String>,
}

impl GeneralOptions {
    pub(super) fn apply(self, image: String, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            name,
            rootfs,
            label,
            label_file,
            annotation,
            stop_signal,
            stop_timeout,
            secret,
        } = self;
        if Switch::is_on(rootfs) {
            options.rootfs = Some(std::path::absolute(image)?);
        } else {
            options.image = image;
        }
        options.name = name;
        options.labels = labels(label, &label_file)?;
        if let Some(nameless) = annotation.iter().find(|text| !text.contains('=')) {
            return Err(refused("--annotation", nameless, "expected NAME=VALUE"));
        }
        options.annotations.extend(pairs("--annotation", annotation)?);
        options.stop_signal = stop_signal.as_deref().map(read_signal).transpose()?;
        if let Some(seconds) = stop_timeout {
            options.stop_timeout = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        options.secrets = secret;
        Ok(())
    }
}

fn read_signal(text: &str) -> Result<i32, CliError> {
    let accepted = "expected a signal such as SIGTERM, QUIT, SIGRTMIN+3 or 15";
    signal::parse(text).ok_or_else(|| refused("--stop-signal", text, accepted))
}
