//! `unipod pod inspect`.

use clap::Args;

use super::targets::latest;
use crate::arguments::each;
use crate::error::CliError;
use crate::output::print_inspect;
use unipod::pod::{PodError, inspect, record};
use unipod::store::Store;

/// Show all that is known of pods, as JSON.
///
/// Example: unipod pod inspect --format '{{.State}}' shop
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A Go template, or json.
    #[arg(short, long)]
    format: Option<String>,
    /// The pod created last.
    #[arg(short, long)]
    latest: bool,
    /// The pods, by name or ID.
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl InspectArgs {
    /// Does it: all that are there are shown, and those that are not are errors.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        if self.pods.is_empty() && !self.latest {
            return Err(CliError::new("no names or ids specified"));
        }
        let mut objects = Vec::new();
        let mut missing = Vec::new();
        if self.latest {
            objects.push(inspect::inspect(store, &latest(store)?)?);
        }
        for name in &self.pods {
            match record::find(store, name) {
                Err(PodError::NotFound(name)) => missing.push(name),
                found => objects.push(inspect::inspect(store, &found?)?),
            }
        }
        if missing.is_empty() || !objects.is_empty() || self.format.is_none() {
            print_inspect(&objects, self.format.as_deref())?;
        }
        Ok(each(&missing, |name| Err(CliError::new(format!("no such pod {name}")))))
    }
}
