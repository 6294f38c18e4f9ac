//! Which pods a command is about, and doing something to each of them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::arguments;
use crate::error::CliError;
use unipod::pod::{Pod, PodError, record};
use unipod::store::{Store, named};
use unipod::systemd::Invocation;

/// Which pods are meant.
#[derive(Debug, Args)]
pub struct Targets {
    /// All pods.
    #[arg(short, long)]
    all: bool,
    /// The pod created last.
    #[arg(short, long)]
    latest: bool,
    /// Also the pod whose ID is in this file.
    #[arg(long, value_name = "FILE")]
    pod_id_file: Vec<PathBuf>,
    /// The pods, by name or ID.
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

/// What is printed of a pod that something was done to.
pub type Answer = fn(&Pod) -> String;

/// Its ID, as most commands print it.
pub fn id(pod: &Pod) -> String {
    pod.id.as_str().to_owned()
}

/// Its name, as podman's `start` and `stop` print it.
pub fn name(pod: &Pod) -> String {
    pod.name.clone()
}

/// The exit code of a failure where there is but one.
pub fn failed(_: &PodError) -> u8 {
    125
}

impl Targets {
    /// The pods. With `ignore`, one that is not there is fine; otherwise nothing is done to the others either.
    ///
    /// # Errors
    /// None is named, one is not there, or the store cannot be read.
    pub fn find(&self, store: &Store, ignore: bool, code: fn(&PodError) -> u8) -> Result<Vec<Pod>, CliError> {
        let named = !self.pods.is_empty();
        match (self.all, self.latest, !self.pod_id_file.is_empty()) {
            (true, true, _) => return Err(CliError::new("--all and --latest cannot be used together")),
            (true, _, true) | (_, true, true) => {
                return Err(CliError::new(
                    "--all, --latest, and --pod-id-file cannot be used together",
                ));
            }
            (true, ..) if named => return Err(CliError::new("no arguments are needed with --all")),
            (_, true, _) if named => return Err(CliError::new("no arguments are needed with --latest")),
            (false, false, false) if !named => return Err(CliError::new("you must provide at least one name or id")),
            _ => {}
        }
        if self.all {
            return Ok(record::list(store)?);
        }
        if self.latest {
            return Ok(vec![latest(store).map_err(|error| CliError::coded(error, code))?]);
        }
        let mut pods: Vec<Pod> = Vec::new();
        for name in self.names(ignore)? {
            match record::find(store, &name) {
                Err(PodError::NotFound(_)) if ignore => {}
                Err(error) => return Err(CliError::coded(error, code)),
                Ok(pod) if pods.iter().any(|known| known.id == pod.id) => {}
                Ok(pod) => pods.push(pod),
            }
        }
        Ok(pods)
    }

    fn names(&self, ignore: bool) -> Result<Vec<String>, CliError> {
        let mut names = self.pods.clone();
        for file in &self.pod_id_file {
            match named::read(file) {
                Ok(id) => names.push(id.trim().to_owned()),
                Err(error) if error.kind() == ErrorKind::NotFound && ignore => {}
                Err(error) => {
                    let (file, why) = (file.display(), error.to_string().to_lowercase());
                    let why = why.split(" (os error").next().unwrap_or(&why);
                    return Err(CliError::new(format!("reading pod ID file: open {file}: {why}")));
                }
            }
        }
        Ok(names)
    }

    /// Does `action` on each and prints `answer`, unless it says that there was nothing to do. `code` is the exit code of one failure.
    pub fn each(
        &self,
        store: &Store,
        ignore: bool,
        (answer, code): (Answer, fn(&PodError) -> u8),
        mut action: impl FnMut(&Pod) -> Result<bool, PodError>,
    ) -> Result<u8, CliError> {
        // A unit's journal is for what its containers say.
        let quiet = Invocation::current().is_some();
        let pods = self.find(store, ignore, code)?;
        let ids: Vec<String> = pods.iter().map(id).collect();
        Ok(arguments::each(&ids, |id| {
            let Some(pod) = pods.iter().find(|pod| pod.id.as_str() == id) else {
                return Ok(None);
            };
            match action(pod) {
                Ok(done) => Ok((done && !quiet).then(|| answer(pod))),
                // Somebody else has removed it meanwhile.
                Err(PodError::NotFound(_)) if ignore => Ok(None),
                Err(error) => Err(told(error, code)),
            }
        }))
    }

    /// The files that IDs are read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.pod_id_file.iter().map(PathBuf::as_path)
    }
}

/// The pod created last.
///
/// # Errors
/// There is none, or the store cannot be read.
pub fn latest(store: &Store) -> Result<Pod, PodError> {
    record::list(store)?.pop().ok_or(PodError::None)
}

/// One pod, by name or ID or because it is the last.
///
/// # Errors
/// It is not there, or both or none are said.
pub fn one(store: &Store, name: Option<&str>, is_latest: bool) -> Result<Pod, CliError> {
    match (name, is_latest) {
        (Some(name), false) => Ok(record::find(store, name)?),
        (None, true) => Ok(latest(store)?),
        (Some(_), true) => Err(CliError::new("no arguments are needed with --latest")),
        (None, false) => Err(CliError::new("you must provide at least one name or id")),
    }
}

/// The error, and below it a line for each member that is in the way.
fn told(error: PodError, code: fn(&PodError) -> u8) -> CliError {
    let members = match &error {
        PodError::InUse { members, .. } => members.clone(),
        _ => Vec::new(),
    };
    let mut told = CliError::coded(error, code);
    for member in members {
        told.message.push_str("\nError: ");
        told.message.push_str(&member);
    }
    told
}
