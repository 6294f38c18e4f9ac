//! Whether the definitions of networks, and what is noted of containers on them, can be read, and leases are of containers
//! that are there.

use std::path::PathBuf;

use super::definition::Network;
use super::state::{Input, alive, input_path};
use super::{NetworkError, create, lease, setup};
use unipod_store::problem::{Problem, misread};
use unipod_store::{Lock, Store, StoreError, names_in, read_json, remove_tree};

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
    for network in lease::names(&store.leases(""))? {
        for address in lease::names(&store.leases(&network))? {
            let path = store.leases(&network).join(&address);
            if !lease::holder(&path)?.is_none_or(|id| alive(store, &id)) {
                problems.push(stale(store, network.clone(), &address, path));
            }
        }
    }
    Ok(problems)
}

/// A lease that whoever wants the address takes over.
fn stale<'a>(store: &'a Store, network: String, address: &str, path: PathBuf) -> Problem<'a> {
    let remedy = "remove it: unipod system check --repair";
    let why = "is held by a container that is gone";
    Problem::new(
        format!("lease {address} of network {network}"),
        &path.clone(),
        why,
        remedy,
    )
    .repaired_by(move || {
        // Nobody takes it over meanwhile.
        let _lock = Lock::acquire(store, "network", &network)?;
        if !lease::holder(&path)?.is_none_or(|id| alive(store, &id)) {
            remove_tree(&path)?;
        }
        Ok::<_, NetworkError>("removed".to_owned())
    })
}

fn records_in(dir: &std::path::Path) -> Result<Vec<String>, StoreError> {
    let names = names_in(dir)?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use unipod_store::testing::store;

    #[test]
    fn damaged_definitions_and_stale_leases_are_told() {
        let (_dir, store) = store();
        for dir in [
            store.networks(),
            store.leases("m"),
            store.leases(".ports"),
            store.netns(""),
        ] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(store.networks().join("n.json"), "{").unwrap();
        fs::write(store.netns("alive"), "").unwrap();
        fs::write(store.leases("m").join("10.0.0.2"), "alive").unwrap();
        fs::write(store.leases("m").join("10.0.0.3"), "gone").unwrap();
        fs::create_dir(store.leases(".ports").join("tcp,80,1,")).unwrap();
        fs::write(store.leases("file"), "").unwrap();
        let found = problems(&store).unwrap();
        let mut what: Vec<_> = found.iter().map(|problem| problem.what.as_str()).collect();
        what.sort_unstable();
        assert_eq!(
            what,
            [
                "lease 10.0.0.3 of network m",
                "lease tcp,80,1, of network .ports",
                "network n"
            ]
        );
        for problem in &found {
            problem.repair.as_ref().or(problem.removal.as_ref()).unwrap()().unwrap();
        }
        assert_eq!(problems(&store).unwrap().len(), 0);
        assert!(store.leases("m").join("10.0.0.2").exists());
    }
}
