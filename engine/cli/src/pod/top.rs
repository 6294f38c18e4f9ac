//! `unipod pod top`.

use clap::Args;

use super::targets::latest;
use crate::error::CliError;
use crate::output;
use unipod::container::record::State;
use unipod::container::top::{self, Table};
use unipod::pod::{PodError, member, record};
use unipod::store::Store;

/// Show the processes of a pod's containers, one container after the other.
///
/// Columns are chosen by descriptors, as in `unipod top`; other words are options of ps(1).
///
/// Example: unipod pod top shop pid hpid user args
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The pod that was created last; all words are descriptors then.
    #[arg(short, long)]
    latest: bool,
    /// The pod, by name or ID.
    pod: Option<String>,
    /// Descriptors of columns, or options of ps(1).
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    descriptors: Vec<String>,
}

impl TopArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut words = self.descriptors;
        let found = match self.pod {
            Some(name) if !self.latest => record::find(store, &name),
            descriptor if self.latest => {
                words.splice(0..0, descriptor);
                latest(store)
            }
            _ => return Err(CliError::new("you must provide the name or id of a running pod")),
        };
        let pod = found.map_err(|error: PodError| {
            let error = CliError::from(error);
            CliError::new(format!("unable to look up requested container: {}", error.message)).code(error.code)
        })?;
        if words.first().is_some_and(|word| word == "--") {
            words.remove(0);
        }
        let mut all: Option<Table> = None;
        for record in member::members(store, &pod)? {
            if record.state() != State::Running {
                continue;
            }
            let table = top::top(&record, &words)?;
            match &mut all {
                Some(all) => all.processes.extend(table.processes),
                None => all = Some(table),
            }
        }
        if let Some(Table { titles, processes }) = all {
            output::print_columns(&titles, &processes)?;
        }
        Ok(0)
    }
}
