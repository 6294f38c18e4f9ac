//! What happened to a service the last time it ran, told from what systemd and the journal still know: [`facts`] are what
//! they say, [`verdict`] is what it means, [`next`] what systemd will do. Works on running and on forgotten services, too.

pub mod facts;
pub mod log;
pub mod next;
mod start_limit;
pub mod time;
pub mod verdict;

use serde::Serialize;

use super::manager::ManagerError;
use super::units::Units;
use facts::Facts;
use log::Log;
use verdict::Verdict;

/// Everything that is known.
#[derive(Debug, Serialize)]
pub struct PostMortem {
    /// What it means.
    pub verdict: Verdict,
    /// What systemd will do, and what starts the service, one sentence each.
    pub next: Vec<String>,
    /// What systemd says.
    pub facts: Facts,
    /// What the journal says.
    pub log: Log,
}

/// Asks about a service.
///
/// # Errors
/// systemd does not answer.
pub fn examine(service: &str, user: bool) -> Result<PostMortem, ManagerError> {
    let units = Units::connect(user)?;
    let mut facts = Facts::read(&units, service, user)?;
    let log = Log::read(&facts);
    log.started.into_iter().for_each(|start| facts.set_start(start));
    let broken = facts.broken_requirements(&units);
    let failed = facts.failed_dependents(&units);
    let verdict = Verdict::of(&facts, &log, &broken).with_failed(&facts, &failed);
    let mut next = next::tell(&facts, &verdict);
    next.extend(
        facts
            .triggers
            .iter()
            .filter_map(|trigger| next::trigger(&units, trigger)),
    );
    Ok(PostMortem {
        verdict,
        next,
        facts,
        log,
    })
}
