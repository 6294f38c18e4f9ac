//! `--filter` of pods (podman-pod-ps(1)).

use jiff::Timestamp;

use crate::arguments::{Filters, moment};
use crate::error::CliError;
use crate::pattern::Pattern;
use unipod::container::Record;
use unipod::pod::{Pod, State, inspect};

const KEYS: [&str; 11] = [
    "ctr-ids",
    "ctr-names",
    "ctr-number",
    "ctr-status",
    "id",
    "label",
    "label!",
    "name",
    "network",
    "status",
    "until",
];

/// podman's states of pods.
const STATES: [&str; 7] = ["stopped", "running", "paused", "exited", "dead", "created", "degraded"];
/// podman's states of their containers.
const STATES_OF_CONTAINERS: [&str; 6] = ["created", "running", "paused", "stopped", "exited", "unknown"];

/// What pods have to be like.
#[derive(Debug)]
pub struct Filter {
    filters: Filters,
    patterns: Vec<(&'static str, Pattern)>,
    until: Option<Timestamp>,
}

impl Filter {
    /// Reads the words `KEY=VALUE`.
    pub fn parse(words: &[String]) -> Result<Self, CliError> {
        if let Some(word) = words.iter().find(|word| !word.contains('=')) {
            return Err(CliError::new(format!(
                "filter input must be in the form of filter=value: {word} is invalid"
            )));
        }
        let filters = Filters::parse(words, &KEYS)?;
        for (key, known, kind) in [
            ("status", &STATES[..], "pod status"),
            ("ctr-status", &STATES_OF_CONTAINERS, "status"),
        ] {
            if let Some(state) = filters.values(key).find(|state| !known.contains(state)) {
                return Err(CliError::new(format!("{state} is not a valid {kind}")));
            }
        }
        let mut patterns = Vec::new();
        for key in ["id", "name", "ctr-ids", "ctr-names"] {
            for text in filters.values(key) {
                let pattern = Pattern::parse(text);
                let pattern =
                    pattern.ok_or_else(|| CliError::new(format!("filter {key}={text}: cannot use the pattern")))?;
                patterns.push((key, pattern));
            }
        }
        let until = filters.values("until").map(|text| {
            let time = moment(text);
            time.ok_or_else(|| CliError::new(format!("invalid time in filter {:?}", format!("until={text}"))))
        });
        Ok(Self {
            until: until.collect::<Result<Vec<_>, _>>()?.into_iter().min(),
            filters,
            patterns,
        })
    }

    /// Whether a pod with these members, which does now what `state` says, is like that.
    pub fn matches(&self, pod: &Pod, members: &[Record], state: State) -> bool {
        let filters = &self.filters;
        let any = |fits: &dyn Fn(&Record) -> bool| members.iter().any(fits);
        let is_of = |wanted: &str, status: &str| if wanted == "stopped" { "exited" } else { wanted } == status;
        self.fits("id", |pattern| pattern.is_at_start(pod.id.as_str()))
            && self.fits("name", |pattern| pattern.is_in(&pod.name))
            && self.fits("ctr-ids", |pattern| any(&|r| pattern.is_at_start(r.id.as_str())))
            && self.fits("ctr-names", |pattern| any(&|r| pattern.is_in(&r.name)))
            && filters.pass_labels(&pod.options.common.labels)
            && filters.pass("status", |wanted| state.as_str().eq_ignore_ascii_case(wanted))
            && filters.pass("ctr-number", |wanted| wanted.parse() == Ok(members.len()))
            && filters.pass("ctr-status", |wanted| any(&|r| is_of(wanted, r.status())))
            && filters.pass("network", |wanted| {
                inspect::networks(pod).iter().any(|name| name == wanted)
            })
            && self.until.is_none_or(|time| pod.created < time)
    }

    fn fits(&self, key: &str, is: impl Fn(&Pattern) -> bool) -> bool {
        let mut of_kind = self.patterns.iter().filter(|(of, _)| *of == key).peekable();
        of_kind.peek().is_none() || of_kind.any(|(_, pattern)| is(pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_mean_nothing_are_refused_in_podmans_words() {
        for (word, said) in [
            ("status=bogus", "bogus is not a valid pod status"),
            ("ctr-status=bogus", "bogus is not a valid status"),
            (
                "name",
                "filter input must be in the form of filter=value: name is invalid",
            ),
        ] {
            assert_eq!(Filter::parse(&[word.to_owned()]).unwrap_err().message, said);
        }
        assert!(Filter::parse(&["foo=bar".to_owned()]).is_err());
        assert!(Filter::parse(&["until=1h".to_owned(), "name=^a".to_owned()]).is_ok());
    }
}
