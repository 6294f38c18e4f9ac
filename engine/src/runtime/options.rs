//! What a container is asked to be: the options of `run`, read but not yet resolved against image or host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// All options of `run` that describe the container itself. Kept in the container's record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerOptions {
    /// `--name`.
    pub name: Option<String>,
    /// The image as named by the user; empty with `rootfs`.
    pub image: String,
    /// `--rootfs`: a directory in place of an image.
    pub rootfs: Option<PathBuf>,
    /// Words after the image.
    pub command: Vec<String>,
    /// `--entrypoint`; `Some(vec![])` clears the image's.
    pub entrypoint: Option<Vec<String>>,
    /// `--env`, `--env-file`, `--env-host`, `--http-proxy`, `--tz` resolved, in that precedence.
    pub env: BTreeMap<String, String>,
    /// `--workdir`.
    pub workdir: Option<String>,
    /// `--user USER[:GROUP]`.
    pub user: Option<String>,
    /// `--label`.
    pub labels: BTreeMap<String, String>,
    /// `--annotation`.
    pub annotations: BTreeMap<String, String>,
    /// `--stop-signal`, a number once read.
    pub stop_signal: Option<i32>,
    /// `--stop-timeout` in seconds.
    pub stop_timeout: Option<u32>,
    /// `--network` values as given; read by the network module.
    pub networks: Vec<String>,
    /// `--network-alias`.
    pub network_aliases: Vec<String>,
    /// `--ip`, `--ip6`.
    pub ips: Vec<std::net::IpAddr>,
    /// `--mac-address`.
    pub mac: Option<String>,
    /// `--publish` values as given.
    pub publish: Vec<String>,
    /// `--publish-all`.
    pub publish_all: bool,
    /// `--expose` values as given.
    pub expose: Vec<String>,
    /// `--dns`; `none` leaves the image's resolv.conf.
    pub dns: Vec<String>,
    /// `--dns-option`.
    pub dns_options: Vec<String>,
    /// `--dns-search`.
    pub dns_search: Vec<String>,
    /// `--add-host NAME:ADDRESS` as given.
    pub add_hosts: Vec<String>,
    /// `--hostname`.
    pub hostname: Option<String>,
    /// `--volume` values as given.
    pub volumes: Vec<String>,
    /// `--mount` values as given.
    pub mounts: Vec<String>,
    /// `--tmpfs` values as given.
    pub tmpfs: Vec<String>,
    /// `--secret` values as given.
    pub secrets: Vec<String>,
    /// `--health-*`.
    pub health: HealthOptions,
    /// `--runtime`: a name or a path.
    pub runtime: Option<String>,
    // The rest (capabilities, security options, devices, limits, namespaces, …) is filled in by the runtime module's author.
}

/// `--health-*` as given: empty strings are absent, durations as Go writes them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthOptions {
    /// `--health-cmd`: text for a shell, or a JSON list; `none` disables the image's.
    pub cmd: Option<String>,
    /// `--health-interval`.
    pub interval: Option<String>,
    /// `--health-timeout`.
    pub timeout: Option<String>,
    /// `--health-retries`.
    pub retries: Option<u32>,
    /// `--health-start-period`.
    pub start_period: Option<String>,
    /// `--health-on-failure`: `none`, `kill`, `restart`, `stop`.
    pub on_failure: Option<String>,
    /// `--health-startup-cmd`.
    pub startup_cmd: Option<String>,
    /// `--health-startup-interval`.
    pub startup_interval: Option<String>,
    /// `--health-startup-timeout`.
    pub startup_timeout: Option<String>,
    /// `--health-startup-retries`.
    pub startup_retries: Option<u32>,
    /// `--health-startup-success`.
    pub startup_success: Option<u32>,
    /// `--health-log-destination`.
    pub log_destination: Option<String>,
    /// `--health-max-log-count`.
    pub max_log_count: Option<u32>,
    /// `--health-max-log-size`.
    pub max_log_size: Option<u32>,
}
