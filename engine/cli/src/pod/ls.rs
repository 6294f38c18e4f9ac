//! `unipod pod ps`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::Filter;
use super::targets::latest;
use crate::arguments::Listing;
use crate::error::CliError;
use crate::human;
use crate::output::Row;
use unipod::container::Record;
use unipod::pod::{Pod, State, inspect, member, record};
use unipod::store::Store;

const COLUMNS: &str = "table {{.Id}}\t{{.Name}}\t{{.Status}}\t{{.Created}}\t{{.InfraID}}";
const HEADINGS: &[(&str, &str)] = &[
    ("ID", "POD ID"),
    ("Id", "POD ID"),
    ("InfraID", "INFRA ID"),
    ("InfraId", "INFRA ID"),
    ("NumberOfContainers", "# OF CONTAINERS"),
    ("ContainerIds", "IDS"),
    ("ContainerNames", "NAMES"),
    ("ContainerStatuses", "STATUS"),
    ("Namespace", "NAMESPACES"),
];

/// List pods.
///
/// Example: unipod pod ps --format '{{.Name}}: {{.Status}}'
#[derive(Debug, Args)]
#[command(mut_arg("noheading", |arg| arg.short('n')))]
#[allow(clippy::struct_excessive_bools, reason = "they are options")]
pub struct LsArgs {
    /// Show the IDs of the containers.
    #[arg(long)]
    ctr_ids: bool,
    /// Show the names of the containers.
    #[arg(long)]
    ctr_names: bool,
    /// Show what the containers do.
    #[arg(long)]
    ctr_status: bool,
    /// Show the slice that the containers are in.
    #[arg(long, visible_alias = "ns")]
    namespace: bool,
    /// Only pods that match: id=, name=, label=, label!=, status=, ctr-ids=, ctr-names=, ctr-number=, ctr-status=, network=, until=.
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// The pod created last.
    #[arg(short, long)]
    latest: bool,
    /// Do not shorten IDs.
    #[arg(long)]
    no_trunc: bool,
    /// What they are sorted by.
    #[arg(long, value_name = "KEY", default_value = "created")]
    sort: Sort,
    #[command(flatten)]
    listing: Listing,
}

/// What pods are sorted by.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    /// The newest first.
    Created,
    Id,
    Name,
    /// Of containers.
    Number,
    Status,
}

impl LsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        if self.listing.quiet && self.listing.format.is_some() {
            return Err(CliError::new("quiet and format cannot be used together"));
        }
        let filter = Filter::parse(&self.filter)?;
        let pods = if self.latest {
            vec![latest(store)?]
        } else {
            record::list(store)?
        };
        let mut shown = Vec::new();
        for pod in pods.into_iter().rev() {
            let members = member::members(store, &pod)?;
            let state = State::of(store, &pod, &members);
            if filter.matches(&pod, &members, state) {
                shown.push((pod, members, state.as_str()));
            }
        }
        match self.sort {
            Sort::Created => {}
            Sort::Id => shown.sort_by(|(a, ..), (b, ..)| a.id.as_str().cmp(b.id.as_str())),
            Sort::Name => shown.sort_by(|(a, ..), (b, ..)| a.name.cmp(&b.name)),
            Sort::Number => shown.sort_by_key(|(_, members, _)| members.len()),
            Sort::Status => shown.sort_by_key(|(.., state)| *state),
        }
        let rows: Vec<Row> = shown
            .iter()
            .map(|(pod, members, state)| row(pod, members, state, self.no_trunc))
            .collect();
        let table = self.table();
        self.listing
            .print(&rows, self.listing.default("{{.whole}}", &table), HEADINGS)
    }

    fn table(&self) -> String {
        let mut columns = COLUMNS.to_owned();
        let ours = [
            (self.ctr_ids, "\t{{.ContainerIds}}"),
            (self.ctr_names, "\t{{.ContainerNames}}"),
            (self.ctr_status, "\t{{.ContainerStatuses}}"),
            (self.namespace, "\t{{.Cgroup}}\t{{.Namespace}}"),
            (
                !self.ctr_ids && !self.ctr_names && !self.ctr_status,
                "\t{{.NumberOfContainers}}",
            ),
        ];
        columns.extend(ours.into_iter().filter_map(|(wanted, column)| wanted.then_some(column)));
        columns
    }
}

fn row(pod: &Pod, members: &[Record], state: &str, whole: bool) -> Row {
    let id = if whole { pod.id.as_str() } else { pod.id.short() };
    let containers: Vec<Value> = members
        .iter()
        .map(|record| json!({ "Id": record.id, "Names": record.name, "Status": record.status(), "RestartCount": 0 }))
        .collect();
    let all = |text: &dyn Fn(&Record) -> String| members.iter().map(text).collect::<Vec<_>>().join(",");
    let networks = inspect::networks(pod);
    Row {
        fields: vec![
            ("ID", id.to_owned()),
            ("Id", id.to_owned()),
            ("whole", pod.id.as_str().to_owned()),
            ("Name", pod.name.clone()),
            ("Status", state.to_owned()),
            ("Created", human::ago(pod.created, Timestamp::now())),
            ("InfraID", String::new()),
            ("InfraId", String::new()),
            ("NumberOfContainers", members.len().to_string()),
            (
                "ContainerIds",
                all(&|record| if whole { record.id.as_str() } else { record.id.short() }.to_owned()),
            ),
            ("ContainerNames", all(&|record| record.name.clone())),
            ("ContainerStatuses", all(&|record| record.status().to_owned())),
            ("Networks", networks.join(",")),
            ("Restarts", "0".to_owned()),
        ],
        json: json!({
            "Cgroup": pod.slice().unwrap_or_default(), "Containers": containers, "Created": pod.created.to_string(),
            "Id": pod.id, "InfraId": "", "Name": pod.name, "Namespace": "", "Networks": networks, "Status": state,
            "Labels": pod.options.common.labels,
        }),
    }
}
