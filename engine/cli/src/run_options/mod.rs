//! The options of `run` and `create`, with podman's names, one file per theme.

mod env;
mod general;
mod health;
pub(crate) mod lifecycle;
pub(crate) mod namespaces;
pub(crate) mod network;
pub(crate) mod process;
mod pull;
pub(crate) mod resources;
pub(crate) mod security;
pub(crate) mod storage;
mod unsupported;
pub(crate) mod values;

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
        let defaults = if lifecycle.is_in_pod() {
            defaults.of_member()
        } else {
            defaults
        };
        let Defaults {
            mut options,
            env_host,
            http_proxy,
            pod_exit_policy: _,
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

#[cfg(test)]
mod tests;
