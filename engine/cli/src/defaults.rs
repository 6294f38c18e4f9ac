//! What containers.conf says of new containers, as the options that it stands for. An option or a unit says otherwise.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::ValueEnum;

use super::error::CliError;
use super::run_options::{Cgroups, NO_LOG_FILE, environment, image_volume, octal, pull_policy, servers};
use unipod::bundle;
use unipod::bundle::options::ContainerDefaults;
use unipod::bundle::values::{duration, size};
use unipod::bundle::{BundleError, ContainerOptions};
use unipod::config::Config;
use unipod::container::{LogDriver, LogTag};
use unipod::image::PullPolicy;

/// What holds where the command line says nothing.
#[derive(Debug, Default)]
pub struct Defaults {
    /// Options of the container.
    pub options: ContainerOptions,
    /// `--env-host`.
    pub env_host: bool,
    /// `--http-proxy`; on if nobody says.
    pub http_proxy: Option<bool>,
    /// What is done with the container.
    pub lifecycle: LifecycleDefaults,
}

/// What is done with a container.
#[derive(Debug, Default)]
pub struct LifecycleDefaults {
    /// `--cgroups`.
    pub cgroups: Cgroups,
    /// `--log-driver`.
    pub log_driver: LogDriver,
    /// `--log-opt tag=`.
    pub log_tag: Option<LogTag>,
    /// How images are pulled.
    pub pull: PullDefaults,
}

/// How images are pulled.
#[derive(Debug, Default)]
pub struct PullDefaults {
    /// `--pull` of `run`; `pull` itself always pulls.
    pub policy: PullPolicy,
    /// `--retry`.
    pub retry: Option<u32>,
    /// `--retry-delay`.
    pub retry_delay: Option<String>,
}

impl Defaults {
    /// Reads and checks every key that stands for an option.
    ///
    /// # Errors
    /// One means nothing, with its place.
    pub fn of(config: &Config) -> Result<Self, CliError> {
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
            options: reader.options,
            env_host: config.switch("containers.env_host").unwrap_or_default(),
            http_proxy: config.switch("containers.http_proxy"),
            lifecycle: LifecycleDefaults::of(config)?,
        })
    }
}

impl LifecycleDefaults {
    fn of(config: &Config) -> Result<Self, CliError> {
        let tag = config.parsed("containers.log_tag", "a name of one line");
        Ok(Self {
            cgroups: cgroups(config)?,
            log_driver: log_driver(config)?,
            log_tag: tag.map_err(CliError::new)?,
            pull: PullDefaults::of(config)?,
        })
    }
}

impl PullDefaults {
    fn of(config: &Config) -> Result<Self, CliError> {
        let reader = Reader {
            config,
            options: ContainerOptions::default(),
        };
        let policy = reader.read("engine.pull_policy", "always, missing, never or newer", |text| {
            pull_policy(text).ok()
        })?;
        let delay = |text: &str| duration::parse(text).map(|_| text.to_owned());
        Ok(Self {
            policy: policy.unwrap_or_default(),
            retry: config.checked_number("engine.retry", 0, 1000).map_err(CliError::new)?,
            retry_delay: reader.read("engine.retry_delay", "a duration such as 5s", delay)?,
        })
    }
}

fn cgroups(config: &Config) -> Result<Cgroups, CliError> {
    const KEY: &str = "containers.cgroups";
    let read = |text| {
        Cgroups::from_str(text, false).map_err(|_| refused(config, KEY, "enabled, disabled, no-conmon or split"))
    };
    Ok(config.text(KEY).map(read).transpose()?.unwrap_or_default())
}

fn log_driver(config: &Config) -> Result<LogDriver, CliError> {
    const KEY: &str = "containers.log_driver";
    if let Some(name) = config.text(KEY).filter(|name| LogDriver::is_file(name)) {
        tracing::warn!("{}: {KEY} {name}: {NO_LOG_FILE}", config.place(KEY));
    }
    let driver = config.parsed(KEY, "journald, passthrough or none");
    Ok(driver.map_err(CliError::new)?.unwrap_or_default())
}

fn refused(config: &Config, key: &str, accepted: &str) -> CliError {
    CliError::new(config.refuse(key, accepted))
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
    fn text(&self, key: &str) -> Option<String> {
        self.config.text(key).map(str::to_owned)
    }

    /// A text that reads as something else.
    fn read<T>(&self, key: &str, accepted: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, CliError> {
        let read = |text| read(text).ok_or_else(|| refused(self.config, key, accepted));
        self.config.text(key).map(read).transpose()
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.config.list(key).unwrap_or_default().to_vec()
    }

    fn texts(&mut self) -> Result<(), CliError> {
        let mask = self.read("containers.umask", "an octal number such as \"0027\"", |text| {
            octal(text).ok()
        })?;
        let shm_size = self.read("containers.shm_size", "a size such as \"64m\"", size::parse_decimal)?;
        let volumes = self.read("engine.image_volume_mode", "anonymous, bind, tmpfs or ignore", |text| {
            image_volume(text).ok()
        })?;
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

    fn numbers(&mut self) -> Result<(), CliError> {
        let config = self.config;
        self.options.oom_score_adj = config
            .checked_number("containers.oom_score_adj", -1000, 1000)
            .map_err(CliError::new)?;
        self.options.stop_timeout = config
            .checked_number("engine.stop_timeout", 0, u32::MAX)
            .map_err(CliError::new)?;
        Ok(())
    }

    fn lists(&mut self) -> Result<(), CliError> {
        let servers = servers(self.list("containers.dns_servers"));
        self.options.dns = servers.map_err(|_| refused(self.config, "containers.dns_servers", "addresses, or none"))?;
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

    fn pairs(&self, key: &str) -> Result<BTreeMap<String, String>, CliError> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some((name.to_owned(), value.to_owned()))
        };
        let words = self.config.list(key).unwrap_or_default().iter();
        words
            .map(|text| pair(text).ok_or_else(|| refused(self.config, key, &format!("NAME=VALUE, not {text:?}"))))
            .collect()
    }

    /// As `--env`.
    fn variables(&self) -> Result<Option<BTreeMap<String, String>>, CliError> {
        let read = |words: &[String]| environment(&[], words);
        let wrong = |_| refused(self.config, "containers.env", "NAME=VALUE or NAME");
        self.config.list("containers.env").map(read).transpose().map_err(wrong)
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
    fn check_each(&self) -> Result<(), CliError> {
        let said = EACH.iter().filter(|(key, _)| self.config.origin(key).is_some());
        for (key, take) in said {
            let mut alone = ContainerOptions::default();
            take(&mut alone, &self.options);
            bundle::check(&alone).map_err(|error| self.in_file(key, &error))?;
        }
        Ok(())
    }

    fn in_file(&self, key: &str, error: &BundleError) -> CliError {
        CliError::new(format!("{}: {key}: {error}", self.config.place(key)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Result<Defaults, String> {
        let mut config = Config::default();
        config.merge(Path::new("/c.conf"), text).map_err(|e| e.to_string())?;
        Defaults::of(&config).map_err(|e| e.message)
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
