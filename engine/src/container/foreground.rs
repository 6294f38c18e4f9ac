//! A container in the foreground: the engine is its parent, passes signals on, and ends as it ends.

use std::io::{self, IsTerminal};

use super::create::Created;
use super::output::{self, Attendance};
use super::record::Record;
use super::wait::Parent;
use super::{ContainerError, health, remove, start, stop};
use crate::image::Image;
use crate::store::Store;

/// Starts the container, calls `started` with its record and its init's PID, waits for it, and cleans up after it.
/// Returns its exit code.
///
/// # Errors
/// It cannot be started, `started` fails, or cleaning up does.
pub fn run<E: From<ContainerError>>(
    store: &Store,
    created: Created,
    image: Option<&Image>,
    started: &dyn Fn(&Record, u32) -> Result<(), E>,
) -> Result<u8, E> {
    if created.record.options.tty && io::stdin().is_terminal() {
        return on_terminal(store, created, image);
    }
    let Created { mut record, lock } = created;
    let parent = Parent::prepare().map_err(|source| ContainerError::Signal {
        name: record.name.clone(),
        source,
    })?;
    let begun = start::start(store, &mut record, image, Attendance::Stays)
        .map_err(E::from)
        .and_then(|mut ready| {
            let process = ready.process;
            started(&record, process.pid)?;
            let copying = output::begin_copying(ready.copies.take())?;
            ready.release()?;
            health::start_prober(store, &record)?;
            Ok((process, copying))
        });
    drop(lock);
    let (process, copying) = match begun {
        Ok(running) => running,
        Err(error) => {
            // The container never lived: what `--rm` promises is due.
            stop::stop(&record, Some(0))?;
            remove::clean_up(store, &record, None)?;
            return Err(error);
        }
    };
    let code = parent.wait(process, &record.name)?;
    if let Some(copying) = copying {
        copying.drain();
    }
    remove::clean_up(store, &record, Some(code))?;
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

/// With a terminal, the OCI runtime is the parent.
fn on_terminal<E: From<ContainerError>>(store: &Store, created: Created, image: Option<&Image>) -> Result<u8, E> {
    let Created { mut record, lock } = created;
    // Others may stop it once it runs; the lock is gone when the start has failed, too.
    let ended = start::run_on_terminal(store, &mut record, image, move || drop(lock));
    remove::clean_up(store, &record, ended.as_ref().ok().copied())?;
    Ok(u8::try_from(ended?).unwrap_or(u8::MAX))
}
