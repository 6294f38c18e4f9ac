//! The registry inside a test machine, with the images that tests run.

use std::io;

use super::build;
use super::server::configure;
pub use super::server::{ACCOUNT, STORAGE, wait};
use crate::machine::MachineConfig;

/// Tests may change what the registry holds: what they write lies in memory over the kept storage.
const OVERLAY: &str = "[Unit]
Description=A writable view of the kept images
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'mkdir -p /run/registry/upper /run/registry/work && \
  mount -t overlay overlay -o lowerdir=/srv/registry,upperdir=/run/registry/upper,workdir=/run/registry/work /srv/registry'
[Install]
WantedBy=multi-user.target
";

/// Adds the registries with all images to a machine.
///
/// # Errors
/// The images cannot be built.
pub fn with_images(config: MachineConfig) -> io::Result<MachineConfig> {
    Ok(configure(config)
        .share(build::storage()?, STORAGE)
        .text("/etc/systemd/system/registry-storage.service", OVERLAY)
        .text(
            "/etc/systemd/system/registry@.service.d/storage.conf",
            "[Unit]\nRequires=registry-storage.service\nAfter=registry-storage.service\n",
        ))
}
