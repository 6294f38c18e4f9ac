//! `inspect`: a container in podman's JSON, as far as there is something to tell.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::health;
use super::record::{Record, State};
use unipod_bundle::devices::{self, DeviceRequest, HostDevice};
use unipod_bundle::process;
use unipod_bundle::values::signal;
use unipod_image::Image;
use unipod_network::{Endpoint, Status};
use unipod_store::Store;

/// Everything known of a container, keys as podman-inspect(1) has them.
pub fn inspect(store: &Store, record: &Record, image: Option<&Image>) -> Value {
    let Record {
        id,
        name,
        created,
        options,
        lifecycle,
        image: image_use,
        unit,
        network,
        mounts,
        runtime,
        ..
    } = record;
    json!({
        "Id": id,
        "Name": name,
        "Created": created.to_string(),
        "Path": command(record, image).first(),
        "Args": command(record, image).get(1..),
        "State": state(store, record),
        "Image": image_use.as_ref().map(|i| i.id.trim_start_matches("sha256:")),
        "ImageDigest": image_use.as_ref().map(|i| &i.manifest_digest),
        "ImageName": image_use.as_ref().map(|i| &i.name),
        "Pod": record.pod.as_ref().map_or("", |pod| &pod.id),
        "Rootfs": options.rootfs,
        "OCIRuntime": runtime.file_name().map(|n| n.to_string_lossy()),
        "OCIConfigPath": store.bundle(id.as_str()).join("config.json"),
        "GraphDriver": { "Name": "overlay", "Data": {
            "UpperDir": store.container_data(id.as_str(), lifecycle.rm).join("upper") } },
        "Mounts": mounts.iter().map(|m| json!({
            "Type": "bind", "Source": m.source, "Destination": m.destination,
            "RW": !m.options.iter().any(|o| o == "ro"), "Options": m.options })).collect::<Vec<_>>(),
        "Unit": unit.as_ref().map(|u| &u.name),
        "Config": config(record, image),
        "HostConfig": host_config(record),
        "NetworkSettings": network.as_ref().map(network_settings),
    })
}

/// Entrypoint and command as they are run.
pub fn command(record: &Record, image: Option<&Image>) -> Vec<String> {
    process::command::command_of(&record.options, image.and_then(|i| i.config.config().as_ref()))
}

fn state(store: &Store, record: &Record) -> Value {
    let (state, paused) = (record.state(), record.is_paused());
    let time = |t: Option<Timestamp>| t.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |t| t.to_string());
    json!({
        "Status": record.status(),
        "Running": state == State::Running && !paused,
        "Paused": paused,
        "Restarting": false,
        "OOMKilled": false,
        "Dead": false,
        "Pid": record.process.filter(|_| state == State::Running).map_or(0, |p| p.pid),
        "ExitCode": record.exit.map_or(0, |e| e.code),
        "StartedAt": time(record.started),
        "FinishedAt": time(record.exit.map(|e| e.at)),
        "Health": health::report(store, record),
    })
}

fn config(record: &Record, image: Option<&Image>) -> Value {
    let options = &record.options;
    let config = image.and_then(|i| i.config.config().as_ref());
    let mut labels = config.and_then(|c| c.labels().clone()).unwrap_or_default();
    labels.extend(options.labels.clone());
    let mut env = config.and_then(|c| c.env().clone()).unwrap_or_default();
    env.retain(|e| !options.env.contains_key(e.split('=').next().unwrap_or_default()));
    env.extend(options.env.iter().map(|(k, v)| format!("{k}={v}")));
    json!({
        "Hostname": hostname(record),
        "User": options.user.clone().or_else(|| config.and_then(|c| c.user().clone())).unwrap_or_default(),
        "Tty": options.tty,
        "OpenStdin": options.interactive,
        "Env": env,
        "Cmd": command(record, image),
        "Image": record.image.as_ref().map(|i| &i.name),
        "WorkingDir": options.workdir.clone().or_else(|| config.and_then(|c| c.working_dir().clone())).unwrap_or("/".into()),
        "Entrypoint": options.entrypoint.clone().or_else(|| config.and_then(|c| c.entrypoint().clone())),
        "Labels": labels,
        "Annotations": options.annotations,
        "StopSignal": signal::name(record.stop_signal),
        "StopTimeout": record.stop_timeout,
    })
}

/// Its own, or that of the pod whose members share one.
fn hostname(record: &Record) -> &str {
    let of_pod = record
        .pod
        .as_ref()
        .filter(|pod| pod.shares("uts") && record.options.uts.is_none());
    let name = record.options.hostname.as_deref();
    name.or_else(|| of_pod?.hostname.as_deref())
        .unwrap_or(record.id.short())
}

/// What it said of a namespace. One that it shares with its pod is that of a container in Podman, which tools look for: here it has the
/// pod's ID.
fn namespace(record: &Record, word: &str, said: Option<&String>, default: &str) -> String {
    let of_pod = record.pod.as_ref().filter(|pod| said.is_none() && pod.shares(word));
    let shared = of_pod.map(|pod| format!("container:{}", pod.id));
    shared.or_else(|| said.cloned()).unwrap_or_else(|| default.to_owned())
}

fn host_config(record: &Record) -> Value {
    let options = &record.options;
    json!({
        "AutoRemove": record.lifecycle.rm,
        "Binds": options.volumes,
        "NetworkMode": namespace(record, "net", options.networks.first(), "bridge"),
        "IpcMode": namespace(record, "ipc", options.ipc.as_ref(), "shareable"),
        "UTSMode": namespace(record, "uts", options.uts.as_ref(), "private"),
        "PidMode": namespace(record, "pid", options.pid.as_ref(), "private"),
        "UsernsMode": options.userns.as_deref().unwrap_or_default(),
        "CgroupParent": record.pod.as_ref().and_then(|pod| pod.slice.as_deref()).unwrap_or_default(),
        "Privileged": options.privileged,
        "ReadonlyRootfs": options.read_only,
        "CapAdd": options.cap_add,
        "CapDrop": options.cap_drop,
        "Devices": devices(&options.devices),
        "Dns": options.dns,
        "ExtraHosts": options.add_hosts,
        "GroupAdd": options.group_add,
        "SecurityOpt": options.security,
        "ShmSize": options.shm_size,
        "Memory": options.resources.memory.unwrap_or(0),
        "PidsLimit": options.pids_limit().unwrap_or(0),
        "RestartPolicy": { "Name": record.lifecycle.restart.as_deref().unwrap_or("") },
    })
}

/// The devices as they were asked for: what a vendor's name stands for is known when the container starts.
pub fn devices(asked: &[String]) -> Vec<Value> {
    let device = |text: &String| {
        Some(match devices::parse(text).ok()? {
            DeviceRequest::Host(HostDevice {
                host,
                container,
                access,
            }) => {
                json!({ "PathOnHost": host, "PathInContainer": container, "CgroupPermissions": access })
            }
            DeviceRequest::Cdi(name) => {
                json!({ "PathOnHost": name.to_string(), "PathInContainer": "", "CgroupPermissions": "" })
            }
        })
    };
    asked.iter().filter_map(device).collect()
}

fn network_settings(status: &Status) -> Value {
    let networks: serde_json::Map<_, _> = status
        .networks
        .iter()
        .map(|endpoint| (endpoint.network.clone(), endpoint_json(endpoint)))
        .collect();
    let mut ports = serde_json::Map::new();
    for mapping in &status.ports {
        let ip = if mapping.host_ip.is_empty() {
            "0.0.0.0"
        } else {
            &mapping.host_ip
        };
        for n in 0..mapping.range.max(1) {
            let key = format!("{}/{}", mapping.container_port.saturating_add(n), mapping.protocol);
            let host = json!({ "HostIp": ip, "HostPort": mapping.host_port.saturating_add(n).to_string() });
            if let Some(list) = ports.entry(key).or_insert_with(|| json!([])).as_array_mut() {
                list.push(host);
            }
        }
    }
    let first = status.networks.first().map(endpoint_json).unwrap_or_default();
    json!({
        "IPAddress": first["IPAddress"], "IPPrefixLen": first["IPPrefixLen"], "Gateway": first["Gateway"],
        "MacAddress": first["MacAddress"], "SandboxKey": status.netns, "Ports": ports, "Networks": networks,
    })
}

fn endpoint_json(endpoint: &Endpoint) -> Value {
    let split = |v6: bool| {
        let address = endpoint
            .addresses
            .iter()
            .find(|a| a.contains(':') == v6)
            .and_then(|a| a.split_once('/'));
        let gateway = endpoint
            .gateways
            .iter()
            .find(|g| g.is_ipv6() == v6)
            .map(ToString::to_string)
            .unwrap_or_default();
        let (ip, prefix) = address.unwrap_or(("", "0"));
        (ip.to_owned(), prefix.parse::<u8>().unwrap_or(0), gateway)
    };
    let ((ip, prefix, gateway), (ip6, prefix6, gateway6)) = (split(false), split(true));
    json!({
        "NetworkID": endpoint.network, "IPAddress": ip, "IPPrefixLen": prefix, "Gateway": gateway,
        "GlobalIPv6Address": ip6, "GlobalIPv6PrefixLen": prefix6, "IPv6Gateway": gateway6,
        "MacAddress": endpoint.mac, "InterfaceName": endpoint.interface, "Aliases": endpoint.aliases,
    })
}
