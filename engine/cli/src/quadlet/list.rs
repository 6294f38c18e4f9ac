//! `unipod quadlet list`.

use clap::Args;
use regex_lite::Regex;
use serde_json::json;
use unipod_generator::names::Named;

use super::super::arguments::Filters;
use super::super::error::CliError;
use super::super::output::{self, Row};
use super::application::Applications;
use super::place;
use super::units::{self, States};

const TABLE: &str = "table {{.Name}}\t{{.UnitName}}\t{{.Path}}\t{{.Status}}\t{{.App}}";
const HEADINGS: &[(&str, &str)] = &[
    ("Name", "NAME"),
    ("UnitName", "UNIT NAME"),
    ("Path", "PATH ON DISK"),
    ("Status", "STATUS"),
    ("App", "APPLICATION"),
];

/// List unit files, their services and states.
///
/// Example: unipod quadlet list --filter 'name=test*' --format '{{.UnitName}}'
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those that match a regular expression: name=, status=.
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// A Go template, `table …`, or `json`.
    #[arg(long)]
    format: Option<String>,
}

impl ListArgs {
    pub(super) fn run(self) -> Result<u8, CliError> {
        let filters = Filters::parse(&self.filter, &["name", "status"])?;
        for filter in &self.filter {
            let value = filter.split_once('=').map_or("", |(_, value)| value);
            Regex::new(value).map_err(|error| CliError::new(format!("filter {filter:?}: {error}")))?;
        }
        let applications = Applications::read(&place::directory()?)?;
        let registry = units::all();
        let systemd = States::of(&registry.units)?;
        let mut rows = Vec::new();
        for named in &registry.units {
            let status = systemd.shown(named);
            if passes(&filters, "name", &named.unit.name) && passes(&filters, "status", &status) {
                rows.push(row(named, status, applications.of(&named.unit.name)));
            }
        }
        rows.sort_by(|one, other| one.fields[0].cmp(&other.fields[0]));
        // As podman does here and nowhere else, a plain template has a line of headings, too.
        let format = self.format.as_deref().map(str::trim);
        if format
            .is_some_and(|format| format.contains("{{") && !format.starts_with("table") && !format.contains("json"))
        {
            rows.insert(0, headings());
        }
        output::print_list(&rows, TABLE, HEADINGS, self.format.as_deref(), false)?;
        Ok(0)
    }
}

/// Podman's rule: an expression that is found anywhere in the text.
fn passes(filters: &Filters, key: &str, text: &str) -> bool {
    filters.pass(key, |wanted| {
        Regex::new(wanted).is_ok_and(|expression| expression.is_match(text))
    })
}

fn row(named: &Named, status: String, application: Option<&str>) -> Row {
    let (unit, service) = (&named.unit, named.service_file());
    let application = application.unwrap_or_default();
    Row {
        json: json!({
            "Name": unit.name, "UnitName": service, "Path": &*unit.path, "Status": status, "App": application,
        }),
        fields: vec![
            ("Name", unit.name.clone()),
            ("UnitName", service),
            ("Path", unit.path.to_string()),
            ("Status", status),
            ("App", application.to_owned()),
        ],
    }
}

fn headings() -> Row {
    Row {
        json: json!({}),
        fields: HEADINGS
            .iter()
            .map(|(field, heading)| (*field, (*heading).to_owned()))
            .collect(),
    }
}
