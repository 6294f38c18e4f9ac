//! A copy of a pod: its options, and a container like each of its own.

use unipod_container::create::Supervisor;
use unipod_container::record;
use unipod_pod::create::{CreateRequest, create};
use unipod_pod::{Pod, PodError, member, record as pods, service};
use unipod_store::{Store, StoreError};

use crate::{EngineError, NewContainer, make};
use unipod_image::Silent;

/// Makes a pod like `pod`, which `change` may still change, and a container like each of its own; none of them runs. Without a name of
/// its own it is called `POD-clone`, with a number if that is taken; its containers likewise.
///
/// # Errors
/// The name is taken, an option cannot work here, or an image is gone and cannot be had; nothing of the copy is left then.
pub fn clone(
    store: &Store,
    pod: &Pod,
    name: Option<String>,
    change: impl FnOnce(&mut Pod),
) -> Result<Pod, EngineError> {
    let mut model = pod.clone();
    change(&mut model);
    let is_free = |name: &str| Ok(pods::by_name(store, name)?.is_none() && record::by_name(store, name)?.is_none());
    let name = name.map_or_else(|| free(&pod.name, is_free), Ok)?;
    let request = CreateRequest {
        options: model.options,
        name: Some(name),
        unit: None,
        replace: false,
    };
    let made = create(store, request)?;
    let copied = member::members(store, pod)?
        .iter()
        .try_for_each(|container| copy(store, container, &made));
    copied.inspect_err(|_| {
        if let Err(problem) = service::remove(store, &made, service::Removal::FORCED) {
            tracing::warn!("while taking back a copy: {problem}");
        }
    })?;
    Ok(made)
}

fn copy(store: &Store, container: &record::Record, pod: &Pod) -> Result<(), EngineError> {
    let is_free = |name: &str| Ok(pods::by_name(store, name)?.is_none() && record::by_name(store, name)?.is_none());
    let mut new = NewContainer {
        options: container.options.clone(),
        lifecycle: container.lifecycle.clone(),
        pod: Some(pod.clone()),
        ..NewContainer::default()
    };
    // A file is one container's.
    new.lifecycle.cid_file = None;
    new.options.name = Some(free(&container.name, is_free)?);
    make(store, new, Supervisor::Transient, &Silent, || Ok::<(), EngineError>(()))?;
    Ok(())
}

/// `NAME-clone`, `NAME-clone1`, …
fn free(name: &str, is_free: impl Fn(&str) -> Result<bool, StoreError>) -> Result<String, PodError> {
    let stem = format!("{name}-clone");
    let mut wanted = stem.clone();
    let mut number = 0;
    while !is_free(&wanted)? {
        number += 1;
        wanted = format!("{stem}{number}");
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_called_after_its_model() {
        let taken = ["web-clone", "web-clone1"];
        let is_free = |name: &str| Ok(!taken.contains(&name));
        assert_eq!(free("web", is_free).unwrap(), "web-clone2");
        assert_eq!(free("db", is_free).unwrap(), "db-clone");
    }
}
