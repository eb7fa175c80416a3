//! Two interfaces on one D channel that can lose and spoil frames, with time of its own.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ramal_isdn::{
    CallId, Command, CommandError, Event, Interface, OutgoingCall, Output, Role, Settings,
    SetupError,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    User,
    Network,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::User => Self::Network,
            Self::Network => Self::User,
        }
    }
}

/// How frames are spoilt on their way, in parts of a thousand.
#[derive(Clone, Copy, Default)]
pub struct Trouble {
    pub lost: u32,
    pub corrupted: u32,
}

pub struct Wire {
    pub now: Instant,
    pub user: Interface,
    pub network: Interface,
    pub trouble: Trouble,
    pub random: StdRng,
    events: VecDeque<(Side, Event)>,
    in_flight: VecDeque<(Instant, Side, Vec<u8>)>,
    pub frames: u64,
}

/// How long a frame is on its way.
const DELAY: Duration = Duration::from_millis(4);

impl Wire {
    pub fn new(user: Settings, network: Settings) -> Self {
        assert_eq!((user.role, network.role), (Role::User, Role::Network));
        Self {
            now: Instant::now(),
            user: Interface::new(user),
            network: Interface::new(network),
            trouble: Trouble::default(),
            random: StdRng::seed_from_u64(931),
            events: VecDeque::new(),
            in_flight: VecDeque::new(),
            frames: 0,
        }
    }

    /// With layer 1 and the link up, and no event left.
    pub fn up(user: Settings, network: Settings) -> Self {
        let mut wire = Self::new(user, network);
        wire.layer1(true);
        wire.pass(Duration::from_millis(100));
        assert!(wire.user.is_up() && wire.network.is_up());
        wire.events.clear();
        wire
    }

    pub fn plain() -> Self {
        Self::up(Settings::new(Role::User), Settings::new(Role::Network))
    }

    pub fn side(&mut self, side: Side) -> &mut Interface {
        match side {
            Side::User => &mut self.user,
            Side::Network => &mut self.network,
        }
    }

    pub fn layer1(&mut self, up: bool) {
        let now = self.now;
        for side in [Side::User, Side::Network] {
            self.side(side).layer1(up, now);
            self.drain(side);
        }
        if !up {
            self.in_flight.clear();
        }
    }

    pub fn setup(&mut self, side: Side, call: OutgoingCall) -> Result<CallId, SetupError> {
        let now = self.now;
        let result = self.side(side).setup(call, now);
        self.drain(side);
        result
    }

    pub fn command(
        &mut self,
        side: Side,
        call: CallId,
        command: Command,
    ) -> Result<(), CommandError> {
        let now = self.now;
        let result = self.side(side).command(call, command, now);
        self.drain(side);
        result
    }

    /// Puts a frame on the wire as if a side had sent it.
    pub fn inject(&mut self, from: Side, frame: Vec<u8>) {
        self.in_flight
            .push_back((self.now + DELAY, from.other(), frame));
    }

    pub fn drain(&mut self, side: Side) {
        while let Some(output) = self.side(side).poll() {
            match output {
                Output::Event(event) => self.events.push_back((side, event)),
                Output::Transmit(mut frame) => {
                    self.frames += 1;
                    let fate = self.random.random_range(0..1000);
                    if fate < self.trouble.lost {
                        continue;
                    }
                    if fate < self.trouble.lost + self.trouble.corrupted {
                        // A check sequence of 16 bits misses one in 65536; here it never notices.
                        let at = self.random.random_range(0..frame.len());
                        frame[at] ^= 1 << self.random.random_range(0..8);
                    }
                    let arrival = self.now + DELAY;
                    self.in_flight.push_back((arrival, side.other(), frame));
                }
            }
        }
    }

    /// The next moment at which something happens.
    fn next(&self) -> Option<Instant> {
        let frame = self.in_flight.front().map(|(at, ..)| *at);
        frame
            .into_iter()
            .chain(self.user.next_timeout())
            .chain(self.network.next_timeout())
            .min()
    }

    fn step(&mut self, at: Instant) {
        self.now = self.now.max(at);
        let now = self.now;
        while let Some((_, side, frame)) = self.in_flight.pop_front_if(|(at, ..)| *at <= now) {
            self.side(side).receive(&frame, now);
            self.drain(side);
        }
        for side in [Side::User, Side::Network] {
            if self.side(side).next_timeout().is_some_and(|at| at <= now) {
                self.side(side).timeout(now);
                self.drain(side);
            }
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.step(at);
        }
        self.now = end;
    }

    /// The next event, within a time.
    pub fn next_event(&mut self, within: Duration) -> Option<(Side, Event)> {
        let end = self.now + within;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.next().filter(|at| *at <= end) {
                Some(at) => self.step(at),
                None => {
                    self.now = end;
                    return None;
                }
            }
        }
    }

    /// All events so far.
    pub fn events(&mut self) -> Vec<(Side, Event)> {
        self.events.drain(..).collect()
    }

    /// All events of a side, after letting a time pass.
    pub fn events_of(&mut self, side: Side, within: Duration) -> Vec<Event> {
        self.pass(within);
        self.events()
            .into_iter()
            .filter(|(of, _)| *of == side)
            .map(|(_, event)| event)
            .collect()
    }
}
