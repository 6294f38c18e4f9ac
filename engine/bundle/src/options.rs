//! What a container is asked to be: the options of `run`, read but not yet resolved against image or host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::BundleError;

/// All options of `run` that describe the container itself. Kept in the container's record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
// Each is a switch of the command line, by its name there.
#[allow(clippy::struct_excessive_bools)]
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
    /// `--tty`.
    pub tty: bool,
    /// `--interactive`.
    pub interactive: bool,
    /// `--systemd`: `true`, `false` or `always`; `true` if not said.
    pub systemd: Option<String>,
    /// `--init`: a small init as the first process.
    pub init: bool,
    /// `--init-path`.
    pub init_path: Option<PathBuf>,
    /// `--umask`, read as octal; 0022 if not said.
    pub umask: Option<u32>,
    /// `--tz`: a name below `/usr/share/zoneinfo`, or `local`.
    pub timezone: Option<String>,
    /// `--group-add`.
    pub group_add: Vec<String>,
    /// `--unsetenv`.
    pub unset_env: Vec<String>,
    /// `--unsetenv-all`: nothing from the image and no defaults.
    pub unset_env_all: bool,
    /// `--env-merge NAME=text ${NAME} text`, against the image's values.
    pub env_merge: Vec<String>,
    /// `--hostuser`: host users that get a line in the container's passwd.
    pub host_users: Vec<String>,
    /// `--passwd=false` leaves the image's passwd and group as they are.
    pub passwd: Option<bool>,
    /// `--passwd-entry`: the line for a user that the image does not know.
    pub passwd_entry: Option<String>,
    /// `--group-entry`.
    pub group_entry: Option<String>,
    /// `--privileged`.
    pub privileged: bool,
    /// `--cap-add`.
    pub cap_add: Vec<String>,
    /// `--cap-drop`.
    pub cap_drop: Vec<String>,
    /// `--security-opt` values as given.
    pub security: Vec<String>,
    /// `--device` values as given.
    pub devices: Vec<String>,
    /// `--cdi-spec-dir`: where CDI devices are described; the usual places if empty.
    pub cdi_spec_dirs: Vec<PathBuf>,
    /// `--device-cgroup-rule` values as given.
    pub device_cgroup_rules: Vec<String>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--read-only-tmpfs`; on unless said otherwise.
    pub read_only_tmpfs: Option<bool>,
    /// `--image-volume`.
    pub image_volume: ImageVolume,
    /// `--shm-size` in bytes; 64 MiB if not said.
    pub shm_size: Option<u64>,
    /// `--sysctl`.
    pub sysctls: BTreeMap<String, String>,
    /// `--ulimit` values as given.
    pub ulimits: Vec<String>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<i32>,
    /// Limits that the cgroup enforces; applied by whoever owns the cgroup.
    pub resources: Resources,
    /// `--pid`.
    pub pid: Option<String>,
    /// `--ipc`.
    pub ipc: Option<String>,
    /// `--uts`.
    pub uts: Option<String>,
    /// `--cgroupns`.
    pub cgroupns: Option<String>,
    /// `--userns`.
    pub userns: Option<String>,
    /// `--uidmap` values as given.
    pub uid_maps: Vec<String>,
    /// `--gidmap` values as given.
    pub gid_maps: Vec<String>,
    /// `--subuidname`.
    pub sub_uid_name: Option<String>,
    /// `--subgidname`.
    pub sub_gid_name: Option<String>,
    /// `--no-hosts`: the image's `/etc/hosts` stays.
    pub no_hosts: bool,
    /// `--no-hostname`: the image's `/etc/hostname` stays.
    pub no_hostname: bool,
    /// `--hosts-file`: `image`, `none` or a path to start from.
    pub hosts_file: Option<String>,
    /// What neither options nor image have to say.
    #[serde(skip_serializing_if = "ContainerDefaults::is_empty")]
    pub defaults: ContainerDefaults,
}

/// What containers.conf(5) says that no option says in the same way: where it is not overridden, it is added or left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerDefaults {
    /// `default_capabilities`; Podman's if `None`.
    pub capabilities: Option<Vec<String>>,
    /// `default_sysctls`, set where the namespace is the container's own; the right to send pings if `None`.
    pub sysctls: Option<BTreeMap<String, String>>,
    /// `env`: variables that the image may change; a search path if `None`.
    pub env: Option<BTreeMap<String, String>>,
    /// `volumes`.
    pub volumes: Vec<String>,
    /// `mounts`.
    pub mounts: Vec<String>,
    /// `pids_limit`; [`PIDS`] if `None`, and no limit if it is not positive. No start fails because nobody counts.
    pub pids: Option<i64>,
    /// `init`, where it would be the first process and systemd is not.
    pub init: bool,
    /// `host_containers_internal_ip`: where the host is, or `none`.
    pub host_address: Option<String>,
    /// `container_name_as_hostname`.
    pub name_as_hostname: bool,
}

/// How many processes a container may have where nobody says it, as in podman: containers.conf(5), `pids_limit`.
pub const PIDS: i64 = 2048;

impl ContainerOptions {
    /// How many processes it may have; `None` for any number.
    pub fn pids_limit(&self) -> Option<i64> {
        let said = self.resources.pids.or(self.defaults.pids);
        Some(said.unwrap_or(PIDS)).filter(|number| *number > 0)
    }
}

impl ContainerDefaults {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `--image-volume`: what becomes of the volumes that an image declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageVolume {
    /// Anonymous volumes (`anonymous`, `bind`).
    #[default]
    Anonymous,
    /// A tmpfs each.
    Tmpfs,
    /// Nothing.
    Ignore,
}

impl FromStr for ImageVolume {
    type Err = BundleError;

    fn from_str(text: &str) -> Result<Self, BundleError> {
        match text {
            "" | "anonymous" | "bind" => Ok(Self::Anonymous),
            "tmpfs" => Ok(Self::Tmpfs),
            "ignore" => Ok(Self::Ignore),
            _ => {
                let reason = "expected anonymous, bind, tmpfs or ignore";
                Err(BundleError::invalid("--image-volume", text, reason))
            }
        }
    }
}

/// Limits enforced by the cgroup. Sizes are in bytes, `-1` is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// `--memory`.
    pub memory: Option<i64>,
    /// `--memory-swap`: memory and swap together.
    pub memory_swap: Option<i64>,
    /// `--memory-reservation`.
    pub memory_reservation: Option<i64>,
    /// `--memory-swappiness`.
    pub memory_swappiness: Option<u32>,
    /// `--oom-kill-disable`.
    pub oom_kill_disable: bool,
    /// `--pids-limit`; 0 and -1 are unlimited.
    pub pids: Option<i64>,
    /// `--cpus`.
    pub cpus: Option<f64>,
    /// `--cpu-shares`.
    pub cpu_shares: Option<u64>,
    /// `--cpu-period` in microseconds.
    pub cpu_period: Option<u64>,
    /// `--cpu-quota` in microseconds.
    pub cpu_quota: Option<i64>,
    /// `--cpuset-cpus`.
    pub cpuset_cpus: Option<String>,
    /// `--cpuset-mems`.
    pub cpuset_mems: Option<String>,
    /// `--blkio-weight`.
    pub blkio_weight: Option<u16>,
    /// `--cgroup-conf KEY=VALUE`: written to the cgroup's files as they are.
    pub unified: BTreeMap<String, String>,
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
