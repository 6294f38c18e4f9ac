//! Unit files by the names that people use: `web.container`, `web`, `web.service`, a path.

use std::path::{Path, PathBuf};

use unipod_generator::check::{self, Checked, Scope, Target};
use unipod_generator::names::Named;
use unipod_generator::{Service, process, suggest};

use super::{container_names, ports};
use crate::error::CliError;

/// All units of the search path (and of the scope), converted and checked.
pub struct Files(pub Checked);

/// A unit file and the service that is meant.
pub struct Chosen<'a> {
    pub named: &'a Named,
    /// `web.service`; of a template, the instance that was named.
    pub service: String,
}

impl Files {
    /// Reads and checks everything.
    pub fn load(scope: &Scope, user: bool, target: Option<Target>) -> Self {
        let mut checked = check::check(&process::environment(user), &process::host(user), scope, target);
        checked
            .problems
            .extend(ports::lint(&checked.outcome.registry, &checked.units));
        checked
            .problems
            .extend(container_names::lint(&checked.outcome.registry, &checked.units));
        check::sort(&mut checked.problems);
        Self(checked)
    }

    /// Reads what a name needs: a path may lie outside of the search path.
    pub fn for_name(name: &str, user: bool) -> Result<Self, CliError> {
        let path = is_path(name).then(|| PathBuf::from(name));
        let scope = Scope::of(path.as_slice())?;
        if !scope.trees.is_empty() {
            return Err(CliError::new(format!("{name} is a directory, not a unit file")));
        }
        Ok(Self::load(&scope, user, None))
    }

    /// The units themselves.
    pub fn units(&self) -> &[Named] {
        &self.0.outcome.registry.units
    }

    /// The unit of a name or path. `None` if there is none.
    ///
    /// # Errors
    /// The name fits several.
    pub fn find(&self, name: &str) -> Result<Option<Chosen<'_>>, CliError> {
        if is_path(name) {
            let named = self.0.units.first().map(|&index| &self.units()[index]);
            return Ok(named.map(|named| Chosen::of(named, None)));
        }
        let (stem, instance) = split_instance(name);
        for wanted in [name, stem.as_str()] {
            let instance = instance.as_deref().filter(|_| wanted != name);
            if let Some(index) = self.0.outcome.registry.find(wanted) {
                return Ok(Some(Chosen::of(&self.units()[index], instance)));
            }
            let service = wanted.strip_suffix(".service").unwrap_or(wanted);
            if let Some(named) = self.units().iter().find(|named| named.service == service) {
                return Ok(Some(Chosen::of(named, instance)));
            }
        }
        let mut alike = self.units().iter().filter(|named| named.unit.parts().stem() == name);
        match (alike.next(), alike.next()) {
            (Some(one), Some(other)) => Err(CliError::new(format!(
                "{name} is the name of {} and {}; say which",
                one.unit.name, other.unit.name
            ))),
            (one, _) => Ok(one.map(|named| Chosen::of(named, None))),
        }
    }

    /// The error for a name that nothing has.
    pub fn missing(&self, name: &str) -> CliError {
        let error = CliError::new(format!("there is no unit file {name:?}"));
        match self.nearest(name) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("`unipod unit list` shows those that there are"),
        }
    }

    /// What may have been meant by a name that nothing has.
    fn nearest(&self, name: &str) -> Option<String> {
        let names = || self.units().iter().map(|named| named.unit.name.as_str());
        let stem = |name: &'_ str| name.rsplit_once('.').map_or(name.len(), |(stem, _)| stem.len());
        let whole = suggest::nearest(name, names());
        let near = whole.or_else(|| {
            let near = suggest::nearest(name, names().map(|unit| &unit[..stem(unit)]))?;
            names().find(|unit| &unit[..stem(unit)] == near)
        });
        let service = || {
            let services: Vec<String> = self.units().iter().map(Named::service_file).collect();
            suggest::nearest(name, services.iter().map(String::as_str)).map(str::to_owned)
        };
        near.map(str::to_owned).or_else(service)
    }

    /// What became of a unit.
    pub fn service(&self, named: &Named) -> Option<&Service> {
        let file = named.service_file();
        self.0.outcome.services.iter().find(|service| service.file_name == file)
    }
}

impl<'a> Chosen<'a> {
    fn of(named: &'a Named, instance: Option<&str>) -> Self {
        let instance = instance.filter(|_| named.service.ends_with('@')).unwrap_or_default();
        let service = format!("{}{instance}.service", named.service);
        Self { named, service }
    }
}

/// Names have no slash.
fn is_path(name: &str) -> bool {
    name.contains('/') || (Path::new(name).is_file() && unipod_generator::UnitType::of(name).is_some())
}

/// `web@1.container` as `web@.container` and `1`.
fn split_instance(name: &str) -> (String, Option<String>) {
    let Some((prefix, rest)) = name.split_once('@') else {
        return (name.to_owned(), None);
    };
    let types = unipod_generator::UnitType::ALL.map(unipod_generator::UnitType::extension);
    let known = |extension: &str| extension == "service" || types.contains(&extension);
    match rest.rsplit_once('.').filter(|(_, extension)| known(extension)) {
        Some((instance, extension)) => (format!("{prefix}@.{extension}"), Some(instance.to_owned())),
        None => (format!("{prefix}@"), Some(rest.to_owned())),
    }
}
