//! `unipod version`, `unipod info`, `unipod system …`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::check::CheckArgs;
use super::error::CliError;
use super::output;
use unipod::container::record::{self, State};
use unipod::image;
use unipod::network;
use unipod::runtime::OciRuntime;
use unipod::store::Store;

/// The subcommands of `unipod system`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum SystemCommand {
    Check(CheckArgs),
    Info(InfoArgs),
}

impl SystemCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match self {
            Self::Check(args) => args.run(store),
            Self::Info(args) => args.run(store),
        }
    }
}

/// Show the version.
///
/// Example: unipod version --format '{{.Client.Version}}'
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// A Go template, or `json`.
    #[arg(short, long)]
    format: Option<String>,
}

impl VersionArgs {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        let version = env!("CARGO_PKG_VERSION");
        let client = json!({
            "Version": version, "APIVersion": version, "Os": "linux", "OsArch": format!("linux/{}", image::host_arch()),
        });
        match self.format.as_deref() {
            None => {
                let lines = [
                    ("Client", "unipod"),
                    ("Version", version),
                    ("OS/Arch", client["OsArch"].as_str().unwrap_or("")),
                ];
                for (key, value) in lines {
                    output::print_line(&format!("{:<14}{value}", format!("{key}:")));
                }
            }
            Some("json") => output::print_json(&json!({ "Client": client }))?,
            Some(template) => output::print_inspect(&[json!({ "Client": client })], Some(template))?,
        }
        Ok(0)
    }
}

/// Show what this host offers and what is in the store.
///
/// Example: unipod info --format '{{.host.ociRuntime.name}}'
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// A Go template, or `json`.
    #[arg(short, long)]
    format: Option<String>,
}

impl InfoArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let info =
            json!({ "host": host(), "store": contents(store)?, "version": { "Version": env!("CARGO_PKG_VERSION") } });
        match self.format.as_deref() {
            None => {
                for line in yaml(&info, 0) {
                    output::print_line(&line);
                }
            }
            Some("json") => output::print_json(&info)?,
            Some(template) => output::print_inspect(&[info], Some(template))?,
        }
        Ok(0)
    }
}

fn host() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let runtime = OciRuntime::find(None).ok();
    json!({
        "arch": image::host_arch(),
        "os": "linux",
        "kernel": read("/proc/sys/kernel/osrelease"),
        "hostname": read("/proc/sys/kernel/hostname"),
        "cpus": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "cgroupVersion": if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() { "v2" } else { "v1" },
        "cgroupControllers": read("/sys/fs/cgroup/cgroup.controllers").split_whitespace().collect::<Vec<_>>(),
        "serviceManager": if sd_notify::booted().unwrap_or(false) { "systemd" } else { "none" },
        "rootless": !nix::unistd::geteuid().is_root(),
        "ociRuntime": runtime.map(|r| json!({ "name": r.path().file_name().map(|n| n.to_string_lossy().into_owned()), "path": r.path() })),
        "networkBackend": network::netavark_program().map(|path| json!({ "name": "netavark", "path": path })),
    })
}

fn contents(store: &Store) -> Result<Value, CliError> {
    let containers = record::list(store)?;
    let count = |state| containers.iter().filter(|r| r.state() == state).count();
    Ok(json!({
        "graphRoot": store.data(),
        "runRoot": store.run(),
        "graphDriverName": "overlay",
        "imageStore": { "number": image::records::list(store)?.len() },
        "containerStore": {
            "number": containers.len(), "running": count(State::Running), "stopped": count(State::Exited),
        },
    }))
}

/// Plain data as indented lines, the way `podman info` looks.
fn yaml(value: &Value, depth: usize) -> Vec<String> {
    let pad = "  ".repeat(depth);
    let entries = value.as_object().into_iter().flatten();
    let lines = entries.flat_map(|(key, value)| match value {
        Value::Object(_) => [vec![format!("{pad}{key}:")], yaml(value, depth + 1)].concat(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            vec![format!("{pad}{key}: [{}]", items.join(", "))]
        }
        other => vec![format!("{pad}{key}: {}", plain(other))],
    });
    lines.collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
