//! The first process: its words, user, directory, environment, capabilities and limits.

pub mod environment;
pub mod exec;
pub mod init;
pub mod systemd_mode;
pub mod users;

use oci_spec::image::Config;
use oci_spec::runtime::{Process, User};

use crate::limits::ulimits as limits;
use crate::process::users::Identity;
use crate::security::SecurityOptions;
use crate::security::capabilities;
use crate::security::capabilities::Granted;
use crate::{BundleError, BundleRequest, ContainerOptions, security};

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

fn config<'a>(request: &BundleRequest<'a>) -> Option<&'a Config> {
    request.image.and_then(|image| image.config().as_ref())
}

/// The user as given, or the image's.
pub fn user_name<'a>(request: &BundleRequest<'a>) -> &'a str {
    let of_image = || config(request).and_then(|config| config.user().as_deref());
    request.options.user.as_deref().or_else(of_image).unwrap_or_default()
}

/// The working directory: the option, the image's, or the root.
pub fn workdir<'a>(request: &BundleRequest<'a>) -> &'a str {
    let of_image = || config(request).and_then(|config| config.working_dir().as_deref());
    let chosen = request.options.workdir.as_deref().or_else(of_image);
    chosen.filter(|dir| !dir.is_empty()).unwrap_or("/")
}

/// The words of the command, without an init before them; none if nobody names one.
pub fn command(request: &BundleRequest<'_>) -> Vec<String> {
    command_of(request.options, config(request))
}

/// The words that these options and this image make. An entry point given on the command line discards the image's command
/// as well. One that is a single empty word is none, as in podman and docker.
pub fn command_of(options: &ContainerOptions, image: Option<&Config>) -> Vec<String> {
    let of = |list: Option<&Option<Vec<String>>>| list.cloned().flatten().unwrap_or_default();
    let mut words = options
        .entrypoint
        .clone()
        .unwrap_or_else(|| of(image.map(Config::entrypoint)));
    if words.iter().eq([""]) {
        words.clear();
    }
    if !options.command.is_empty() {
        words.extend(options.command.iter().cloned());
    } else if options.entrypoint.as_ref().is_none_or(Vec::is_empty) {
        words.extend(of(image.map(Config::cmd)));
    }
    words
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_points_and_commands() {
        let words = |text: &[&str]| text.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of = |entrypoint: Option<&[&str]>, command: &[&str], image: [&[&str]; 2]| {
            let options = ContainerOptions {
                entrypoint: entrypoint.map(words),
                command: words(command),
                ..ContainerOptions::default()
            };
            let mut config = Config::default();
            config.set_entrypoint(Some(words(image[0])));
            config.set_cmd(Some(words(image[1])));
            command_of(&options, Some(&config)).join(" ")
        };
        assert_eq!(of(None, &[], [&["run"], &["it"]]), "run it");
        assert_eq!(of(None, &["that"], [&["run"], &["it"]]), "run that");
        assert_eq!(of(None, &[], [&[""], &["echo", "hi"]]), "echo hi");
        assert_eq!(of(None, &["that"], [&[""], &[]]), "that");
        assert_eq!(of(Some(&[]), &[], [&["run"], &["it"]]), "it");
        assert_eq!(of(Some(&["do"]), &[], [&["run"], &["it"]]), "do");
        assert_eq!(of(Some(&[""]), &["that"], [&["run"], &["it"]]), "that");
    }
}
