//! Work on many items by all processors. A boot with thousands of units waits for the generator.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Fewer items than this are not worth another thread.
const WORTH_A_THREAD: usize = 100;

/// More threads than this only wait for each other in the kernel's directory locks.
const MOST: usize = 4;

/// How many items a thread takes at a time: enough to meet the others rarely, few enough that all end together.
const AT_A_TIME: usize = 16;

/// Applies a function to all items; the results are in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = (items.len() / WORTH_A_THREAD).clamp(1, MOST);
    if threads == 1 {
        return items.iter().map(apply).collect();
    }
    let chunks: Vec<(usize, &[T])> = items.chunks(AT_A_TIME).enumerate().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        while let Some((index, chunk)) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*index, chunk.iter().map(&apply).collect()));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(processors())).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            // A panic there is a bug here: let it show.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    let mut results = Vec::with_capacity(items.len());
    for (_, part) in done {
        results.extend(part);
    }
    results
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
