//! Whether the definitions of networks, and what is noted of containers on them, can be read.

use super::definition::Network;
use super::state::{Input, input_path};
use super::{NetworkError, create, setup};
use crate::store::problem::Problem;
use crate::store::{Store, StoreError, names_in, read_json};

/// Everything that is wrong.
///
/// # Errors
/// The networks cannot be listed.
pub fn problems(store: &Store) -> Result<Vec<Problem<'_>>, NetworkError> {
    let mut problems = Vec::new();
    for name in records_in(&store.networks())? {
        let path = store.networks().join(format!("{name}.json"));
        if let Err(error) = read_json::<Network>(&path) {
            let remedy = format!("unipod network create {name}, with its options, makes it anew");
            let problem = Problem::new(format!("network {name}"), &path, misread(&error), remedy);
            problems.push(problem.removed_by(move || {
                create::remove(store, &name, true)?;
                Ok::<_, NetworkError>("removed".to_owned())
            }));
        }
    }
    for id in records_in(&store.run().join("netstate"))? {
        let path = input_path(store, &id);
        if let Err(error) = read_json::<Input>(&path) {
            let remedy =
                "stop that container and start it again; its rules in the firewall may stay until the next boot";
            let problem = Problem::new(format!("network of container {id}"), &path, misread(&error), remedy);
            problems.push(problem.removed_by(move || {
                // It says that it cannot read that file, and removes all that it finds otherwise.
                let _ = setup::teardown(store, &id);
                Ok::<_, NetworkError>("taken down".to_owned())
            }));
        }
    }
    Ok(problems)
}

fn records_in(dir: &std::path::Path) -> Result<Vec<String>, StoreError> {
    let names = names_in(dir)?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect())
}

fn misread(error: &StoreError) -> String {
    format!("cannot be understood ({error})")
}
