//! Reading the journal through journalctl(1), its documented interface.

use std::process::Command;

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
    let Query {
        unit,
        invocation,
        user,
        follow,
        tail,
        since,
        until,
        timestamps,
    } = query;
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--no-pager", "--all"]);
    command.arg(format!("--output={}", if *timestamps { "short-iso" } else { "cat" }));
    if *user {
        command.arg("--user");
    }
    if *follow {
        command.arg("--follow");
    }
    match tail {
        Some(lines) => command.arg(format!("--lines={lines}")),
        None => command.arg("--lines=all"),
    };
    for (flag, value) in [("--since", since), ("--until", until)] {
        if let Some(value) = value {
            command.arg(format!("{flag}={}", journal_time(value)));
        }
    }
    command.arg(format!(
        "{}={unit}",
        if *user { "_SYSTEMD_USER_UNIT" } else { "_SYSTEMD_UNIT" }
    ));
    if let Some(id) = invocation {
        command.arg(format!("_SYSTEMD_INVOCATION_ID={id}"));
    }
    command
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
