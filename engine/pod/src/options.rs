//! What a pod is asked to be, podman-pod-create(1).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unipod_bundle::ContainerOptions;

/// What a pod is asked to be. Kept in its record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PodOptions {
    /// Network, names, users and limits of the pod itself, and what each member gets in addition: volumes, devices, kernel
    /// parameters. In the words of a container's options; what says nothing of a pod is empty.
    pub common: ContainerOptions,
    /// `--share`.
    pub share: Share,
    /// `--exit-policy`.
    pub exit_policy: ExitPolicy,
    /// `--restart`, for members that say nothing.
    pub restart: Option<String>,
    /// `--infra-*`.
    pub infra: Infra,
    /// `--share-parent=false`: members have no slice in common.
    pub not_parent: bool,
    /// The words that made it, for `inspect`.
    pub create_command: Vec<String>,
}

/// What Podman's infra container is asked to be. There is none: its name is one of the pod's in `/etc/hosts`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Infra {
    /// `--infra=false`: nothing is shared.
    pub without: bool,
    /// `--infra-name`.
    pub name: Option<String>,
    /// `--infra-image`.
    pub image: Option<String>,
    /// `--infra-command`.
    pub command: Option<String>,
    /// `--infra-conmon-pidfile`.
    pub pid_file: Option<PathBuf>,
}

/// Which namespaces the members share, `--share`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "they are the words of --share")]
pub struct Share {
    /// `net`.
    pub network: bool,
    /// `ipc`, and with it `/dev/shm`.
    pub ipc: bool,
    /// `uts`: the host name.
    pub uts: bool,
    /// `pid`.
    pub pid: bool,
    /// `cgroup`.
    pub cgroup: bool,
}

impl Share {
    /// Nothing.
    pub const NONE: Self = Self {
        network: false,
        ipc: false,
        uts: false,
        pid: false,
        cgroup: false,
    };

    fn set(&mut self, word: &str) -> Result<(), String> {
        let flag = match word {
            "net" => &mut self.network,
            "ipc" => &mut self.ipc,
            "uts" => &mut self.uts,
            "pid" => &mut self.pid,
            "cgroup" => &mut self.cgroup,
            _ => {
                return Err(format!(
                    "invalid kernel namespace to share: {word:?}: expected ipc, net, uts, pid, or none"
                ));
            }
        };
        *flag = true;
        Ok(())
    }

    /// The words for what is shared, in podman's order.
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.ipc, "ipc"),
            (self.network, "net"),
            (self.uts, "uts"),
            (self.pid, "pid"),
            (self.cgroup, "cgroup"),
        ];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect()
    }
}

impl Default for Share {
    /// As Podman.
    fn default() -> Self {
        Self {
            network: true,
            ipc: true,
            uts: true,
            ..Self::NONE
        }
    }
}

impl FromStr for Share {
    type Err = String;

    /// `net,ipc` shares these and no others, `+pid` in addition to what is shared anyway, `none` or nothing at all nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let added = text.strip_prefix('+');
        let mut share = added.map_or(Self::NONE, |_| Self::default());
        for word in added.unwrap_or(text).split(',').map(str::trim) {
            match word {
                "" | "none" if added.is_none() => share = Self::NONE,
                word => share.set(word)?,
            }
        }
        Ok(share)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(","))
    }
}

/// What becomes of the pod when its last member has ended, `--exit-policy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitPolicy {
    /// It goes on.
    #[default]
    Continue,
    /// It ends.
    Stop,
}

impl FromStr for ExitPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "continue" => Ok(Self::Continue),
            "stop" => Ok(Self::Stop),
            _ => Err(format!("invalid pod exit policy: {text:?}: expected continue or stop")),
        }
    }
}

impl fmt::Display for ExitPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue => "continue",
            Self::Stop => "stop",
        })
    }
}

/// Whether a pod with this mode has a namespace of its own kind, which members that say nothing have from it if it is shared.
pub(crate) fn has_own(mode: Option<&str>) -> bool {
    matches!(mode, None | Some("" | "private" | "pod" | "shareable"))
}

impl PodOptions {
    /// What is shared in the end.
    pub fn shared(&self) -> Share {
        if self.infra.without { Share::NONE } else { self.share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_share_means() {
        for (text, words) in [
            ("", ""),
            ("none", ""),
            ("net", "net"),
            ("uts,net", "net,uts"),
            ("+pid", "ipc,net,uts,pid"),
            ("pid,ipc", "ipc,pid"),
        ] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), words, "{text}");
        }
        assert!("mnt".parse::<Share>().is_err());
        assert!("+none".parse::<Share>().is_err());
    }
}
