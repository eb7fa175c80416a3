//! One end of a wired span with the product's own driver on it, steered by a test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ramal_dsp::{Law, Noise, level_dbm0};
use ramal_lines::dahdi::Span;
use ramal_lines::dahdi::span::{Signalling, SpanConfig, SpanThread, start};
use ramal_lines::{
    PortAudio, Trunk, TrunkCallId, TrunkCaller, TrunkCommand, TrunkEvent, TrunkFault, TrunkState,
    TrunkStatus,
};

use crate::until;

/// How long an event may take under emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Octets of a block of sound.
pub const BLOCK: usize = 160;

/// A driver at one end.
pub struct End {
    trunk: Trunk,
    thread: SpanThread,
    runtime: tokio::runtime::Runtime,
}

impl End {
    /// The driver on a span, from its configuration on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(span: &Span, signalling: Signalling) -> Self {
        Self::start_with(span, signalling, false)
    }

    /// The same, with or without cancellation of echoes.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with(span: &Span, signalling: Signalling, echo_cancellation: bool) -> Self {
        let config = SpanConfig {
            name: span.name.clone(),
            device: span.name.clone(),
            crc4: false,
            clock_rank: 0,
            echo_cancellation,
            signalling,
        };
        let (trunk, thread) = start(config, None).expect("a thread");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        Self {
            trunk,
            thread,
            runtime,
        }
    }

    /// Waits until calls can be made.
    pub fn until_up(&self) {
        until("the trunk is up", || {
            (self.trunk.handle.status().state == TrunkState::Up).then_some(())
        });
    }

    /// How it is.
    pub fn state(&self) -> TrunkState {
        self.trunk.handle.status().state
    }

    /// How it is, with all that is known.
    pub fn status(&self) -> TrunkStatus {
        self.trunk.handle.status()
    }

    /// Waits until this is wrong with it.
    pub fn until_fault(&self, fault: Option<TrunkFault>) {
        until(&format!("the fault {fault:?}"), || {
            (self.status().fault == fault).then_some(())
        });
    }

    /// Tells the driver to stop; it takes leave of the far end.
    pub fn stop(&self) {
        self.thread.stop();
    }

    /// Holds the driver's thread up for a while, as a machine does that is busy elsewhere.
    ///
    /// # Panics
    /// When the thread is not found.
    pub fn stall(&self, time: Duration) {
        crate::stall::stall_thread(&format!("span {}", self.trunk.handle.name()), time);
    }

    /// Tells it to do something.
    ///
    /// # Panics
    /// When it does not take it.
    pub fn tell(&self, command: TrunkCommand) {
        self.trunk.handle.command(command).expect("taken");
    }

    /// Begins a call.
    pub fn call(&self, called: &str, caller: &str) -> TrunkCallId {
        let call = TrunkCallId::new();
        self.tell(TrunkCommand::Call {
            call,
            called: called.to_owned(),
            caller: TrunkCaller {
                number: caller.to_owned(),
                ..TrunkCaller::default()
            },
        });
        call
    }

    /// The next event.
    ///
    /// # Panics
    /// When none comes.
    pub fn event(&mut self) -> TrunkEvent {
        let events = &mut self.trunk.events;
        let next = async { tokio::time::timeout(PATIENCE, events.recv()).await };
        self.runtime
            .block_on(next)
            .expect("an event comes in time")
            .expect("the driver lives")
    }

    /// The next event, if it is there already.
    pub fn pending(&mut self) -> Option<TrunkEvent> {
        self.trunk.events.try_recv().ok()
    }

    /// All events that are there already.
    pub fn pending_all(&mut self) -> Vec<TrunkEvent> {
        std::iter::from_fn(|| self.pending()).collect()
    }

    /// Waits for the event that `wanted` takes something from, passing over others.
    pub fn expect<T>(&mut self, what: &str, mut wanted: impl FnMut(&TrunkEvent) -> Option<T>) -> T {
        let mut seen = Vec::new();
        loop {
            let event = self.event();
            if let Some(found) = wanted(&event) {
                return found;
            }
            seen.push(format!("{event:?}"));
            assert!(seen.len() < 100, "{what} did not come, but {seen:?}");
            assert!(
                !matches!(event, TrunkEvent::Released { .. }),
                "{what} did not come before the end: {seen:?}"
            );
        }
    }

    /// Waits until the call is over and says why.
    pub fn released(&mut self, call: TrunkCallId) -> u8 {
        loop {
            if let TrunkEvent::Released { call: over, cause } = self.event()
                && over == call
            {
                return cause;
            }
        }
    }

    /// Waits until any call is over: which, and why.
    pub fn next_released(&mut self) -> (TrunkCallId, u8) {
        loop {
            if let TrunkEvent::Released { call, cause } = self.event() {
                return (call, cause);
            }
        }
    }

    /// Waits for a call: its number here, whom it is for, who calls, and its sound.
    pub fn incoming(&mut self) -> (TrunkCallId, String, String, PortAudio) {
        self.expect("a call", |event| match event {
            TrunkEvent::Incoming {
                call,
                called,
                caller,
                audio,
                ..
            } => Some((*call, called.clone(), caller.number.clone(), audio.clone())),
            _ => None,
        })
    }
}

/// What was heard by each of two sounds that talk for a while, each sending its own octet pattern.
pub fn talk(near: &PortAudio, far: &PortAudio, blocks: usize) -> [Vec<u8>; 2] {
    let side = |mut audio: PortAudio, seed: u32| {
        std::thread::spawn(move || {
            audio.restart();
            let mut heard = Vec::new();
            let begin = std::time::Instant::now();
            for number in 0..blocks {
                let mut receive = [0; BLOCK];
                audio.exchange(&pattern(seed, number), &mut receive);
                heard.extend_from_slice(&receive);
                let due = begin + Duration::from_millis(20) * (number as u32 + 1);
                std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
            }
            heard
        })
    };
    let (near, far) = (side(near.clone(), 1), side(far.clone(), 2));
    [near, far].map(|side| side.join().expect("a side of the talk"))
}

/// The block that a side sends as its n-th.
pub fn pattern(seed: u32, number: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for (index, octet) in block.iter_mut().enumerate() {
        *octet = scattered(seed << 24 | (number * BLOCK + index) as u32);
    }
    block
}

/// An octet that looks like chance and is the same for the same position.
fn scattered(position: u32) -> u8 {
    let mut mixed = position ^ position >> 16;
    mixed = mixed.wrapping_mul(0x7feb_352d);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x846c_a68b);
    (mixed >> 24) as u8
}

/// How many of the first `blocks` blocks of `seed` are found whole and in their order in what was heard.
pub fn blocks_heard(heard: &[u8], seed: u32, blocks: usize) -> usize {
    let (mut rest, mut found) = (heard, 0);
    for number in 0..blocks {
        let wanted = pattern(seed, number);
        if let Some(at) = rest.windows(BLOCK).position(|window| window == wanted) {
            rest = &rest[at + BLOCK..];
            found += 1;
        }
    }
    found
}

/// The settings of MFC-R2 in a country.
///
/// # Panics
/// When there is no such variant.
pub fn r2_settings(variant: &str) -> Arc<ramal_r2::Settings> {
    let variant = ramal_r2::Variant::find(variant).expect("a known variant");
    Arc::new(ramal_r2::Settings::new(variant))
}

/// Level of what is heard in the last two of eight seconds of talking, dBm0.
#[must_use]
pub fn heard_while_talking(mut audio: PortAudio) -> f64 {
    let mut voice = Noise::new(11);
    audio.restart();
    let (begin, mut heard) = (Instant::now(), Vec::new());
    for number in 1..=400_u32 {
        let mut samples = [0; BLOCK];
        voice.add(&mut samples, -15.0);
        let (mut octets, mut came) = ([0; BLOCK], [0; BLOCK]);
        Law::A.encode(&samples, &mut octets);
        audio.exchange(&octets, &mut came);
        Law::A.decode(&came, &mut samples);
        heard.extend_from_slice(&samples);
        let due = begin + Duration::from_millis(20) * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    level_dbm0(&heard[heard.len() - 16_000..])
}
