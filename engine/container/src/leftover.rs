//! What makes a record garbage: a container that nobody needs any more, and that nobody is going to remove.
//!
//! Who finds one does what is due: whoever wants its name removes it ([`super::create::claim`]), whoever wants its addresses or
//! ports takes it down ([`super::remove::leftover`]), and `system check` tells of it ([`super::verify`]). Records of earlier boots
//! have no process that lives ([`super::record`]), and so are judged the same way.

use super::record::{Record, State};
use unipod_store::{Lock, Store, StoreError};

/// Whether somebody is starting or removing it. Who was killed at that holds no lock any more.
pub(super) fn is_at_work(store: &Store, record: &Record) -> Result<bool, StoreError> {
    Ok(Lock::try_acquire(store, "container", &record.name)?.is_none())
}

/// Whether a container, whose lock the caller holds, was to be removed at its end and will not be: it has ended, and nobody came
/// to remove it (its unit's file is gone, say), or whoever started it in the foreground was killed before it ran.
pub(super) fn is_leftover(record: &Record) -> bool {
    let never_ran = record.unit.is_none() && record.state() == State::Created;
    record.lifecycle.rm && (never_ran || record.state() == State::Exited)
}
