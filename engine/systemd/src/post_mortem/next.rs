//! What systemd will do with a service (systemd.service(5), `Restart=`), and who else starts it.

use super::facts::Facts;
use super::start_limit::is_start_limited;
use super::time::{date, now, span};
use super::verdict::{State, Verdict};
use crate::restart::applies;
use crate::units::Units;

/// One sentence each.
pub fn tell(facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let mut sentences = Vec::new();
    match verdict.state {
        State::NotFound | State::Broken => return sentences,
        // Other units than services are not restarted.
        _ if facts.restart.is_empty() => {}
        State::Restarting => sentences.push(restarting(facts)),
        State::Running | State::Starting => sentences.push(if_it_ends(facts)),
        State::Stopping => {}
        _ => sentences.push(stays_down(facts)),
    }
    if !facts.wanted_by.is_empty() {
        sentences.push(format!("it is started together with {}", facts.wanted_by.join(" and ")));
    }
    sentences
}

/// What a timer or socket will do.
pub fn trigger(units: &Units, trigger: &str) -> Option<String> {
    if trigger.rsplit_once('.').is_none_or(|(_, suffix)| suffix != "timer") {
        return Some(format!("{trigger} starts it when something comes in"));
    }
    let mut properties = units.properties(trigger).ok()?;
    match properties.number("NextElapseUSecRealtime").filter(|at| *at > 0) {
        Some(at) => Some(format!("{trigger} starts it at {}", date(at))),
        None => Some(format!("{trigger} starts it")),
    }
}

fn restarting(facts: &Facts) -> String {
    let delay = facts.restart_delay.unwrap_or(0);
    let left = (facts.state_change.realtime + delay).saturating_sub(now());
    let restart = &facts.restart;
    format!(
        "systemd starts it again in {} (Restart={restart}, RestartSec={})",
        span(left),
        span(delay)
    )
}

fn if_it_ends(facts: &Facts) -> String {
    let after = span(facts.restart_delay.unwrap_or(0));
    let when = match facts.restart.as_str() {
        "always" => "ends",
        "on-failure" => "fails",
        "on-success" => "ends without failure",
        "on-abnormal" | "on-abort" | "on-watchdog" => "is killed",
        _ => return "when it ends, it stays down (Restart=no)".to_owned(),
    };
    format!(
        "when it {when}, systemd starts it again after {after} (Restart={})",
        facts.restart
    )
}

fn stays_down(facts: &Facts) -> String {
    if is_start_limited(facts) {
        let interval = facts.start_limit_interval.map_or_else(|| "a while".to_owned(), span);
        let burst = facts.start_limit_burst;
        return format!("systemd has given up: {burst} starts within {interval} are the limit (StartLimitBurst=)");
    }
    let restart = &facts.restart;
    if facts.active_state == "failed" && restart != "no" && !applies(restart, &facts.result) {
        return format!("nothing: Restart={restart} is not for the result \"{}\"", facts.result);
    }
    match restart.as_str() {
        "no" => "nothing: it stays down until something starts it (Restart=no)".to_owned(),
        restart => {
            format!("nothing: it stays down until something starts it (Restart={restart} is for services that run)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post_mortem::log::Log;

    fn told(active: &str, sub: &str, result: &str, restart: &str, restarts: u32) -> String {
        let facts = Facts {
            id: "web.service".into(),
            load_state: "loaded".into(),
            active_state: active.into(),
            sub_state: sub.into(),
            result: result.into(),
            restart: restart.into(),
            restarts,
            restart_delay: Some(5_000_000),
            start_limit_burst: 5,
            start_limit_interval: Some(10_000_000),
            wanted_by: vec!["multi-user.target".into()],
            ..Facts::default()
        };
        let verdict = Verdict::of(&facts, &Log::default(), &[]);
        tell(&facts, &verdict).join("; ")
    }

    #[test]
    fn the_policy_decides() {
        for (active, sub, result, restart, restarts, expected) in [
            (
                "active",
                "running",
                "success",
                "no",
                0,
                "when it ends, it stays down (Restart=no)",
            ),
            (
                "active",
                "running",
                "success",
                "on-failure",
                3,
                "when it fails, systemd starts it again after 5 s (Restart=on-failure)",
            ),
            ("failed", "failed", "exit-code", "no", 0, "nothing: it stays down"),
            (
                "failed",
                "failed",
                "exit-code",
                "on-abnormal",
                0,
                "nothing: Restart=on-abnormal is not for the result \"exit-code\"",
            ),
            (
                "failed",
                "failed",
                "exit-code",
                "on-failure",
                5,
                "systemd has given up: 5 starts within 10 s are the limit",
            ),
            ("failed", "failed", "start-limit-hit", "no", 0, "systemd has given up"),
            (
                "activating",
                "auto-restart",
                "exit-code",
                "always",
                1,
                "systemd starts it again in 0 µs",
            ),
        ] {
            let told = told(active, sub, result, restart, restarts);
            assert!(told.starts_with(expected), "{expected}: {told}");
            assert!(
                told.ends_with("; it is started together with multi-user.target"),
                "{told}"
            );
        }
    }
}
