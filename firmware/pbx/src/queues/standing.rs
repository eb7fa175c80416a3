//! How members stand: who can be rung, and why somebody cannot (D3).

use std::collections::HashMap;

use ramal_model::ExtensionId;

use super::floor::Line;
use super::{Floor, Member, Moment, Phone, Phones};

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    LoggedOut,
    Offline,
    Paused,
    /// In a call, or his phone rings for another one.
    Busy,
    /// His phone rings for a caller of a queue.
    Rung,
    /// Left alone after a call, until then.
    WrapUp(i64),
    /// Left alone after a call he did not take, until then.
    Resting(i64),
    Free,
}

impl Floor {
    /// The extension where a member is.
    pub(super) fn place(&self, member: Member) -> Option<ExtensionId> {
        match member {
            Member::Extension(id) => Some(id),
            Member::Agent(user) => self.agents.extension_of(user),
        }
    }

    /// How a member stands. Who sits at an extension counts for it, and it for him.
    pub(super) fn standing(&self, member: Member, now: Moment, phone: Phones<'_>) -> Standing {
        let Some(place) = self.place(member) else {
            return Standing::LoggedOut;
        };
        let state = phone(place, self.agents.agent_at(place));
        if state == Phone::Offline {
            return Standing::Offline;
        }
        let there = [
            Some(Member::Extension(place)),
            self.agents.agent_at(place).map(Member::Agent),
        ];
        let there = || there.into_iter().flatten();
        if there().any(|one| self.agents.pause_of(one).is_some()) {
            return Standing::Paused;
        }
        let offered = |line: &Line| {
            let mut offers = line.waiting.iter().flat_map(|one| &one.offered);
            offers.any(|offer| offer.extension == place)
        };
        if self.lines.values().any(offered) {
            return Standing::Rung;
        }
        if state == Phone::Busy {
            return Standing::Busy;
        }
        let until = |times: &HashMap<Member, i64>| {
            let until = there().filter_map(|one| times.get(&one).copied()).max();
            until.filter(|until| *until > now.utc_ms)
        };
        if let Some(until) = until(&self.wrap_up) {
            return Standing::WrapUp(until);
        }
        match until(&self.rest) {
            Some(until) => Standing::Resting(until),
            None => Standing::Free,
        }
    }
}
