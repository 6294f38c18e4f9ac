//! Waiting on a condition with a deadline: the only way a test here lets time pass.

use std::thread;
use std::time::{Duration, Instant};

/// The pause between two looks at a condition. Short beside a start (35 ms), long beside a look (under 1 ms).
const PAUSE: Duration = Duration::from_millis(5);

/// Looks at `condition` until it holds or `deadline` has passed; says whether it held.
pub fn until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() >= deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
}
