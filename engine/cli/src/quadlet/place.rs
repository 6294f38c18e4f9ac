//! Whose unit files are meant, and where they are installed.

use std::path::PathBuf;

use unipod_generator::{places, process};

use super::super::error::CliError;

/// Whether the caller's units are those of a user.
pub(super) fn is_user() -> bool {
    !nix::unistd::geteuid().is_root()
}

/// Where the caller's unit files are installed.
pub(super) fn directory() -> Result<PathBuf, CliError> {
    let config = if is_user() {
        places::configuration(&process::environment(true))
            .ok_or_else(|| CliError::new("neither XDG_CONFIG_HOME nor HOME is an absolute path"))?
    } else {
        PathBuf::from("/etc")
    };
    Ok(config.join("containers/systemd"))
}
