//! What can be known of a container before it is made: whether what it names is there, and whether this machine can grant what
//! it asks for. A container that is refused is not made, and the one that it was to replace stays.

use super::{ContainerError, networking, record};
use unipod_bundle as bundle;
use unipod_bundle::ContainerOptions;
use unipod_bundle::mounts::volumes::{self, MountSource};
use unipod_image::Image;
use unipod_network::{self as network, NetworkMode};
use unipod_secret as secret;
use unipod_store::Store;
use unipod_volume as volume;

/// Checks all of it. The start looks again: by then something may have gone.
///
/// # Errors
/// The first thing that is not there or cannot be granted, with its option.
pub fn check(store: &Store, options: &ContainerOptions, image: Option<&Image>) -> Result<(), ContainerError> {
    bundle::check_here(options)?;
    networks(store, options)?;
    networking::ports(options, image)?;
    for text in &options.secrets {
        secret::find(store, &secret::parse_use(text)?.secret)?;
    }
    for mount in volumes::parse(options, &[])? {
        if let MountSource::NamedVolume { name, .. } = &mount.source {
            volume::check_name(name)?;
        }
    }
    Ok(())
}

fn networks(store: &Store, options: &ContainerOptions) -> Result<(), ContainerError> {
    match network::parse_modes(&options.networks, !nix::unistd::geteuid().is_root())? {
        NetworkMode::Bridge(attachments) => {
            for attachment in attachments {
                network::definition::find(store, &attachment.network)?;
            }
            Ok(())
        }
        NetworkMode::Container(name) => record::find(store, &name).map(drop),
        NetworkMode::Host | NetworkMode::None | NetworkMode::Private | NetworkMode::Path(_) | NetworkMode::Pasta(_) => {
            Ok(())
        }
    }
}
