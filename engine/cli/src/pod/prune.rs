//! `unipod pod prune`.

use std::io::{BufRead, Write, stdin, stdout};

use clap::Args;

use crate::error::CliError;
use crate::output;
use unipod::pod::members;
use unipod::store::Store;

/// Remove all pods that have ended, and their containers.
///
/// Example: unipod pod prune --force
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Do not ask.
    #[arg(short, long)]
    force: bool,
}

impl PruneArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        if !self.force && !confirmed()? {
            return Ok(0);
        }
        let mut code = 0;
        for removed in members::prune(store)? {
            match removed {
                Ok(pod) => output::print_line(pod.id.as_str()),
                Err(error) => {
                    let error = CliError::from(error);
                    error.report();
                    code = error.code;
                }
            }
        }
        Ok(code)
    }
}

/// Asks as podman does, of a pipe as well: `yes | unipod pod prune`.
fn confirmed() -> Result<bool, CliError> {
    write!(
        stdout(),
        "WARNING! This will remove all stopped/exited pods..\nAre you sure you want to continue? [y/N] "
    )?;
    stdout().flush()?;
    let mut answer = String::new();
    if stdin().lock().read_line(&mut answer)? == 0 {
        return Err(CliError::new("EOF").hint("there is nobody to ask: use --force"));
    }
    Ok(answer.trim_start().to_lowercase().starts_with('y'))
}
