//! `unipod pod ps`.

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::arguments::Listing;
use crate::error::CliError;
use crate::human;
use crate::output::Row;
use unipod::container::Record;
use unipod::pod::{Pod, State, member, record};
use unipod::store::Store;

const TABLE: &str = "table {{.ID}}\t{{.Name}}\t{{.Status}}\t{{.Created}}\t{{.InfraID}}\t{{.NumberOfContainers}}";
const HEADINGS: &[(&str, &str)] = &[
    ("ID", "POD ID"),
    ("InfraID", "INFRA ID"),
    ("NumberOfContainers", "# OF CONTAINERS"),
];

/// List pods.
///
/// Example: unipod pod ps --format '{{.Name}}: {{.Status}}'
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Do not shorten IDs.
    #[arg(long)]
    no_trunc: bool,
    #[command(flatten)]
    listing: Listing,
}

impl LsArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut rows = Vec::new();
        for pod in record::list(store)?.iter().rev() {
            rows.push(row(store, pod, &member::members(store, pod)?, self.no_trunc));
        }
        self.listing
            .print(&rows, self.listing.default("{{.ID}}", TABLE), HEADINGS)
    }
}

fn row(store: &Store, pod: &Pod, members: &[Record], whole: bool) -> Row {
    let id = if whole { pod.id.as_str() } else { pod.id.short() };
    let state = State::of(store, pod, members).as_str();
    let containers: Vec<Value> = members
        .iter()
        .map(|record| {
            json!({ "Id": record.id, "Names": record.name, "Status": record.state().as_str(), "RestartCount": 0 })
        })
        .collect();
    Row {
        json: json!({
            "Cgroup": "", "Containers": containers, "Created": pod.created.to_string(), "Id": pod.id, "InfraId": "",
            "Name": pod.name, "Namespace": "", "Networks": networks(pod), "Status": state,
            "Labels": pod.options.common.labels,
        }),
        fields: vec![
            ("ID", id.to_owned()),
            ("Name", pod.name.clone()),
            ("Status", state.to_owned()),
            ("Created", human::ago(pod.created, Timestamp::now())),
            ("InfraID", String::new()),
            ("NumberOfContainers", members.len().to_string()),
        ],
    }
}

fn networks(pod: &Pod) -> Vec<&str> {
    let status = pod.up.iter().filter_map(|up| up.network.as_ref());
    status
        .flat_map(|status| &status.networks)
        .map(|endpoint| endpoint.network.as_str())
        .collect()
}
