//! Reading the journal through journalctl(1), its documented interface, and a stream into it.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use unipod_linux::child;

/// What the search for some messages may take. The journal of a busy host on a slow disk has gigabytes.
const LIMIT: Duration = Duration::from_secs(60);

/// Where journald takes streams.
const STREAMS: &str = "/run/systemd/journal/stdout";

/// What a stream may hold before its writer waits; systemd gives those that it opens as much.
const STREAM_BUFFER: usize = 8 << 20;

/// A stream whose lines go to the journal as `identifier`, with the unit of whoever opens it: as sd_journal_stream_fd(3), with
/// level "info" and no prefixes.
///
/// # Errors
/// Nobody listens.
pub fn stream(identifier: &str) -> io::Result<OwnedFd> {
    let mut socket = UnixStream::connect(STREAMS)?;
    socket.shutdown(Shutdown::Read)?;
    // Less is enough, only slower.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, STREAM_BUFFER);
    // Identifier, unit (found by its peer), level, prefixes; then: on to syslog, kernel log, console.
    socket.write_all(format!("{identifier}\n\n6\n0\n0\n0\n0\n").as_bytes())?;
    Ok(socket.into())
}

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The unit whose messages are wanted.
    pub unit: String,
    /// Only this start of the unit (`INVOCATION_ID`).
    pub invocation: Option<String>,
    /// The unit belongs to the user manager.
    pub user: bool,
    /// Go on as messages arrive.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<u64>,
    /// `--since` as the user wrote it.
    pub since: Option<String>,
    /// `--until` as the user wrote it.
    pub until: Option<String>,
    /// Put the time in front of each line.
    pub timestamps: bool,
}

/// The command that answers the query on its standard output.
///
/// Only what processes of the unit wrote is shown (`_SYSTEMD_UNIT=`), not what systemd says about the unit, and not
/// the engine's own lines (`_COMM=unipod` cannot be excluded by a match, so callers see them as the unit's journal has them).
pub fn command(query: &Query) -> Command {
    let output = if query.timestamps { "short-iso" } else { "cat" };
    let mut command = shown_as(output, query);
    command.arg(match_of(&query.unit, query.user));
    if let Some(id) = &query.invocation {
        command.arg(format!("_SYSTEMD_INVOCATION_ID={id}"));
    }
    command
}

/// The same for several units in place of that of the query: a [`Message`] on each line, as JSON. `after` is the cursor of the message
/// before the first.
pub fn messages(units: &[&str], query: &Query, after: Option<&str>) -> Command {
    let mut command = shown_as("json", query);
    command.args(after.map(|cursor| format!("--after-cursor={cursor}")));
    command.args(units.iter().map(|unit| match_of(unit, query.user)));
    command
}

fn match_of(unit: &str, user: bool) -> String {
    format!("{}={unit}", if user { "_SYSTEMD_USER_UNIT" } else { "_SYSTEMD_UNIT" })
}

fn shown_as(output: &str, query: &Query) -> Command {
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--all"]);
    command.arg(format!("--output={output}"));
    if query.user {
        command.arg("--user");
    }
    if query.follow {
        command.arg("--follow");
    }
    match query.tail {
        Some(lines) => command.arg(format!("--lines={lines}")),
        None => command.arg("--lines=all"),
    };
    for (flag, value) in [("--since", &query.since), ("--until", &query.until)] {
        if let Some(value) = value {
            command.arg(format!("{flag}={}", journal_time(value)));
        }
    }
    command
}

/// A moment as `since` or `until`.
pub fn moment(time: jiff::Timestamp) -> String {
    let microseconds = time.as_microsecond();
    format!("@{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

/// `10m`, `1h30m` mean "ago" to docker and podman; journalctl wants that said.
fn journal_time(value: &str) -> String {
    let relative = value.ends_with(['s', 'm', 'h']) && value.starts_with(|c: char| c.is_ascii_digit());
    if relative {
        format!("{value} ago")
    } else {
        value.replace('T', " ").trim_end_matches('Z').to_owned()
    }
}

/// One message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Message(Map<String, Value>);

impl Message {
    /// A field; empty if the message has none.
    pub fn field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The text. What is not UTF-8 comes as a list of bytes, what is too long not at all.
    pub fn text(&self) -> String {
        match self.0.get("MESSAGE") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(bytes)) => {
                let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
                let bytes: Vec<u8> = bytes.iter().filter_map(byte).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => String::new(),
        }
    }

    /// When the journal took it, in microseconds since 1970.
    pub fn micros(&self) -> u64 {
        self.field("__REALTIME_TIMESTAMP").parse().unwrap_or(0)
    }
}

/// The last `lines` messages that match one of `groups`, each a list of `FIELD=value` of which all must hold; oldest first.
///
/// # Errors
/// journalctl cannot be run, or refuses.
pub fn last(groups: &[Vec<String>], lines: u32) -> std::io::Result<Vec<Message>> {
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--output=json"]);
    command.arg(format!("--lines={lines}"));
    for (index, group) in groups.iter().enumerate() {
        command.args((index > 0).then_some("+")).args(group);
    }
    let output = child::output(&mut command, b"", LIMIT)?;
    if !output.status.success() {
        let reason = child::words(&output.stderr);
        return Err(std::io::Error::other(format!("journalctl failed: {reason}")));
    }
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_means_ago() {
        for (given, want) in [
            ("10m", "10m ago"),
            ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
            ("today", "today"),
        ] {
            assert_eq!(journal_time(given), want);
        }
    }

    #[test]
    fn messages_are_text_or_bytes() {
        let message = |text: &str| -> Message { serde_json::from_str(text).expect("is JSON") };
        assert_eq!(message(r#"{"MESSAGE": "a"}"#).text(), "a");
        assert_eq!(message(r#"{"MESSAGE": [104, 255]}"#).text(), "h\u{fffd}");
        assert_eq!(message(r#"{"MESSAGE": null}"#).text(), "");
        let late = message(r#"{"__REALTIME_TIMESTAMP": "7", "UNIT": "a.service"}"#);
        assert_eq!(
            (late.micros(), late.field("UNIT"), late.field("X")),
            (7, "a.service", "")
        );
    }

    #[test]
    fn the_unit_and_the_invocation_are_matched() {
        let query = Query {
            unit: "web.service".into(),
            invocation: Some("ab".into()),
            tail: Some(3),
            ..Query::default()
        };
        let command = command(&query);
        let args: Vec<_> = command.get_args().filter_map(|a| a.to_str()).collect();
        assert!(args.contains(&"--lines=3"), "{args:?}");
        assert!(args.contains(&"_SYSTEMD_UNIT=web.service"), "{args:?}");
        assert!(args.contains(&"_SYSTEMD_INVOCATION_ID=ab"), "{args:?}");
    }
}
