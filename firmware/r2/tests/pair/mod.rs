//! Two channels on one timeslot in simulated time: bits and register signals are on their way for a
//! while, and detectors need time, too.

#![allow(dead_code, reason = "not every test looks at everything")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_r2::{
    Cause, Channel, Command, CommandError, Digits, Direction, Event, LineState, MfSignal,
    OutgoingCall, Output, Party, Settings,
};

pub const A: usize = 0;
pub const B: usize = 1;

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn digits(text: &str) -> Digits {
    text.parse().unwrap()
}

pub fn call_to(dnis: &str, ani: Option<&str>) -> OutgoingCall {
    OutgoingCall {
        dnis: digits(dnis),
        ani: ani.map(digits),
        category: ramal_r2::Category::Subscriber,
    }
}

/// What is on its way to a side.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Bits(u8),
    Tone(Option<MfSignal>),
    Detected(Option<MfSignal>),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Delays {
    pub line: Duration,
    pub tone: Duration,
    pub detector: Duration,
}

pub struct Pair {
    pub channels: [Channel; 2],
    pub now: Instant,
    began: Instant,
    delays: Delays,
    arriving: Vec<(Instant, u64, usize, Arrival)>,
    order: u64,
    air: [Option<MfSignal>; 2],
    listening: [Option<Direction>; 2],
    bits: [u8; 2],
    sent: [Option<MfSignal>; 2],
    pub events: Vec<(usize, Event)>,
    /// Everything exchanged, one line each.
    pub ladder: Vec<String>,
    /// Decides whether something arrives at a side, and how much later.
    pub fate: Box<dyn FnMut(usize, bool) -> Option<Duration>>,
    seen: [usize; 2],
    /// Whether the ladder is kept: it takes long.
    drawing: bool,
}

impl Pair {
    pub fn new(a: Settings, b: Settings, delays: Delays) -> Self {
        let now = Instant::now();
        let mut pair = Pair {
            channels: [
                Channel::new(Arc::new(a), now),
                Channel::new(Arc::new(b), now),
            ],
            now,
            began: now,
            delays,
            arriving: Vec::new(),
            order: 0,
            air: [None; 2],
            listening: [None; 2],
            bits: [0; 2],
            sent: [None; 2],
            events: Vec::new(),
            ladder: Vec::new(),
            fate: Box::new(|_, _| Some(Duration::ZERO)),
            seen: [0; 2],
            drawing: false,
        };
        pair.run(ms(500));
        assert_eq!(pair.states(), [LineState::Idle; 2]);
        pair.events.clear();
        pair.ladder.clear();
        pair.seen = [0; 2];
        pair
    }

    pub fn same(settings: &Settings) -> Self {
        let mut pair = Pair::new(settings.clone(), settings.clone(), Delays::default());
        pair.drawing = true;
        pair
    }

    pub fn states(&self) -> [LineState; 2] {
        [A, B].map(|side| self.channels[side].line_state())
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.began
    }

    pub fn command(&mut self, side: usize, command: Command) -> Result<(), CommandError> {
        let result = self.channels[side].command(command, self.now);
        self.collect();
        result
    }

    pub fn must(&mut self, side: usize, command: Command) {
        if let Err(error) = self.command(side, command) {
            panic!("{command:?}: {error}\n{}", self.traces());
        }
    }

    fn arrive(&mut self, after: Duration, side: usize, what: Arrival) {
        self.order += 1;
        self.arriving
            .push((self.now + after, self.order, side, what));
    }

    fn collect(&mut self) {
        for side in [A, B] {
            let other = 1 - side;
            while let Some(output) = self.channels[side].poll() {
                match output {
                    Output::SetBits(bits) => {
                        self.bits[side] = bits;
                        self.ladder.push(arrow(side, &format!("{bits:04b}")));
                        if let Some(late) = (self.fate)(other, true) {
                            self.arrive(self.delays.line + late, other, Arrival::Bits(bits));
                        }
                    }
                    Output::Transmit(signal) => {
                        self.sent[side] = signal;
                        if let Some(late) = (self.fate)(other, false) {
                            self.arrive(self.delays.tone + late, other, Arrival::Tone(signal));
                        }
                    }
                    Output::Listen(direction) => {
                        self.listening[side] = direction;
                        let air = self.air[side];
                        self.arrive(self.delays.detector, side, Arrival::Detected(air));
                    }
                    Output::Event(event) => self.events.push((side, event)),
                }
            }
            if self.drawing {
                self.draw(side);
            }
        }
    }

    /// Adds the register signals of a side to the ladder.
    fn draw(&mut self, side: usize) {
        let trace = self.channels[side].trace().to_string();
        let sent: Vec<&str> = trace
            .lines()
            .filter(|line| line.contains("-> ") && line.ends_with(" on"))
            .collect();
        // A new call begins a new trace.
        let from = if sent.len() < self.seen[side] {
            0
        } else {
            self.seen[side]
        };
        for line in &sent[from..] {
            let signal = line.split_whitespace().nth(2).unwrap_or_default();
            self.ladder.push(arrow(side, signal));
        }
        self.seen[side] = sent.len();
    }

    fn next(&self) -> Option<Instant> {
        let arriving = self.arriving.iter().map(|arrival| arrival.0);
        let timers = self.channels.iter().filter_map(Channel::next_timeout);
        arriving.chain(timers).min()
    }

    /// Goes on for this long, or until `done`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Pair) -> bool) -> bool {
        let end = self.now + limit;
        self.collect();
        loop {
            if done(self) {
                return true;
            }
            let Some(next) = self.next().filter(|next| *next <= end) else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(next);
            self.step();
            self.collect();
        }
    }

    pub fn run(&mut self, limit: Duration) {
        self.run_until(limit, |_| false);
    }

    fn step(&mut self) {
        let now = self.now;
        self.arriving.sort_by_key(|arrival| (arrival.0, arrival.1));
        let due = self.arriving.partition_point(|arrival| arrival.0 <= now);
        let arrived: Vec<_> = self.arriving.drain(..due).collect();
        for (_, _, side, what) in arrived {
            match what {
                Arrival::Bits(bits) => self.channels[side].line_bits(bits, now),
                Arrival::Tone(signal) => {
                    self.air[side] = signal;
                    self.arrive(self.delays.detector, side, Arrival::Detected(signal));
                }
                Arrival::Detected(signal) if self.air[side] == signal => {
                    self.channels[side].signal(signal, now);
                }
                Arrival::Detected(_) => {}
            }
        }
        for channel in &mut self.channels {
            channel.timeout(now);
        }
    }

    /// Runs until an event of a side is there.
    pub fn wait(&mut self, side: usize, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let from = self.events.len();
        let found = |pair: &Pair| {
            let mut events = pair.events.iter().skip(from);
            events
                .find(|(of, event)| *of == side && wanted(event))
                .map(|(_, event)| event.clone())
        };
        if !self.run_until(ms(60_000), |pair| found(pair).is_some()) {
            panic!("no {what}: {:?}\n{}", self.events, self.traces());
        }
        found(self).unwrap()
    }

    pub fn wait_idle(&mut self) {
        let idle = self.run_until(ms(60_000), |pair| pair.states() == [LineState::Idle; 2]);
        assert!(idle, "{:?}\n{}", self.states(), self.traces());
    }

    pub fn ends(&self, side: usize) -> Vec<(Cause, Party)> {
        self.events
            .iter()
            .filter_map(|(of, event)| match event {
                Event::Ended { cause, by } if *of == side => Some((*cause, *by)),
                _ => None,
            })
            .collect()
    }

    pub fn errors(&self) -> Vec<String> {
        let errors = self.events.iter().filter_map(|(_, event)| match event {
            Event::Error(error) => Some(error.to_string()),
            _ => None,
        });
        errors.collect()
    }

    pub fn traces(&self) -> String {
        let [a, b] = [A, B].map(|side| self.channels[side].trace().to_string());
        format!("A:\n{a}B:\n{b}")
    }
}

fn arrow(side: usize, text: &str) -> String {
    if side == A {
        format!("{text} >")
    } else {
        format!("< {text}")
    }
}

impl Pair {
    /// Nothing is lost or late any more, and what was lost is there.
    pub fn heal(&mut self) {
        self.fate = Box::new(|_, _| Some(Duration::ZERO));
        for side in [A, B] {
            let bits = self.bits[1 - side];
            self.arrive(Duration::ZERO, side, Arrival::Bits(bits));
            let tone = self.sent[1 - side];
            self.arrive(Duration::ZERO, side, Arrival::Tone(tone));
        }
    }
}
