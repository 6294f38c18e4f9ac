//! A further process in a running container: the first one's, changed as `exec` says.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use oci_spec::runtime::{LinuxCapabilities, User};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::process::users::Accounts;
use crate::root::Root;
use crate::security::capabilities;
use crate::{BundleError, ContainerOptions, process};

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

/// A process as runtimes read it (OCI runtime specification, "Process"); what is not changed here stays as it is.
///
/// The crate's own type comes with a regular expression for one of its fields, and that with tables that each start of the
/// engine would have to load.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    terminal: bool,
    cwd: PathBuf,
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<LinuxCapabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_new_privileges: Option<bool>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The part of `config.json` that counts here.
#[derive(Deserialize)]
struct Config {
    process: Process,
}

impl Process {
    /// The first process of the container with this `config.json`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn first(config: &Path) -> io::Result<Self> {
        let config: Config = serde_json::from_slice(&std::fs::read(config)?)?;
        Ok(config.process)
    }
}

/// The process, on the ground of the container's first one and of its root (`/proc/PID/root`).
///
/// # Errors
/// The container has no such user, or there is no command.
pub fn process(first: Process, root: &Path, options: &ExecOptions) -> Result<Process, BundleError> {
    if options.command.is_empty() {
        return Err(BundleError::NoCommand);
    }
    let mut process = first;
    let mut env = environment(&process, options);
    if let Some(user) = &options.user {
        let identity = Accounts::read(&Root::open(root)?)?.find(user, &[])?;
        env.insert(
            "HOME".to_owned(),
            options.env.get("HOME").unwrap_or(&identity.home).clone(),
        );
        process.user = process::user(&identity, process.user.umask());
        process.capabilities = granted(&process, identity.uid == 0);
    }
    if options.privileged {
        let all = ContainerOptions {
            privileged: true,
            ..ContainerOptions::default()
        };
        let granted = capabilities::granted(&all, capabilities::available()?, true, &mut Vec::new())?;
        process.capabilities = Some(granted.to_oci());
        process.no_new_privileges = None;
    }
    if let Some(dir) = &options.workdir {
        process.cwd = dir.into();
    }
    process.args.clone_from(&options.command);
    process.terminal = options.tty;
    process.env = env.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(process)
}

/// Another user has all that the container can have if it is root, and nothing otherwise.
fn granted(process: &Process, root: bool) -> Option<LinuxCapabilities> {
    let mut own = process.capabilities.clone()?;
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
    let own = process.env.iter().filter_map(|text| text.split_once('='));
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
