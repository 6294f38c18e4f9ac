//! The table of all keys of containers.conf(5), up to Podman 6. Warnings, suggestions and the documentation are made from it.

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Table and key, `containers.tz`.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it does here.
    pub effect: Effect,
    /// What a list is where no file says it, for those that add to it.
    pub built_in: &'static [&'static str],
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number,
    /// Texts, that may be added to those of earlier files.
    List,
    /// Names with a list of texts each.
    Lists,
    /// Names with a text each.
    Texts,
    /// `default_subnet_pools`.
    Pools,
    /// Anything, for it is not looked at.
    Any,
}

/// What a key does here.
#[derive(Debug)]
pub enum Effect {
    /// It acts; as this option or by this.
    Acts(&'static str),
    /// Nothing here is like what it is about: why. Nobody loses anything.
    Nothing(&'static str),
    /// It asks for something that is not here, and what to do instead. A value that is not harmless is a warning.
    Missing(Harmless, &'static str),
}

/// Values that ask for nothing else than what is done anyway.
#[derive(Debug, Clone, Copy)]
pub enum Harmless {
    /// These.
    Values(&'static [&'static str]),
    /// Directories without hooks, oci-hooks(5): files of this ending.
    DirectoriesWithout(&'static str),
}

impl Harmless {
    /// When there is no warning.
    fn exception(&self) -> String {
        match self {
            Self::Values([]) => String::new(),
            Self::Values(values) => format!(", but for {}", values.join(", ")),
            Self::DirectoriesWithout(extension) => format!(" where one holds *.{extension}"),
        }
    }
}

impl Key {
    /// Its table, `engine`.
    pub fn table(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(table, _)| table)
    }

    /// Its name in the table.
    pub fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, name)| name)
    }

    /// What becomes of it, in words.
    pub fn meaning(&self) -> String {
        match &self.effect {
            Effect::Acts(what) => (*what).to_owned(),
            Effect::Nothing(why) => format!("nothing: {why}"),
            Effect::Missing(harmless, instead) => format!("a warning{}: {instead}", harmless.exception()),
        }
    }
}

/// The key of this name, with its table.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The names of the tables.
pub fn tables() -> impl Iterator<Item = &'static str> {
    KEYS.chunk_by(|a, b| a.table() == b.table())
        .filter_map(|keys| Some(keys.first()?.table()))
}

const fn acts(name: &'static str, kind: Kind, what: &'static str) -> Key {
    Key {
        name,
        kind,
        effect: Effect::Acts(what),
        built_in: &[],
    }
}

const fn from(key: Key, built_in: &'static [&'static str]) -> Key {
    Key { built_in, ..key }
}

const fn nothing(name: &'static str, why: &'static str) -> Key {
    Key {
        name,
        kind: Kind::Any,
        effect: Effect::Nothing(why),
        built_in: &[],
    }
}

const fn missing(name: &'static str, kind: Kind, harmless: &'static [&'static str], instead: &'static str) -> Key {
    Key {
        name,
        kind,
        effect: Effect::Missing(Harmless::Values(harmless), instead),
        built_in: &[],
    }
}

const CONMON: &str = "there is no conmon; systemd and the journal do its work";
const STORE: &str = "everything is below --root and --runroot";
const LOCKS: &str = "locks are made as needed";
const API: &str = "there is no service";
const MACHINE: &str = "there are no virtual machines";
const EVENTS: &str = "what happened is in the journal";
const LABELS: &str = "SELinux labels are not set";
const BUILD: &str = "images are neither built nor pushed";
const INFRA: &str = "a pod needs no container of its own";

/// Podman's default set (containers.conf(5), `default_capabilities`).
pub const DEFAULT_CAPABILITIES: [&str; 11] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// All keys, each table's in one piece.
pub const KEYS: &[Key] = &[
    acts(
        "containers.annotations",
        Kind::List,
        "--annotation, where the option names no such one",
    ),
    acts(
        "containers.apparmor_profile",
        Kind::Text,
        "--security-opt apparmor=; container-default is none",
    ),
    acts("containers.base_hosts_file", Kind::Text, "--hosts-file"),
    acts(
        "containers.cgroup_conf",
        Kind::List,
        "--cgroup-conf, where the option names no such file",
    ),
    acts("containers.cgroups", Kind::Text, "--cgroups"),
    acts("containers.cgroupns", Kind::Text, "--cgroupns"),
    acts(
        "containers.container_name_as_hostname",
        Kind::Switch,
        "the host name, without --hostname",
    ),
    from(
        acts(
            "containers.default_capabilities",
            Kind::List,
            "what --cap-add and --cap-drop start from",
        ),
        &DEFAULT_CAPABILITIES,
    ),
    from(
        acts(
            "containers.default_sysctls",
            Kind::List,
            "--sysctl, where the option names no such one and the namespace is the container's own",
        ),
        &["net.ipv4.ping_group_range=0 0"],
    ),
    acts(
        "containers.default_ulimits",
        Kind::List,
        "--ulimit, where the option names no such one",
    ),
    acts("containers.devices", Kind::List, "beside those of --device"),
    acts("containers.dns_options", Kind::List, "before those of --dns-option"),
    acts("containers.dns_searches", Kind::List, "before those of --dns-search"),
    acts(
        "containers.dns_servers",
        Kind::List,
        "before those of --dns; not without a network",
    ),
    from(
        acts(
            "containers.env",
            Kind::List,
            "variables that neither the image nor an option has; NAME alone takes the caller's",
        ),
        &["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ),
    acts("containers.env_host", Kind::Switch, "--env-host"),
    acts(
        "containers.host_containers_internal_ip",
        Kind::Text,
        "the address of host.containers.internal and host-gateway; none for neither",
    ),
    acts("containers.http_proxy", Kind::Switch, "--http-proxy"),
    acts(
        "containers.init",
        Kind::Switch,
        "--init, except for systemd and where --pid is not private",
    ),
    acts("containers.init_path", Kind::Text, "--init-path"),
    acts(
        "containers.interface_name",
        Kind::Text,
        "device: those on macvlan and ipvlan networks are called as the host's device",
    ),
    acts("containers.ipcns", Kind::Text, "--ipc"),
    missing(
        "containers.keyring",
        Kind::Switch,
        &["true"],
        "a container always has a keyring of its own",
    ),
    nothing("containers.label", LABELS),
    missing("containers.label_users", Kind::Switch, &["false"], LABELS),
    acts("containers.log_driver", Kind::Text, "--log-driver"),
    missing(
        "containers.log_path",
        Kind::Text,
        &[],
        "output goes to the journal; set StandardOutput= in the unit",
    ),
    nothing(
        "containers.log_size_max",
        "the journal has limits of its own: journald.conf(5)",
    ),
    acts("containers.log_tag", Kind::Text, "--log-opt tag="),
    acts(
        "containers.mounts",
        Kind::List,
        "--mount, where no option mounts something at the same place",
    ),
    acts("containers.netns", Kind::Text, "--network"),
    acts("containers.no_hosts", Kind::Switch, "--no-hosts"),
    acts(
        "containers.no_new_privileges",
        Kind::Switch,
        "--security-opt no-new-privileges (a key of unipod's own)",
    ),
    acts("containers.oom_score_adj", Kind::Number, "--oom-score-adj"),
    acts("containers.pidns", Kind::Text, "--pid"),
    acts(
        "containers.pids_limit",
        Kind::Number,
        "--pids-limit, unless nobody counts; 2048 if neither is given. Generated units have TasksMax=2048: for more, set that, too",
    ),
    missing(
        "containers.prepare_volume_on_create",
        Kind::Switch,
        &["false"],
        "a volume is filled when its first container starts, at the latest",
    ),
    acts("containers.privileged", Kind::Switch, "--privileged"),
    acts("containers.read_only", Kind::Switch, "--read-only"),
    acts("containers.seccomp_profile", Kind::Text, "--security-opt seccomp="),
    acts(
        "containers.shm_size",
        Kind::Text,
        "--shm-size, with powers of 1000 as in podman",
    ),
    acts("containers.tz", Kind::Text, "--tz"),
    acts("containers.umask", Kind::Text, "--umask"),
    acts("containers.userns", Kind::Text, "--userns"),
    nothing("containers.userns_size", "Podman does not read it either"),
    acts("containers.utsns", Kind::Text, "--uts"),
    acts(
        "containers.volumes",
        Kind::List,
        "--volume, where no option mounts something at the same place",
    ),
    nothing("network.cni_plugin_dirs", "netavark makes the networks"),
    acts(
        "network.default_host_ips",
        Kind::List,
        "the addresses of ports that --publish names none for",
    ),
    acts(
        "network.default_network",
        Kind::Text,
        "the network without --network, or with --network=bridge",
    ),
    missing(
        "network.default_rootless_network_cmd",
        Kind::Text,
        &["pasta"],
        "pasta connects those without root",
    ),
    acts("network.default_subnet", Kind::Text, "of the default network"),
    from(
        acts(
            "network.default_subnet_pools",
            Kind::Pools,
            "where network create takes subnets from",
        ),
        &[],
    ),
    acts("network.dns_bind_port", Kind::Number, "where aardvark-dns listens"),
    acts("network.firewall_driver", Kind::Text, "of netavark"),
    missing(
        "network.netavark_plugin_dirs",
        Kind::List,
        &[],
        "plugins of netavark are not supported yet",
    ),
    missing(
        "network.network_backend",
        Kind::Text,
        &["netavark"],
        "netavark makes the networks",
    ),
    missing(
        "network.network_config_dir",
        Kind::Text,
        &[],
        "networks are below --root; see: unipod network create",
    ),
    missing(
        "network.pasta_options",
        Kind::List,
        &[],
        "containers without root, and with them pasta, are not supported yet",
    ),
    nothing("engine.active_service", API),
    nothing("engine.add_compression", BUILD),
    acts("engine.cdi_spec_dirs", Kind::List, "--cdi-spec-dir"),
    nothing("engine.cgroup_check", "control groups have version 2"),
    nothing("engine.cgroup_manager", "systemd manages control groups"),
    nothing("engine.chown_copied_files", "files are not copied by command"),
    nothing("engine.compat_api_enforce_docker_hub", API),
    nothing("engine.compose_providers", "there is no compose"),
    nothing("engine.compose_warning_logs", "there is no compose"),
    nothing("engine.compression_format", BUILD),
    nothing("engine.compression_level", BUILD),
    nothing("engine.conmon_env_vars", CONMON),
    nothing("engine.conmon_path", CONMON),
    nothing("engine.conmonrs_path", CONMON),
    nothing("engine.database_backend", "there is no database"),
    nothing(
        "engine.detach_keys",
        "nobody attaches to a container that goes on without",
    ),
    nothing("engine.enable_port_reservation", "ports in use are refused by record"),
    acts(
        "engine.env",
        Kind::List,
        "variables of the engine itself, where its environment has none",
    ),
    nothing("engine.events_container_create_inspect_data", EVENTS),
    nothing("engine.events_logfile_max_size", EVENTS),
    nothing("engine.events_logfile_path", EVENTS),
    nothing("engine.events_logger", EVENTS),
    nothing("engine.exit_command_delay", API),
    nothing("engine.healthcheck_events", EVENTS),
    from(
        acts(
            "engine.helper_binaries_dir",
            Kind::List,
            "where netavark, aardvark-dns, pasta and catatonit are, before PATH",
        ),
        &[
            "/usr/local/libexec/podman",
            "/usr/local/lib/podman",
            "/usr/libexec/podman",
            "/usr/lib/podman",
        ],
    ),
    Key {
        name: "engine.hooks_dir",
        kind: Kind::List,
        effect: Effect::Missing(
            Harmless::DirectoriesWithout("json"),
            "hooks are not run yet; ExecStartPre= and ExecStopPost= in the unit may do their work",
        ),
        built_in: &[],
    },
    nothing("engine.image_build_format", BUILD),
    missing(
        "engine.image_copy_tmp_dir",
        Kind::Text,
        &["/var/tmp", "storage"],
        "what is fetched is below --root at once",
    ),
    nothing("engine.image_default_format", BUILD),
    missing(
        "engine.image_default_transport",
        Kind::Text,
        &["docker://"],
        "name the transport with the image",
    ),
    acts(
        "engine.image_parallel_copies",
        Kind::Number,
        "layers that are fetched at once",
    ),
    acts("engine.image_volume_mode", Kind::Text, "--image-volume"),
    nothing("engine.infra_command", INFRA),
    nothing("engine.infra_image", INFRA),
    acts(
        "engine.init_path",
        Kind::Text,
        "--init-path, after containers.init_path",
    ),
    nothing("engine.kube_generate_type", "Kubernetes YAML is not written"),
    nothing("engine.lock_type", LOCKS),
    nothing("engine.multi_image_archive", BUILD),
    missing("engine.namespace", Kind::Text, &[], "use another --root and --runroot"),
    nothing("engine.network_cmd_options", "there is no slirp4netns"),
    nothing("engine.network_cmd_path", "there is no slirp4netns"),
    missing(
        "engine.no_pivot_root",
        Kind::Switch,
        &["false"],
        "a start needs pivot_root(2)",
    ),
    nothing("engine.num_locks", LOCKS),
    missing("engine.platform", Kind::Text, &[], "name it with --platform"),
    missing(
        "engine.platform_to_oci_runtime",
        Kind::Texts,
        &[],
        "name the runtime with --runtime",
    ),
    acts("engine.pod_exit_policy", Kind::Text, "--exit-policy of pod create"),
    nothing("engine.podmansh_timeout", "there is no podmansh"),
    acts("engine.pull_policy", Kind::Text, "--pull"),
    missing(
        "engine.remote",
        Kind::Switch,
        &["false"],
        "there is no service to connect to; use ssh",
    ),
    nothing("engine.remote_identity", API),
    nothing("engine.remote_uri", API),
    acts("engine.retry", Kind::Number, "--retry"),
    acts("engine.retry_delay", Kind::Text, "--retry-delay"),
    acts("engine.runtime", Kind::Text, "--runtime"),
    nothing("engine.runtime_path", "Podman reads it for old versions only"),
    nothing("engine.runtime_supports_json", "runtimes are asked"),
    nothing("engine.runtime_supports_kvm", "runtimes are asked"),
    nothing("engine.runtime_supports_nocgroup", "runtimes are asked"),
    nothing("engine.runtime_supports_nocgroups", "runtimes are asked"),
    acts(
        "engine.runtimes",
        Kind::Lists,
        "where an OCI runtime of that name is, before PATH",
    ),
    acts(
        "engine.runtimes_flags",
        Kind::Lists,
        "options of an OCI runtime, without their --",
    ),
    nothing("engine.service_destinations", API),
    nothing("engine.service_timeout", API),
    nothing("engine.ssh_config", API),
    missing("engine.static_dir", Kind::Text, &[], STORE),
    acts("engine.stop_timeout", Kind::Number, "--stop-timeout"),
    missing("engine.tmp_dir", Kind::Text, &["/run/libpod"], STORE),
    missing("engine.volume_path", Kind::Text, &[], STORE),
    nothing("engine.volume_plugin_timeout", "there are no volume plugins"),
    missing("engine.volume_plugins", Kind::Texts, &[], "there are no volume plugins"),
    missing(
        "secrets.driver",
        Kind::Text,
        &["file"],
        "secrets are files below --root",
    ),
    nothing("secrets.opts", "secrets are files below --root"),
    nothing("configmaps.driver", "there are no config maps"),
    nothing("configmaps.opts", "there are no config maps"),
    nothing("machine.cpus", MACHINE),
    nothing("machine.disk_size", MACHINE),
    nothing("machine.image", MACHINE),
    nothing("machine.memory", MACHINE),
    nothing("machine.provider", MACHINE),
    nothing("machine.rosetta", MACHINE),
    nothing("machine.user", MACHINE),
    nothing("machine.volumes", MACHINE),
    nothing("farms.default", BUILD),
    nothing("farms.list", BUILD),
    nothing("podmansh.container", "there is no podmansh"),
    nothing("podmansh.shell", "there is no podmansh"),
    nothing("podmansh.timeout", "there is no podmansh"),
];
