//! `unipod quadlet print`.

use std::fs;
use std::io::{self, IsTerminal, Write};

use clap::Args;

use super::super::error::CliError;
use super::super::output;
use super::units;
use unipod::store::StoreError;

/// Print a unit file as it is, comments and all.
///
/// Example: unipod quadlet print web.container
#[derive(Debug, Args)]
pub struct PrintArgs {
    /// Name of the file.
    quadlet: String,
}

impl PrintArgs {
    pub(super) fn run(self) -> Result<u8, CliError> {
        let registry = units::all();
        let path = &*units::find(&registry, &self.quadlet)?.unit.path;
        let content = fs::read(path).map_err(StoreError::io("read", path.as_ref()))?;
        // A reader that has seen enough is no failure.
        let _ = if io::stdout().is_terminal() {
            let text = String::from_utf8_lossy(&content);
            io::stdout().lock().write_all(output::harmless(&text).as_bytes())
        } else {
            io::stdout().lock().write_all(&content)
        };
        Ok(0)
    }
}
