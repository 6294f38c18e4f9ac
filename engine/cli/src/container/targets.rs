//! Which containers a command is about, and doing something to each of them.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;

use super::filter::Filter;
use crate::arguments;
use crate::error::CliError;
use unipod::container::ContainerError;
use unipod::container::record::{self, Record};
use unipod::store::{Store, named};
use unipod::systemd::Invocation;

/// Which containers are meant.
#[derive(Debug, Args)]
pub struct Targets {
    /// All containers.
    #[arg(short, long)]
    all: bool,
    /// Also the container whose ID is in this file.
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<PathBuf>,
    /// Only containers that match, as in `unipod ps`; of all, if none is named.
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// A container that is not there is fine.
    #[arg(short, long)]
    pub(super) ignore: bool,
    /// The container that was created last.
    #[arg(short, long)]
    latest: bool,
    /// The containers, by name or ID.
    containers: Vec<String>,
}

impl Targets {
    /// Does `action` on each, and prints the name of those where it says that there was something to do. `code` is the exit code of
    /// one failure; the gravest counts.
    pub fn each<E: Error + From<ContainerError> + 'static>(
        self,
        store: &Store,
        code: fn(&E) -> u8,
        mut action: impl FnMut(&Record) -> Result<bool, E>,
    ) -> Result<u8, CliError> {
        // A unit's journal is the payload's: our own names in it at every stop would be noise.
        let quiet = Invocation::current().is_some();
        let filter = Filter::parse(store, &self.filter)?;
        let mut act = |name: &str| {
            let record = record::find(store, name)?;
            if !filter.is_empty() && !filter.matches(store, &record, record.status()) {
                return Ok(false);
            }
            action(&record)
        };
        Ok(arguments::each(&self.names(store)?, |name| match act(name) {
            Ok(done) => Ok((done && !quiet).then(|| name.to_owned())),
            Err(error) if self.ignore && is_missing(&error) => Ok(None),
            Err(error) => Err(CliError::coded(error, code)),
        }))
    }

    /// Means all, if `it_is` so and none is named.
    pub fn all_if(&mut self, it_is: bool) {
        let none = self.containers.is_empty() && self.cidfile.is_empty() && !self.latest;
        self.all |= it_is && none;
    }

    /// Whether all are meant: of those, only the ones that the command can do something with.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Whether it is one, by its name.
    pub fn is_one_name(&self) -> bool {
        !self.all && !self.latest && self.filter.is_empty() && self.cidfile.is_empty() && self.containers.len() == 1
    }

    fn names(&self, store: &Store) -> Result<Vec<String>, CliError> {
        let mut names = self.containers.clone();
        for file in &self.cidfile {
            match named::read(file) {
                Ok(id) => names.push(id.trim().to_owned()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && self.ignore => {}
                Err(e) => {
                    let file = file.display();
                    return Err(CliError::new(format!("cannot read the ID from {file}: {e}")));
                }
            }
        }
        let known = || record::list(store).map(|all| all.into_iter().map(|record| record.name));
        if self.latest {
            names.push(
                known()?
                    .next_back()
                    .ok_or_else(|| CliError::new("there are no containers"))?,
            );
        }
        let is_named = !names.is_empty() || !self.cidfile.is_empty();
        if self.all || (!self.filter.is_empty() && !is_named) {
            names.extend(known()?);
        } else if !is_named {
            return Err(CliError::new("no container named").hint("give names or IDs, or --all"));
        }
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }
}

fn is_missing(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(ContainerError::NotFound(_)))
}
