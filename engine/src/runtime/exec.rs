//! A further process in a running container: the first one's, changed as `exec` says.

use std::collections::BTreeMap;
use std::path::Path;

use oci_spec::runtime::{Process, Spec};

use super::capabilities;
use super::root::Root;
use super::users::Accounts;
use super::{BundleError, ContainerOptions, process};

/// The options of `exec` that describe the process.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// The words of the command.
    pub command: Vec<String>,
    /// `--env`, `--env-file`, resolved.
    pub env: BTreeMap<String, String>,
    /// `--user USER[:GROUP]`.
    pub user: Option<String>,
    /// `--workdir`.
    pub workdir: Option<String>,
    /// `--tty`.
    pub tty: bool,
    /// `--privileged`.
    pub privileged: bool,
}

/// The process, on the ground of the container's own specification and of its root (`/proc/PID/root`).
///
/// # Errors
/// The container has no such user, or there is no command.
pub fn process(spec: &Spec, root: &Path, options: &ExecOptions) -> Result<Process, BundleError> {
    if options.command.is_empty() {
        return Err(BundleError::NoCommand);
    }
    let mut process = spec.process().clone().unwrap_or_default();
    let mut env = environment(&process, options);
    if let Some(user) = &options.user {
        let identity = Accounts::read(&Root::open(root)?)?.find(user, &[])?;
        env.insert(
            "HOME".to_owned(),
            options.env.get("HOME").unwrap_or(&identity.home).clone(),
        );
        let umask = process.user().umask();
        let granted = granted(&process, identity.uid == 0);
        process
            .set_user(process::user(&identity, umask))
            .set_capabilities(granted);
    }
    if options.privileged {
        let all = ContainerOptions {
            privileged: true,
            ..ContainerOptions::default()
        };
        let granted = capabilities::granted(&all, capabilities::available()?, true, &mut Vec::new())?;
        process
            .set_capabilities(Some(granted.to_oci()))
            .set_no_new_privileges(None);
    }
    if let Some(dir) = &options.workdir {
        process.set_cwd(dir.into());
    }
    process
        .set_args(Some(options.command.clone()))
        .set_terminal(Some(options.tty))
        .set_env(Some(
            env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        ));
    Ok(process)
}

/// Another user has all that the container can have if it is root, and nothing otherwise.
fn granted(process: &Process, root: bool) -> Option<oci_spec::runtime::LinuxCapabilities> {
    let mut own = process.capabilities().clone()?;
    let effective = if root {
        own.bounding().clone()
    } else {
        Some(oci_spec::runtime::Capabilities::default())
    };
    own.set_effective(effective.clone())
        .set_permitted(effective)
        .set_inheritable(None)
        .set_ambient(None);
    Some(own)
}

/// The first process's environment without what was meant for it alone.
fn environment(process: &Process, options: &ExecOptions) -> BTreeMap<String, String> {
    let own = process.env().iter().flatten().filter_map(|text| text.split_once('='));
    let alone = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"];
    let mut env: BTreeMap<String, String> = own
        .filter(|(name, _)| !alone.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if options.tty {
        env.insert("TERM".to_owned(), "xterm".to_owned());
    }
    env.extend(options.env.clone());
    env
}
