//! `unipod unit list`.

use clap::Args;
use serde_json::json;
use unipod_generator::Problem;
use unipod_generator::check::{Scope, of_unit};
use unipod_generator::names::Named;

use super::files::Files;
use crate::arguments::Listing;
use crate::error::CliError;
use crate::output::{self, Row};
use unipod::systemd::units::Units;

const TABLE: &str = "table {{.Name}}\t{{.Service}}\t{{.State}}\t{{.Enabled}}\t{{.Problems}}\t{{.Path}}";

/// List unit files: the service of each, its state, and how much is wrong with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  unipod unit list\n  unipod unit list --user --format '{{.Name}}: {{.State}}'")]
pub struct ListArgs {
    #[command(flatten)]
    listing: Listing,
    /// The files of the user, not those of the system.
    #[arg(long)]
    user: bool,
}

/// What systemd says about a service.
#[derive(Default)]
struct State {
    load: String,
    active: String,
    sub: String,
    enabled: String,
    stale: bool,
}

impl ListArgs {
    /// Does it.
    pub fn run(self) -> Result<u8, CliError> {
        let files = Files::load(&Scope::default(), self.user, None);
        let mut units: Vec<&Named> = files.units().iter().collect();
        units.sort_by(|one, other| one.unit.name.cmp(&other.unit.name));
        if self.listing.quiet {
            for named in units {
                output::print_line(&named.service_file());
            }
            return Ok(0);
        }
        let systemd = systemd(self.user);
        let rows: Vec<Row> = units.iter().map(|named| row(&files, named, systemd.as_ref())).collect();
        self.listing.print(&rows, TABLE, &[])
    }
}

/// Without systemd (in a CI container) there are still files.
fn systemd(user: bool) -> Option<Units> {
    let connected = Units::connect(user).map_err(CliError::from);
    let warn = |error: &CliError| tracing::warn!("states are not known: {}", error.message);
    connected.inspect_err(warn).ok()
}

fn row(files: &Files, named: &Named, systemd: Option<&Units>) -> Row {
    let service = named.service_file();
    let state = systemd.map_or_else(State::default, |systemd| State::of(systemd, &service));
    let problems: Vec<&Problem> = of_unit(&files.0.problems, &named.unit).collect();
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    let unit = &named.unit;
    Row {
        json: json!({
            "Name": unit.name, "Type": unit.unit_type.extension(), "Path": &*unit.path, "Service": service,
            "LoadState": state.load, "ActiveState": state.active, "SubState": state.sub, "UnitFileState": state.enabled,
            "NeedDaemonReload": state.stale, "Errors": errors, "Warnings": warnings,
            "Usable": files.service(named).is_some_and(|service| !service.is_stub),
        }),
        fields: vec![
            ("Name", unit.name.clone()),
            ("Path", unit.path.to_string()),
            ("Service", service),
            ("State", state.shown()),
            ("Enabled", state.enabled.clone()),
            ("Problems", counted(errors, warnings)),
        ],
    }
}

/// `2 errors, 1 warning`; a dash for none.
fn counted(errors: usize, warnings: usize) -> String {
    let count = |number: usize, noun: &str| match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{number} {noun}s")),
    };
    let counts: Vec<String> = [count(errors, "error"), count(warnings, "warning")]
        .into_iter()
        .flatten()
        .collect();
    if counts.is_empty() {
        "-".to_owned()
    } else {
        counts.join(", ")
    }
}

impl State {
    fn of(systemd: &Units, service: &str) -> Self {
        if service.ends_with("@.service") {
            let enabled = systemd.file_state(service).unwrap_or_default();
            let load = if enabled.is_empty() { "not-found" } else { "template" };
            return Self {
                load: load.to_owned(),
                enabled,
                ..Self::default()
            };
        }
        let mut properties = systemd.properties(service).unwrap_or_default();
        Self {
            load: properties.text("LoadState"),
            active: properties.text("ActiveState"),
            sub: properties.text("SubState"),
            enabled: properties.text("UnitFileState"),
            stale: properties.take("NeedDaemonReload").unwrap_or(false),
        }
    }

    /// As systemctl shows it: `active (running)`; what is not loaded awaits `systemctl daemon-reload`.
    fn shown(&self) -> String {
        match self.load.as_str() {
            "loaded" => format!("{} ({})", self.active, self.sub),
            "not-found" => "not loaded".to_owned(),
            "" => "unknown".to_owned(),
            other => other.to_owned(),
        }
    }
}
