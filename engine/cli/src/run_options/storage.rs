//! Volumes and other mounts.

use clap::Args;

use super::values::{Switch, refused};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::values::size;

/// Options of mounts.
#[derive(Debug, Default, Args)]
pub(crate) struct StorageOptions {
    /// Mount a host path or a volume, [SOURCE:]DESTINATION[:OPTIONS]
    #[arg(short, long, value_name = "VOLUME")]
    pub(crate) volume: Vec<String>,
    /// Mount, type=bind|volume|tmpfs|image|glob|…,source=…,destination=…
    #[arg(long, value_name = "MOUNT")]
    pub(crate) mount: Vec<String>,
    /// Mount memory, DESTINATION[:OPTIONS]
    #[arg(long, value_name = "TMPFS")]
    pub(crate) tmpfs: Vec<String>,
    /// Mount what another container mounts
    #[arg(long, value_name = "CONTAINER")]
    pub(crate) volumes_from: Vec<String>,
    /// The image's volumes: anonymous, tmpfs or ignore [default: anonymous]
    #[arg(long, alias = "builtin-volume", value_name = "MODE")]
    pub(crate) image_volume: Option<String>,
    /// Make the root file system read-only
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) read_only: Option<Switch>,
    /// With --read-only, keep /run, /tmp and /var/tmp writable [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) read_only_tmpfs: Option<Switch>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "SIZE")]
    pub(crate) shm_size: Option<String>,
}

impl StorageOptions {
    pub(crate) fn apply(self, options: &mut ContainerOptions) -> Result<(), CliError> {
        let Self {
            volume,
            mount,
            tmpfs,
            volumes_from,
            image_volume,
            read_only,
            read_only_tmpfs,
            shm_size,
        } = self;
        if let Some(name) = volumes_from.first() {
            return Err(refused(
                "--volumes-from",
                name,
                "this option is not supported yet; name the volumes with --volume",
            ));
        }
        options.volumes = volume;
        options.mounts = mount;
        options.tmpfs = tmpfs;
        if let Some(text) = &image_volume {
            options.image_volume = text.parse()?;
        }
        options.read_only = Switch::or(read_only, options.read_only);
        options.read_only_tmpfs = read_only_tmpfs.map(|switch| switch.0);
        let read_size = |text: String| {
            size::parse(&text).ok_or_else(|| refused("--shm-size", &text, "expected a size such as 64m"))
        };
        options.shm_size = shm_size.map(read_size).transpose()?.or(options.shm_size);
        Ok(())
    }
}
