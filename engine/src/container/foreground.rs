//! A container in the foreground: the engine is its parent, passes signals on, and ends as it ends.

use super::create::Created;
use super::record::Record;
use super::wait::Parent;
use super::{ContainerError, remove, start};
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
    let Created { mut record, lock } = created;
    let parent = Parent::prepare().map_err(|source| ContainerError::Signal { name: record.name.clone(), source })?;
    let process = match start::start(store, &mut record, image) {
        Ok(process) => process,
        Err(error) => {
            drop(lock);
            // The container never lived: what `--rm` promises is due.
            remove::clean_up(store, &record.name, None)?;
            return Err(error.into());
        }
    };
    started(&record, process.pid)?;
    drop(lock);
    let code = parent.wait(process, &record.name)?;
    remove::clean_up(store, &record.name, Some(code))?;
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}
