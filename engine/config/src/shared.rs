//! What the helpers of this process need to know: said once, when the command line has read the files, and built in where it has not.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use ipnet::Ipv4Net;

use super::keys;
use super::load::load;
use super::values::{Config, SubnetPool};

/// How other programs are found and called. The compiler tells of a field that nobody reads.
#[derive(Debug, Clone)]
pub struct Shared {
    /// `helper_binaries_dir`.
    pub helper_dirs: Vec<PathBuf>,
    /// `runtimes`.
    pub runtimes: BTreeMap<String, Vec<PathBuf>>,
    /// `runtimes_flags`.
    pub runtime_flags: BTreeMap<String, Vec<String>>,
    /// `image_parallel_copies`.
    pub parallel_copies: Option<usize>,
    /// `default_network`.
    pub default_network: Option<String>,
    /// `default_subnet`.
    pub default_subnet: Option<Ipv4Net>,
    /// `default_subnet_pools`; built in if `None`.
    pub subnet_pools: Option<Vec<SubnetPool>>,
    /// `default_host_ips`.
    pub host_ips: Vec<IpAddr>,
    /// `dns_bind_port`.
    pub dns_port: Option<u16>,
    /// `firewall_driver`.
    pub firewall_driver: Option<String>,
    /// `interface_name = "device"`.
    pub interface_of_device: bool,
}

impl Default for Shared {
    fn default() -> Self {
        Self::of(&Config::default()).unwrap_or_else(|_| unreachable!("nothing is said, so nothing is wrong"))
    }
}

impl Shared {
    /// What the files say.
    ///
    /// # Errors
    /// A value means nothing, with its place.
    pub fn of(config: &Config) -> Result<Self, String> {
        let paths = |words: &[String]| words.iter().map(PathBuf::from).collect::<Vec<_>>();
        let dirs = |key: &str| config.list(key).map_or_else(|| built_in(key), paths);
        let runtimes = config.lists("engine.runtimes").into_iter().flatten();
        Ok(Self {
            helper_dirs: dirs("engine.helper_binaries_dir"),
            runtimes: runtimes.map(|(name, words)| (name.clone(), paths(words))).collect(),
            runtime_flags: config.lists("engine.runtimes_flags").cloned().unwrap_or_default(),
            parallel_copies: config
                .checked_number("engine.image_parallel_copies", 0, 1000)?
                .filter(|n| *n > 0),
            default_network: config.text("network.default_network").map(str::to_owned),
            default_subnet: config.parsed("network.default_subnet", "an IPv4 subnet such as 10.88.0.0/16")?,
            subnet_pools: config.pools("network.default_subnet_pools").map(<[_]>::to_vec),
            host_ips: config.addresses("network.default_host_ips")?,
            dns_port: config
                .checked_number("network.dns_bind_port", 0, u16::MAX)?
                .filter(|port| *port > 0),
            firewall_driver: config.one_of(
                "network.firewall_driver",
                &["iptables", "nftables", "none", "firewalld"],
            )?,
            interface_of_device: config.one_of("containers.interface_name", &["device"])?.is_some(),
        })
    }
}

impl Config {
    /// An error about the value of a key, with its place.
    pub fn refuse(&self, key: &str, accepted: &str) -> String {
        format!("{}: {key}: expected {accepted}", self.place(key))
    }

    /// A number within bounds.
    ///
    /// # Errors
    /// It is not.
    pub fn checked_number<T>(&self, key: &str, least: T, most: T) -> Result<Option<T>, String>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(number) = self.number(key) else {
            return Ok(None);
        };
        let good = T::try_from(number)
            .ok()
            .filter(|number| (least..=most).contains(number));
        good.map(Some)
            .ok_or_else(|| self.refuse(key, &format!("a number from {least} to {most}")))
    }

    /// A text that reads as something else.
    ///
    /// # Errors
    /// It does not.
    pub fn parsed<T: std::str::FromStr>(&self, key: &str, accepted: &str) -> Result<Option<T>, String> {
        let text = self.text(key);
        text.map(|text| text.parse().map_err(|_| self.refuse(key, accepted)))
            .transpose()
    }

    /// A list of addresses.
    ///
    /// # Errors
    /// One is none.
    pub fn addresses(&self, key: &str) -> Result<Vec<IpAddr>, String> {
        let words = self.list(key).unwrap_or_default().iter();
        words
            .map(|word| {
                word.parse()
                    .map_err(|_| self.refuse(key, "addresses such as 127.0.0.1"))
            })
            .collect()
    }

    /// One of a few words.
    ///
    /// # Errors
    /// It is another.
    pub(crate) fn one_of(&self, key: &str, words: &[&str]) -> Result<Option<String>, String> {
        match self.text(key) {
            Some(text) if !words.contains(&text) => Err(self.refuse(key, &words.join(", "))),
            text => Ok(text.map(str::to_owned)),
        }
    }
}

fn built_in(key: &str) -> Vec<PathBuf> {
    keys::find(key)
        .map(|key| key.built_in.iter().map(PathBuf::from).collect())
        .unwrap_or_default()
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Says it for this process, before anything asks.
pub fn set_shared(shared: Shared) {
    let _ = SHARED.set(shared);
}

static MODULES: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Has [`shared`] read the files, and these modules, when it is first asked and nothing was said.
pub fn set_modules(modules: Vec<PathBuf>) {
    let _ = MODULES.set(modules);
}

/// What was said, else what the files say; built in where nobody has called [`set_modules`].
///
/// Whoever asks without having read the files itself takes something down or shows it, and must not fail because a file cannot be
/// read: that is a warning, and what is built in holds.
pub fn shared() -> &'static Shared {
    SHARED.get_or_init(|| {
        let read = |modules: &Vec<PathBuf>| {
            let config = load(modules).map_err(|error| error.to_string())?;
            Shared::of(&config)
        };
        let read = MODULES.get().map(read).transpose();
        read.inspect_err(|error| tracing::warn!("containers.conf has no say: {error}"))
            .ok()
            .flatten()
            .unwrap_or_default()
    })
}
