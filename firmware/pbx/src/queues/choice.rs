//! The strategies: which of the free members are rung for a caller (F131-F136, C10).

use std::collections::HashMap;

use ramal_model::QueueStrategy;

use super::Member;
use super::agents::Agents;

/// What a queue remembers of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Calls taken since midnight.
    pub(super) answered: u32,
    /// Calls not taken since midnight.
    pub(super) missed: u32,
    /// Calls not taken since the last one that was.
    pub(super) missed_in_a_row: u32,
    /// When the last call ended that he took, or since when he has been there, UTC ms.
    pub(super) idle_since: i64,
}

/// What strategies remember from one ringing to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Those drawn since all others were.
    drawn: Vec<Member>,
    /// Who was rung last.
    last: Option<Member>,
}

/// What is known when members are chosen.
pub(super) struct Choice<'a> {
    pub(super) strategy: QueueStrategy,
    /// All members of the queue, in its order.
    pub(super) order: &'a [Member],
    /// Those who can be rung, in the same order; at least one.
    pub(super) free: &'a [Member],
    pub(super) tallies: &'a HashMap<Member, Tally>,
    pub(super) agents: &'a Agents,
}

impl Choice<'_> {
    /// Who is rung now. `tried` are those that were rung for the same caller since all were.
    pub(super) fn make(
        &self,
        memory: &mut Memory,
        tried: &mut Vec<Member>,
        chance: &mut dyn FnMut(usize) -> usize,
    ) -> Vec<Member> {
        let one = match self.strategy {
            QueueStrategy::RingAll => return self.free.to_vec(),
            QueueStrategy::Random => draw(self.free, chance),
            QueueStrategy::RandomMemory => {
                memory.drawn.retain(|member| self.order.contains(member));
                let left = not_in(self.free, &mut memory.drawn);
                let drawn = draw(&left, chance);
                memory.drawn.extend(drawn);
                drawn
            }
            QueueStrategy::RoundRobin => self.after(memory.last),
            QueueStrategy::Linear => not_in(self.free, tried).first().copied(),
            // Of those alike the first of the list.
            QueueStrategy::LongestIdle => not_in(self.free, tried)
                .into_iter()
                .min_by_key(|member| self.idle_since(*member)),
            QueueStrategy::FewestCalls => not_in(self.free, tried)
                .into_iter()
                .min_by_key(|member| (self.answered(*member), self.idle_since(*member))),
        };
        memory.last = one;
        tried.extend(one);
        one.into_iter().collect()
    }

    fn answered(&self, member: Member) -> u32 {
        self.tallies.get(&member).map_or(0, |tally| tally.answered)
    }

    /// Since when he has been without a call; who has had none since he came (F057).
    fn idle_since(&self, member: Member) -> i64 {
        let came = match member {
            Member::Agent(user) => self.agents.login_of(user).map_or(0, |(_, since)| since),
            Member::Extension(_) => 0,
        };
        let last = self.tallies.get(&member);
        last.map_or(0, |tally| tally.idle_since).max(came)
    }

    /// The next free one behind `last` in the list, round and round.
    fn after(&self, last: Option<Member>) -> Option<Member> {
        let place = |last| self.order.iter().position(|member| *member == last);
        let next = last.and_then(place).map_or(0, |place| place + 1);
        let (before, behind) = self.order.split_at(next.min(self.order.len()));
        let mut round = behind.iter().chain(before);
        round.find(|member| self.free.contains(member)).copied()
    }
}

/// Those of `free` that are not in `done`; when all are, a new round begins and it is all of them.
fn not_in(free: &[Member], done: &mut Vec<Member>) -> Vec<Member> {
    let left = |done: &[Member]| -> Vec<Member> {
        let left = free.iter().filter(|member| !done.contains(member));
        left.copied().collect()
    };
    let found = left(done);
    if !found.is_empty() {
        return found;
    }
    done.retain(|member| !free.contains(member));
    left(done)
}

fn draw(among: &[Member], chance: &mut dyn FnMut(usize) -> usize) -> Option<Member> {
    among
        .get(chance(among.len()).min(among.len().saturating_sub(1)))
        .copied()
}
