//! Ten thousand random calls between a user and a network: refused, answered, overlapped, given up, colliding, restarted,
//! with frames lost and the link cut. Afterwards no call, channel or timer may be left, and both sides agree.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ramal_isdn::*;
use rand::RngExt;
use wire::{Side, Trouble, Wire};

const SIDES: [Side; 2] = [Side::User, Side::Network];

/// What both call controls do, and what they have seen.
struct Run {
    wire: Wire,
    /// What is to be done later, by time.
    agenda: BTreeMap<(Instant, u64), (Side, CallId, Command)>,
    planned: u64,
    /// Calls that are not released.
    alive: BTreeSet<(bool, CallId)>,
    ended: u64,
    answered: u64,
    refused: u64,
}

impl Run {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            agenda: BTreeMap::new(),
            planned: 0,
            alive: BTreeSet::new(),
            ended: 0,
            answered: 0,
            refused: 0,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.wire.random.random_range(0..100) < percent
    }

    fn later(&mut self, most_ms: u64, side: Side, call: CallId, command: Command) {
        let delay = Duration::from_millis(self.wire.random.random_range(0..most_ms));
        self.planned += 1;
        let key = (self.wire.now + delay, self.planned);
        self.agenda.insert(key, (side, call, command));
    }

    fn hang_up_later(&mut self, most_ms: u64, side: Side, call: CallId) {
        let causes = [16, 17, 18, 19, 21, 27, 41];
        let cause = causes[self.wire.random.random_range(0..causes.len())];
        let cause = Cause::new(cause).unwrap();
        let in_band = self.chance(15);
        self.later(most_ms, side, call, Command::Disconnect { cause, in_band });
    }

    fn new_call(&mut self, side: Side) {
        let mut call = OutgoingCall::new(PartyNumber::new("5133").unwrap());
        call.complete = !self.chance(30);
        if self.chance(10) {
            call.channel = Some(self.wire.random.random_range(1..=31));
        }
        let complete = call.complete;
        let Ok(id) = self.wire.setup(side, call) else {
            return;
        };
        assert!(self.alive.insert((side == Side::User, id)));
        if !complete {
            for last in [false, false, true] {
                let digits = PartyNumber::new("4").unwrap();
                let complete = last;
                self.later(3_000, side, id, Command::Digits { digits, complete });
            }
        }
        if self.chance(20) {
            self.hang_up_later(4_000, side, id);
        }
    }

    fn on_event(&mut self, side: Side, event: Event) {
        match event {
            Event::Incoming { call, setup } => {
                assert!(self.alive.insert((side == Side::User, call)));
                match self.wire.random.random_range(0..10) {
                    0..3 => self.hang_up_later(500, side, call),
                    // Nobody cares: the peer's timers have to.
                    3 => {}
                    _ => {
                        if !setup.complete {
                            let in_band = true;
                            self.later(50, side, call, Command::WantMoreDigits { in_band });
                        }
                        let in_band = false;
                        self.later(4_000, side, call, Command::Proceeding { in_band });
                        self.later(5_000, side, call, Command::Alerting { in_band });
                        let party = ConnectedParty::default();
                        self.later(9_000, side, call, Command::Connect(party));
                    }
                }
            }
            Event::Connected { call, .. } | Event::Established { call } => {
                self.answered += 1;
                if self.chance(60) {
                    self.hang_up_later(20_000, side, call);
                }
                if self.chance(10) {
                    self.later(5_000, side, call, Command::Enquire);
                }
                self.later(5_000, side, call, Command::Keypad("12".into()));
            }
            Event::Disconnected {
                call,
                in_band: true,
                ..
            } => self.hang_up_later(10_000, side, call),
            Event::Released { call, .. } => {
                assert!(self.alive.remove(&(side == Side::User, call)), "twice");
                self.ended += 1;
            }
            _ => {}
        }
    }

    fn tell(&mut self, side: Side, call: CallId, command: Command) {
        if self.wire.command(side, call, command).is_err() {
            self.refused += 1;
        }
    }

    /// Lets time pass and both call controls work.
    fn pass(&mut self, time: Duration) {
        let end = self.wire.now + time;
        loop {
            let due = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let until = due.map_or(end, |at| at.min(end));
            let wait = until.saturating_duration_since(self.wire.now);
            if let Some((side, event)) = self.wire.next_event(wait) {
                self.on_event(side, event);
                continue;
            }
            match self.agenda.pop_first() {
                Some((key, (side, call, command))) if key.0 <= end => {
                    self.tell(side, call, command)
                }
                Some((key, entry)) => {
                    self.agenda.insert(key, entry);
                    return;
                }
                None if self.wire.now >= end => return,
                None => {}
            }
        }
    }

    fn used(&mut self, side: Side) -> Vec<u8> {
        let interface = self.wire.side(side);
        interface
            .settings()
            .channels
            .iter()
            .filter(|channel| interface.channel_status(*channel) != Some(ChannelStatus::Idle))
            .collect()
    }

    /// Calls that were answered and nobody has hung up may stay; both sides must have the same.
    fn both_agree(&mut self) {
        let end = self.wire.now + Duration::from_secs(1_000);
        while !self.agenda.is_empty() && self.wire.now < end {
            self.pass(Duration::from_secs(10));
        }
        // The longest timer is T301 with three minutes.
        self.pass(Duration::from_secs(400));
        let (user, network) = (self.used(Side::User), self.used(Side::Network));
        assert_eq!(user, network, "channels in use");
        for side in SIDES {
            let interface = self.wire.side(side);
            for call in interface.calls().collect::<Vec<_>>() {
                let state = interface.call_state(call).unwrap();
                let number = state.number();
                // Those nobody cared for are gone by the peer's timers.
                assert_eq!(number, StateNumber::Active, "{side:?} {call}");
            }
        }
    }

    fn nothing_is_left(&mut self) {
        for side in SIDES {
            let now = self.wire.now;
            self.wire
                .side(side)
                .disconnect_all(Cause::NORMAL_CLEARING, now);
            self.wire.drain(side);
        }
        self.pass(Duration::from_secs(400));
        assert!(self.alive.is_empty(), "{:?}", self.alive);
        for side in SIDES {
            assert_eq!(self.wire.side(side).calls().count(), 0);
            assert_eq!(self.used(side), Vec::<u8>::new());
            // Only T203 of the link runs.
            assert_eq!(
                self.wire.side(side).link_state(),
                LinkState::MultipleFrameEstablished
            );
        }
        let frames = self.wire.frames;
        self.pass(Duration::from_secs(100));
        let idle = self.wire.frames - frames;
        assert!(idle <= 60, "{idle} frames by an idle link");
    }
}

fn settings(role: Role, channel_choice: ChannelChoice) -> Settings {
    let mut settings = Settings::new(role);
    settings.channel_choice = channel_choice;
    settings.overlap_receiving = true;
    // Both from the same end: collisions are wanted.
    settings.selection = Selection::Ascending;
    settings
}

/// `calls` calls; the link and frames as bad as told, and restarts now and then.
fn random_calls(calls: u32, trouble: Trouble, cuts: bool, choice: ChannelChoice) -> Run {
    let user = settings(Role::User, choice);
    let network = settings(Role::Network, choice);
    let mut run = Run::new(Wire::up(user, network));
    run.wire.trouble = trouble;
    for number in 0..calls {
        let both = run.chance(15);
        let side = SIDES[run.wire.random.random_range(0..2)];
        run.new_call(side);
        if both {
            run.new_call(side.other());
        }
        let pause = Duration::from_millis(run.wire.random.random_range(0..1_500));
        run.pass(pause);
        if number % 211 == 210 {
            let side = SIDES[run.wire.random.random_range(0..2)];
            let channel = run.wire.random.random_range(1..=15);
            let extent = Some(channel).filter(|_| number % 3 != 0);
            let now = run.wire.now;
            run.wire.side(side).restart(extent, now).unwrap();
            run.wire.drain(side);
        }
        if cuts && number % 97 == 96 {
            run.wire.layer1(false);
            let long = run.chance(30);
            run.pass(Duration::from_secs(if long { 100 } else { 5 }));
            run.wire.layer1(true);
            run.pass(Duration::from_secs(5));
        }
    }
    run.wire.trouble = Trouble::default();
    if trouble.corrupted == 0 {
        run.both_agree();
    }
    run.nothing_is_left();
    eprintln!(
        "{} calls ended, {} answered, {} commands too late, {} collisions, {} frames, lost link {} times",
        run.ended,
        run.answered,
        run.refused,
        run.wire.user.call_counters().collisions,
        run.wire.frames,
        run.wire.user.link_counters().lost,
    );
    run
}

fn lost(lost: u32) -> Trouble {
    Trouble { lost, corrupted: 0 }
}

#[test]
fn over_a_good_line() {
    let run = random_calls(4_000, lost(0), false, ChannelChoice::Preferred);
    assert!(run.wire.user.call_counters().collisions > 50);
    assert_eq!(run.wire.user.link_counters().retransmitted, 0);
}

#[test]
fn over_a_good_line_with_channels_that_are_insisted_on() {
    let run = random_calls(2_000, lost(0), false, ChannelChoice::Exclusive);
    assert!(run.wire.user.call_counters().collisions > 20);
}

#[test]
fn with_channels_that_the_peer_chooses() {
    random_calls(2_000, lost(5), false, ChannelChoice::Any);
}

#[test]
fn over_a_line_that_loses_two_percent() {
    random_calls(2_000, lost(20), false, ChannelChoice::Preferred);
}

#[test]
fn over_a_line_that_loses_a_fifth_and_is_cut() {
    random_calls(2_000, lost(200), true, ChannelChoice::Preferred);
}

/// No check sequence misses that much. Both sides may then differ in what they believe, yet neither may keep anything
/// once its user has hung up.
#[test]
fn over_a_line_that_spoils_frames_unnoticed() {
    let trouble = Trouble {
        lost: 10,
        corrupted: 50,
    };
    random_calls(2_000, trouble, false, ChannelChoice::Preferred);
}
