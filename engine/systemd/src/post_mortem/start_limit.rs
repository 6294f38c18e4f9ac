//! When systemd does not start a service again any more: `StartLimitBurst=` of systemd.service(5).

use super::facts::Facts;
use crate::restart::applies;

/// Whether systemd refuses further starts. After restarts the result is that of the last run, and the limit shows in their
/// number only.
pub fn is_start_limited(facts: &Facts) -> bool {
    let burst = facts.start_limit_burst;
    let exhausted = burst > 0 && facts.restarts >= burst && applies(&facts.restart, &facts.result);
    facts.active_state == "failed" && (facts.result == "start-limit-hit" || exhausted)
}
