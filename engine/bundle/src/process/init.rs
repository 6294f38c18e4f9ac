//! `--init`: a small init as the container's first process.

use std::path::PathBuf;

use crate::namespaces::Namespaces;
use crate::process::systemd_mode;
use crate::{BundleError, BundleRequest, ContainerOptions, Namespace};
use unipod_config::shared;

/// Where the init is in the container, as in podman.
pub const DESTINATION: &str = "/run/podman-init";

/// Where distributions put the programs that can be one, beside the directories of helpers.
const CANDIDATES: [&str; 3] = ["/usr/bin/catatonit", "/usr/bin/tini", "/usr/bin/docker-init"];

/// Whether there is to be one: an option says so, or containers.conf does and it would be the first process, in place of no
/// other that insists on that.
///
/// # Errors
/// An option that this depends on means nothing.
pub fn wanted(request: &BundleRequest<'_>) -> Result<bool, BundleError> {
    let by_default = || Ok(Namespaces::of(request)?.pid == Namespace::New && !systemd_mode::wanted(request)?);
    Ok(request.options.init || (request.options.defaults.init && by_default()?))
}

/// The init program on the host.
///
/// # Errors
/// There is none.
pub fn program(options: &ContainerOptions) -> Result<PathBuf, BundleError> {
    if let Some(path) = &options.init_path {
        let found = path.is_file().then(|| path.clone());
        let missing = || BundleError::invalid("--init-path", path.display().to_string(), "there is no such program");
        return found.ok_or_else(missing);
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
    found.ok_or_else(missing)
}

/// The words that start `command` under the init.
pub(crate) fn wrap(command: Vec<String>) -> Vec<String> {
    [DESTINATION.to_owned(), "--".to_owned()]
        .into_iter()
        .chain(command)
        .collect()
}
