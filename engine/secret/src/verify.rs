//! Whether secrets can be read.

use super::{SecretError, record};
use unipod_store::problem::{Problem, misread};
use unipod_store::{Store, names_in};

/// Everything that is wrong.
///
/// # Errors
/// The secrets cannot be listed.
pub fn problems(store: &Store) -> Result<Vec<Problem<'_>>, SecretError> {
    let mut problems = Vec::new();
    for file in names_in(&store.secrets())? {
        let Some(name) = file.strip_suffix(".json").map(str::to_owned) else {
            continue;
        };
        let Err(error) = record::check(store, &name) else {
            continue;
        };
        let why = misread(&error);
        let remedy = format!("unipod secret create {name} makes it anew");
        let problem = Problem::new(format!("secret {name}"), &store.secrets().join(&file), why, remedy);
        problems.push(problem.removed_by(move || {
            record::remove(store, &name)?;
            Ok::<_, SecretError>("removed".to_owned())
        }));
    }
    Ok(problems)
}
