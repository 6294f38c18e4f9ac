//! `unipod pod create`, and the pod that `run --pod new:NAME` makes.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::any_value;
use crate::error::CliError;
use crate::output;
use crate::run_options::lifecycle::checked_restart;
use crate::run_options::namespaces::NamespaceOptions;
use crate::run_options::network::NetworkOptions;
use crate::run_options::process::checked_hostname;
use crate::run_options::resources::ResourceOptions;
use crate::run_options::security::SecurityOptions;
use crate::run_options::storage::StorageOptions;
use crate::run_options::values::{Switch, labels};
use unipod::Defaults;
use unipod::bundle::ContainerOptions;
use unipod::container::record::is_valid_name;
use unipod::pod::create::{CreateRequest, create};
use unipod::pod::options::Infra;
use unipod::pod::{ExitPolicy, Pod, PodOptions, Share, service};
use unipod::store::{Store, named};
use unipod::systemd::Invocation;

/// Make a pod: containers that share a network, shared memory and a host name.
///
/// Nothing runs yet: a pod has no process of its own. Containers join it with `unipod run --pod NAME`.
///
/// Example: unipod pod create --name shop --publish 8080:80
#[derive(Debug, Args)]
#[command(disable_help_flag = true, args_override_self = true, mut_args(any_value))]
pub struct CreateArgs {
    /// Name of the pod; made up if absent
    #[arg(short, long)]
    name: Option<String>,
    /// Replace a pod of that name, and its containers
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    replace: Option<Switch>,
    /// Namespaces that the containers share: ipc, net, uts, pid, none; +pid adds to the default
    #[arg(long, value_name = "LIST")]
    share: Option<Share>,
    /// The pod is the cgroup parent of its containers [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    share_parent: Option<Switch>,
    /// What becomes of the pod when its last container ends: continue or stop [default: continue]
    #[arg(long, value_name = "POLICY")]
    exit_policy: Option<ExitPolicy>,
    /// When containers that do not say it are started again: no, always, on-failure[:TIMES] or unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// File that gets the pod's ID
    #[arg(long, value_name = "FILE")]
    pod_id_file: Option<PathBuf>,
    /// Host name inside the pod [default: its name]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Label, NAME=VALUE
    #[arg(short, long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// File of labels, one NAME=VALUE per line
    #[arg(long, value_name = "FILE")]
    label_file: Vec<PathBuf>,
    #[command(flatten)]
    infra: InfraArguments,
    #[command(flatten)]
    members: MemberArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    namespaces: NamespaceOptions,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Name of the pod
    #[arg(value_name = "NAME", conflicts_with = "name")]
    positional: Option<String>,
}

/// What Podman's infra container is asked to be. No such container is made.
#[derive(Debug, Args)]
pub(super) struct InfraArguments {
    /// With =false, nothing is shared [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    infra: Option<Switch>,
    /// Name of the pod in /etc/hosts
    #[arg(long, value_name = "NAME")]
    infra_name: Option<String>,
    /// Taken and kept for inspect: there is no such process
    #[arg(long, value_name = "COMMAND")]
    infra_command: Option<String>,
    /// Taken and kept for inspect: no such image is pulled
    #[arg(long, value_name = "IMAGE")]
    infra_image: Option<String>,
    /// File for the PID of a process that stands for the pod; without it there is no such process
    #[arg(long, value_name = "FILE")]
    infra_conmon_pidfile: Option<PathBuf>,
}

/// What each container gets.
#[derive(Debug, Args)]
pub(super) struct MemberArguments {
    /// Mount a host path or a volume in every container, SOURCE:DESTINATION[:OPTIONS]
    #[arg(short, long, value_name = "VOLUME")]
    volume: Vec<String>,
    /// Mount what another container mounts
    #[arg(long, value_name = "CONTAINER")]
    volumes_from: Vec<String>,
    /// Add a device of the host to every container, HOST[:CONTAINER][:rwm]
    #[arg(long, value_name = "DEVICE")]
    device: Vec<String>,
    /// Add graphics processors of NVIDIA, by name or all
    #[arg(long, value_name = "GPUS", value_delimiter = ',')]
    gpus: Vec<String>,
    /// Rule of security of every container, as for `unipod run`
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Kernel parameter, NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "SIZE")]
    shm_size: Option<String>,
    /// Size of what systemd mounts
    #[arg(long, value_name = "SIZE")]
    shm_size_systemd: Option<String>,
}

/// Limits of all containers together.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<String>,
    /// Limit of memory and swap together; -1 for unlimited swap
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    memory_swap: Option<String>,
    /// Number of processors, such as 1.5
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<f64>,
    /// Share of processor time, relative to 1024
    #[arg(short, long, value_name = "NUMBER")]
    cpu_shares: Option<u64>,
    /// Processors to run on, such as 0-2,4
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Memory nodes to use, such as 0,1
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// Weight of block input and output, 10 to 1000
    #[arg(long, value_name = "NUMBER")]
    blkio_weight: Option<u16>,
    /// Most processes
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pids_limit: Option<i64>,
    /// Cgroup below which the pod's is made
    #[arg(long, value_name = "PATH")]
    cgroup_parent: Option<String>,
    /// Limits of single devices
    #[arg(long, value_name = "DEVICE:VALUE")]
    blkio_weight_device: Vec<String>,
    /// Limits of single devices
    #[arg(long, value_name = "DEVICE:VALUE")]
    device_read_bps: Vec<String>,
    /// Limits of single devices
    #[arg(long, value_name = "DEVICE:VALUE")]
    device_write_bps: Vec<String>,
}

impl CreateArgs {
    /// Does it; what the options do not say is that of `defaults`.
    pub fn run(self, store: &Store, defaults: Defaults) -> Result<u8, CliError> {
        self.refuse_unsupported()?;
        let replace = Switch::is_on(self.replace);
        let id_file = self.pod_id_file.clone();
        let name = self.name.clone().or_else(|| self.positional.clone());
        let unit = Invocation::current().map(|own| own.unit);
        let is_quiet = unit.is_some();
        let options = self.options(defaults)?;
        let pod = create(
            store,
            CreateRequest {
                options,
                name,
                unit,
                replace,
            },
        )?;
        if let Some(file) = id_file {
            let written = named::write(&file, pod.id.as_str());
            written.map_err(|error| {
                // That of a unit goes with its last command.
                if !is_quiet && let Err(problem) = service::remove(store, &pod, service::Removal::FORCED) {
                    tracing::warn!("while cleaning up after a failed creation: {problem}");
                }
                CliError::new(format!("cannot write {}: {error}", file.display()))
            })?;
        }
        if !is_quiet {
            output::print_line(pod.id.as_str());
        }
        Ok(0)
    }

    fn options(self, defaults: Defaults) -> Result<PodOptions, CliError> {
        let exit_policy = defaults.pod_exit_policy;
        let mut common = of_pod(defaults.options);
        let default_networks = common.networks.clone();
        common.labels = labels(self.label, &self.label_file)?;
        common.hostname = self.hostname.map(checked_hostname).transpose()?;
        self.network.apply(&mut common)?;
        self.namespaces.apply(&mut common)?;
        self.members.apply(&mut common)?;
        self.limits.apply(&mut common)?;
        let mut infra = Infra::default();
        self.infra.apply(&mut infra);
        let has_networks = common.networks != default_networks;
        refuse_contradictions(&common, &infra, self.share, has_networks)?;
        Ok(PodOptions {
            common,
            share: self.share.unwrap_or_default(),
            exit_policy: self.exit_policy.unwrap_or(exit_policy),
            restart: self.restart.map(checked_restart).transpose()?,
            not_parent: self.share_parent.is_some_and(|switch| !switch.0),
            infra,
            create_command: std::env::args().collect(),
        })
    }

    /// What is known and not there is refused by name.
    fn refuse_unsupported(&self) -> Result<(), CliError> {
        if self.share.is_some_and(|share| share.cgroup) {
            return Err(CliError::new(
                "--share cgroup: cannot set pod as the parent and share the cgroup namespace: each container has a cgroup of its own",
            ));
        }
        if self.share_parent.is_some_and(|switch| !switch.0) && self.limits.is_given() {
            return Err(CliError::new(
                "--share-parent=false: limits of a pod are those of the cgroup that its containers share",
            ));
        }
        self.members.refuse_unsupported()?;
        self.limits.refuse_unsupported()?;
        self.network.refuse_for_pods()?;
        self.namespaces.refuse_for_pods()
    }
}

/// What cannot be together, in Podman's words. The name of an infra container is in `/etc/hosts`.
fn refuse_contradictions(
    common: &ContainerOptions,
    infra: &Infra,
    share: Option<Share>,
    has_networks: bool,
) -> Result<(), CliError> {
    let shares_network = share.is_some_and(|share| share.network);
    let is_apart = common.networks.iter().any(|mode| mode == "host" || mode == "none");
    let why = if infra.name.as_deref().is_some_and(|name| !is_valid_name(name)) {
        "--infra-name: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
    } else if infra.without && !common.publish.is_empty() {
        "you must have an infra container to publish port bindings to the host"
    } else if infra.without && has_networks {
        "NoInfra and network modes cannot be used together"
    } else if infra.without && shares_network {
        "cannot set share(net) namespaces without an infra container"
    } else if is_apart && !common.publish.is_empty() {
        "PortMappings can only be used with Bridge, slirp4netns, or pasta networking"
    } else {
        return Ok(());
    };
    Err(CliError::new(why))
}

/// The first of what was given and is not there, by its name.
fn refuse(options: &[(&str, bool, &str)]) -> Result<(), CliError> {
    let given = options.iter().find(|(_, given, _)| *given);
    given.map_or(Ok(()), |(option, _, why)| {
        Err(CliError::new(format!("{option}: {why}")))
    })
}

impl InfraArguments {
    /// Sets what is given.
    pub(super) fn apply(self, infra: &mut Infra) {
        infra.without = self.infra.map_or(infra.without, |switch| !switch.0);
        infra.name = self.infra_name.or(infra.name.take());
        infra.image = self.infra_image.or(infra.image.take());
        infra.command = self.infra_command.or(infra.command.take());
        infra.pid_file = self.infra_conmon_pidfile.or(infra.pid_file.take());
    }
}

impl MemberArguments {
    /// What is known and not there is refused by name.
    pub(super) fn refuse_unsupported(&self) -> Result<(), CliError> {
        refuse(&[
            (
                "--volumes-from",
                !self.volumes_from.is_empty(),
                "not supported yet; name the volumes with --volume",
            ),
            (
                "--shm-size-systemd",
                self.shm_size_systemd.is_some(),
                "not supported yet; mount a tmpfs in the container",
            ),
        ])
    }

    pub(super) fn apply(self, common: &mut ContainerOptions) -> Result<(), CliError> {
        StorageOptions {
            volume: self.volume,
            shm_size: self.shm_size,
            ..StorageOptions::default()
        }
        .apply(common)?;
        SecurityOptions {
            device: self.device,
            gpus: self.gpus,
            security_opt: self.security_opt,
            sysctl: self.sysctl,
            ..SecurityOptions::default()
        }
        .apply(common)
    }
}

impl LimitArguments {
    /// Whether there is a limit.
    fn is_given(&self) -> bool {
        let numbers = [self.cpu_shares, self.blkio_weight.map(u64::from)];
        let words = [&self.memory, &self.memory_swap, &self.cpuset_cpus, &self.cpuset_mems];
        let is_number = numbers.iter().any(Option::is_some) || self.cpus.is_some() || self.pids_limit.is_some();
        is_number || words.into_iter().any(Option::is_some)
    }

    /// What is known and not there is refused by name.
    pub(super) fn refuse_unsupported(&self) -> Result<(), CliError> {
        let devices =
            "not supported; set IODeviceWeight=, IOReadBandwidthMax= of the slice with systemctl set-property";
        refuse(&[
            (
                "--cgroup-parent",
                self.cgroup_parent.is_some(),
                "the pod is a slice of its own; in a unit set Slice= of each container",
            ),
            ("--blkio-weight-device", !self.blkio_weight_device.is_empty(), devices),
            ("--device-read-bps", !self.device_read_bps.is_empty(), devices),
            ("--device-write-bps", !self.device_write_bps.is_empty(), devices),
        ])
    }

    pub(super) fn apply(self, common: &mut ContainerOptions) -> Result<(), CliError> {
        ResourceOptions {
            memory: self.memory,
            memory_swap: self.memory_swap,
            cpus: self.cpus,
            cpu_shares: self.cpu_shares,
            cpuset_cpus: self.cpuset_cpus,
            cpuset_mems: self.cpuset_mems,
            blkio_weight: self.blkio_weight,
            pids_limit: self.pids_limit,
            ..ResourceOptions::default()
        }
        .apply(common)
    }
}

/// What containers.conf says of pods: of network, names and users. The rest it says of each container.
fn of_pod(defaults: ContainerOptions) -> ContainerOptions {
    ContainerOptions {
        networks: defaults.networks,
        dns: defaults.dns,
        dns_options: defaults.dns_options,
        dns_search: defaults.dns_search,
        hosts_file: defaults.hosts_file,
        no_hosts: defaults.no_hosts,
        userns: defaults.userns,
        shm_size: defaults.shm_size,
        defaults: defaults.defaults,
        ..ContainerOptions::default()
    }
}

/// The pod of `run --pod new:NAME`: ports, networks and host name that were meant for the container are its.
///
/// # Errors
/// The name is taken, or an option cannot work here.
pub fn new_pod(store: &Store, name: &str, options: &mut ContainerOptions) -> Result<Pod, CliError> {
    let common = ContainerOptions {
        hostname: options.hostname.take(),
        publish: std::mem::take(&mut options.publish),
        networks: std::mem::take(&mut options.networks),
        network_aliases: std::mem::take(&mut options.network_aliases),
        ips: std::mem::take(&mut options.ips),
        mac: options.mac.take(),
        add_hosts: std::mem::take(&mut options.add_hosts),
        userns: options.userns.take(),
        uid_maps: std::mem::take(&mut options.uid_maps),
        gid_maps: std::mem::take(&mut options.gid_maps),
        sub_uid_name: options.sub_uid_name.take(),
        sub_gid_name: options.sub_gid_name.take(),
        ..ContainerOptions::default()
    };
    let request = CreateRequest {
        options: PodOptions {
            common,
            create_command: std::env::args().collect(),
            ..PodOptions::default()
        },
        name: (!name.is_empty()).then(|| name.to_owned()),
        unit: None,
        replace: false,
    };
    Ok(create(store, request)?)
}
