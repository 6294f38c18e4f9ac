//! What the journal has about a service: the last lines of one invocation, and how jobs ended that never became one.

use serde::Serialize;

use super::facts::Facts;
use crate::journal::{self, Message};

/// How many lines are kept.
const LINES: usize = 10;

/// `SD_MESSAGE_UNIT_FAILED`: a job for the unit did not end well (sd-messages.h).
const JOB_FAILED: &str = "be02cf6855d2428ba40df7e9d022f03d";

/// `SD_MESSAGE_UNIT_PROCESS_EXIT`: a process of the unit has ended (sd-messages.h).
const PROCESS_EXIT: &str = "98e322203f7a4ed290d09fe03c09fe15";

/// `SD_MESSAGE_UNIT_STARTING`: a start has begun (sd-messages.h).
const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";

/// `LOG_ERR` of syslog(3).
const ERROR: u8 = 3;

/// What the journal says.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// The invocation that the lines are of; of a service that systemd has forgotten, the last one in the journal.
    pub invocation: String,
    /// When systemd began this start, if it was not the first one; microseconds since 1970.
    pub started: Option<u64>,
    /// The last lines, oldest first.
    pub lines: Vec<Line>,
    /// The result of a job that failed after the service ran last: `dependency`, `timeout`, `canceled` …
    pub failed_job: Option<String>,
    /// When a service that systemd has forgotten last said something, or was spoken of; microseconds since 1970.
    pub last_heard: u64,
    /// What systemd noted about the end of the main process, if it has forgotten the service: `exited` and `7`.
    pub noted_end: Option<(String, String)>,
    /// Why the journal could not be read.
    pub problem: Option<String>,
}

/// One line.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Microseconds since 1970.
    pub time: u64,
    /// syslog(3): 3 and less are errors.
    pub priority: u8,
    /// The text.
    pub text: String,
}

impl Log {
    /// Reads the journal; what else is known is told even if that fails.
    pub fn read(facts: &Facts) -> Self {
        Self::try_read(facts).unwrap_or_else(|error| Self {
            problem: Some(error.to_string()),
            ..Self::default()
        })
    }

    fn try_read(facts: &Facts) -> std::io::Result<Self> {
        let mut log = Self {
            invocation: facts.invocation.clone(),
            ..Self::default()
        };
        // Users' managers write fields of their own; other users may have a service of the same name.
        let (about, invocation) = if facts.of_user {
            let uid = format!("_UID={}", nix::unistd::getuid());
            (vec![format!("USER_UNIT={}", facts.id), uid], "USER_INVOCATION_ID")
        } else {
            (vec![format!("UNIT={}", facts.id)], "INVOCATION_ID")
        };
        let about = journal::last(&[about], 40)?;
        log.failed_job = failed_job(&about, facts.became_inactive.realtime.max(facts.state_change.realtime));
        if log.invocation.is_empty() {
            log.remember(&about, invocation);
        }
        if facts.is_restart() {
            let start = vec![
                format!("{invocation}={}", log.invocation),
                format!("MESSAGE_ID={STARTING}"),
            ];
            log.started = journal::last(&[start], 1)?.first().map(Message::micros);
        }
        if !log.invocation.is_empty() {
            let own = vec![format!("_SYSTEMD_INVOCATION_ID={}", log.invocation)];
            let spoken_of = vec![format!("{invocation}={}", log.invocation)];
            let messages = journal::last(&[own, spoken_of], 200)?;
            let wanted: Vec<Line> = messages
                .iter()
                .filter(|message| is_telling(message))
                .map(Line::of)
                .collect();
            let skipped = wanted.len().saturating_sub(LINES);
            log.lines = wanted.into_iter().skip(skipped).collect();
        }
        Ok(log)
    }

    /// What is left of a service that systemd has forgotten.
    fn remember(&mut self, about: &[Message], field: &str) {
        let Some(last) = about.iter().rfind(|message| !message.field(field).is_empty()) else {
            return;
        };
        last.field(field).clone_into(&mut self.invocation);
        self.last_heard = last.micros();
        let of_it = about.iter().filter(|message| message.field(field) == last.field(field));
        let mut ends = of_it.filter(|message| message.field("MESSAGE_ID") == PROCESS_EXIT);
        let main = ends.rfind(|message| message.field("COMMAND") == "ExecStart");
        self.noted_end = main.map(|end| (end.field("EXIT_CODE").to_owned(), end.field("EXIT_STATUS").to_owned()));
    }
}

/// The result of the last job, if it failed and nothing has happened since.
fn failed_job(about: &[Message], since: u64) -> Option<String> {
    let last = about.iter().rfind(|message| !message.field("JOB_RESULT").is_empty())?;
    let result = last.field("JOB_RESULT");
    (result != "done" && last.micros() >= since).then(|| result.to_owned())
}

/// What processes of the service wrote, and of what systemd says only what the verdict does not: why a program could not be
/// started, for example.
fn is_telling(message: &Message) -> bool {
    let of_systemd = message.field("_PID") == "1" || message.field("SYSLOG_IDENTIFIER") == "systemd";
    let priority: u8 = message.field("PRIORITY").parse().unwrap_or(6);
    !message.text().is_empty() && (!of_systemd || (priority <= ERROR && message.field("MESSAGE_ID") != JOB_FAILED))
}

impl Line {
    fn of(message: &Message) -> Self {
        Self {
            time: message.micros(),
            priority: message.field("PRIORITY").parse().unwrap_or(6),
            text: message.text(),
        }
    }
}
