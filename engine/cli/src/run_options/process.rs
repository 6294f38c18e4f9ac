//! The first process: command, user, directory, environment.

use std::path::PathBuf;

use clap::Args;

use super::env::environment;
use super::values::{Switch, lists, refused};
use crate::error::CliError;
use unipod::bundle::ContainerOptions;
use unipod::bundle::values::{umask, variables};

/// Options of the first process.
#[derive(Debug, Args)]
pub(super) struct ProcessOptions {
    /// Replace the image's entry point; a word or a JSON list, empty for none
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Environment variable, NAME=VALUE; NAME alone and PREFIX* take the caller's
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// File of environment variables, one per line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Hand on the caller's whole environment
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    env_host: Option<Switch>,
    /// Change a variable of the image, NAME=${NAME}…
    #[arg(long, value_name = "NAME=VALUE")]
    env_merge: Vec<String>,
    /// Leave out a variable of the image
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    /// Leave out all variables of the image and all defaults
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    unsetenv_all: Option<Switch>,
    /// Hand on the caller's proxy variables [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    http_proxy: Option<Switch>,
    /// Working directory
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// User and group, by name or number
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Further group
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    /// Host name [default: the short ID]
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    /// Give the container a terminal
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tty: Option<Switch>,
    /// Keep standard input open
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interactive: Option<Switch>,
    /// Run a small init as the first process
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    init: Option<Switch>,
    /// The init program
    #[arg(long, value_name = "PATH")]
    init_path: Option<PathBuf>,
    /// Prepare for systemd as the command: true, false or always [default: true]
    #[arg(long, value_name = "MODE")]
    systemd: Option<String>,
    /// File mode creation mask, octal [default: 0022]
    #[arg(long, value_name = "MASK")]
    umask: Option<String>,
    /// Time zone, such as Europe/Berlin, or local
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Add a user of the host to the container's passwd
    #[arg(long, value_name = "NAME")]
    hostuser: Vec<String>,
    /// Add the user to the container's passwd and group [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    passwd: Option<Switch>,
    /// The line for passwd
    #[arg(long, value_name = "LINE")]
    passwd_entry: Option<String>,
    /// The line for group
    #[arg(long, value_name = "LINE")]
    group_entry: Option<String>,
}

/// What of our own environment is handed on unless an option says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostEnvironment {
    /// All of it.
    pub everything: bool,
    /// The proxies.
    pub proxies: bool,
}

impl ProcessOptions {
    pub(super) fn apply(self, options: &mut ContainerOptions, host: HostEnvironment) -> Result<(), CliError> {
        let Self {
            entrypoint,
            env,
            env_file,
            env_host,
            env_merge,
            unsetenv,
            unsetenv_all,
            http_proxy,
            workdir,
            user,
            group_add,
            hostname,
            tty,
            interactive,
            init,
            init_path,
            systemd,
            umask,
            tz,
            hostuser,
            passwd,
            passwd_entry,
            group_entry,
        } = self;
        options.entrypoint = entrypoint.as_deref().map(words);
        let everything = Switch::or(env_host, host.everything);
        options.env = variables::of_host(everything, Switch::or(http_proxy, host.proxies));
        options.env.extend(environment(&env_file, &env)?);
        options.env_merge = env_merge;
        options.unset_env = unsetenv;
        options.unset_env_all = Switch::is_on(unsetenv_all);
        options.workdir = workdir.map(absolute).transpose()?;
        options.user = user.filter(|user| !user.is_empty());
        options.group_add = lists("--group-add", group_add)?;
        options.hostname = hostname.map(checked_hostname).transpose()?;
        options.tty = Switch::is_on(tty);
        options.interactive = Switch::is_on(interactive);
        options.init = Switch::is_on(init);
        options.defaults.init &= init.is_none();
        options.init_path = init_path.or(options.init_path.take());
        options.systemd = systemd;
        if let Some(text) = &umask {
            options.umask = Some(umask::parse(text)?);
        }
        options.timezone = tz.or(options.timezone.take());
        options.host_users = lists("--hostuser", hostuser)?;
        options.passwd = passwd.map(|switch| switch.0);
        options.passwd_entry = passwd_entry;
        options.group_entry = group_entry;
        Ok(())
    }
}

/// A JSON list is taken apart, anything else is one word, and an empty text is no entry point.
fn words(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()])
}

fn absolute(dir: String) -> Result<String, CliError> {
    if dir.starts_with('/') {
        Ok(dir)
    } else {
        Err(refused("--workdir", &dir, "expected an absolute path"))
    }
}

/// sethostname(2) takes 64 bytes.
pub(crate) fn checked_hostname(name: String) -> Result<String, CliError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.is_empty() || name.len() > 64 || name.starts_with('-') || !name.chars().all(good) {
        return Err(refused(
            "--hostname",
            &name,
            "expected up to 64 letters, digits, dots and hyphens",
        ));
    }
    Ok(name)
}
