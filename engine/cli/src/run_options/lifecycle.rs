//! What is done with the container: how it is started, watched, replaced and removed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::pull::PullArguments;
use super::values::{Switch, refused};
use crate::error::CliError;
use unipod::container::record::Lifecycle;
use unipod::container::{BadTag, LogDriver, LogTag, Shown, UnknownLogDriver};
use unipod::image::PullOptions;

/// Options of the lifecycle.
#[derive(Debug, Args)]
pub(super) struct LifecycleArguments {
    /// Do not wait for the container
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    detach: Option<Switch>,
    /// Remove the container once it has ended
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rm: Option<Switch>,
    /// Remove the image once the container has ended, if nothing else uses it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rmi: Option<Switch>,
    /// Replace a container of the same name
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    replace: Option<Switch>,
    /// File that gets the container's ID
    #[arg(long, value_name = "FILE")]
    cidfile: Option<PathBuf>,
    /// File that gets the PID of the first process
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// As --pidfile: there is no conmon
    #[arg(long, value_name = "FILE")]
    conmon_pidfile: Option<PathBuf>,
    /// Who tells systemd that the container is ready
    #[arg(long, value_enum, default_value = "container", ignore_case = true)]
    sdnotify: SdNotify,
    /// Which cgroup the container is in [default: enabled]
    #[arg(long, value_enum)]
    cgroups: Option<Cgroups>,
    /// Cgroup below which the container's is made
    #[arg(long, value_name = "PATH")]
    cgroup_parent: Option<String>,
    /// Where output goes: journald, passthrough, none, k8s-file, json-file
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    /// tag=NAME: what the container's lines are called in the journal
    #[arg(long, value_name = "NAME=VALUE")]
    log_opt: Vec<String>,
    #[command(flatten)]
    pull: PullArguments,
    /// When to start again: no, always, on-failure[:TIMES] or unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Keys that leave an attached container
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Hand on signals to the container [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: Option<Switch>,
    /// Streams to attach, a list: stdin, stdout, stderr [default: all]
    #[arg(short, long, value_name = "STREAM")]
    attach: Vec<String>,
    /// Pod to join
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// File that holds the ID of the pod to join
    #[arg(long, value_name = "FILE")]
    pod_id_file: Option<PathBuf>,
    /// Container that has to run
    #[arg(long, value_name = "NAME")]
    requires: Vec<String>,
    /// Descriptors to hand on beside the standard streams
    #[arg(long, value_name = "NUMBER")]
    preserve_fds: Option<u32>,
    /// Seconds after which the container is stopped
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// Say nothing while pulling
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    quiet: Option<Switch>,
}

/// `--sdnotify`: who tells systemd that the container is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SdNotify {
    /// The payload, through the socket that it is given.
    #[default]
    Container,
    /// The engine, once the container is started.
    Conmon,
    /// The engine, once the container is healthy.
    Healthy,
    /// Nobody.
    Ignore,
}

/// `--cgroups`: which cgroup the container is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cgroups {
    /// A new one.
    Enabled,
    /// The unit's.
    Split,
    /// The caller's.
    Disabled,
    /// A new one, without one for the monitor: the same here.
    NoConmon,
}

/// What is done with the container.
#[derive(Debug, Clone, Default)]
// Each is a switch of the command line, by its name there.
#[allow(clippy::struct_excessive_bools)]
pub struct LifecycleOptions {
    /// `--detach`.
    pub detach: bool,
    /// `--rm`.
    pub remove: bool,
    /// `--rmi`.
    pub remove_image: bool,
    /// `--replace`.
    pub replace: bool,
    /// `--cidfile`.
    pub cid_file: Option<PathBuf>,
    /// `--pidfile`, `--conmon-pidfile`: all get the PID of the first process.
    pub pid_files: Vec<PathBuf>,
    /// `--sdnotify`.
    pub sdnotify: SdNotify,
    /// `--cgroups=disabled`.
    pub no_cgroup: bool,
    /// `--cgroup-parent`.
    pub cgroup_parent: Option<String>,
    /// `--log-driver`; an empty text is the default.
    pub log_driver: LogDriver,
    /// `--log-opt tag=`.
    pub log_tag: Option<LogTag>,
    /// How to pull.
    pub pull: PullOptions,
    /// `--restart` as given.
    pub restart: Option<String>,
    /// `--detach-keys`.
    pub detach_keys: Option<String>,
    /// `--sig-proxy`.
    pub sig_proxy: bool,
    /// `--attach`: what is seen of a container in the foreground.
    pub shown: Shown,
    /// `--pod`; `new:NAME` makes one.
    pub pod: Option<String>,
    /// `--pod-id-file`.
    pub pod_id_file: Option<PathBuf>,
    /// `--requires`.
    pub requires: Vec<String>,
    /// `--preserve-fds`.
    pub preserve_fds: u32,
    /// `--timeout` in seconds; `None` for no limit.
    pub timeout: Option<u32>,
    /// `--quiet`.
    pub quiet: bool,
}

impl LifecycleArguments {
    /// Whether the container is to be in a pod.
    pub(super) fn is_in_pod(&self) -> bool {
        self.pod.is_some() || self.pod_id_file.is_some()
    }

    pub(super) fn resolve(self, defaults: Lifecycle, pulled: PullOptions) -> Result<LifecycleOptions, CliError> {
        let Self {
            detach,
            rm,
            rmi,
            replace,
            cidfile,
            pidfile,
            conmon_pidfile,
            sdnotify,
            cgroups,
            cgroup_parent,
            log_driver,
            log_opt,
            pull,
            restart,
            detach_keys,
            sig_proxy,
            attach,
            pod,
            pod_id_file,
            requires,
            preserve_fds,
            timeout,
            quiet,
        } = self;
        Ok(LifecycleOptions {
            detach: Switch::is_on(detach),
            remove: Switch::is_on(rm),
            remove_image: Switch::is_on(rmi),
            replace: Switch::is_on(replace),
            cid_file: cidfile,
            pid_files: pidfile.into_iter().chain(conmon_pidfile).collect(),
            sdnotify,
            no_cgroup: cgroups.map_or(defaults.no_cgroup, |cgroups| cgroups == Cgroups::Disabled),
            cgroup_parent,
            log_driver: log_driver
                .as_deref()
                .map_or(Ok(defaults.log_driver), checked_log_driver)?,
            log_tag: log_tag(&log_opt)?.or(defaults.log_tag),
            pull: pull.resolve(pulled)?,
            restart: restart.map(checked_restart).transpose()?,
            detach_keys,
            sig_proxy: sig_proxy.is_none_or(|switch| switch.0),
            shown: shown(&attach)?,
            pod,
            pod_id_file,
            requires: requires
                .iter()
                .flat_map(|list| list.split(','))
                .map(str::to_owned)
                .collect(),
            preserve_fds: preserve_fds.unwrap_or(0),
            timeout: timeout.filter(|seconds| *seconds > 0),
            quiet: Switch::is_on(quiet),
        })
    }
}

fn checked_log_driver(name: &str) -> Result<LogDriver, CliError> {
    if LogDriver::is_file(name) {
        tracing::warn!("--log-driver {name}: {}", LogDriver::NO_FILE);
    }
    name.parse()
        .map_err(|error: UnknownLogDriver| CliError::new(format!("--log-driver: {error}")))
}

/// `tag`; podman's others are about its own files, and refused if they are unknown.
fn log_tag(options: &[String]) -> Result<Option<LogTag>, CliError> {
    let mut tag = None;
    for option in options {
        match option.split_once('=') {
            Some(("tag", text)) => {
                let read = text.parse();
                tag = Some(read.map_err(|error: BadTag| CliError::new(format!("--log-opt tag: {error}")))?);
            }
            Some((name @ ("path" | "max-size" | "max-file"), _)) => {
                tracing::warn!("--log-opt {name}: {}", LogDriver::NO_FILE);
            }
            _ => return Err(refused("--log-opt", option, "expected tag=NAME")),
        }
    }
    Ok(tag)
}

/// The streams that are named, in one list or several; all of them where none is. (What is typed is a matter of `-i`.)
fn shown(attach: &[String]) -> Result<Shown, CliError> {
    if attach.is_empty() {
        return Ok(Shown::ALL);
    }
    let mut shown = Shown {
        stdout: false,
        stderr: false,
    };
    for stream in attach.iter().flat_map(|list| list.split(',')) {
        match stream.to_ascii_lowercase().as_str() {
            "stdin" => {}
            "stdout" => shown.stdout = true,
            "stderr" => shown.stderr = true,
            _ => return Err(refused("--attach", stream, "expected stdin, stdout or stderr")),
        }
    }
    Ok(shown)
}

/// `--restart`, if it is a policy.
pub(crate) fn checked_restart(text: String) -> Result<String, CliError> {
    let (policy, times) = text
        .split_once(':')
        .map_or((text.as_str(), None), |(policy, times)| (policy, Some(times)));
    let good = match (policy, times) {
        ("" | "no" | "always" | "on-failure" | "unless-stopped", None) => true,
        ("on-failure", Some(times)) => times.parse::<u32>().is_ok(),
        _ => false,
    };
    if good {
        Ok(text)
    } else {
        Err(refused(
            "--restart",
            &text,
            "expected no, always, on-failure[:TIMES] or unless-stopped",
        ))
    }
}
