//! When systemd starts a service again: `Restart=` and `StartLimitBurst=` of systemd.service(5).

use super::facts::Facts;

/// Whether systemd refuses further starts. After restarts the result is that of the last run, and the limit shows in their
/// number only.
pub fn is_start_limited(facts: &Facts) -> bool {
    let burst = facts.start_limit_burst;
    let exhausted = burst > 0 && facts.restarts >= burst && applies(&facts.restart, &facts.result);
    facts.active_state == "failed" && (facts.result == "start-limit-hit" || exhausted)
}

/// The table in systemd.service(5).
pub fn applies(restart: &str, result: &str) -> bool {
    match restart {
        "always" => true,
        "on-success" => result == "success",
        "on-failure" => result != "success",
        "on-abnormal" => !matches!(result, "success" | "exit-code"),
        "on-abort" => matches!(result, "signal" | "core-dump"),
        "on-watchdog" => result == "watchdog",
        _ => false,
    }
}
