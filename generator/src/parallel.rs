//! Work on many items by all processors. A boot with thousands of units waits for the generator.

use std::thread;

/// Fewer items than this are not worth another thread.
const WORTH_A_THREAD: usize = 100;

/// More threads than this only wait for each other in the kernel's directory locks.
const MOST: usize = 4;

/// Applies a function to all items; the results are in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = (items.len() / WORTH_A_THREAD).clamp(1, MOST);
    if threads == 1 {
        return items.iter().map(apply).collect();
    }
    let threads = thread::available_parallelism().map_or(1, usize::from).min(threads);
    let apply = &apply;
    let work = |chunk: &[T]| chunk.iter().map(apply).collect::<Vec<R>>();
    let mut chunks = items.chunks(items.len().div_ceil(threads));
    let own = chunks.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = chunks.map(|chunk| scope.spawn(move || work(chunk))).collect();
        let mut results = work(own);
        for other in others {
            // A panic there is a bug here: let it show.
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
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
