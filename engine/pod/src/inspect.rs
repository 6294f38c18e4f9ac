//! `pod inspect`: a pod in podman's JSON.

use serde_json::{Value, json};
use unipod_store::Store;

use crate::record::Pod;
use crate::{PodError, State, member};

/// Everything known of a pod, keys as podman-pod-inspect(1) has them.
///
/// # Errors
/// The store cannot be read.
pub fn inspect(store: &Store, pod: &Pod) -> Result<Value, PodError> {
    let members = member::members(store, pod)?;
    let containers: Vec<Value> = members
        .iter()
        .map(|record| json!({ "Id": record.id, "Name": record.name, "State": record.state().as_str() }))
        .collect();
    Ok(json!({
        "Id": pod.id,
        "Name": pod.name,
        "Created": pod.created.to_string(),
        "CreateCommand": pod.options.create_command,
        "ExitPolicy": pod.options.exit_policy.to_string(),
        "State": State::of(store, pod, &members).as_str(),
        "Hostname": pod.hostname(),
        "Labels": pod.options.common.labels,
        "CreateInfra": !pod.options.infra.without,
        "InfraContainerID": "",
        "SharedNamespaces": pod.options.shared().words(),
        "NumContainers": containers.len(),
        "Containers": containers,
    }))
}
