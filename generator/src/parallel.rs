//! Work on many items by all processors. A boot with thousands of units waits for the generator.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// Fewer items than this are not worth another thread.
const WORTH_A_THREAD: usize = 100;

/// More threads than this only wait for each other in the kernel's directory locks.
const MOST: usize = 4;

/// How many items a thread takes at a time: enough to meet the others rarely, few enough that all end together.
const AT_A_TIME: usize = 16;

/// Applies a function to all items; the results are in the order of the items.
///
/// # Panics
/// If the function does.
pub fn map<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = (items.len() / WORTH_A_THREAD).clamp(1, MOST);
    if threads == 1 {
        return items.iter().map(apply).collect();
    }
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let parts = Mutex::new(items.chunks(AT_A_TIME).zip(results.chunks_mut(AT_A_TIME)));
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((items, results)) = next() {
            for (item, result) in items.iter().zip(results) {
                *result = Some(apply(item));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(processors()) {
            scope.spawn(work);
        }
        work();
    });
    // Unlike `flatten()`, this needs no second vector.
    let results = results.into_iter().map(|result| result.expect("no part is left out"));
    results.collect()
}

/// How many threads can run at once. Found out once: it takes reading the limits of all control groups.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_the_order() {
        for count in [0, 1, 99, 1000, 1001] {
            let items: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(super::map(&items, |item| item * 2), doubled);
        }
    }
}
