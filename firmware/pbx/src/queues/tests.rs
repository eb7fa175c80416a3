//! The definition of each strategy, and what holds for any history.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use ramal_model::{
    Break, CallId, ExtensionId, Id, Objects, Party, Queue, QueueMember, QueueStrategy, Stored,
    UserId,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::floor::Left;
use super::*;

const QUEUE: i64 = 600;
/// Longer than anybody rests.
const LATER: i64 = 10_000;

/// A floor with some time of its own.
struct Office {
    floor: Floor,
    queues: Objects<Queue>,
    phones: HashMap<i64, Phone>,
    now: i64,
    chance: StdRng,
}

fn extension(id: i64, penalty: i64) -> QueueMember {
    QueueMember::Extension {
        id: ExtensionId(id),
        penalty,
    }
}

fn party() -> Party {
    Party {
        number: "5551".into(),
        name: String::new(),
    }
}

impl Office {
    /// With members 1 to `members`, all there.
    fn new(strategy: QueueStrategy, members: i64) -> Self {
        let queue = Queue {
            name: "Vendas".into(),
            number: "600".into(),
            strategy,
            members: (1..=members).map(|id| extension(id, 0)).collect(),
            max_callers: 500,
            wrap_up: 0,
            ..Queue::default()
        };
        let mut office = Self {
            floor: Floor::default(),
            queues: Objects::default(),
            phones: (1..=members).map(|id| (id, Phone::Free)).collect(),
            now: 1_000_000,
            chance: StdRng::seed_from_u64(7),
        };
        office.set(QUEUE, queue);
        office
    }

    fn set(&mut self, id: i64, settings: Queue) {
        let id = Id::new(id);
        self.queues.insert(Stored { id, settings });
    }

    fn change(&mut self, change: impl FnOnce(&mut Queue)) {
        let mut settings = self.queues.get(Id::new(QUEUE)).unwrap().settings.clone();
        change(&mut settings);
        self.set(QUEUE, settings);
    }

    fn moment(&self) -> Moment {
        Moment {
            utc_ms: self.now,
            day: (self.now / 86_400_000) as i32,
        }
    }

    fn try_enter(&mut self, queue: i64) -> Result<Ticket, NoPlace> {
        let queue = self.queues.get(Id::new(queue)).unwrap().clone();
        let phones = self.phones.clone();
        let call = CallId::new(self.now, [0; 10]);
        let now = self.moment();
        let phone = |id: ExtensionId, _| phones.get(&id.0).copied().unwrap_or(Phone::Offline);
        let ticket = self.floor.enter(&queue, call, party(), now, &phone)?;
        self.floor.ready(ticket);
        Ok(ticket)
    }

    fn enter(&mut self) -> Ticket {
        self.try_enter(QUEUE).unwrap()
    }

    fn deal(&mut self) {
        let phones = &self.phones;
        let phone = |id: ExtensionId, _| phones.get(&id.0).copied().unwrap_or(Phone::Offline);
        let now = Moment {
            utc_ms: self.now,
            day: (self.now / 86_400_000) as i32,
        };
        let chance = &mut self.chance;
        self.floor.deal(&self.queues, now, &phone, &mut |among| {
            chance.random_range(0..among)
        });
    }

    /// The ids of those who ring for a caller now.
    fn rung(&mut self, ticket: Ticket) -> Vec<i64> {
        self.deal();
        match self.floor.turn(ticket) {
            Turn::Ring(offers) => offers.iter().map(|offer| offer.extension.0).collect(),
            _ => Vec::new(),
        }
    }

    fn not_taken(&mut self, ticket: Ticket) -> Vec<Member> {
        let now = self.moment();
        self.floor.not_taken(ticket, true, &self.queues, now)
    }

    /// A call that this one takes, whoever rings, and that lasts a minute.
    fn answered_by(&mut self, member: i64) {
        let ticket = self.enter();
        for _ in 0..20 {
            if self.rung(ticket).contains(&member) {
                let now = self.moment();
                let taken = self.floor.taken(ticket, Some(ExtensionId(member)), now);
                self.now += 60_000;
                self.end(taken.unwrap());
                return;
            }
            self.not_taken(ticket);
            self.now += LATER;
        }
        panic!("{member} is never rung");
    }

    fn end(&mut self, member: Member) {
        let queue = self.queues.get(Id::new(QUEUE)).unwrap().clone();
        let now = self.moment();
        self.floor
            .call_ended(queue.id, member, 60_000, queue.wrap_up, now);
    }

    /// Who rings in so many unanswered rings of one call after another, each rung three times.
    fn unanswered(&mut self, rings: usize) -> Vec<i64> {
        let mut rung = Vec::new();
        while rung.len() < rings {
            let ticket = self.enter();
            for _ in 0..3 {
                rung.extend(self.rung(ticket));
                self.not_taken(ticket);
                self.now += LATER;
            }
            let now = self.moment();
            self.floor.leave(ticket, Left::Abandoned, now);
        }
        rung
    }
}

#[test]
fn at_10_all_ring_and_the_others_have_missed_nothing() {
    let mut office = Office::new(QueueStrategy::RingAll, 3);
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [1, 2, 3]);
    let now = office.moment();
    let taken = office.floor.taken(ticket, Some(ExtensionId(2)), now);
    assert_eq!(taken, Some(Member::Extension(ExtensionId(2))));
    let tallies = &office.floor.lines[&Id::new(QUEUE)].tallies;
    assert!(tallies.values().all(|tally| tally.missed == 0));
    // The next caller gets those who are left.
    office.phones.insert(2, Phone::Busy);
    let next = office.enter();
    assert_eq!(office.rung(next), [1, 3]);
}

#[test]
fn at_10_longest_idle_is_whose_last_answered_call_ended_first() {
    let mut office = Office::new(QueueStrategy::LongestIdle, 3);
    for member in [3, 1, 2] {
        office.answered_by(member);
    }
    let ticket = office.enter();
    let mut order = Vec::new();
    for _ in 0..4 {
        order.extend(office.rung(ticket));
        office.not_taken(ticket);
        office.now += LATER;
    }
    assert_eq!(
        order,
        [3, 1, 2, 3],
        "who does not answer is followed by the next"
    );
}

#[test]
fn at_10_fewest_calls_since_midnight() {
    let mut office = Office::new(QueueStrategy::FewestCalls, 3);
    for member in [1, 1, 2] {
        office.answered_by(member);
    }
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [3]);
    let now = office.moment();
    office.floor.leave(ticket, Left::Abandoned, now);
    // After midnight all have had none; of those alike who has been idle longest.
    office.answered_by(3);
    office.now += 86_400_000;
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [1]);
    let now = office.moment();
    office.floor.taken(ticket, Some(ExtensionId(1)), now);
    office.floor.reset(Id::new(QUEUE), now);
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [1], "reset counts from zero");
}

#[test]
fn at_10_linear_begins_at_the_head_of_the_list_on_every_call() {
    let mut office = Office::new(QueueStrategy::Linear, 0);
    office.phones = [1, 2, 3].map(|id| (id, Phone::Free)).into();
    office.change(|queue| {
        queue.members = [2, 1, 3].map(|id| extension(id, 0)).to_vec();
    });
    assert_eq!(office.unanswered(9), [2, 1, 3, 2, 1, 3, 2, 1, 3]);
}

#[test]
fn at_10_round_robin_goes_on_behind_the_last_one() {
    let mut office = Office::new(QueueStrategy::RoundRobin, 3);
    for member in [1, 2, 3, 1] {
        let ticket = office.enter();
        assert_eq!(office.rung(ticket), [member]);
        let now = office.moment();
        office.floor.taken(ticket, Some(ExtensionId(member)), now);
    }
}

#[test]
fn at_10_by_chance_each_gets_about_as_many() {
    let mut office = Office::new(QueueStrategy::Random, 3);
    let mut counts = HashMap::new();
    for _ in 0..300 {
        let ticket = office.enter();
        let rung = office.rung(ticket)[0];
        *counts.entry(rung).or_insert(0) += 1;
        let now = office.moment();
        office.floor.taken(ticket, Some(ExtensionId(rung)), now);
    }
    assert!(
        counts.values().all(|count| (70..=130).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn at_10_random_memory_rings_nobody_twice_before_all_others() {
    let mut office = Office::new(QueueStrategy::RandomMemory, 3);
    let rung = office.unanswered(30);
    let blocks: HashSet<Vec<i64>> = rung.chunks(3).map(<[i64]>::to_vec).collect();
    for block in &blocks {
        let mut sorted = block.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 3], "{rung:?}");
    }
    assert!(blocks.len() > 1, "it is chance all the same: {rung:?}");
}

#[test]
fn at_10_the_strategy_changes_while_somebody_waits() {
    let mut office = Office::new(QueueStrategy::Linear, 3);
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [1]);
    for strategy in [
        QueueStrategy::RingAll,
        QueueStrategy::RandomMemory,
        QueueStrategy::Linear,
    ] {
        office.change(|queue| queue.strategy = strategy);
        office.not_taken(ticket);
        office.now += LATER;
        assert!(!office.rung(ticket).is_empty(), "{strategy:?}");
        assert_eq!(office.floor.position(ticket), Some(1));
    }
    // A member who is taken from the list rings no more; a queue without members keeps its callers.
    office.change(|queue| queue.members.clear());
    office.not_taken(ticket);
    office.now += LATER;
    assert!(office.rung(ticket).is_empty());
    assert_eq!(office.floor.position(ticket), Some(1));
    // One that is deleted lets them go.
    office.queues.remove(Id::new(QUEUE));
    office.deal();
    assert_eq!(office.floor.turn(ticket), Turn::Gone);
}

#[test]
fn at_11_one_more_than_may_wait_is_full() {
    let mut office = Office::new(QueueStrategy::RingAll, 1);
    office.phones.insert(1, Phone::Busy);
    office.change(|queue| queue.max_callers = 25);
    let tickets: Vec<_> = (0..25).map(|_| office.enter()).collect();
    assert_eq!(office.try_enter(QUEUE), Err(NoPlace::Full));
    assert_eq!(office.floor.position(tickets[24]), Some(25));
    let now = office.moment();
    office.floor.leave(tickets[3], Left::Abandoned, now);
    assert_eq!(office.floor.position(tickets[24]), Some(24));
    assert!(office.try_enter(QUEUE).is_ok());
}

#[test]
fn f139_callers_of_the_queue_with_the_higher_priority_come_first_then_who_waits_longer() {
    let mut office = Office::new(QueueStrategy::RingAll, 1);
    office.phones.insert(1, Phone::Busy);
    let mut urgent = office.queues.get(Id::new(QUEUE)).unwrap().settings.clone();
    urgent.priority = 10;
    office.set(601, urgent);
    let first = office.enter();
    office.now += 1_000;
    let second = office.enter();
    office.now += 1_000;
    let vip = office.try_enter(601).unwrap();
    office.phones.insert(1, Phone::Free);
    for ticket in [vip, first, second] {
        assert_eq!(office.rung(ticket), [1]);
        let now = office.moment();
        office.floor.taken(ticket, Some(ExtensionId(1)), now);
    }
}

#[test]
fn f138_a_higher_penalty_rings_only_when_the_lower_ones_are_not_free() {
    let mut office = Office::new(QueueStrategy::RingAll, 3);
    office.change(|queue| {
        queue.members = vec![extension(1, 0), extension(2, 5), extension(3, 5)];
    });
    let ticket = office.enter();
    assert_eq!(office.rung(ticket), [1]);
    office.not_taken(ticket);
    // While the first one is left alone after what he missed.
    assert_eq!(office.rung(ticket), [2, 3]);
    office.not_taken(ticket);
    office.now += LATER;
    assert_eq!(office.rung(ticket), [1]);
}

#[test]
fn f141_a_member_is_left_alone_after_a_call_and_paused_after_missed_ones() {
    let mut office = Office::new(QueueStrategy::Linear, 1);
    office.change(|queue| {
        queue.wrap_up = 20;
        queue.pause_after_missed = Some(2);
    });
    office.answered_by(1);
    let ticket = office.enter();
    assert!(office.rung(ticket).is_empty());
    let breaks = Objects::default();
    let due = office.floor.next_change(&breaks, office.moment());
    assert_eq!(due, Some(office.now + 20_000));
    office.now += 20_000;
    assert_eq!(office.rung(ticket), [1]);
    assert_eq!(office.not_taken(ticket), []);
    office.now += LATER;
    assert_eq!(office.rung(ticket), [1]);
    let him = Member::Extension(ExtensionId(1));
    assert_eq!(office.not_taken(ticket), [him]);
    office.now += LATER;
    assert!(office.rung(ticket).is_empty());
    let now = office.now;
    office
        .floor
        .agents
        .resume(him, &breaks, EndedBy::Himself, now)
        .unwrap();
    assert_eq!(office.rung(ticket), [1]);
}

#[test]
fn somebody_who_cannot_wait_for_anybody_goes_on_when_all_have_left() {
    let mut office = Office::new(QueueStrategy::RingAll, 1);
    office.change(|queue| queue.on_empty = Some(ramal_model::Destination::default()));
    office.phones.insert(1, Phone::Busy);
    let ticket = office.enter();
    assert_eq!(office.floor.turn(ticket), Turn::Wait);
    office.phones.insert(1, Phone::Offline);
    office.deal();
    assert_eq!(office.floor.turn(ticket), Turn::Empty);
    assert_eq!(office.try_enter(QUEUE), Err(NoPlace::Empty));
}

#[test]
fn the_expected_wait_follows_the_length_of_calls_and_those_who_work() {
    let mut office = Office::new(QueueStrategy::Linear, 2);
    let queue = office.queues.get(Id::new(QUEUE)).unwrap().clone();
    let phone = |_, _| Phone::Free;
    let now = office.moment();
    assert_eq!(office.floor.expected_wait(&queue, 4, now, &phone), None);
    office.answered_by(1);
    let wait = office
        .floor
        .expected_wait(&queue, 4, office.moment(), &phone);
    assert_eq!(wait, Some(120_000));
}

fn lunch(overrun: bool) -> Objects<Break> {
    let mut breaks = Objects::default();
    breaks.insert(Stored {
        id: Id::new(1),
        settings: Break {
            name: "Lunch".into(),
            minutes: 1,
            max_agents: 1,
            allow_overrun: overrun,
            ..Break::default()
        },
    });
    breaks
}

#[test]
fn at_04_a_break_has_room_for_so_many_and_ends_by_itself() {
    let breaks = lunch(false);
    let lunch = Id::new(1);
    let mut agents = super::agents::Agents::default();
    let (ana, bruno) = (UserId(1), UserId(2));
    agents.log_in(ana, ExtensionId(1), 0).unwrap();
    agents.log_in(bruno, ExtensionId(2), 0).unwrap();
    assert_eq!(agents.log_in(bruno, ExtensionId(1), 0), Err(ana));
    agents
        .take_break(Member::Agent(ana), lunch, &breaks, 1_000)
        .unwrap();
    let refused = agents.take_break(Member::Agent(bruno), lunch, &breaks, 2_000);
    let full = AgentRefusal::BreakFull {
        in_use: 1,
        max: 1,
        place: 1,
    };
    assert_eq!(refused, Err(full));
    // Warned a minute before, which is at once, and back at work after 60 s, however late the clerk looks.
    assert_eq!(agents.next_change(&breaks, 2_000), Some(2_000));
    assert_eq!(agents.tick(&breaks, 2_000).len(), 1);
    assert_eq!(agents.next_change(&breaks, 2_000), Some(61_000));
    assert!(agents.tick(&breaks, 60_999).is_empty());
    agents.tick(&breaks, 61_500);
    assert!(agents.pause_of(Member::Agent(ana)).is_none());
    let (_, intervals) = agents.take_changes();
    assert_eq!(intervals.len(), 1);
    let one = &intervals[0];
    assert_eq!((one.began_at, one.ended_at), (1_000, 61_000));
    assert_eq!((one.ended_by.as_str(), one.exceeded), ("time", false));
    agents
        .take_break(Member::Agent(bruno), lunch, &breaks, 70_000)
        .unwrap();
}

#[test]
fn at_04_a_break_that_may_last_longer_is_marked() {
    let breaks = lunch(true);
    let mut agents = super::agents::Agents::default();
    let ana = UserId(1);
    agents.log_in(ana, ExtensionId(1), 0).unwrap();
    agents
        .take_break(Member::Agent(ana), Id::new(1), &breaks, 0)
        .unwrap();
    assert!(agents.tick(&breaks, 100_000).is_empty());
    assert_eq!(agents.next_change(&breaks, 100_000), None);
    agents
        .log_out(ana, &breaks, EndedBy::SomebodyElse, 100_000)
        .unwrap();
    let (_, intervals) = agents.take_changes();
    let kinds: Vec<_> = intervals
        .iter()
        .map(|one| (one.kind.as_str(), one.exceeded, one.ended_by.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("pause", true, "somebody_else"),
            ("login", false, "somebody_else")
        ]
    );
}

#[derive(Clone, Debug)]
enum Happens {
    Comes(i64),
    GivesUp(usize),
    Taken(usize, usize),
    NotTaken(usize),
    Ends(usize),
    Phone(i64, Phone),
    Strategy(i64, QueueStrategy),
    Passes(i64),
    LogsIn(i64, i64),
    Pauses(i64),
    Resumes(i64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let strategy = prop_oneof![
        Just(QueueStrategy::RingAll),
        Just(QueueStrategy::LongestIdle),
        Just(QueueStrategy::FewestCalls),
        Just(QueueStrategy::Random),
        Just(QueueStrategy::RandomMemory),
        Just(QueueStrategy::Linear),
        Just(QueueStrategy::RoundRobin),
    ];
    let phone = prop_oneof![Just(Phone::Offline), Just(Phone::Busy), Just(Phone::Free)];
    prop_oneof![
        4 => (600..602i64).prop_map(Happens::Comes),
        1 => any::<usize>().prop_map(Happens::GivesUp),
        3 => any::<(usize, usize)>().prop_map(|(who, by)| Happens::Taken(who, by)),
        3 => any::<usize>().prop_map(Happens::NotTaken),
        2 => any::<usize>().prop_map(Happens::Ends),
        2 => (1..6i64, phone).prop_map(|(id, phone)| Happens::Phone(id, phone)),
        1 => (600..602i64, strategy).prop_map(|(id, it)| Happens::Strategy(id, it)),
        3 => (0..30_000i64).prop_map(Happens::Passes),
        1 => (1..4i64, 1..6i64).prop_map(|(user, at)| Happens::LogsIn(user, at)),
        1 => (1..4i64).prop_map(Happens::Pauses),
        1 => (1..4i64).prop_map(Happens::Resumes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_nobody_rings_for_two_and_nobody_rings_who_may_not(
        history in proptest::collection::vec(happens(), 1..120),
    ) {
        let mut office = Office::new(QueueStrategy::RingAll, 4);
        let mut members: Vec<_> = (1..=3).map(|id| extension(id, id / 3)).collect();
        members.extend((1..=3).map(|id| QueueMember::Agent { id: UserId(id), penalty: id / 2 }));
        for id in [600, 601] {
            let settings = Queue {
                members: members.clone(),
                max_callers: 5,
                wrap_up: 7,
                pause_after_missed: Some(3),
                priority: id - 600,
                ..office.queues.get(Id::new(600)).unwrap().settings.clone()
            };
            office.set(id, settings);
        }
        let breaks = Objects::default();
        let mut waiting: Vec<(Ticket, i64)> = Vec::new();
        let mut talking: Vec<(Member, i64, i64)> = Vec::new();
        let mut quiet: HashMap<Member, i64> = HashMap::new();
        for happens in history {
            match happens {
                Happens::Comes(queue) => {
                    let there = waiting.iter().filter(|(_, of)| *of == queue).count();
                    match office.try_enter(queue) {
                        Ok(ticket) => {
                            prop_assert!(there < 5);
                            prop_assert_eq!(office.floor.position(ticket), Some(there + 1));
                            waiting.push((ticket, queue));
                        }
                        Err(NoPlace::Full) => prop_assert_eq!(there, 5),
                        Err(NoPlace::Empty) => prop_assert!(false, "it has no way for that"),
                    }
                }
                Happens::GivesUp(who) if !waiting.is_empty() => {
                    let (ticket, _) = waiting.remove(who % waiting.len());
                    let now = office.moment();
                    office.floor.leave(ticket, Left::Abandoned, now);
                }
                Happens::Taken(who, by) if !waiting.is_empty() => {
                    let (ticket, queue) = waiting[who % waiting.len()];
                    if let Turn::Ring(offers) = office.floor.turn(ticket) {
                        let offer = offers[by % offers.len()];
                        let now = office.moment();
                        let member = office.floor.taken(ticket, Some(offer.extension), now);
                        prop_assert_eq!(member, Some(offer.member));
                        office.phones.insert(offer.extension.0, Phone::Busy);
                        talking.push((offer.member, offer.extension.0, queue));
                        waiting.retain(|(one, _)| *one != ticket);
                    }
                }
                Happens::NotTaken(who) if !waiting.is_empty() => {
                    let (ticket, _) = waiting[who % waiting.len()];
                    office.not_taken(ticket);
                }
                Happens::Ends(which) if !talking.is_empty() => {
                    let (member, at, queue) = talking.remove(which % talking.len());
                    let now = office.moment();
                    office.floor.call_ended(Id::new(queue), member, 1_000, 7, now);
                    office.phones.insert(at, Phone::Free);
                    quiet.insert(member, office.now + 7_000);
                }
                Happens::Phone(id, phone) if !talking.iter().any(|(_, at, _)| *at == id) => {
                    office.phones.insert(id, phone);
                }
                Happens::Strategy(queue, strategy) => {
                    let mut settings = office.queues.get(Id::new(queue)).unwrap().settings.clone();
                    settings.strategy = strategy;
                    office.set(queue, settings);
                }
                Happens::Passes(ms) => office.now += ms,
                Happens::LogsIn(user, at) => {
                    let now = office.now;
                    let _ = office.floor.agents.log_in(UserId(user), ExtensionId(at), now);
                }
                Happens::Pauses(user) => {
                    let now = office.now;
                    let agent = Member::Agent(UserId(user));
                    office.floor.agents.pause(agent, PauseReason::Plain {}, now);
                }
                Happens::Resumes(user) => {
                    let now = office.now;
                    let agent = Member::Agent(UserId(user));
                    let _ = office.floor.agents.resume(agent, &breaks, EndedBy::Himself, now);
                }
                _ => {}
            }
            let before: HashSet<Ticket> = waiting
                .iter()
                .map(|(ticket, _)| *ticket)
                .filter(|ticket| office.floor.turn(*ticket) != Turn::Wait)
                .collect();
            office.deal();
            let mut rung = HashSet::new();
            for (ticket, _) in &waiting {
                let Turn::Ring(offers) = office.floor.turn(*ticket) else {
                    continue;
                };
                for Offer { member, extension } in offers {
                    prop_assert!(rung.insert(extension), "{extension} rings for two");
                    if before.contains(ticket) {
                        continue;
                    }
                    prop_assert_eq!(office.phones.get(&extension.0), Some(&Phone::Free));
                    prop_assert!(office.floor.agents.pause_of(member).is_none());
                    prop_assert!(quiet.get(&member).is_none_or(|until| *until <= office.now));
                    prop_assert_eq!(office.floor.place(member), Some(extension));
                }
            }
            // Nobody of a queue who waits longer is passed by somebody who is rung from now on.
            for queue in [600, 601] {
                let of_queue = waiting.iter().filter(|(_, of)| *of == queue);
                let states: Vec<_> = of_queue
                    .map(|(ticket, _)| (before.contains(ticket), office.floor.turn(*ticket) == Turn::Wait))
                    .collect();
                let first_who_waits = states.iter().position(|(_, waits)| *waits);
                if let Some(first) = first_who_waits {
                    for (rang_before, waits) in &states[first..] {
                        prop_assert!(*waits || *rang_before, "somebody was passed by");
                    }
                }
            }
        }
    }
}
