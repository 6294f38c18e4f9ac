//! `--init`: a small init as the container's first process.

use std::path::PathBuf;

use super::{BundleError, ContainerOptions};
use crate::config::shared;

/// Where the init is in the container, as in podman.
pub const DESTINATION: &str = "/run/podman-init";

/// Where distributions put the programs that can be one, beside the directories of helpers.
const CANDIDATES: [&str; 3] = ["/usr/bin/catatonit", "/usr/bin/tini", "/usr/bin/docker-init"];

/// The init program on the host; `None` without `--init`.
///
/// # Errors
/// There is none.
pub fn program(options: &ContainerOptions) -> Result<Option<PathBuf>, BundleError> {
    if !options.init {
        return Ok(None);
    }
    if let Some(path) = &options.init_path {
        let found = path.is_file().then(|| path.clone());
        let missing = || BundleError::invalid("--init-path", path.display().to_string(), "there is no such program");
        return found.map(Some).ok_or_else(missing);
    }
    let helpers = shared().helper_dirs.iter().map(|dir| dir.join("catatonit"));
    let found = helpers.chain(CANDIDATES.map(PathBuf::from)).find(|path| path.is_file());
    let missing = || {
        BundleError::lacking(
            "--init",
            "",
            "neither catatonit nor tini is installed; install catatonit",
        )
    };
    found.map(Some).ok_or_else(missing)
}

/// The words that start `command` under the init.
pub fn wrap(command: Vec<String>) -> Vec<String> {
    [DESTINATION.to_owned(), "--".to_owned()]
        .into_iter()
        .chain(command)
        .collect()
}
