//! `unipod ps`, `unipod container ls`.

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::filter::Filter;
use crate::arguments::Listing;
use crate::error::CliError;
use crate::human;
use crate::output::Row;
use unipod::container::health;
use unipod::container::record::{self, Record};
use unipod::store::Store;

const TABLE: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
const COLUMNS_OF_PODS: &str = "\t{{.Pod}}\t{{.PodName}}";
const HEADINGS: &[(&str, &str)] = &[
    ("ID", "CONTAINER ID"),
    ("CreatedHuman", "CREATED"),
    ("Pod", "POD ID"),
    ("PodName", "PODNAME"),
];

/// List containers.
///
/// Example: unipod ps --all --filter status=exited --format '{{.Names}}: {{.Status}}'
#[derive(Debug, Args)]
#[command(mut_arg("noheading", |arg| arg.short(None)))] // `-n` is `--last`.
pub struct LsArgs {
    /// Show all containers, not only running ones.
    #[arg(short, long)]
    all: bool,
    /// Only containers that match: ancestor=, before=, command=, exited=, health=, id=, label=, label!=, name=, network=, pod=,
    /// restart-policy=, since=, status=, until=, volume=.
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Show the last N created containers, in any state.
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<usize>,
    /// Show the container created last, in any state.
    #[arg(short, long)]
    latest: bool,
    /// Do not shorten IDs and commands.
    #[arg(long)]
    no_trunc: bool,
    /// Show the pods that they are in.
    #[arg(short, long)]
    pod: bool,
    #[command(flatten)]
    listing: Listing,
}

impl LsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let filter = Filter::parse(store, &self.filter)?;
        let wanted = self.last.or(self.latest.then_some(1));
        let everything = self.all || wanted.is_some() || filter.asks_for("status") || filter.asks_for("exited");
        let all = record::list(store)?.into_iter();
        let mut records: Vec<_> = all.map(|record| (record.status(), record)).collect();
        // As in podman, one that is paused does not run.
        records.retain(|(status, r)| (everything || *status == "running") && filter.matches(store, r, status));
        if let Some(n) = wanted {
            records.drain(..records.len().saturating_sub(n));
        }
        let rows: Vec<Row> = records
            .iter()
            .map(|(status, r)| row(store, r, status, self.no_trunc))
            .collect();
        let table = if self.pod {
            format!("{TABLE}{COLUMNS_OF_PODS}")
        } else {
            TABLE.to_owned()
        };
        let default = self.listing.default("{{.ID}}", &table);
        self.listing.print(&rows, default, HEADINGS)
    }
}

fn row(store: &Store, record: &Record, state: &str, whole: bool) -> Row {
    let id = if whole { record.id.as_str() } else { record.id.short() };
    let image = record.image.as_ref().map_or_else(String::new, |i| i.name.clone());
    let command = record.options.command.join(" ");
    let created = human::ago(record.created, Timestamp::now());
    let status = status(store, record, state);
    let networks = network_names(record).join(",");
    let (pod, pod_name) = record
        .pod
        .as_ref()
        .map_or(("", ""), |pod| (pod.id.as_str(), pod.name.as_str()));
    let pid = record
        .process
        .filter(|_| matches!(state, "running" | "paused"))
        .map_or(0, |p| p.pid);
    Row {
        json: json!({
            "Id": record.id, "Names": [record.name], "Image": image,
            "ImageID": record.image.as_ref().map_or("", |i| i.id.trim_start_matches("sha256:")),
            "Command": record.options.command, "Created": record.created.as_second(), "CreatedAt": created,
            "State": state, "Status": status, "Exited": state == "exited",
            "ExitCode": record.exit.map_or(0, |e| e.code), "Pid": pid, "AutoRemove": record.lifecycle.rm,
            "Labels": record.options.labels, "Networks": network_names(record), "Ports": ports_json(record),
            "Mounts": record.mounts.iter().map(|m| &m.destination).collect::<Vec<_>>(),
            "StartedAt": record.started.map_or(0, Timestamp::as_second),
            "Pod": pod, "PodName": pod_name,
            "Unit": record.unit.as_ref().map(|u| &u.name),
        }),
        fields: vec![
            ("ID", id.to_owned()),
            ("Names", record.name.clone()),
            ("Image", image),
            (
                "ImageID",
                record.image.as_ref().map_or_else(String::new, |i| i.id.clone()),
            ),
            ("Command", if whole { command } else { shorten(&command, 20) }),
            ("CreatedHuman", created.clone()),
            ("RunningFor", created),
            (
                "CreatedAt",
                record
                    .created
                    .to_zoned(TimeZone::system())
                    .strftime("%Y-%m-%d %H:%M:%S %z %Z")
                    .to_string(),
            ),
            ("State", state.to_owned()),
            ("Status", status),
            ("Ports", ports(record)),
            ("Labels", human::pairs(&record.options.labels)),
            ("Networks", networks),
            (
                "Mounts",
                record
                    .mounts
                    .iter()
                    .map(|m| m.destination.display().to_string())
                    .collect::<Vec<_>>()
                    .join(","),
            ),
            ("Pod", if whole { pod } else { pod.get(..12).unwrap_or(pod) }.to_owned()),
            ("PodName", pod_name.to_owned()),
            ("Pid", pid.to_string()),
            ("ExitCode", record.exit.map_or(0, |e| e.code).to_string()),
            (
                "Unit",
                record.unit.as_ref().map_or_else(String::new, |u| u.name.clone()),
            ),
        ],
    }
}

/// `Up 5 minutes (healthy)`, `Exited (7) 2 hours ago`, `Created`, `Paused`.
fn status(store: &Store, record: &Record, state: &str) -> String {
    let now = Timestamp::now();
    match (state, record.exit) {
        ("running", _) => {
            let health = health::status(store, record).map_or_else(String::new, |s| format!(" ({s})"));
            let since = |t: Timestamp| human::seconds(now.as_second() - t.as_second());
            format!("Up {}{health}", record.started.map_or_else(String::new, since))
        }
        ("paused", _) => "Paused".to_owned(),
        ("created", _) => "Created".to_owned(),
        (_, Some(exit)) => format!("Exited ({}) {}", exit.code, human::ago(exit.at, now)),
        (_, None) => "Exited".to_owned(),
    }
}

fn network_names(record: &Record) -> Vec<&str> {
    record
        .network
        .iter()
        .flat_map(|n| &n.networks)
        .map(|e| e.network.as_str())
        .collect()
}

fn ports(record: &Record) -> String {
    let mappings = record.network.iter().flat_map(|n| &n.ports);
    let text = mappings.map(|p| {
        let host = if p.host_ip.is_empty() { "0.0.0.0" } else { &p.host_ip };
        let span = |first: u16| match p.range {
            0 | 1 => first.to_string(),
            n => format!("{first}-{}", first.saturating_add(n - 1)),
        };
        format!(
            "{host}:{}->{}/{}",
            span(p.host_port),
            span(p.container_port),
            p.protocol
        )
    });
    text.collect::<Vec<_>>().join(", ")
}

fn ports_json(record: &Record) -> serde_json::Value {
    let mappings = record.network.iter().flat_map(|n| &n.ports);
    mappings
        .map(|p| {
            json!({"host_ip": p.host_ip, "container_port": p.container_port, "host_port": p.host_port,
                   "range": p.range.max(1), "protocol": p.protocol})
        })
        .collect()
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 3).chain(['.'; 3]).collect()
}
