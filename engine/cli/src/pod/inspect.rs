//! `unipod pod inspect`.

use clap::Args;

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
    #[arg(required_unless_present = "latest")]
    pods: Vec<String>,
}

impl InspectArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut pods = Vec::new();
        if self.latest {
            pods.extend(record::list(store)?.pop());
        }
        for name in &self.pods {
            pods.push(record::find(store, name)?);
        }
        let objects = pods
            .iter()
            .map(|pod| inspect::inspect(store, pod))
            .collect::<Result<Vec<_>, PodError>>()?;
        print_inspect(&objects, self.format.as_deref())?;
        Ok(0)
    }
}
