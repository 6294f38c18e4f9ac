//! The first process: its words, user, directory, environment, capabilities and limits.

pub mod command;
pub mod environment;
pub mod exec;
pub mod init;
pub mod systemd_mode;
pub mod users;

use oci_spec::runtime::{Process, User};

use self::command::{command, workdir};
use crate::limits::ulimits as limits;
use crate::process::users::Identity;
use crate::security::SecurityOptions;
use crate::security::capabilities;
use crate::security::capabilities::Granted;
use crate::{BundleError, BundleRequest, security};

/// All that the process is made of beside the request.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// What it may do.
    pub granted: &'a Granted,
    /// What the engine itself could hand on.
    pub available: capabilities::Set,
    /// `--security-opt`.
    pub security: &'a SecurityOptions,
    /// For `HOSTNAME`.
    pub hostname: Option<&'a str>,
}

/// The process of a container.
pub fn process(request: &BundleRequest<'_>, parts: &Parts<'_>) -> Result<Process, BundleError> {
    let options = request.options;
    let mut process = Process::default();
    process
        .set_terminal(Some(options.tty))
        .set_user(user(parts.identity, options.umask))
        .set_args(Some(words(request)?))
        .set_env(Some(environment::environment(request, parts.identity, parts.hostname)?))
        .set_cwd(workdir(request).into())
        .set_capabilities(Some(parts.granted.to_oci()))
        .set_rlimits(Some(limits::limits(options, parts.available)?))
        .set_oom_score_adj(limits::oom_score_adj(options, parts.available)?)
        // Left out rather than false: youki 0.7 loads the system call filter too late as soon as it is there at all.
        .set_no_new_privileges(parts.security.no_new_privileges.then_some(true))
        .set_apparmor_profile(security::apparmor(parts.security)?);
    Ok(process)
}

/// A user in the form of the OCI runtime specification.
pub fn user(identity: &Identity, umask: Option<u32>) -> User {
    let mut user = User::default();
    user.set_uid(identity.uid)
        .set_gid(identity.gid)
        .set_umask(Some(umask.unwrap_or(0o022)))
        .set_additional_gids((!identity.groups.is_empty()).then(|| identity.groups.clone()));
    user
}

fn words(request: &BundleRequest<'_>) -> Result<Vec<String>, BundleError> {
    let words = command(request);
    if words.is_empty() {
        return Err(BundleError::NoCommand);
    }
    Ok(if init::wanted(request)? {
        init::wrap(words)
    } else {
        words
    })
}
