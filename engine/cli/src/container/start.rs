//! `unipod start`.

use clap::Args;

use crate::error::CliError;
use crate::output;
use unipod::container::record::{self, Failure, Record, State};
use unipod::container::{Attendance, ContainerError, Shown, foreground, start};
use unipod::image::{self, Image};
use unipod::pod::{member, service};
use unipod::store::{Lock, Store};
use unipod::systemd::Invocation;

/// Start containers that were made before.
///
/// Example: unipod start web
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Stay in the foreground with the container's output.
    #[arg(short, long)]
    attach: bool,
    /// The containers, by name or ID.
    #[arg(required = true)]
    containers: Vec<String>,
}

impl StartArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        for name in &self.containers {
            let record = record::find(store, name)?;
            if runs_in(&record, Invocation::current().as_ref()) {
                return start_here(store, &record);
            }
            if record.is_paused() {
                let refused = format!("cannot start paused container {}", record.id);
                return Err(ContainerError::Improper(refused).into());
            }
            if record.state() == State::Running {
                continue;
            }
            if self.attach {
                return attach(store, &record);
            }
            start_unit(store, &record)?;
            output::print_line(name);
        }
        Ok(0)
    }
}

/// Whether we are the `ExecStart=` of the container's own unit.
fn runs_in(record: &Record, own: Option<&Invocation>) -> bool {
    own.zip(record.unit.as_ref())
        .is_some_and(|(own, unit)| own.unit == unit.name)
}

/// Has systemd start the container's unit, which executes this very program.
pub fn start_unit(store: &Store, record: &Record) -> Result<(), CliError> {
    Ok(service::start_container(store, record, &service::program()?)?)
}

fn start_here(store: &Store, record: &Record) -> Result<u8, CliError> {
    let _lock = Lock::acquire(store, "container", &record.name)?;
    let mut record = again(store, record)?;
    let started = bring_up(store, &mut record);
    if let Err(error) = &started {
        record.failure = Some(Failure {
            message: error.message.clone(),
            code: error.code,
        });
        record.save(store)?;
    }
    started.map(|()| 0)
}

fn bring_up(store: &Store, record: &mut Record) -> Result<(), CliError> {
    let image = image_of(store, record)?;
    let pod = member::shared(store, record)?;
    let started = start::start(store, record, image.as_ref(), Attendance::Leaves, pod.as_ref())?;
    Ok(start::hand_over(store, record, started)?)
}

fn attach(store: &Store, record: &Record) -> Result<u8, CliError> {
    service::bring_up_of(store, record, &service::program()?)?;
    let lock = Lock::acquire(store, "container", &record.name)?;
    // Whatever unit it had, it is in the caller's now, and gets a control group of its own there.
    let record = Record {
        unit: None,
        ..again(store, record)?
    };
    let image = image_of(store, &record)?;
    let pod = member::shared(store, &record)?;
    foreground::run(
        store,
        unipod::container::create::Created { record, lock },
        image.as_ref(),
        pod.as_ref(),
        Shown::ALL,
        &|_, _| Ok(()),
    )
}

/// The record as it is under the lock, with nothing of an earlier start in it.
fn again(store: &Store, record: &Record) -> Result<Record, CliError> {
    let record = record::find(store, record.id.as_str())?;
    let unit = record.unit.map(|u| record::UnitUse {
        invocation: Invocation::current().and_then(|i| i.id),
        ..u
    });
    Ok(Record {
        unit,
        process: None,
        relays: Vec::new(),
        started: None,
        exit: None,
        failure: None,
        network: None,
        cgroup: None,
        ..record
    })
}

fn image_of(store: &Store, record: &Record) -> Result<Option<Image>, CliError> {
    let Some(used) = &record.image else { return Ok(None) };
    let found = image::find(store, &used.id)?;
    found
        .map(Some)
        .ok_or_else(|| ContainerError::ImageGone(used.name.clone()).into())
}
