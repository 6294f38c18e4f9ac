//! `unipod quadlet rm`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use unipod_generator::names::{Named, Registry};

use super::super::error::CliError;
use super::super::output;
use super::application::Applications;
use super::place;
use super::units::{self, States};
use unipod::store::StoreError;
use unipod::systemd::manager;

/// Remove unit files; of an application all files.
///
/// Example: unipod quadlet rm --force web.container
#[derive(Debug, Args)]
pub struct RmArgs {
    /// All unit files of the current user.
    #[arg(short, long)]
    all: bool,
    /// Stop services that run; without it, their unit files stay.
    #[arg(short, long)]
    force: bool,
    /// A unit file that is not there is no error.
    #[arg(short, long)]
    ignore: bool,
    /// Have systemd forget the services.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = ArgAction::Set)]
    reload_systemd: bool,
    /// Names of unit files or applications.
    #[arg(required_unless_present = "all", value_name = "QUADLET")]
    quadlets: Vec<String>,
}

/// What goes together.
struct Group<'a> {
    units: Vec<&'a Named>,
    /// Everything else: files of the application, and its list.
    files: Vec<PathBuf>,
}

impl RmArgs {
    pub(super) fn run(self) -> Result<u8, CliError> {
        let registry = units::all();
        let applications = Applications::read(&place::directory()?)?;
        let states = States::of(&registry.units)?;
        let mut removed = BTreeSet::new();
        let mut failed = false;
        for name in self.names(&registry) {
            if removed.contains(&name) {
                continue;
            }
            match self.remove(&name, &registry, &applications, &states) {
                Ok(names) => {
                    for name in &names {
                        output::print_line(name);
                    }
                    removed.extend(names);
                }
                Err(error) => {
                    let message = format!("unable to remove Quadlet {name}: {}", error.message);
                    CliError { message, ..error }.report();
                    failed = true;
                }
            }
        }
        if self.reload_systemd {
            manager::reload()?;
        }
        if failed {
            return Err(CliError::new("some quadlets could not be removed"));
        }
        Ok(0)
    }

    fn names(&self, registry: &Registry) -> Vec<String> {
        let mut names = self.quadlets.clone();
        if self.all {
            let own = registry.units.iter().filter(|named| !is_distributions(named));
            names.extend(own.map(|named| named.unit.name.clone()));
            names.sort();
        }
        names
    }

    /// Removes a unit file or an application. Returns the names of the unit files.
    fn remove(
        &self,
        name: &str,
        registry: &Registry,
        applications: &Applications,
        states: &States,
    ) -> Result<Vec<String>, CliError> {
        let group = match Group::of(name, registry, applications) {
            Err(_) if self.ignore => return Ok(vec![name.to_owned()]),
            group => group?,
        };
        for named in &group.units {
            self.check(named, states)?;
        }
        for service in group.units.iter().flat_map(|named| states.running(named)) {
            manager::stop(service)?;
        }
        for path in group
            .units
            .iter()
            .map(|named| Path::new(&*named.unit.path))
            .chain(group.files.iter().map(PathBuf::as_path))
        {
            remove_file(path)?;
        }
        Ok(group.units.iter().map(|named| named.unit.name.clone()).collect())
    }

    fn check(&self, named: &Named, states: &States) -> Result<(), CliError> {
        if is_distributions(named) {
            return Err(
                CliError::new(format!("{} is the distribution's", named.unit.path)).hint(format!(
                    "`systemctl mask {}` keeps it from running",
                    named.service_file()
                )),
            );
        }
        if !self.force && !states.running(named).is_empty() {
            let name = &named.unit.name;
            return Err(CliError::new(format!(
                "quadlet {name} is running and force is not set, refusing to remove"
            )));
        }
        Ok(())
    }
}

impl<'a> Group<'a> {
    fn of(name: &str, registry: &'a Registry, applications: &Applications) -> Result<Self, CliError> {
        let application = applications.find(name).or_else(|| applications.of(name));
        let Some(application) = application else {
            let units = vec![units::find(registry, name)?];
            return Ok(Self {
                units,
                files: Vec::new(),
            });
        };
        let directory = place::directory()?;
        let own: BTreeSet<&str> = applications
            .files(application)
            .iter()
            .map(String::as_str)
            .chain([name])
            .collect();
        let is_installed = |named: &&Named| {
            own.contains(named.unit.name.as_str()) && Path::new(&*named.unit.path).starts_with(&directory)
        };
        let units: Vec<&Named> = registry.units.iter().filter(is_installed).collect();
        let names = applications
            .files(application)
            .iter()
            .map(String::as_str)
            .chain([application]);
        let files = names.map(|name| directory.join(name)).collect();
        Ok(Self { units, files })
    }
}

/// Packages own what is below `/usr`.
fn is_distributions(named: &Named) -> bool {
    named.unit.path.starts_with("/usr/")
}

/// Whoever else removed it has done the same.
fn remove_file(path: &Path) -> Result<(), CliError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error).into()),
        _ => Ok(()),
    }
}
