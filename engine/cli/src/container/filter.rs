//! `--filter` of containers, in `ps` and wherever containers can be chosen by what they are (podman-ps(1)).

use jiff::Timestamp;

use crate::arguments::{Filters, moment};
use crate::error::CliError;
use crate::pattern::Pattern;
use unipod::container::health;
use unipod::container::record::{self, Record};
use unipod::store::Store;

const KEYS: [&str; 17] = [
    "ancestor",
    "before",
    "command",
    "exited",
    "health",
    "id",
    "label",
    "label!",
    "name",
    "network",
    "pod",
    "restart-policy",
    "since",
    "status",
    "until",
    "volume",
    "after",
];

/// podman's states, and what else it takes for them.
const STATES: [&str; 10] = [
    "configured",
    "created",
    "exited",
    "initialized",
    "paused",
    "removing",
    "running",
    "stopped",
    "stopping",
    "unknown",
];

/// What containers have to be like.
#[derive(Debug)]
pub struct Filter {
    filters: Filters,
    patterns: Vec<(&'static str, Pattern)>,
    older: Vec<Timestamp>,
    newer: Vec<Timestamp>,
}

impl Filter {
    /// Reads the words `KEY=VALUE`. Nothing is wrong with them if this is well: a container that is named in one is there.
    pub fn parse(store: &Store, words: &[String]) -> Result<Self, CliError> {
        if let Some(word) = words.iter().find(|word| !word.contains('=')) {
            return Err(CliError::new(format!("filter {word:?} is not KEY=VALUE")));
        }
        let filters = Filters::parse(words, &KEYS)?;
        if let Some(state) = filters.values("status").find(|state| !STATES.contains(state)) {
            return Err(CliError::new(format!(
                "unknown container state: {state}: invalid argument"
            )));
        }
        let mut patterns = Vec::new();
        for key in ["name", "id"] {
            for text in filters.values(key) {
                let pattern = Pattern::parse(text);
                let pattern =
                    pattern.ok_or_else(|| CliError::new(format!("filter {key}={text}: cannot use the pattern")))?;
                patterns.push((key, pattern));
            }
        }
        let created = |name: &str| record::find(store, name).map(|record| record.created);
        let before = filters.values("before").map(created);
        let until = filters.values("until").map(|text| {
            let time = moment(text);
            time.ok_or_else(|| CliError::new(format!("invalid time in filter {:?}", format!("until={text}"))))
        });
        let older: Vec<Timestamp> = before
            .map(|time| time.map_err(CliError::from))
            .chain(until)
            .collect::<Result<_, _>>()?;
        let since = filters.values("since").chain(filters.values("after"));
        let newer = since.map(created).collect::<Result<_, _>>()?;
        Ok(Self {
            filters,
            patterns,
            older,
            newer,
        })
    }

    /// Whether there is nothing to be like.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether something is asked of this kind.
    pub fn asks_for(&self, key: &str) -> bool {
        self.filters.values(key).next().is_some()
    }

    /// Whether a container, which does now what `status` says, is like that.
    pub fn matches(&self, store: &Store, record: &Record, status: &str) -> bool {
        let filters = &self.filters;
        let exit = record.exit.map(|exit| exit.code.to_string());
        let networks = || {
            record
                .network
                .iter()
                .flat_map(|n| &n.networks)
                .map(|e| e.network.as_str())
        };
        let policy = record
            .lifecycle
            .restart
            .as_deref()
            .map_or("no", |p| p.split(':').next().unwrap_or(p));
        let is_of = |image: &record::ImageUse, wanted: &str| image.name.contains(wanted) || image.id.contains(wanted);
        let mounts = |wanted: &str| {
            record
                .mounts
                .iter()
                .any(|m| m.destination == std::path::Path::new(wanted))
        };
        self.is_called_so(record)
            && filters.pass_labels(&record.options.labels)
            && filters.pass("status", |wanted| is_state(wanted, status))
            && filters.pass("exited", |wanted| exit.as_deref() == Some(wanted))
            && filters.pass("ancestor", |wanted| {
                record.image.as_ref().is_some_and(|i| is_of(i, wanted))
            })
            && filters.pass("volume", |w| record.volumes.iter().any(|v| v.name == w) || mounts(w))
            && filters.pass("network", |wanted| networks().any(|name| name == wanted))
            && filters.pass("pod", |wanted| {
                record
                    .pod
                    .as_ref()
                    .is_some_and(|pod| pod.name == wanted || (!wanted.is_empty() && pod.id.starts_with(wanted)))
            })
            && filters.pass("restart-policy", |wanted| policy == wanted)
            && filters.pass("command", |w| {
                record.options.command.first().is_some_and(|first| first == w)
            })
            && filters.pass("health", |w| health::status(store, record).is_some_and(|s| s == w))
            && self.older.iter().all(|time| record.created < *time)
            && self.newer.iter().all(|time| record.created > *time)
    }

    fn is_called_so(&self, record: &Record) -> bool {
        let fits = |wanted: &str, is: &dyn Fn(&Pattern) -> bool| {
            let mut of_kind = self.patterns.iter().filter(|(key, _)| *key == wanted).peekable();
            of_kind.peek().is_none() || of_kind.any(|(_, pattern)| is(pattern))
        };
        // Docker's names begin with a slash.
        let slashed = format!("/{}", record.name);
        fits("name", &|pattern| {
            pattern.is_in(&record.name) || pattern.is_in(&slashed)
        }) && fits("id", &|pattern| pattern.is_at_start(record.id.as_str()))
    }
}

/// podman has several words for some of our states.
fn is_state(wanted: &str, status: &str) -> bool {
    match wanted {
        "configured" | "initialized" => status == "created",
        "stopped" => status == "exited",
        wanted => status == wanted,
    }
}
