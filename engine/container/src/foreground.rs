//! A container in the foreground: the engine is its parent, passes signals on, and ends as it ends.

use super::create::Created;
use super::output::{self, Attendance};
use super::pod::Shared;
use super::record::Record;
use super::streams::Shown;
use super::wait::Parent;
use super::{ContainerError, health, remove, start, stop, terminal};
use unipod_image::Image;
use unipod_store::Store;

/// Starts the container, calls `started` with its record and its init's PID, waits for it while what it writes is `shown`, and cleans
/// up after it.
/// Returns its exit code.
///
/// # Errors
/// It cannot be started, `started` fails, or cleaning up does.
pub fn run<E: From<ContainerError>>(
    store: &Store,
    created: Created,
    image: Option<&Image>,
    pod: Option<&Shared>,
    shown: Shown,
    started: &dyn Fn(&Record, u32) -> Result<(), E>,
) -> Result<u8, E> {
    let Created { mut record, lock } = created;
    let parent = Parent::prepare().map_err(|source| ContainerError::Signal {
        name: record.name.clone(),
        source,
    })?;
    let begun = start::start(store, &mut record, image, Attendance::Stays, pod)
        .map_err(E::from)
        .and_then(|mut ready| {
            let process = ready.process;
            started(&record, process.pid)?;
            let copying = output::begin_copying(ready.copies.take(), shown)?;
            let terminal = ready.terminal.take().map(terminal::attach).transpose();
            let terminal = terminal.map_err(output::failed("a terminal"))?;
            ready.release()?;
            health::start_prober(store, &record)?;
            Ok((process, copying, terminal))
        });
    drop(lock);
    let (process, copying, terminal) = match begun {
        Ok(running) => running,
        Err(error) => {
            // The container never lived: what `--rm` promises is due.
            stop::stop(&record, Some(0))?;
            remove::clean_up(store, &record, None)?;
            return Err(error);
        }
    };
    let code = parent.wait(process, &record.name, terminal.as_ref())?;
    drop(terminal);
    if let Some(copying) = copying {
        copying.drain();
    }
    remove::clean_up(store, &record, Some(code))?;
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}
