//! `pod inspect`: a pod in podman's JSON.

use serde_json::{Map, Value, json};
use unipod_bundle::ContainerOptions;
use unipod_container::inspect as of_container;
use unipod_network::{self as network, PortMapping};
use unipod_store::Store;

use crate::record::Pod;
use crate::{PodError, State, member};

/// Everything known of a pod, keys as podman-pod-inspect(1) has them. What was not asked for of limits, volumes and devices has no key.
///
/// # Errors
/// The store cannot be read.
pub fn inspect(store: &Store, pod: &Pod) -> Result<Value, PodError> {
    let members = member::members(store, pod)?;
    let containers: Vec<Value> = members
        .iter()
        .map(|record| json!({ "Id": record.id, "Name": record.name, "State": record.status() }))
        .collect();
    let mut known = json!({
        "Id": pod.id,
        "Name": pod.name,
        "Created": pod.created.to_string(),
        "CreateCommand": pod.options.create_command,
        "ExitPolicy": pod.options.exit_policy.to_string(),
        "State": State::of(store, pod, &members).as_str(),
        "Hostname": pod.options.common.hostname.as_deref().unwrap_or_default(),
        "Labels": pod.options.common.labels,
        "CreateCgroup": pod.slice().is_some(),
        "CgroupParent": pod.slice().and_then(|slice| parents(&slice).nth(1)).unwrap_or_default(),
        "CgroupPath": pod.slice().map(|slice| path(&slice)).unwrap_or_default(),
        "CreateInfra": !pod.options.infra.without,
        "InfraContainerID": "",
        "SharedNamespaces": pod.options.shared().words(),
        "NumContainers": containers.len(),
        "Containers": containers,
        "Unit": pod.unit,
    });
    if let Some(object) = known.as_object_mut() {
        if !pod.options.infra.without {
            let mut infra = infra(pod)?;
            if let Some(infra) = infra.as_object_mut() {
                infra.extend(processors(&pod.options.common));
            }
            object.insert("InfraConfig".into(), infra);
        }
        object.extend(processors(&pod.options.common));
        object.extend(asked(pod));
    }
    Ok(known)
}

/// What Podman's infra container is asked to be: network, names and users of the pod.
fn infra(pod: &Pod) -> Result<Value, PodError> {
    let options = &pod.options.common;
    let of_version = |v4: bool| {
        options
            .ips
            .iter()
            .find(|ip| ip.is_ipv4() == v4)
            .map(ToString::to_string)
    };
    let mode = |given: &Option<String>, else_: &str| given.clone().unwrap_or_else(|| else_.to_owned());
    Ok(json!({
        "PortBindings": bindings(&ports(pod)?),
        "HostNetwork": options.networks.iter().any(|mode| mode == "host"),
        "StaticIP": of_version(true).or_else(|| of_version(false)).unwrap_or_default(),
        "StaticMAC": options.mac.as_deref().unwrap_or_default(),
        "NoManageResolvConf": options.dns.iter().any(|server| server == "none"),
        "DNSServer": list(&options.dns),
        "DNSSearch": list(&options.dns_search),
        "DNSOption": list(&options.dns_options),
        "NoManageHostname": options.no_hostname,
        "NoManageHosts": options.no_hosts,
        "HostAdd": list(&options.add_hosts),
        "HostsFile": options.hosts_file.as_deref().unwrap_or_default(),
        "Networks": list(&networks(pod)),
        "NetworkOptions": null,
        "pid_ns": mode(&options.pid, "private"),
        "userns": mode(&options.userns, "host"),
        "uts_ns": mode(&options.uts, "private"),
    }))
}

/// Ports as they are published, as they are asked for if the pod does not run.
fn ports(pod: &Pod) -> Result<Vec<PortMapping>, PodError> {
    if let Some(status) = pod.up.as_ref().and_then(|up| up.network.as_ref()) {
        return Ok(status.ports.clone());
    }
    let mut ports = Vec::new();
    for value in &pod.options.common.publish {
        ports.extend(network::published(value)?);
    }
    Ok(ports)
}

fn bindings(ports: &[PortMapping]) -> Value {
    let mut bindings = Map::new();
    for mapping in ports {
        for n in 0..mapping.range.max(1) {
            let key = format!("{}/{}", mapping.container_port.saturating_add(n), mapping.protocol);
            let ip = if mapping.host_ip.is_empty() {
                "0.0.0.0"
            } else {
                &mapping.host_ip
            };
            let host = json!({ "HostIp": ip, "HostPort": mapping.host_port.saturating_add(n).to_string() });
            if let Some(list) = bindings.entry(key).or_insert_with(|| json!([])).as_array_mut() {
                list.push(host);
            }
        }
    }
    Value::Object(bindings)
}

/// The networks that a pod is on, or will be.
pub fn networks(pod: &Pod) -> Vec<String> {
    if let Some(status) = pod.up.as_ref().and_then(|up| up.network.as_ref()) {
        return status
            .networks
            .iter()
            .map(|endpoint| endpoint.network.clone())
            .collect();
    }
    let share = pod.options.shared();
    match network::parse_modes(&pod.options.common.networks, !nix::unistd::geteuid().is_root()) {
        Ok(network::NetworkMode::Bridge(attachments)) if share.network => {
            attachments.into_iter().map(|attachment| attachment.network).collect()
        }
        _ => Vec::new(),
    }
}

/// Go's `null` for a list of nothing.
fn list(texts: &[String]) -> Value {
    if texts.is_empty() { Value::Null } else { json!(texts) }
}

/// What was asked for of processors. Podman says it of the pod and of its infra container.
fn processors(ContainerOptions { resources, .. }: &ContainerOptions) -> Map<String, Value> {
    // The time of so many processors in a tenth of a second, in microseconds.
    #[allow(clippy::cast_possible_truncation)]
    let of_cpus = resources.cpus.map(|cpus| (cpus * 100_000.0) as i64);
    given([
        ("cpu_period", json!(resources.cpu_period.or(of_cpus.map(|_| 100_000)))),
        ("cpu_quota", json!(resources.cpu_quota.or(of_cpus))),
        ("cpuset_cpus", json!(resources.cpuset_cpus)),
    ])
}

/// What else was asked for of limits, and what each member gets.
fn asked(pod: &Pod) -> Map<String, Value> {
    let ContainerOptions {
        resources,
        volumes,
        devices,
        security,
        ..
    } = &pod.options.common;
    let some = |list: Vec<Value>| {
        if list.is_empty() {
            Value::Null
        } else {
            Value::from(list)
        }
    };
    given([
        ("cpu_shares", json!(resources.cpu_shares)),
        ("cpuset_mems", json!(resources.cpuset_mems)),
        ("memory_limit", json!(resources.memory)),
        (
            "memory_swap",
            json!(
                resources
                    .memory_swap
                    .or(resources.memory.map(|limit| limit.saturating_mul(2)))
            ),
        ),
        ("blkio_weight", json!(resources.blkio_weight)),
        ("mounts", some(volumes.iter().map(|volume| mount(volume)).collect())),
        ("devices", some(of_container::devices(devices))),
        ("security_opt", list(security)),
        ("RestartPolicy", json!(pod.options.restart)),
    ])
}

fn given<const N: usize>(all: [(&str, Value); N]) -> Map<String, Value> {
    let given = all.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// `SOURCE:DESTINATION[:OPTIONS]` as it was asked for: a path of the host, or a volume.
fn mount(volume: &str) -> Value {
    let mut parts = volume.splitn(3, ':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let (source, destination) = second.map_or(("", first), |second| (first, second));
    let options: Vec<&str> = parts
        .next()
        .map(|options| options.split(',').collect())
        .unwrap_or_default();
    let is_path = source.starts_with(['/', '.']);
    json!({
        "Type": if is_path { "bind" } else { "volume" },
        "Name": if is_path { "" } else { source },
        "Source": if is_path { source } else { "" },
        "Destination": destination,
        "RW": !options.contains(&"ro"),
        "Options": options,
    })
}

/// A slice and those above it, the nearest first: a dash in a name is a level (systemd.slice(5)).
fn parents(slice: &str) -> impl Iterator<Item = String> {
    let name = slice.trim_end_matches(".slice").to_owned();
    std::iter::successors(Some(name), |name| {
        name.rsplit_once('-').map(|(above, _)| above.to_owned())
    })
    .map(|name| format!("{name}.slice"))
}

/// Where a slice is below the root of control groups.
fn path(slice: &str) -> String {
    let mut levels: Vec<String> = parents(slice).collect();
    levels.reverse();
    levels.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_lies_below_those_of_its_dashes() {
        let slice = "unipod-pod-a\\x2db.slice";
        assert_eq!(path(slice), "unipod.slice/unipod-pod.slice/unipod-pod-a\\x2db.slice");
        assert_eq!(parents(slice).nth(1).as_deref(), Some("unipod-pod.slice"));
    }

    #[test]
    fn ports_are_told_one_by_one() {
        let mapping = PortMapping {
            host_ip: String::new(),
            host_port: 8080,
            container_port: 80,
            range: 2,
            protocol: "tcp".into(),
        };
        assert_eq!(
            bindings(&[mapping]),
            json!({
                "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8080" }],
                "81/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8081" }],
            })
        );
    }
}
