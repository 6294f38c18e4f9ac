//! `unipod quadlet install`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use clap::{ArgAction, Args};

use super::super::error::CliError;
use super::super::output;
use super::application::{Applications, put};
use super::place;
use super::source::{Bundle, File};
use super::units;
use unipod::store::StoreError;
use unipod::systemd::manager;

/// Install unit files, and what they need, for the current user.
///
/// All of them, or none if one cannot be installed. What is installed together is an application, and removed together.
///
/// Example: unipod quadlet install ./shop web.conf
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Have systemd read the unit files.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = ArgAction::Set)]
    reload_systemd: bool,
    /// Replace files that are installed already.
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    replace: bool,
    /// A unit file, a directory, a .quadlets file of several, or the address of one; then other files that belong to it.
    #[arg(required = true, value_name = "QUADLET-PATH-OR-URL")]
    paths: Vec<String>,
}

impl InstallArgs {
    pub(super) fn run(self) -> Result<u8, CliError> {
        let directory = place::directory()?;
        let mut bundle = Bundle::read(&self.paths)?;
        self.refuse_what_is_there(&directory, &mut bundle);
        if !bundle.refused.is_empty() {
            for (from, reason) in &bundle.refused {
                CliError::new(format!("quadlet {from:?} failed to install: {reason}")).report();
            }
            return Err(CliError::new("errors occurred installing some Quadlets").hint("nothing has been installed"));
        }
        self.write(&directory, &bundle)?;
        for file in &bundle.files {
            output::print_line(&directory.join(&file.name).display().to_string());
        }
        if self.reload_systemd {
            manager::reload()?;
        }
        warn(&directory, &bundle.files);
        Ok(0)
    }

    fn refuse_what_is_there(&self, directory: &Path, bundle: &mut Bundle) {
        let mut names = HashSet::new();
        for File { from, name, .. } in &bundle.files {
            let is_there = !self.replace && directory.join(name).symlink_metadata().is_ok();
            if is_there || !names.insert(name) {
                let reason = format!("a Quadlet with name {name} already exists, refusing to overwrite");
                bundle.refused.push((from.clone(), reason));
            }
        }
    }

    /// Unit files come last: what they need is there before, and what is to be removed with them is written down.
    fn write(&self, directory: &Path, bundle: &Bundle) -> Result<(), CliError> {
        fs::create_dir_all(directory).map_err(StoreError::io("create", directory))?;
        let names: Vec<&str> = bundle.files.iter().map(|file| file.name.as_str()).collect();
        Applications::read(directory)?.add(&bundle.application, &names)?;
        let (units, others): (Vec<&File>, Vec<&File>) = bundle.files.iter().partition(|file| file.is_unit());
        for file in others.into_iter().chain(units) {
            put(directory, &file.name, &file.content, self.replace)?;
        }
        Ok(())
    }
}

/// Says now what the service would say when it fails to start.
fn warn(directory: &Path, files: &[File]) {
    let is_new = |path: &str| files.iter().any(|file| directory.join(&file.name) == Path::new(path));
    for problem in units::converted().problems {
        if problem.place.as_ref().is_some_and(|place| is_new(&place.path)) {
            output::say_line(&problem.to_string());
        }
    }
}
