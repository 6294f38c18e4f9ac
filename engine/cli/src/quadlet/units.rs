//! The unit files that there are, and what systemd says about their services.

use std::collections::HashMap;

use unipod_generator::names::{Named, Registry};
use unipod_generator::{Outcome, UnitType, generate, load, process, search};

use super::super::error::CliError;
use super::place::is_user;
use unipod::systemd::units::{State, Units};

/// All unit files of the caller's search path.
pub fn all() -> Registry {
    let found = search::search(&process::environment(is_user()));
    // Who lists files wants to see them, be they right or wrong.
    let mut problems = Vec::new();
    Registry::new(load::load(&found, &mut problems))
}

/// What the generator makes of them.
pub fn converted() -> Outcome {
    let user = is_user();
    let found = search::search(&process::environment(user));
    let mut problems = Vec::new();
    generate(load::load(&found, &mut problems), &process::host(user))
}

/// The unit file of exactly this name.
pub fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Named, CliError> {
    if UnitType::of(name).is_none() {
        return Err(CliError::new(not_a_quadlet(name)));
    }
    let index = registry.find(name).ok_or_else(|| {
        CliError::new(format!(
            "could not locate quadlet {name:?} in any supported quadlet directory"
        ))
        .hint("`unipod quadlet list` shows those that there are")
    })?;
    Ok(&registry.units[index])
}

/// The states of all services; of a template those of its instances.
pub struct States(HashMap<String, State>);

impl States {
    /// Asks systemd.
    pub fn of<'a>(units: impl IntoIterator<Item = &'a Named>) -> Result<Self, CliError> {
        let (templates, services): (Vec<_>, Vec<_>) = units
            .into_iter()
            .map(Named::service_file)
            .partition(|name| name.contains("@."));
        let patterns: Vec<String> = templates.iter().map(|name| name.replacen('@', "@*", 1)).collect();
        let states = Units::connect(is_user())?.states(&services, &patterns)?;
        Ok(Self(
            states.into_iter().map(|state| (state.name.clone(), state)).collect(),
        ))
    }

    /// As podman shows it: `active/running`, `Not loaded`.
    pub fn shown(&self, named: &Named) -> String {
        let state = self.0.get(&named.service_file()).filter(|state| state.load == "loaded");
        state.map_or_else(
            || "Not loaded".to_owned(),
            |state| format!("{}/{}", state.active, state.sub),
        )
    }

    /// The services of a unit file that are not down.
    pub fn running(&self, named: &Named) -> Vec<&str> {
        let service = named.service_file();
        let (prefix, suffix) = service.split_once("@.").unwrap_or((&service, ""));
        let is_its = |name: &str| match suffix {
            "" => name == service,
            _ => name.split_once('@').is_some_and(|(before, _)| before == prefix),
        };
        let up = |state: &&State| is_its(&state.name) && !["inactive", "failed"].contains(&state.active.as_str());
        self.0.values().filter(up).map(|state| state.name.as_str()).collect()
    }
}

/// What podman says of a name that no unit file can have.
pub(super) fn not_a_quadlet(name: &str) -> String {
    let extension = name
        .rsplit_once('.')
        .map_or(String::new(), |(_, extension)| format!(".{extension}"));
    format!("{extension:?} is not a supported Quadlet file type")
}
