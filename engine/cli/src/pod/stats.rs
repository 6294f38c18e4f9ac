//! `unipod pod stats`.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::targets::latest;
use crate::container::stats::{is_unheard_within, number, pair, percent, show};
use crate::error::CliError;
use crate::human;
use crate::output::Row;
use unipod::container::Record;
use unipod::container::stats::{Memory, Sample, Traffic};
use unipod::pod::{Pod, PodError, member, record};
use unipod::store::Store;

const TABLE: &str =
    "table {{.Pod}}\t{{.CID}}\t{{.Name}}\t{{.CPU}}\t{{.MemUsage}}\t{{.Mem}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}";
const HEADINGS: &[(&str, &str)] = &[
    ("CPU", "CPU %"),
    ("MemUsage", "MEM USAGE/ LIMIT"),
    ("MemUsageBytes", "MEM USAGE/ LIMIT"),
    ("Mem", "MEM %"),
    ("NetIO", "NET IO"),
    ("BlockIO", "BLOCK IO"),
];

/// The time between two reports, as in podman.
const INTERVAL: Duration = Duration::from_secs(1);

/// Show what the containers of pods use: processor, memory, network, disks.
///
/// Example: unipod pod stats --no-stream shop
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "they are options")]
pub struct StatsArgs {
    /// All pods, as if none is named.
    #[arg(short, long, conflicts_with_all = ["latest", "pods"])]
    all: bool,
    /// A Go template, `table …`, or `json`.
    #[arg(long)]
    format: Option<String>,
    /// The pod that was created last.
    #[arg(short, long, conflicts_with = "pods")]
    latest: bool,
    /// Do not clear the screen between two reports.
    #[arg(long)]
    no_reset: bool,
    /// Only one report.
    #[arg(long)]
    no_stream: bool,
    /// The pods, by name or ID.
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl StatsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let unknown = |error: PodError| {
            let error = CliError::from(error);
            CliError::new(format!("unable to get list of pods: {}", error.message)).code(error.code)
        };
        let mut before = BTreeMap::new();
        let mut pods = self.pods(store).map_err(unknown)?;
        loop {
            let mut rows = Vec::new();
            let mut now = BTreeMap::new();
            for pod in &pods {
                for record in member::members(store, pod)? {
                    let id = record.id.as_str().to_owned();
                    let sample = Sample::of(&record);
                    rows.push(row(pod, &record, sample, before.get(&id)));
                    now.extend(sample.map(|sample| (id, sample)));
                }
            }
            before = now;
            let kept = self.no_reset || self.no_stream;
            show(&rows, (TABLE, HEADINGS), self.format.as_deref(), kept)?;
            if self.no_stream || is_unheard_within(INTERVAL) {
                return Ok(0);
            }
            pods = match self.pods(store) {
                // Nothing will come of it any more.
                Err(PodError::NotFound(_) | PodError::None) => return Ok(0),
                found => found?,
            };
        }
    }

    fn pods(&self, store: &Store) -> Result<Vec<Pod>, PodError> {
        if self.latest {
            return Ok(vec![latest(store)?]);
        }
        if self.pods.is_empty() {
            return Ok(record::list(store)?);
        }
        self.pods.iter().map(|name| record::find(store, name)).collect()
    }
}

/// One that does not run uses nothing.
fn row(pod: &Pod, record: &Record, sample: Option<Sample>, before: Option<&Sample>) -> Row {
    let average = sample.and_then(|sample| sample.average_cpu_percent());
    let cpu = before.and_then(|before| sample?.cpu_percent(before)).or(average);
    let memory = sample.and_then(|sample| sample.memory);
    let used_of = memory.map(|memory| (memory.used, memory.limit));
    let nothing = sample.is_none().then_some(0.0);
    let both = |value: Option<Traffic>| {
        let moved = value.filter(|both| *both != Traffic::default());
        pair(moved.map(|both| (both.input, both.output)), human::short)
    };
    let texts = [
        ("CPU", percent(cpu.or(nothing))),
        ("MemUsage", pair(used_of, human::short)),
        ("MemUsageBytes", pair(used_of, human::short_binary)),
        ("Mem", percent(memory.map(Memory::percent).or(nothing))),
        ("NetIO", both(sample.and_then(|sample| sample.network))),
        ("BlockIO", both(sample.and_then(|sample| sample.disks))),
        ("PIDS", number(sample.and_then(|sample| sample.processes))),
        ("Pod", pod.id.short().to_owned()),
        ("CID", record.id.short().to_owned()),
        ("Name", record.name.clone()),
    ];
    Row {
        json: texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), json!(text)))
            .collect(),
        fields: texts.into(),
    }
}
