//! `unipod top`.

use clap::Args;

use crate::error::CliError;
use crate::output;
use unipod::container::record;
use unipod::container::top;
use unipod::store::Store;

/// Show the processes of a container.
///
/// Columns are chosen by descriptors, several words or one with commas: args, capamb, capbnd, capeff, capinh, capprm, comm, etime, group,
/// groups, hgroup, hgroups, hpid, huid, huser, label, nice, pcpu, pgid, pid, ppid, rgroup, rss, ruser, seccomp, sid, state, stime, time, tty,
/// uid, user, vsz, wchan; those that begin with h are as the host has it. Other words are options of ps(1): the host's is executed then,
/// and PIDs are the host's.
///
/// Example: unipod top web pid hpid user args
#[derive(Debug, Args)]
pub struct TopArgs {
    /// The container that was created last; all words are descriptors then.
    #[arg(short, long)]
    latest: bool,
    /// The container, by name or ID.
    #[arg(required_unless_present = "latest")]
    container: Option<String>,
    /// Descriptors of columns, or options of ps(1).
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    descriptors: Vec<String>,
}

impl TopArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut words = self.descriptors;
        let record = match self.container {
            Some(name) if !self.latest => record::find(store, &name)?,
            descriptor => {
                words.splice(0..0, descriptor);
                let last = record::list(store)?.pop();
                last.ok_or_else(|| CliError::new("there are no containers"))?
            }
        };
        if words.first().is_some_and(|word| word == "--") {
            words.remove(0);
        }
        let table = top::top(&record, &words)?;
        output::print_columns(&table.titles, &table.processes)?;
        Ok(0)
    }
}
