//! Who is told how far a pull is.

/// Where a pull reports how far it is.
pub trait Progress: Send + Sync {
    /// One line of status with the bytes that are there and that are expected, called a few times a second.
    fn report(&self, status: &str, done: u64, total: u64);
}

/// A pull that nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _status: &str, _done: u64, _total: u64) {}
}
