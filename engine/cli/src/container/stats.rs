//! `unipod stats`.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::json;

use crate::error::CliError;
use crate::human;
use crate::output::{self, Row};
use unipod::bundle::values::duration;
use unipod::container::ContainerError;
use unipod::container::record::{self, Record, State};
use unipod::container::stats::{Memory, Sample, Traffic};
use unipod::store::Store;

const TABLE: &str = "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t\
                     {{.UpTime}}\t{{.AVGCPU}}";
const HEADINGS: &[(&str, &str)] = &[
    ("CPUPerc", "CPU %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemUsageBytes", "MEM USAGE / LIMIT"),
    ("MemPerc", "MEM %"),
    ("NetIO", "NET IO"),
    ("BlockIO", "BLOCK IO"),
    ("UpTime", "CPU TIME"),
    ("AVGCPU", "AVG CPU %"),
];

/// What is shown where there is nothing to tell: no controller counts, or nothing runs.
const NOTHING: &str = "--";

/// Begins a screen.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// Show what containers use: processor, memory, network, disks.
///
/// The first percentage of the processor is the average since the start, the next ones that of the time between. A column shows `--`
/// where nobody counts: a control group without that controller, or a network that is the host's.
///
/// Example: unipod stats --no-stream --format '{{.Name}}: {{.CPUPerc}} {{.MemUsage}}' web
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Containers that do not run as well.
    #[arg(short, long, conflicts_with_all = ["latest", "containers"])]
    all: bool,
    /// A Go template, `table …`, or `json`.
    #[arg(long)]
    format: Option<String>,
    /// Seconds between two reports.
    #[arg(short, long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    interval: u32,
    /// The container that was created last.
    #[arg(short, long, conflicts_with = "containers")]
    latest: bool,
    /// Do not clear the screen between two reports.
    #[arg(long)]
    no_reset: bool,
    /// Only one report.
    #[arg(long)]
    no_stream: bool,
    /// Do not shorten IDs.
    #[arg(long)]
    no_trunc: bool,
    /// The containers, by name or ID; otherwise those that run.
    containers: Vec<String>,
}

impl StatsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut before = BTreeMap::new();
        let mut records = self.records(store)?;
        loop {
            let mut rows = Vec::new();
            let mut now = BTreeMap::new();
            for record in &records {
                let id = record.id.as_str().to_owned();
                let sample = Sample::of(record);
                rows.push(row(record, sample, before.get(&id), self.no_trunc));
                now.extend(sample.map(|sample| (id, sample)));
            }
            before = now;
            self.show(&rows)?;
            if self.no_stream || is_unheard_within(Duration::from_secs(self.interval.into())) {
                return Ok(0);
            }
            records = match self.records(store) {
                // Nothing will come of it any more.
                Err(ContainerError::NotFound(_)) => return Ok(0),
                found => found?,
            };
        }
    }

    fn records(&self, store: &Store) -> Result<Vec<Record>, ContainerError> {
        if !self.containers.is_empty() {
            return self.containers.iter().map(|name| record::find(store, name)).collect();
        }
        let mut records = record::list(store)?;
        if self.latest {
            records.drain(..records.len().saturating_sub(1));
        } else if !self.all {
            records.retain(|record| record.state() == State::Running);
        }
        Ok(records)
    }

    fn show(&self, rows: &[Row]) -> Result<(), CliError> {
        show(
            rows,
            (TABLE, HEADINGS),
            self.format.as_deref(),
            self.no_reset || self.no_stream,
        )
    }
}

/// Prints a report, over the one before unless they are to be `kept`: a terminal has no use for those that are over.
pub(crate) fn show(
    rows: &[Row],
    (table, headings): (&str, &[(&str, &str)]),
    format: Option<&str>,
    kept: bool,
) -> Result<(), CliError> {
    if kept || !io::stdout().is_terminal() {
        return Ok(output::print_list(rows, table, headings, format, false)?);
    }
    let screen = output::render_list(rows, table, headings, format, false).map_err(CliError::new)?;
    Ok(output::print_coloured(&format!(
        "{CLEAR}{}",
        output::harmless(&screen)
    ))?)
}

/// Waits; whether whoever read what we write is gone.
pub(crate) fn is_unheard_within(interval: Duration) -> bool {
    let stdout = io::stdout();
    let mut out = [PollFd::new(std::os::fd::AsFd::as_fd(&stdout), PollFlags::empty())];
    let interval = PollTimeout::try_from(interval).unwrap_or(PollTimeout::MAX);
    matches!(poll(&mut out, interval), Ok(1..))
}

fn row(record: &Record, sample: Option<Sample>, before: Option<&Sample>, whole: bool) -> Row {
    let id = if whole { record.id.as_str() } else { record.id.short() };
    let average = sample.and_then(|sample| sample.average_cpu_percent());
    let cpu = before.and_then(|before| sample?.cpu_percent(before)).or(average);
    let memory = sample.and_then(|sample| sample.memory);
    let network = sample.and_then(|sample| sample.network);
    let disks = sample.and_then(|sample| sample.disks);
    let used = sample.and_then(|sample| sample.cpu);
    let of_kernel = sample.and_then(|sample| sample.cpu_of_kernel);
    let moment = sample.map_or(0, |sample| sample.at.as_nanosecond());
    let both = |value: Option<Traffic>| pair(value.map(|both| (both.input, both.output)), human::short);
    let used_of = memory.map(|memory| (memory.used, memory.limit));
    let pids = number(sample.and_then(|sample| sample.processes));
    let time = used.map_or_else(|| NOTHING.to_owned(), duration::text);
    let texts = [
        percent(cpu),
        percent(average),
        pair(used_of, human::short),
        percent(memory.map(Memory::percent)),
        both(network),
        both(disks),
    ];
    let [cpu_percent, average_percent, usage, mem_percent, net, block] = &texts;
    Row {
        json: json!({
            "id": id, "name": record.name, "cpu_time": time, "cpu_percent": cpu_percent, "avg_cpu": average_percent,
            "mem_usage": usage, "mem_percent": mem_percent, "net_io": net, "block_io": block, "pids": pids,
        }),
        fields: vec![
            ("ID", id.to_owned()),
            ("ContainerID", record.id.as_str().to_owned()),
            ("Name", record.name.clone()),
            ("CPU", float(cpu)),
            ("CPUPerc", cpu_percent.clone()),
            ("AvgCPU", float(average)),
            ("AVGCPU", average_percent.clone()),
            ("CPUNano", nanoseconds(used)),
            ("CPUSystemNano", nanoseconds(of_kernel)),
            ("Duration", nanoseconds(used)),
            ("SystemNano", moment.to_string()),
            ("Up", time.clone()),
            ("UpTime", time),
            ("MemUsage", usage.clone()),
            ("MemUsageBytes", pair(used_of, human::short_binary)),
            ("MemPerc", mem_percent.clone()),
            ("MemLimit", number(memory.map(|memory| memory.limit))),
            ("NetIO", net.clone()),
            ("NetInput", number(network.map(|both| both.input))),
            ("NetOutput", number(network.map(|both| both.output))),
            ("BlockIO", block.clone()),
            ("BlockInput", number(disks.map(|both| both.input))),
            ("BlockOutput", number(disks.map(|both| both.output))),
            ("PIDs", pids.clone()),
            ("PIDS", pids),
        ],
    }
}

/// Two digits after the point.
pub(crate) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.2}%"))
}

fn float(value: Option<f64>) -> String {
    value.unwrap_or_default().to_string()
}

fn nanoseconds(time: Option<Duration>) -> String {
    time.unwrap_or_default().as_nanos().to_string()
}

/// A number, if somebody counts.
pub(crate) fn number(value: Option<u64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

/// What is used of what may be, or what came in and went out.
pub(crate) fn pair(values: Option<(u64, u64)>, show: fn(u64) -> String) -> String {
    let text = |value: Option<u64>| value.map_or_else(|| NOTHING.to_owned(), show);
    format!("{} / {}", text(values.map(|v| v.0)), text(values.map(|v| v.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_counts_is_no_zero() {
        assert_eq!(pair(None, human::short), "-- / --");
        assert_eq!(
            pair(Some((3_092_000, 16_700_000_000)), human::short),
            "3.092MB / 16.7GB"
        );
        assert_eq!((percent(None), percent(Some(12.345))), ("--".into(), "12.35%".into()));
        assert_eq!((number(None), number(Some(2))), ("--".into(), "2".into()));
    }
}
