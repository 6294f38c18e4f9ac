//! What containers.conf says of new containers, as the options that it stands for. An option or a unit says otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use unipod_bundle::options::ContainerDefaults;
use unipod_bundle::values::{duration, servers, size, umask, variables};
use unipod_bundle::{self as bundle, BundleError, ContainerOptions};
use unipod_config::{self as config, Config, ConfigError, Shared};
use unipod_container::LogDriver;
use unipod_container::record::Lifecycle;
use unipod_image::PullOptions;
use unipod_pod::ExitPolicy;

/// What holds where the caller says nothing.
///
/// ```
/// use std::path::Path;
///
/// use unipod::{Defaults, NewContainer};
/// use unipod::config::Config;
///
/// let mut config = Config::default();
/// config.merge(Path::new("containers.conf"), "[containers]\ntz = \"Asia/Tokyo\"\n")?;
/// let defaults = Defaults::of(&config)?;
/// let new = NewContainer {
///     options: defaults.options,
///     lifecycle: defaults.lifecycle,
///     pull: defaults.pull,
///     ..NewContainer::default()
/// };
/// assert_eq!(new.options.timezone.as_deref(), Some("Asia/Tokyo"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Defaults {
    /// Options of the container.
    pub options: ContainerOptions,
    /// How it lives.
    pub lifecycle: Lifecycle,
    /// How images are pulled for `run`; `pull` itself always pulls.
    pub pull: PullOptions,
    /// `--env-host`.
    pub env_host: bool,
    /// `--http-proxy`; on if nobody says.
    pub http_proxy: Option<bool>,
    /// `--exit-policy` of pods.
    pub pod_exit_policy: ExitPolicy,
}

/// Why containers.conf cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum DefaultsError {
    /// A file cannot be read or parsed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key's value means nothing: its place, and what is accepted.
    #[error("{0}")]
    Value(String),
}

impl From<String> for DefaultsError {
    fn from(refused: String) -> Self {
        Self::Value(refused)
    }
}

impl Defaults {
    /// The same for a container of a pod: what the pod says for all is not said by containers.conf (podman-create(1), `--pod`).
    #[must_use]
    pub fn of_member(mut self) -> Self {
        let nothing = ContainerOptions::default();
        self.options.networks = nothing.networks;
        self.options.dns = nothing.dns;
        self.options.dns_options = nothing.dns_options;
        self.options.dns_search = nothing.dns_search;
        self.options.hosts_file = nothing.hosts_file;
        self.options.no_hosts = nothing.no_hosts;
        (self.options.pid, self.options.ipc) = (nothing.pid, nothing.ipc);
        (self.options.uts, self.options.userns) = (nothing.uts, nothing.userns);
        self
    }

    /// What the files of this process's user say, and the modules that it names. What is said of helper programs, and of the
    /// environment of the engine itself, holds for this process from here on; what has no effect is warned of.
    ///
    /// # Errors
    /// A file cannot be read, or says what means nothing.
    pub fn load(modules: &[PathBuf]) -> Result<Self, DefaultsError> {
        let config = config::load(modules)?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        config::apply_environment(&config);
        config::set_shared(Shared::of(&config)?);
        Self::of(&config)
    }

    /// Reads and checks every key that stands for an option.
    ///
    /// # Errors
    /// One means nothing, with its place.
    pub fn of(config: &Config) -> Result<Self, DefaultsError> {
        let mut reader = Reader {
            config,
            options: ContainerOptions::default(),
        };
        reader.texts()?;
        reader.switches();
        reader.numbers()?;
        reader.lists()?;
        reader.security();
        reader.check_each()?;
        Ok(Self {
            lifecycle: reader.lifecycle()?,
            pull: reader.pull()?,
            options: reader.options,
            env_host: config.switch("containers.env_host").unwrap_or_default(),
            http_proxy: config.switch("containers.http_proxy"),
            pod_exit_policy: config
                .parsed("engine.pod_exit_policy", "continue or stop")?
                .unwrap_or_default(),
        })
    }
}

/// Puts what one key says, and nothing else, into the first options.
type Take = fn(&mut ContainerOptions, &ContainerOptions);

/// Values that only the runtime module can check.
const EACH: [(&str, Take); 11] = [
    ("containers.pidns", |alone, all| alone.pid.clone_from(&all.pid)),
    ("containers.ipcns", |alone, all| alone.ipc.clone_from(&all.ipc)),
    ("containers.utsns", |alone, all| alone.uts.clone_from(&all.uts)),
    ("containers.cgroupns", |alone, all| {
        alone.cgroupns.clone_from(&all.cgroupns);
    }),
    ("containers.userns", |alone, all| alone.userns.clone_from(&all.userns)),
    ("containers.devices", |alone, all| {
        alone.devices.clone_from(&all.devices);
    }),
    ("containers.default_ulimits", |alone, all| {
        alone.ulimits.clone_from(&all.ulimits);
    }),
    ("containers.volumes", |alone, all| {
        alone.defaults.volumes.clone_from(&all.defaults.volumes);
    }),
    ("containers.mounts", |alone, all| {
        alone.defaults.mounts.clone_from(&all.defaults.mounts);
    }),
    ("containers.default_capabilities", |alone, all| {
        alone.defaults.capabilities.clone_from(&all.defaults.capabilities);
    }),
    ("containers.default_sysctls", |alone, all| {
        alone.defaults.sysctls.clone_from(&all.defaults.sysctls);
    }),
];

struct Reader<'a> {
    config: &'a Config,
    options: ContainerOptions,
}

impl Reader<'_> {
    fn lifecycle(&self) -> Result<Lifecycle, DefaultsError> {
        let config = self.config;
        let tag = config.parsed("containers.log_tag", "a name of one line")?;
        Ok(Lifecycle {
            no_cgroup: self.no_cgroup()?,
            log_driver: self.log_driver()?,
            log_tag: tag,
            ..Lifecycle::default()
        })
    }

    fn pull(&self) -> Result<PullOptions, DefaultsError> {
        let delay = |text: &str| duration::parse(text).map(|_| text.to_owned());
        let policy = self
            .config
            .parsed("engine.pull_policy", "always, missing, never or newer")?;
        Ok(PullOptions {
            policy: policy.unwrap_or_default(),
            retry: self.config.checked_number("engine.retry", 0, 1000)?,
            retry_delay: self.read("engine.retry_delay", "a duration such as 5s", delay)?,
            ..PullOptions::default()
        })
    }

    fn no_cgroup(&self) -> Result<bool, DefaultsError> {
        let read = |text: &str| match text {
            "disabled" => Some(true),
            "enabled" | "split" | "no-conmon" => Some(false),
            _ => None,
        };
        let disabled = self.read("containers.cgroups", "enabled, disabled, no-conmon or split", read)?;
        Ok(disabled.unwrap_or_default())
    }

    fn log_driver(&self) -> Result<LogDriver, DefaultsError> {
        const KEY: &str = "containers.log_driver";
        let config = self.config;
        if let Some(name) = config.text(KEY).filter(|name| LogDriver::is_file(name)) {
            tracing::warn!("{}: {KEY} {name}: {}", config.place(KEY), LogDriver::NO_FILE);
        }
        let driver = config.parsed(KEY, "journald, passthrough or none")?;
        Ok(driver.unwrap_or_default())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.config.text(key).map(str::to_owned)
    }

    /// A text that reads as something else.
    fn read<T>(&self, key: &str, accepted: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, DefaultsError> {
        let read = |text| read(text).ok_or_else(|| self.config.refuse(key, accepted));
        Ok(self.config.text(key).map(read).transpose()?)
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.config.list(key).unwrap_or_default().to_vec()
    }

    fn texts(&mut self) -> Result<(), DefaultsError> {
        let mask = self.read("containers.umask", "an octal number such as \"0027\"", |text| {
            umask::parse(text).ok()
        })?;
        let shm_size = self.read("containers.shm_size", "a size such as \"64m\"", size::parse_decimal)?;
        let volumes = self
            .config
            .parsed("engine.image_volume_mode", "anonymous, bind, tmpfs or ignore")?;
        let host = self.read(
            "containers.host_containers_internal_ip",
            "an address, or none",
            |text| (text == "none" || text.parse::<IpAddr>().is_ok()).then(|| text.to_owned()),
        )?;
        let options = ContainerOptions {
            umask: mask,
            shm_size,
            image_volume: volumes.unwrap_or_default(),
            hosts_file: self.text("containers.base_hosts_file"),
            cgroupns: self.text("containers.cgroupns"),
            ipc: self.text("containers.ipcns"),
            pid: self.text("containers.pidns"),
            uts: self.text("containers.utsns"),
            userns: self.text("containers.userns"),
            networks: self.text("containers.netns").into_iter().collect(),
            init_path: self
                .text("containers.init_path")
                .or_else(|| self.text("engine.init_path"))
                .map(PathBuf::from),
            timezone: self.text("containers.tz"),
            runtime: self.text("engine.runtime"),
            ..ContainerOptions::default()
        };
        self.options = options;
        self.options.defaults.host_address = host;
        Ok(())
    }

    fn switches(&mut self) {
        let on = |key: &str| self.config.switch(key).unwrap_or_default();
        self.options.no_hosts = on("containers.no_hosts");
        self.options.privileged = on("containers.privileged");
        self.options.read_only = on("containers.read_only");
    }

    fn numbers(&mut self) -> Result<(), DefaultsError> {
        let config = self.config;
        self.options.oom_score_adj = config.checked_number("containers.oom_score_adj", -1000, 1000)?;
        self.options.stop_timeout = config.checked_number("engine.stop_timeout", 0, u32::MAX)?;
        Ok(())
    }

    fn lists(&mut self) -> Result<(), DefaultsError> {
        let servers = servers::parse(self.list("containers.dns_servers"));
        self.options.dns = servers.map_err(|_| self.config.refuse("containers.dns_servers", "addresses, or none"))?;
        self.options.dns_options = self.list("containers.dns_options");
        self.options.dns_search = self.list("containers.dns_searches");
        self.options.devices = self.list("containers.devices");
        self.options.ulimits = self.list("containers.default_ulimits");
        self.options.cdi_spec_dirs = self
            .list("engine.cdi_spec_dirs")
            .into_iter()
            .map(PathBuf::from)
            .collect();
        self.options.annotations = self.pairs("containers.annotations")?;
        self.options.resources.unified = self.pairs("containers.cgroup_conf")?;
        self.options.defaults = ContainerDefaults {
            capabilities: self.config.list("containers.default_capabilities").map(<[_]>::to_vec),
            sysctls: match self.config.list("containers.default_sysctls") {
                Some(_) => Some(self.pairs("containers.default_sysctls")?),
                None => None,
            },
            env: self.variables()?,
            volumes: self.list("containers.volumes"),
            mounts: self.list("containers.mounts"),
            pids: self.config.number("containers.pids_limit"),
            init: self.config.switch("containers.init").unwrap_or_default(),
            host_address: self.options.defaults.host_address.take(),
            name_as_hostname: self
                .config
                .switch("containers.container_name_as_hostname")
                .unwrap_or_default(),
        };
        Ok(())
    }

    fn pairs(&self, key: &str) -> Result<BTreeMap<String, String>, DefaultsError> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        };
        let words = self.config.list(key).unwrap_or_default().iter();
        words
            .map(|text| pair(text).ok_or_else(|| self.config.refuse(key, &format!("NAME=VALUE, not {text:?}")).into()))
            .collect()
    }

    /// As `--env`.
    fn variables(&self) -> Result<Option<BTreeMap<String, String>>, DefaultsError> {
        let read = |words: &[String]| variables::parse("--env", words);
        let wrong = |_| self.config.refuse("containers.env", "NAME=VALUE or NAME");
        Ok(self
            .config
            .list("containers.env")
            .map(read)
            .transpose()
            .map_err(wrong)?)
    }

    /// What `--security-opt` says in one option.
    fn security(&mut self) {
        let config = self.config;
        if config.switch("containers.no_new_privileges") == Some(true) {
            self.options.security.push("no-new-privileges".to_owned());
        }
        if let Some(profile) = config.text("containers.seccomp_profile") {
            self.options.security.push(format!("seccomp={profile}"));
        }
        // The name that Podman gives to a profile which it loads itself.
        if let Some(profile) = config
            .text("containers.apparmor_profile")
            .filter(|name| *name != "container-default")
        {
            self.options.security.push(format!("apparmor={profile}"));
        }
    }

    /// Each by itself, so that an error names the key and its place.
    fn check_each(&self) -> Result<(), DefaultsError> {
        let said = EACH.iter().filter(|(key, _)| self.config.origin(key).is_some());
        for (key, take) in said {
            let mut alone = ContainerOptions::default();
            take(&mut alone, &self.options);
            bundle::check(&alone).map_err(|error| self.in_file(key, &error))?;
        }
        Ok(())
    }

    fn in_file(&self, key: &str, error: &BundleError) -> DefaultsError {
        DefaultsError::Value(format!("{}: {key}: {error}", self.config.place(key)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Result<Defaults, String> {
        let mut config = Config::default();
        config.merge(Path::new("/c.conf"), text).map_err(|e| e.to_string())?;
        Defaults::of(&config).map_err(|e| e.to_string())
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_place() {
        for (key, value, table) in [
            ("umask", "\"9\"", "containers"),
            ("shm_size", "\"big\"", "containers"),
            ("ipcns", "\"elsewhere\"", "containers"),
            ("userns", "\"auto:size=0\"", "containers"),
            ("devices", "[\"x:y:z:w\"]", "containers"),
            ("default_ulimits", "[\"files=1\"]", "containers"),
            ("default_sysctls", "[\"net.core.somaxconn\"]", "containers"),
            ("default_capabilities", "[\"FLY\"]", "containers"),
            ("volumes", "[\"/a:b\"]", "containers"),
            ("mounts", "[\"type=nfs\"]", "containers"),
            ("annotations", "[\"x\"]", "containers"),
            ("env", "[\"=x\"]", "containers"),
            ("oom_score_adj", "5000", "containers"),
            ("log_driver", "\"paper\"", "containers"),
            ("log_tag", "\"{{.X}}\"", "containers"),
            ("cgroups", "\"some\"", "containers"),
            ("pull_policy", "\"often\"", "engine"),
            ("retry", "-1", "engine"),
            ("retry_delay", "\"5\"", "engine"),
            ("stop_timeout", "-1", "engine"),
            ("image_volume_mode", "\"x\"", "engine"),
        ] {
            let error = of(&format!("[{table}]\n{key} = {value}\n")).expect_err(key);
            assert!(error.starts_with("/c.conf:2: ") && error.contains(key), "{error}");
        }
    }

    #[test]
    fn an_empty_text_is_the_default() {
        let defaults = of("[containers]\ntz=\"\"\nnetns=\"\"\numask=\"\"\nseccomp_profile=\"\"\n").unwrap();
        assert_eq!((defaults.options.timezone, defaults.options.umask), (None, None));
        assert!(defaults.options.networks.is_empty() && defaults.options.security.is_empty());
    }

    #[test]
    fn no_limit_of_processes_sets_none() {
        assert_eq!(of("[containers]\npids_limit=-1\n").unwrap().options.pids_limit(), None);
        assert_eq!(of("").unwrap().options.pids_limit(), Some(2048));
        assert_eq!(
            of("[containers]\npids_limit=10\n").unwrap().options.pids_limit(),
            Some(10)
        );
    }
}
