//! What a pod does, seen by its members, in podman's words.

use unipod_container::record::{Record, State as Member};
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
    /// All members have ended.
    Exited,
    /// Some members have ended, and none runs.
    Stopped,
}

impl State {
    /// What a pod with these members does.
    pub fn of(store: &Store, pod: &Pod, members: &[Record]) -> Self {
        let states: Vec<Member> = members.iter().map(Record::state).collect();
        Self::judge(pod.is_up(store), &states)
    }

    fn judge(is_up: bool, members: &[Member]) -> Self {
        let count = |state: Member| members.iter().filter(|member| **member == state).count();
        let (all, running, exited) = (members.len(), count(Member::Running), count(Member::Exited));
        match (all, running, exited) {
            (0, ..) if is_up => Self::Running,
            (0, ..) => Self::Created,
            (all, running, _) if running == all => Self::Running,
            (_, 1.., _) => Self::Degraded,
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
            Self::Exited => "Exited",
            Self::Stopped => "Stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Member::{Created, Exited, Running};

    #[test]
    fn the_state_is_that_of_the_members() {
        for (is_up, members, state) in [
            (false, &[][..], State::Created),
            (true, &[], State::Running),
            (true, &[Running, Running], State::Running),
            (true, &[Running, Exited], State::Degraded),
            (true, &[Running, Created], State::Degraded),
            (true, &[Exited, Exited], State::Exited),
            (true, &[Exited, Created], State::Stopped),
            (true, &[Created], State::Created),
        ] {
            assert_eq!(State::judge(is_up, members), state, "{members:?}");
        }
    }
}
