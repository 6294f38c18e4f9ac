//! The options of `run` and `create`, with podman's names, one file per theme.

mod env;
mod general;
mod health;
mod lifecycle;
mod namespaces;
mod network;
mod process;
mod pull;
mod resources;
mod security;
mod storage;
mod unsupported;

use std::collections::BTreeMap;
use std::path::Path;

use clap::{ArgAction, Args};

use super::arguments::any_value;
use super::error::CliError;
use super::foreign::ForeignOptions;
pub use env::environment;
pub use lifecycle::{LifecycleOptions, SdNotify};
use unipod::Defaults;
use unipod::bundle::ContainerOptions;

/// All options of `run`, and the words after them.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, args_override_self = true, mut_args(any_value))]
pub struct RunOptions {
    #[command(flatten)]
    general: general::GeneralOptions,
    #[command(flatten)]
    process: process::ProcessOptions,
    #[command(flatten)]
    network: network::NetworkOptions,
    #[command(flatten)]
    storage: storage::StorageOptions,
    #[command(flatten)]
    security: security::SecurityOptions,
    #[command(flatten)]
    resources: resources::ResourceOptions,
    #[command(flatten)]
    namespaces: namespaces::NamespaceOptions,
    #[command(flatten)]
    health: health::HealthArguments,
    #[command(flatten)]
    lifecycle: lifecycle::LifecycleArguments,
    #[command(flatten)]
    unsupported: ForeignOptions<unsupported::Unsupported>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The image (with --rootfs: the directory), the command and its arguments
    #[arg(value_name = "IMAGE [COMMAND [ARG]]", required = true, trailing_var_arg = true)]
    words: Vec<String>,
}

impl RunOptions {
    /// Splits what the container is, beside what `defaults` say, from what is done with it, and checks every value that
    /// can be checked by itself.
    ///
    /// # Errors
    /// A value means nothing, or a file that an option names cannot be read.
    pub fn split(self, defaults: Defaults) -> Result<(ContainerOptions, LifecycleOptions), CliError> {
        let Self {
            general,
            process,
            network,
            storage,
            security,
            resources,
            namespaces,
            health,
            lifecycle,
            unsupported,
            help: _,
            words,
        } = self;
        let Defaults {
            mut options,
            env_host,
            http_proxy,
            lifecycle: lived,
            pull: pulled,
        } = defaults;
        let host = process::HostEnvironment {
            everything: env_host,
            proxies: http_proxy.unwrap_or(true),
        };
        unsupported.check()?;
        let mut words = words.into_iter();
        let image = words.next().unwrap_or_default();
        options.command = words.collect();
        general.apply(image, &mut options)?;
        process.apply(&mut options, host)?;
        network.apply(&mut options)?;
        storage.apply(&mut options)?;
        security.apply(&mut options)?;
        resources.apply(&mut options)?;
        namespaces.apply(&mut options)?;
        health.apply(&mut options);
        unipod::bundle::check(&options)?;
        Ok((options, lifecycle.resolve(lived, pulled)?))
    }
}

/// A switch: `--init` and `--init=true` are on, `--init=false` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch(bool);

impl std::str::FromStr for Switch {
    type Err = &'static str;

    /// The words of Go's `strconv.ParseBool`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            _ => Err("expected true or false"),
        }
    }
}

/// A list of options in place of the default one, if there are any.
fn replace(default: &mut Vec<String>, options: Vec<String>) {
    if !options.is_empty() {
        *default = options;
    }
}

impl Switch {
    /// What it says, or the default where it is not there.
    fn or(switch: Option<Self>, default: bool) -> bool {
        switch.map_or(default, |switch| switch.0)
    }

    fn is_on(switch: Option<Self>) -> bool {
        switch.is_some_and(|switch| switch.0)
    }
}

/// A value that was refused, with what is accepted.
fn refused(option: &str, value: &str, accepted: &str) -> CliError {
    CliError::new(format!("{option} {value:?}: {accepted}"))
}

/// Options of which podman takes several in one, with commas between them: comma-separated values as a line of CSV (a value
/// that has a comma itself is quoted).
fn lists(option: &str, values: Vec<String>) -> Result<Vec<String>, CliError> {
    let mut all = Vec::with_capacity(values.len());
    for text in values {
        if !text.contains([',', '"']) {
            all.push(text);
            continue;
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        for line in reader.records() {
            let line = line.map_err(|e| refused(option, &text, &format!("a list with commas was expected: {e}")))?;
            all.extend(line.iter().map(str::to_owned));
        }
    }
    Ok(all)
}

/// `NAME=VALUE` or `NAME`, the last of a name wins.
fn pairs(option: &str, values: Vec<String>) -> Result<BTreeMap<String, String>, CliError> {
    let pair = |text: String| {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        if name.is_empty() {
            return Err(refused(option, &text, "the name is empty, expected NAME=VALUE"));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    values.into_iter().map(pair).collect()
}

/// The lines of a file of `NAME=VALUE` lines; empty lines and those that begin with `#` do not count.
fn lines(option: &str, path: &Path) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        refused(
            option,
            &path.display().to_string(),
            &format!("cannot read this file: {e}"),
        )
    })?;
    let kept = |line: &&str| !line.is_empty() && !line.starts_with('#');
    Ok(text
        .lines()
        .map(str::trim_start)
        .filter(kept)
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests;
