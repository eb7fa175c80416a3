//! A line card of a codec and GPIO pins, with pins and sound in memory, in simulated time.
#![allow(missing_docs, clippy::unwrap_used)]

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use ramal_dsp::{DtmfGenerator, DtmfTiming, Goertzel, Law, SAMPLE_RATE};
use ramal_lines::alsa_gpio::{CodecCard, FxoPins, FxsPins, LinePins, POLL, Pcm, PcmError, Poller};
use ramal_lines::{CallerId, Command, Event, LineFault, LineTone, Port, PortId, PortNames};

/// A wire between the test and a pin.
#[derive(Clone, Default)]
struct Wire {
    high: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    /// How often it was set high.
    rises: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Broken;

impl embedded_hal::digital::Error for Broken {
    fn kind(&self) -> embedded_hal::digital::ErrorKind {
        embedded_hal::digital::ErrorKind::Other
    }
}

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl ErrorType for Wire {
    type Error = Broken;
}

impl Wire {
    fn set(&self, high: bool) {
        self.high.store(high, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.high.load(Ordering::Relaxed)
    }
}

impl InputPin for Wire {
    fn is_high(&mut self) -> Result<bool, Broken> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Broken);
        }
        Ok(self.get())
    }

    fn is_low(&mut self) -> Result<bool, Broken> {
        self.is_high().map(|high| !high)
    }
}

impl OutputPin for Wire {
    fn set_low(&mut self) -> Result<(), Broken> {
        self.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Broken> {
        if !self.get() {
            self.rises.fetch_add(1, Ordering::Relaxed);
        }
        self.set(true);
        Ok(())
    }
}

/// Octets that the card plays and captures, slot by slot.
#[derive(Clone, Default)]
struct Sound {
    played: Arc<Mutex<Vec<u8>>>,
    /// What slot 1 captures next.
    keys: Arc<Mutex<Vec<u8>>>,
    gone: Arc<AtomicBool>,
}

impl Pcm for Sound {
    const BUFFERED: usize = 0;

    fn exchange(&mut self, play: &[u8], captured: &mut [u8]) -> Result<(), PcmError> {
        captured.fill(Law::A.silence());
        if self.gone.load(Ordering::Relaxed) {
            return Err(PcmError::Gone("no such device".into()));
        }
        self.played.lock().unwrap().extend(play);
        let mut keys = self.keys.lock().unwrap();
        let now = keys.len().min(160);
        for (octet, place) in keys
            .drain(..now)
            .zip(captured.iter_mut().skip(1).step_by(2))
        {
            *place = octet;
        }
        Ok(())
    }
}

/// A card with a line to an exchange in slot 0 and a telephone in slot 1.
struct Bench {
    card: CodecCard<Sound>,
    poller: Poller<Wire, Wire>,
    ports: Vec<Port>,
    sound: Sound,
    now: Instant,
    ring_sense: Wire,
    battery: Wire,
    relay: Wire,
    hook: Wire,
    bell: Wire,
    cut: Wire,
    /// The exchange rings: 25 Hz half-waves come to the sense pin.
    rings: bool,
}

impl Bench {
    fn new() -> Bench {
        let sound = Sound::default();
        let [ring_sense, battery, relay, hook, bell, cut] =
            std::array::from_fn(|_| Wire::default());
        battery.set(true);
        let pins = vec![
            LinePins::Fxo(FxoPins {
                ring: ring_sense.clone(),
                battery: Some(battery.clone()),
                reversed: None,
                relay: relay.clone(),
            }),
            LinePins::Fxs(FxsPins {
                hook: hook.clone(),
                ring: bell.clone(),
                reverse: None,
                cut: Some(cut.clone()),
            }),
        ];
        let country = "BR".parse().unwrap();
        let mut names = PortNames::default();
        let (card, ports, poller) =
            CodecCard::new(sound.clone(), Law::A, pins, country, &mut names);
        Bench {
            card,
            poller,
            ports,
            sound,
            now: Instant::now(),
            ring_sense,
            battery,
            relay,
            hook,
            bell,
            cut,
            rings: false,
        }
    }

    /// Lets time go by; events of both lines.
    fn pass(&mut self, milliseconds: u32) -> [Vec<Event>; 2] {
        let mut events = [Vec::new(), Vec::new()];
        for tick in 0..milliseconds / 20 {
            for look in 0..4 {
                let at = tick * 20 + look * 5;
                self.ring_sense.set(self.rings && at % 40 < 20);
                self.poller.poll(self.now);
                self.now += POLL;
            }
            let now = self.now;
            let _ = self.card.block(|| now);
            for (port, events) in self.ports.iter_mut().zip(&mut events) {
                while let Ok(event) = port.events().try_recv() {
                    events.push(event);
                }
            }
        }
        events
    }

    fn level(&mut self, slot: usize, frequency: f64) -> f64 {
        self.sound.played.lock().unwrap().clear();
        self.pass(1_000);
        let played = self.sound.played.lock().unwrap();
        let octets: Vec<u8> = played.iter().skip(slot).step_by(2).copied().collect();
        let mut samples = vec![0; octets.len()];
        Law::A.decode(&octets, &mut samples);
        let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
        meter.feed(&samples);
        meter.level_dbm0()
    }
}

#[test]
fn a_telephone_is_lifted_dials_by_keys_and_by_pulses_and_is_put_down() {
    let mut bench = Bench::new();
    assert_eq!(bench.ports[1].id(), PortId(2));
    bench.hook.set(true);
    assert_eq!(bench.pass(100), [vec![], vec![Event::OffHook]]);
    bench.ports[1]
        .command(Command::Tone(Some(LineTone::Dial)))
        .unwrap();
    assert!((bench.level(1, 425.0) + 10.0).abs() < 0.5);
    assert!(bench.level(0, 425.0) < -60.0);
    bench.ports[1].command(Command::Tone(None)).unwrap();
    let mut keys = DtmfGenerator::new("59".chars(), DtmfTiming::default());
    let mut samples = vec![0; 160 * 20];
    samples.chunks_mut(160).for_each(|block| keys.add(block));
    let mut octets = vec![0; samples.len()];
    Law::A.encode(&samples, &mut octets);
    *bench.sound.keys.lock().unwrap() = octets;
    let [_, events] = bench.pass(1_000);
    assert_eq!(events, [Event::Digit('5'), Event::Digit('9')]);
    for _ in 0..3 {
        bench.hook.set(false);
        bench.pass(60);
        bench.hook.set(true);
        bench.pass(40);
    }
    assert_eq!(bench.pass(400)[1], [Event::Digit('3')]);
    bench.hook.set(false);
    bench.pass(200);
    bench.hook.set(true);
    assert_eq!(bench.pass(400)[1], [Event::Flash]);
    bench.hook.set(false);
    assert_eq!(bench.pass(1_500)[1], [Event::OnHook]);
}

#[test]
fn the_bell_rings_in_its_cadence_and_stops_when_lifted() {
    let mut bench = Bench::new();
    bench.ports[1]
        .command(Command::Ring(CallerId::default().into()))
        .unwrap();
    bench.pass(12_000);
    let rings = bench.bell.rises.load(Ordering::Relaxed);
    assert!((2..=3).contains(&rings), "{rings}");
    while !bench.bell.get() {
        bench.pass(20);
    }
    bench.hook.set(true);
    assert_eq!(bench.pass(100)[1], [Event::OffHook]);
    assert!(!bench.bell.get());
    bench.ports[1].command(Command::HangUp).unwrap();
    bench.pass(100);
    assert!(bench.cut.get());
    bench.pass(1_000);
    assert!(!bench.cut.get());
}

#[test]
fn an_exchange_rings_in_half_waves_and_the_relay_answers() {
    let mut bench = Bench::new();
    bench.rings = true;
    assert_eq!(bench.pass(1_000)[0], [Event::RingStarted]);
    bench.rings = false;
    assert_eq!(bench.pass(4_000)[0], []);
    bench.ports[0].command(Command::Answer).unwrap();
    bench.pass(40);
    assert!(bench.relay.get());
    bench.battery.set(false);
    assert_eq!(bench.pass(400)[0], [Event::FarEndHungUp]);
    bench.battery.set(true);
    bench.ports[0].command(Command::HangUp).unwrap();
    bench.pass(40);
    assert!(!bench.relay.get());
}

#[test]
fn a_card_without_sound_and_pins_that_fail_are_in_alarm_until_they_are_back() {
    let mut bench = Bench::new();
    bench.sound.gone.store(true, Ordering::Relaxed);
    let fault = Event::LineFault(LineFault::Hardware);
    assert_eq!(bench.pass(100), [vec![fault.clone()], vec![fault.clone()]]);
    bench.sound.gone.store(false, Ordering::Relaxed);
    let well = Event::LineRestored;
    assert_eq!(bench.pass(100), [vec![well.clone()], vec![well.clone()]]);
    // One line's pins only.
    bench.hook.broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.pass(1_000), [vec![], vec![fault]]);
    let faults: Vec<_> = bench.card.status().map(|port| port.fault).collect();
    assert_eq!(faults, [None, Some(LineFault::Hardware)]);
    bench.hook.broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.pass(1_000), [vec![], vec![well]]);
}
