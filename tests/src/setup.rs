//! A machine with unipod on it, installed as `make install PREFIX=/usr` does, and the registry with all images.

use std::io;
use std::path::{Path, PathBuf};

use crate::images::registry;
use crate::machine::{Machine, MachineConfig};

/// Where the engine is installed.
pub const ENGINE: &str = "/usr/bin/unipod";

/// Where the system generator is installed (systemd.generator(7)).
pub const GENERATOR: &str = "/usr/lib/systemd/system-generators/unipod-system-generator";

/// Where the user generator is installed.
pub const USER_GENERATOR: &str = "/usr/lib/systemd/user-generators/unipod-user-generator";

/// The configuration of a machine with unipod and the registry.
///
/// # Errors
/// unipod is not built, or the images cannot be built.
pub fn config() -> io::Result<MachineConfig> {
    let config = MachineConfig::default()
        .file(built("unipod")?, ENGINE)
        .file(built("unipod-generator")?, GENERATOR)
        .file(built("unipod-generator")?, USER_GENERATOR);
    registry::with_images(config)
}

/// Boots a machine with unipod and waits for the registry.
///
/// # Panics
/// unipod is not built, or the machine does not come up.
#[track_caller]
pub fn boot() -> Machine {
    match config() {
        Ok(config) => boot_with(&config),
        Err(error) => panic!("no machine with unipod: {error}"),
    }
}

/// Boots a machine from a configuration made of [`config`] and waits for the registry.
///
/// # Panics
/// The machine does not come up.
#[track_caller]
pub fn boot_with(config: &MachineConfig) -> Machine {
    let machine = Machine::boot(config);
    registry::wait(&machine);
    machine
}

/// A program of this workspace, built in the same profile as the running one.
fn built(name: &str) -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let found = program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| {
        io::Error::other(format!(
            "`{name}` is not built: run `make build` (looked beside {})",
            shown(&program)
        ))
    })
}

fn shown(program: &Path) -> String {
    program.parent().unwrap_or(program).display().to_string()
}
