//! The environment as the command line says it: `--env` and `--env-file`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::values::lines;
use crate::error::CliError;
use unipod::bundle::values::variables;

/// The variables of files and options, options last.
///
/// # Errors
/// A file cannot be read, or a name is empty.
pub fn environment(files: &[PathBuf], values: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut all = BTreeMap::new();
    for path in files {
        all.extend(variables::parse("--env-file", &lines("--env-file", path)?)?);
    }
    all.extend(variables::parse("--env", values)?);
    Ok(all)
}
