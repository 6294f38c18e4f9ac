//! `unipod exec`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;

use crate::error::CliError;
use crate::run_options::environment;
use unipod::bundle::process::exec::ExecOptions;
use unipod::container::exec::{self, ExecMode};
use unipod::container::{ContainerError, record};
use unipod::store::Store;

/// Run a command in a running container.
///
/// Example: unipod exec -it web /bin/sh
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Do not wait for the command.
    #[arg(short, long)]
    detach: bool,
    /// Accepted for compatibility; a terminal is left as it is typed.
    #[arg(long, hide = true)]
    detach_keys: Option<String>,
    /// Set an environment variable, NAME=VALUE, or NAME to inherit it.
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read environment variables from a file.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Keep standard input open.
    #[arg(short, long)]
    interactive: bool,
    /// Give the command all capabilities.
    #[arg(long)]
    privileged: bool,
    /// Pass on so many descriptors from 3 on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
    /// Give the command a terminal.
    #[arg(short, long)]
    tty: bool,
    /// Run as USER[:GROUP].
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Directory to start in.
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// The container.
    container: String,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

/// Whether there is a terminal to hand on. Scripts that ask for one without having it are common, and meant well.
pub(super) fn has_terminal() -> bool {
    let has = io::stdin().is_terminal();
    if !has {
        tracing::warn!("--tty is left out: standard input is not a terminal");
    }
    has
}

impl ExecArgs {
    /// Does it. The exit code is the command's own.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let record = record::find(store, &self.container)?;
        let tty = self.tty && !self.detach && has_terminal();
        let options = ExecOptions {
            env: self.environment()?,
            command: self.command,
            user: self.user,
            workdir: self.workdir,
            tty,
            privileged: self.privileged,
        };
        let mode = ExecMode {
            detach: self.detach,
            interactive: self.interactive || tty,
            preserve_fds: self.preserve_fds,
        };
        let code = exec::exec(store, &record, &options, mode)
            .map_err(|error| CliError::coded(error, |error| exit_code(error, mode.detach)))?;
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
    }

    fn environment(&self) -> Result<BTreeMap<String, String>, CliError> {
        environment(&self.env_file, &self.env)
    }
}

/// Podman's: what the engine itself cannot do, others may want to tell from a command that ends with 125.
fn exit_code(error: &ContainerError, detach: bool) -> u8 {
    match error.code() {
        _ if detach => 125,
        125 => 255,
        code => code,
    }
}
