//! Giving free members to those who wait.

use std::collections::HashSet;

use ramal_model::{Objects, Queue, QueueMember, Stored};

use super::choice::Choice;
use super::floor::Waiting;
use super::standing::Standing;
use super::{Floor, Member, Moment, Offer, Phones, Ticket};

impl Floor {
    /// Gives free members to those who wait: first to those of queues with a higher priority, then to those who have
    /// waited longer. Those whose turn has come.
    pub(crate) fn deal(
        &mut self,
        queues: &Objects<Queue>,
        now: Moment,
        phone: Phones<'_>,
        chance: &mut dyn FnMut(usize) -> usize,
    ) -> Vec<Ticket> {
        let mut called = self.tell_gone(queues);
        let mut row = Vec::new();
        for (id, line) in &self.lines {
            let Some(queue) = queues.get(*id) else {
                continue;
            };
            let idle = line
                .waiting
                .iter()
                .filter(|one| one.ready && one.offered.is_empty());
            let idle = idle.map(|one| (-queue.priority, one.since, one.ticket, *id));
            row.extend(idle);
        }
        row.sort_unstable();
        for (_, _, ticket, id) in row {
            let Some(queue) = queues.get(id) else {
                continue;
            };
            let called_back = |one: &Waiting| one.ticket == ticket && one.called_back;
            let line = self.lines.get(&id);
            let called_back = line.is_some_and(|line| line.waiting.iter().any(called_back));
            if queue.on_empty.is_some()
                && !called_back
                && !self.somebody_is_there(queue, now, phone)
            {
                if let Some((_, waiting)) = self.waiting(ticket) {
                    waiting.empty = true;
                    called.push(ticket);
                }
                continue;
            }
            let mut offers = self.choose(queue, ticket, now, phone, chance);
            if called_back {
                // Whoever calls him back is one.
                offers.truncate(1);
            }
            if let Some((_, waiting)) = self.waiting(ticket).filter(|_| !offers.is_empty()) {
                waiting.offered = offers;
                self.changed.insert(id);
                called.push(ticket);
            }
        }
        called
    }

    /// Those whose queue was deleted leave it.
    fn tell_gone(&mut self, queues: &Objects<Queue>) -> Vec<Ticket> {
        let mut gone = Vec::new();
        self.lines.retain(|id, line| {
            let stays = queues.get(*id).is_some();
            if !stays {
                gone.extend(line.waiting.iter().map(|one| one.ticket));
            }
            stays
        });
        gone
    }

    /// Who is rung for this caller now.
    fn choose(
        &mut self,
        queue: &Stored<Queue>,
        ticket: Ticket,
        now: Moment,
        phone: Phones<'_>,
        chance: &mut dyn FnMut(usize) -> usize,
    ) -> Vec<Offer> {
        let is_free = |member: &&QueueMember| {
            self.standing(Member::from(*member), now, phone) == Standing::Free
        };
        let free: Vec<&QueueMember> = queue.members.iter().filter(is_free).collect();
        let Some(tier) = free.iter().map(|member| member.penalty()).min() else {
            return Vec::new();
        };
        // An agent may sit at an extension that is a member itself: its phone rings once.
        let mut places = HashSet::new();
        let free: Vec<Member> = free
            .into_iter()
            .filter(|member| member.penalty() == tier)
            .map(Member::from)
            .filter(|member| self.place(*member).is_some_and(|it| places.insert(it)))
            .collect();
        let order: Vec<Member> = queue.members.iter().map(Member::from).collect();
        let Some(line) = self.lines.get_mut(&queue.id) else {
            return Vec::new();
        };
        line.begin_day(now);
        let Some(waiting) = line.waiting.iter_mut().find(|one| one.ticket == ticket) else {
            return Vec::new();
        };
        let choice = Choice {
            strategy: queue.strategy,
            order: &order,
            free: &free,
            tallies: &line.tallies,
            agents: &self.agents,
        };
        let chosen = choice.make(&mut line.memory, &mut waiting.tried, chance);
        let offer = |member| {
            let extension = self.place(member)?;
            Some(Offer { member, extension })
        };
        chosen.into_iter().filter_map(offer).collect()
    }
}
