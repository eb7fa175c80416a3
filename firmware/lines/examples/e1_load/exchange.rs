//! The exchanges at the far ends: ISDN by `ramal-isdn` as the network, and generated samples on every timeslot.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ramal_isdn::{Event, Interface, OutgoingCall, Output, PartyNumber, Role, Settings};
use ramal_lines::simulated::{FarSpan, SimulatedSpan, simulated_span};

use super::clock::Load;

pub const BLOCK: usize = 160;
/// A mark, a block of this octet, is sent every so many blocks.
pub const MARK_EVERY: usize = 25;
/// The mark in A-law: loud, and unlike what is said otherwise.
pub const MARK: u8 = 0xaa;
/// Timeslots that carry sound.
pub fn bearers() -> impl Iterator<Item = u8> {
    (1..=31).filter(|timeslot| *timeslot != 16)
}

/// When marks left and arrived, in their order, on one timeslot.
pub type Marks = Arc<Mutex<Vec<Instant>>>;

/// One D channel at the exchange.
pub struct Side {
    pub interface: Interface,
    pub far: Arc<FarSpan>,
}

impl Side {
    pub fn new(far: FarSpan) -> Self {
        let mut side = Self {
            interface: Interface::new(Settings::new(Role::Network)),
            far: Arc::new(far),
        };
        side.interface.layer1(true, Instant::now());
        side
    }

    /// Lets what waits happen; the events of calls.
    pub fn work(&mut self) -> Vec<Event> {
        let now = Instant::now();
        while let Some(frame) = self.far.receive_frame() {
            self.interface.receive(&frame, now);
        }
        if self.interface.next_timeout().is_some_and(|due| due <= now) {
            self.interface.timeout(now);
        }
        let mut events = Vec::new();
        while let Some(output) = self.interface.poll() {
            match output {
                Output::Transmit(frame) => {
                    self.far.send_frame(&frame);
                }
                Output::Event(event) => events.push(event),
            }
        }
        events
    }

    /// Waits until a frame comes, or a moment has passed.
    pub fn wait(&self) {
        let d_channel = self.far.d_channel().expect("a D channel");
        let mut ready = [PollFd::new(d_channel.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut ready, PollTimeout::from(10_u16));
    }

    pub fn until_up(&mut self) {
        while !self.interface.is_up() {
            self.wait();
            self.work();
        }
    }

    pub fn call(&mut self, number: &str) {
        let number = PartyNumber::new(number).expect("a number");
        let call = OutgoingCall::new(number);
        self.interface
            .setup(call, Instant::now())
            .expect("a free timeslot");
    }
}

/// Exchanges that call on every timeslot and talk.
pub struct Exchange {
    spans: Mutex<Vec<SimulatedSpan>>,
    calling: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    said: Marks,
    heard: Marks,
}

impl Exchange {
    pub fn start(spans: usize, load: &mut Load) -> Self {
        let (near, far): (Vec<_>, Vec<_>) = (0..spans)
            .map(|_| simulated_span().expect("a span"))
            .unzip();
        let exchange = Self {
            spans: Mutex::new(near),
            calling: Arc::default(),
            stop: Arc::default(),
            said: Arc::default(),
            heard: Arc::default(),
        };
        for (number, far) in far.into_iter().enumerate() {
            exchange.talk(far, number == 0, load);
        }
        exchange
    }

    /// The gateway's ends.
    pub fn take_spans(&self) -> Vec<SimulatedSpan> {
        std::mem::take(&mut *self.spans.lock().expect("spans"))
    }

    /// Calls on every timeslot from now on.
    pub fn call(&self) {
        self.calling.store(true, Ordering::Relaxed);
    }

    fn talk(&self, far: FarSpan, marks: bool, load: &mut Load) {
        let (calling, stop) = (self.calling.clone(), self.stop.clone());
        let said = self.said.clone();
        let mut side = Side::new(far);
        if marks {
            self.listen(side.far.clone(), load);
        }
        let samples = voice();
        let (mut turn, mut called) = (0, false);
        load.every_frame(move || {
            side.work();
            if calling.load(Ordering::Relaxed) && side.interface.is_up() && !called {
                called = true;
                for _ in bearers() {
                    side.call("3032");
                }
                side.work();
            }
            for timeslot in bearers() {
                let mut block = [0; BLOCK];
                // Voices are not alike.
                let from = (turn * BLOCK + usize::from(timeslot) * 977) % (samples.len() - BLOCK);
                block.copy_from_slice(&samples[from..from + BLOCK]);
                let marked = marks && timeslot == 1 && turn % MARK_EVERY == 0;
                if marked {
                    block.fill(MARK);
                    said.lock().expect("marks").push(Instant::now());
                }
                side.far.say(timeslot, &block);
                // What comes on the timeslot of the marks is timed by a thread that does nothing else.
                while !(marks && timeslot == 1) && side.far.hear(timeslot, &mut block).is_some() {}
            }
            turn += 1;
            !stop.load(Ordering::Relaxed)
        });
    }

    /// Notes when marks arrive on the first timeslot, at the moment at which the gateway writes them.
    fn listen(&self, far: Arc<FarSpan>, load: &mut Load) {
        let (heard, stop) = (self.heard.clone(), self.stop.clone());
        let mut ear = Ear::default();
        load.thread(move || {
            let mut block = [0; BLOCK];
            if !awaits(far.timeslot(1).expect("a timeslot")) {
                return !stop.load(Ordering::Relaxed);
            }
            let now = Instant::now();
            while far.hear(1, &mut block).is_some() {
                heard.lock().expect("marks").extend(ear.hear(&block, now));
            }
            !stop.load(Ordering::Relaxed)
        });
    }

    /// When its marks left.
    pub fn marks(&self) -> Vec<Instant> {
        self.said.lock().expect("marks").clone()
    }

    /// Milliseconds that marks which left then took until they were heard here.
    pub fn delays_from(&self, left: Vec<Instant>) -> Vec<f64> {
        delays(&left, &self.heard.lock().expect("marks"))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Whether something comes to a descriptor before a moment has passed.
pub fn awaits(descriptor: BorrowedFd<'_>) -> bool {
    let mut ready = [PollFd::new(descriptor, PollFlags::POLLIN)];
    poll(&mut ready, PollTimeout::from(100_u16)).is_ok_and(|ready| ready > 0)
}

/// Octets of a mark in a row that are one: all that a canceller or a stretched period leaves of it.
const RUN: usize = BLOCK / 4;

/// Finds marks in sound, also where they begin within a block.
#[derive(Default)]
pub struct Ear {
    run: usize,
}

impl Ear {
    /// When the mark that becomes certain in this block began, for a block whose first sample is due at `now`.
    pub fn hear(&mut self, block: &[u8], now: Instant) -> Option<Instant> {
        let mut began = None;
        for (place, octet) in (1..).zip(block) {
            self.run = if *octet == MARK { self.run + 1 } else { 0 };
            if self.run == RUN {
                let after = f64::from(place) - RUN as f64;
                // It may have begun in the block before.
                let sample = Duration::from_micros(125);
                began = Some(match after < 0.0 {
                    true => now - sample.mul_f64(-after),
                    false => now + sample.mul_f64(after),
                });
            }
        }
        began
    }
}

/// From each departure to the first arrival after it, as far as that comes before the next.
pub fn delays(left: &[Instant], arrived: &[Instant]) -> Vec<f64> {
    let next = left.iter().skip(1).map(Some).chain([None]);
    left.iter()
        .zip(next)
        .filter_map(|(left, next)| {
            let arrival = arrived.iter().find(|arrival| **arrival >= *left)?;
            let in_time = next.is_none_or(|next| arrival < next);
            in_time.then(|| arrival.duration_since(*left))
        })
        .map(|delay: Duration| delay.as_secs_f64() * 1e3)
        .collect()
}

/// Eight seconds of something like speech in A-law: syllables of changing pitch and level, and pauses.
pub fn voice() -> Vec<u8> {
    let samples: Vec<i16> = (0..64_000_u32)
        .map(|n| {
            let (t, syllable) = (f64::from(n) / 8000.0, n / 1600);
            let pitch = 110.0 + f64::from(syllable * 37 % 60);
            let level = f64::from(syllable * 53 % 7) / 7.0;
            let envelope = (f64::from(n % 1600) / 1600.0 * std::f64::consts::PI).sin();
            let sound: f64 = (1..8)
                .map(|k| (std::f64::consts::TAU * pitch * f64::from(k) * t).sin() / f64::from(k))
                .sum();
            (sound * level * envelope * 4000.0) as i16
        })
        .collect();
    let mut octets = vec![0; samples.len()];
    ramal_dsp::Law::A.encode(&samples, &mut octets);
    octets
}
