//! What a pod does, seen by its members, in podman's words.

use unipod_container::record::Record;
use unipod_store::Store;

use crate::record::Pod;

/// A pod's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// All members run, or it runs and has none.
    Running,
    /// Some members run.
    Degraded,
    /// All members stand still.
    Paused,
    /// All members have ended, or it has none and has ended.
    Exited,
    /// Some members have ended, and none runs.
    Stopped,
}

impl State {
    /// What a pod with these members does.
    pub fn of(store: &Store, pod: &Pod, members: &[Record]) -> Self {
        let members: Vec<&str> = members.iter().map(Record::status).collect();
        let life = match (pod.is_up(store), pod.started) {
            (true, _) => Self::Running,
            (false, Some(_)) => Self::Exited,
            (false, None) => Self::Created,
        };
        Self::judge(life, &members)
    }

    /// `life` is what the pod itself does.
    fn judge(life: Self, members: &[&str]) -> Self {
        let count = |status: &str| members.iter().filter(|member| **member == status).count();
        let (all, running, exited) = (members.len(), count("running"), count("exited"));
        match (all, running, exited) {
            (0, ..) => life,
            (all, running, _) if running == all => Self::Running,
            (_, 1.., _) => Self::Degraded,
            (all, ..) if count("paused") == all => Self::Paused,
            (all, _, exited) if exited == all => Self::Exited,
            (_, _, 1..) => Self::Stopped,
            _ => Self::Created,
        }
    }

    /// podman's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Running => "Running",
            Self::Degraded => "Degraded",
            Self::Paused => "Paused",
            Self::Exited => "Exited",
            Self::Stopped => "Stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_that_of_the_members() {
        for (life, members, state) in [
            (State::Created, &[][..], State::Created),
            (State::Running, &[], State::Running),
            (State::Exited, &[], State::Exited),
            (State::Running, &["running", "running"], State::Running),
            (State::Running, &["running", "exited"], State::Degraded),
            (State::Running, &["running", "created"], State::Degraded),
            (State::Running, &["running", "paused"], State::Degraded),
            (State::Running, &["paused", "paused"], State::Paused),
            (State::Running, &["exited", "exited"], State::Exited),
            (State::Running, &["exited", "created"], State::Stopped),
            (State::Running, &["created"], State::Created),
        ] {
            assert_eq!(State::judge(life, members), state, "{members:?}");
        }
    }
}
