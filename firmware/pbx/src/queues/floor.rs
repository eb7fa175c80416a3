//! Callers and members of all queues. Pure: time, chance and the state of phones come from outside.

use std::collections::{BTreeMap, HashMap, HashSet};

use ramal_model::{
    Break, CallId, ExtensionId, Id, Objects, Party, Queue, QueueMember, Stored, UserId,
};

use super::agents::{Agents, PauseReason};
use super::choice::{Memory, Tally};
use super::promises::Promise;
use super::standing::Standing;

/// Milliseconds for which a member who has not taken a call is not rung again.
const REST_MS: i64 = 5_000;
/// Of the average length of calls, the part that the last one makes.
const LAST_CALL_WEIGHT: f64 = 0.2;

/// Somebody who takes calls of queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Member {
    /// The devices of an extension.
    Extension(ExtensionId),
    /// A user, where he has logged in.
    Agent(UserId),
}

impl From<&QueueMember> for Member {
    fn from(member: &QueueMember) -> Self {
        match member {
            QueueMember::Extension { id, .. } => Self::Extension(*id),
            QueueMember::Agent { id, .. } => Self::Agent(*id),
        }
    }
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// UTC ms.
    pub(crate) utc_ms: i64,
    /// The day in the company's time, in days since the epoch: counters begin anew with each.
    pub(crate) day: i32,
}

/// How the devices of an extension stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phone {
    /// None is in service.
    Offline,
    /// In a call, or it rings.
    Busy,
    /// It can be rung.
    Free,
}

/// Tells how the devices of an extension stand, and the agent who has logged in there.
pub(crate) type Phones<'a> = &'a dyn Fn(ExtensionId, Option<UserId>) -> Phone;

/// A caller's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A member who is to be rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) member: Member,
    /// Where.
    pub(crate) extension: ExtensionId,
}

/// What a caller does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// He waits.
    Wait,
    /// These are rung for him.
    Ring(Vec<Offer>),
    /// Nobody is there at all, and the queue does not let him wait for that.
    Empty,
    /// The queue was deleted.
    Gone,
}

/// Why somebody cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait as may.
    Full,
    /// No member is there at all.
    Empty,
}

/// How somebody has left who waited and was not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// He hung up.
    Abandoned,
    /// He has waited long enough, or nobody was there.
    SentOn,
}

/// A caller who waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) call: CallId,
    pub(super) caller: Party,
    pub(super) since: i64,
    /// Whether he has heard the greeting.
    pub(super) ready: bool,
    pub(super) offered: Vec<Offer>,
    pub(super) tried: Vec<Member>,
    /// Whether nobody is there whom he could wait for.
    pub(super) empty: bool,
    /// Whether he has hung up and is called back.
    pub(super) called_back: bool,
}

/// What is counted of a queue since midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) answered: u32,
    pub(super) abandoned: u32,
    pub(super) sent_on: u32,
    pub(super) longest_wait_ms: i64,
}

/// One queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) waiting: Vec<Waiting>,
    pub(super) memory: Memory,
    pub(super) tallies: HashMap<Member, Tally>,
    pub(super) totals: Totals,
    /// How long calls last on the average, ms; none before the first.
    call_ms: Option<f64>,
    day: i32,
}

impl Line {
    /// Counters begin anew at midnight.
    pub(super) fn begin_day(&mut self, now: Moment) {
        if self.day != now.day {
            self.day = now.day;
            self.totals = Totals::default();
            for tally in self.tallies.values_mut() {
                (tally.answered, tally.missed) = (0, 0);
            }
        }
    }
}

/// All queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floor {
    pub(super) lines: BTreeMap<Id<Queue>, Line>,
    pub(super) agents: Agents,
    /// Who is to be called back, in all queues.
    pub(super) promises: Vec<Promise>,
    /// Until when somebody is left alone after a call, UTC ms.
    pub(super) wrap_up: HashMap<Member, i64>,
    /// Until when somebody is left alone who did not take a call, UTC ms.
    pub(super) rest: HashMap<Member, i64>,
    tickets: u64,
    /// Queues that look otherwise than when this was last asked.
    pub(super) changed: HashSet<Id<Queue>>,
}

impl Floor {
    /// Somebody comes to wait, behind all others of the queue.
    pub(crate) fn enter(
        &mut self,
        queue: &Stored<Queue>,
        call: CallId,
        caller: Party,
        now: Moment,
        phone: Phones<'_>,
    ) -> Result<Ticket, NoPlace> {
        // Those who are called back take no place.
        let holds = |one: &&Waiting| !one.called_back;
        let line = self.lines.get(&queue.id);
        let waiting = line.map_or(0, |it| it.waiting.iter().filter(holds).count());
        if i64::try_from(waiting).is_ok_and(|waiting| waiting >= queue.max_callers) {
            return Err(NoPlace::Full);
        }
        if queue.on_empty.is_some() && !self.somebody_is_there(queue, now, phone) {
            return Err(NoPlace::Empty);
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.line(queue.id, now).waiting.push(Waiting {
            ticket,
            call,
            caller,
            since: now.utc_ms,
            ready: false,
            offered: Vec::new(),
            tried: Vec::new(),
            empty: false,
            called_back: false,
        });
        Ok(ticket)
    }

    /// Somebody who is called back comes again: before those who came after him, whether or not there is room.
    pub(crate) fn enter_again(
        &mut self,
        queue: Id<Queue>,
        call: CallId,
        caller: Party,
        since: i64,
        now: Moment,
    ) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let waiting = &mut self.line(queue, now).waiting;
        let behind = waiting.iter().take_while(|one| one.since <= since).count();
        waiting.insert(
            behind,
            Waiting {
                ticket,
                call,
                caller,
                since,
                ready: true,
                offered: Vec::new(),
                tried: Vec::new(),
                empty: false,
                called_back: true,
            },
        );
        ticket
    }

    /// He hangs up, keeps his place and is called back.
    pub(crate) fn is_called_back(&mut self, ticket: Ticket) {
        if let Some((id, waiting)) = self.waiting(ticket) {
            waiting.called_back = true;
            waiting.empty = false;
            self.changed.insert(id);
        }
    }

    fn line(&mut self, queue: Id<Queue>, now: Moment) -> &mut Line {
        self.changed.insert(queue);
        let line = self.lines.entry(queue).or_default();
        line.begin_day(now);
        line
    }

    pub(super) fn waiting(&mut self, ticket: Ticket) -> Option<(Id<Queue>, &mut Waiting)> {
        self.lines.iter_mut().find_map(|(id, line)| {
            let found = line.waiting.iter_mut().find(|one| one.ticket == ticket);
            Some((*id, found?))
        })
    }

    /// He has heard the greeting: from now on members are rung for him.
    pub(crate) fn ready(&mut self, ticket: Ticket) {
        if let Some((_, waiting)) = self.waiting(ticket) {
            waiting.ready = true;
        }
    }

    /// His place in the queue, 1 for the one who is next.
    pub(crate) fn position(&self, ticket: Ticket) -> Option<usize> {
        self.lines.values().find_map(|line| {
            let place = line.waiting.iter().position(|one| one.ticket == ticket)?;
            Some(place + 1)
        })
    }

    /// How long somebody at this place may have to wait, ms; none when nobody works or nothing is known yet.
    pub(crate) fn expected_wait(
        &self,
        queue: &Stored<Queue>,
        position: usize,
        now: Moment,
        phone: Phones<'_>,
    ) -> Option<i64> {
        let average = self.lines.get(&queue.id)?.call_ms?;
        let works = |member: &&QueueMember| {
            !matches!(
                self.standing(Member::from(*member), now, phone),
                Standing::LoggedOut | Standing::Offline | Standing::Paused
            )
        };
        let working = queue.members.iter().filter(works).count();
        (working > 0).then(|| (average * position as f64 / working as f64) as i64)
    }

    /// What the caller does now.
    pub(crate) fn turn(&mut self, ticket: Ticket) -> Turn {
        match self.waiting(ticket) {
            None => Turn::Gone,
            Some((_, waiting)) if waiting.empty => Turn::Empty,
            Some((_, waiting)) if waiting.offered.is_empty() => Turn::Wait,
            Some((_, waiting)) => Turn::Ring(waiting.offered.clone()),
        }
    }

    /// None of those who were rung for him has taken the call, which they have `missed` unless nothing rang. Those who are
    /// paused because of that.
    pub(crate) fn not_taken(
        &mut self,
        ticket: Ticket,
        missed: bool,
        queues: &Objects<Queue>,
        now: Moment,
    ) -> Vec<Member> {
        let Some((id, waiting)) = self.waiting(ticket) else {
            return Vec::new();
        };
        let offered = std::mem::take(&mut waiting.offered);
        let most = queues.get(id).and_then(|queue| queue.pause_after_missed);
        let mut paused = Vec::new();
        for Offer { member, .. } in offered {
            self.rest.insert(member, now.utc_ms + REST_MS);
            if !missed {
                continue;
            }
            let tally = self.line(id, now).tallies.entry(member).or_default();
            tally.missed += 1;
            tally.missed_in_a_row += 1;
            if most.is_some_and(|most| i64::from(tally.missed_in_a_row) >= most) {
                tally.missed_in_a_row = 0;
                self.agents
                    .pause(member, PauseReason::Missed {}, now.utc_ms);
                paused.push(member);
            }
        }
        paused
    }

    /// The one at this extension has taken the call; the member he is, when he was rung for it.
    pub(crate) fn taken(
        &mut self,
        ticket: Ticket,
        by: Option<ExtensionId>,
        now: Moment,
    ) -> Option<Member> {
        let (id, waiting) = self.waiting(ticket)?;
        let waited = now.utc_ms - waiting.since;
        let offers = waiting.offered.iter();
        let member = offers
            .filter(|offer| Some(offer.extension) == by)
            .map(|offer| offer.member)
            .next();
        let line = self.line(id, now);
        line.waiting.retain(|one| one.ticket != ticket);
        line.totals.answered += 1;
        line.totals.longest_wait_ms = line.totals.longest_wait_ms.max(waited);
        if let Some(member) = member {
            let tally = line.tallies.entry(member).or_default();
            tally.answered += 1;
            tally.missed_in_a_row = 0;
        }
        member
    }

    /// Somebody leaves who was not connected. Whoever was rung for him has missed nothing.
    pub(crate) fn leave(&mut self, ticket: Ticket, how: Left, now: Moment) {
        let Some((id, waiting)) = self.waiting(ticket) else {
            return;
        };
        let waited = now.utc_ms - waiting.since;
        let line = self.line(id, now);
        line.waiting.retain(|one| one.ticket != ticket);
        line.totals.longest_wait_ms = line.totals.longest_wait_ms.max(waited);
        match how {
            Left::Abandoned => line.totals.abandoned += 1,
            Left::SentOn => line.totals.sent_on += 1,
        }
    }

    /// A call of the queue has ended that a member took, after so many ms.
    pub(crate) fn call_ended(
        &mut self,
        queue: Id<Queue>,
        member: Member,
        lasted_ms: i64,
        wrap_up: i64,
        now: Moment,
    ) {
        if wrap_up > 0 {
            let until = now.utc_ms + wrap_up * 1_000;
            let before = self.wrap_up.entry(member).or_default();
            *before = until.max(*before);
        }
        let line = self.line(queue, now);
        line.tallies.entry(member).or_default().idle_since = now.utc_ms;
        let last = lasted_ms.max(0) as f64;
        line.call_ms = Some(match line.call_ms {
            Some(average) => average + LAST_CALL_WEIGHT * (last - average),
            None => last,
        });
    }

    /// A queue counts from zero.
    pub(crate) fn reset(&mut self, queue: Id<Queue>, now: Moment) {
        let line = self.line(queue, now);
        line.totals = Totals::default();
        for tally in line.tallies.values_mut() {
            (tally.answered, tally.missed) = (0, 0);
        }
    }

    /// Somebody has just come: that counts as idle from now on (F057).
    pub(crate) fn begins_work(&mut self, member: Member, now: Moment) {
        for line in self.lines.values_mut() {
            if let Some(tally) = line.tallies.get_mut(&member) {
                tally.missed_in_a_row = 0;
                tally.idle_since = tally.idle_since.max(now.utc_ms);
            }
        }
    }

    pub(super) fn somebody_is_there(&self, queue: &Queue, now: Moment, phone: Phones<'_>) -> bool {
        queue.members.iter().any(|member| {
            let standing = self.standing(Member::from(member), now, phone);
            !matches!(standing, Standing::LoggedOut | Standing::Offline)
        })
    }

    /// When something changes by itself next, UTC ms: somebody is left alone no longer, or a pause ends.
    pub(crate) fn next_change(&self, breaks: &Objects<Break>, now: Moment) -> Option<i64> {
        let alone = self.wrap_up.values().chain(self.rest.values()).copied();
        let alone = alone.filter(|until| *until > now.utc_ms);
        alone
            .chain(self.agents.next_change(breaks, now.utc_ms))
            .min()
    }

    /// Forgets what is over.
    pub(crate) fn tidy(&mut self, now: Moment) {
        self.wrap_up.retain(|_, until| *until > now.utc_ms);
        self.rest.retain(|_, until| *until > now.utc_ms);
    }

    /// Callers who wait in all queues.
    pub(crate) fn callers(&self) -> usize {
        self.lines.values().map(|line| line.waiting.len()).sum()
    }

    /// Queues that look otherwise than when this was last asked.
    pub(crate) fn take_changed(&mut self) -> Vec<Id<Queue>> {
        self.changed.drain().collect()
    }
}
