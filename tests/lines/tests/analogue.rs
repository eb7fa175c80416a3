//! Analogue lines over the kernel's drivers: the product's FXO port on one end, an exchange on the other, and its FXS port
//! with a telephone.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use line_tests::{WiredSpans, until};
use ramal_dsp::{DtmfDetector, DtmfEvent, DtmfLimits, Law, Tone};
use ramal_lines::dahdi::{
    AnalogueSpan, ChannelDevice, ChannelEvent, DahdiLines, Hook, Received, SpanSetup, SpanUse,
    configure,
};
use ramal_lines::{CallerId, Command, Driver, Event, Port, PortKind};
use ramal_model::Country;

const BLOCK: usize = 160;

/// The far end of a line, worked by a thread: keeps its sound going and notes what it sees and hears.
struct FarEnd {
    device: Arc<ChannelDevice>,
    seen: Arc<Mutex<Vec<ChannelEvent>>>,
    keys: Arc<Mutex<String>>,
    plays: Arc<Mutex<Option<Vec<Tone>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FarEnd {
    fn start(channel: u32) -> Self {
        let device = Arc::new(ChannelDevice::open(channel).expect("the far end"));
        device.carry_sound(BLOCK).expect("sound");
        let mut far = Self {
            device: device.clone(),
            seen: Arc::default(),
            keys: Arc::default(),
            plays: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let (seen, keys) = (far.seen.clone(), far.keys.clone());
        let (plays, stop) = (far.plays.clone(), far.stop.clone());
        let thread = std::thread::spawn(move || {
            let mut detector = DtmfDetector::new(DtmfLimits::default());
            let (mut octets, mut samples) = ([Law::A.silence(); BLOCK], [0; BLOCK]);
            device.transmit(&octets);
            device.transmit(&octets);
            while !stop.load(Ordering::Relaxed) {
                match device.receive(&mut octets) {
                    Received::Octets(_) => {
                        Law::A.decode(&octets, &mut samples);
                        detector.process(&samples, |event| {
                            if let DtmfEvent::Up { key, .. } = event {
                                keys.lock().unwrap().push(key);
                            }
                        });
                        samples.fill(0);
                        if let Some(tones) = plays.lock().unwrap().as_mut() {
                            for tone in tones {
                                tone.add(&mut samples);
                            }
                        }
                        Law::A.encode(&samples, &mut octets);
                        device.transmit(&octets);
                    }
                    Received::Gone => return,
                    Received::Nothing | Received::Event => {
                        while let Ok(Some(event)) = device.next_event() {
                            seen.lock().unwrap().push(event);
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            }
        });
        far.thread = Some(thread);
        far
    }

    fn plays(&self, frequencies: &[f64]) {
        let tones = frequencies
            .iter()
            .map(|hz| Tone::new(*hz, -13.0, 8000))
            .collect();
        *self.plays.lock().unwrap() = Some(tones).filter(|tones: &Vec<Tone>| !tones.is_empty());
    }

    fn sees(&self, wanted: ChannelEvent) {
        until(&format!("{wanted:?} at the far end"), || {
            let mut seen = self.seen.lock().unwrap();
            let at = seen.iter().position(|event| *event == wanted)?;
            seen.drain(..=at);
            Some(())
        });
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port of the product of this kind, and the far end of its line.
fn line(kind: PortKind) -> (WiredSpans, DahdiLines, Port, FarEnd) {
    let spans = WiredSpans::new(1).expect("spans");
    let other = match kind {
        PortKind::Fxo => PortKind::Fxs,
        PortKind::Fxs => PortKind::Fxo,
    };
    let setup = SpanSetup {
        usage: SpanUse::Analogue(vec![Some(other)]),
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    spans
        .control()
        .load_zone("ramal", &[1000, 4000])
        .expect("a zone");
    let far = FarEnd::start(spans.far.first_channel);
    let modules = AnalogueSpan {
        device: spans.near.name.clone(),
        modules: vec![Some(kind)],
    };
    let mut lines = DahdiLines::start(&[modules], Country::default()).expect("lines");
    let port = lines.take_ports().pop().expect("a port");
    (spans, lines, port, far)
}

/// Waits for an event of a port and passes over others.
fn expect(port: &mut Port, what: &str, wanted: impl Fn(&Event) -> bool) {
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match port.events().try_recv() {
            Ok(event) if wanted(&event) => return,
            Ok(event) => seen.push(event),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("{what} did not come, but {seen:?}");
}

#[test]
fn a_call_from_the_exchange_rings_is_answered_and_ends_with_the_loop() {
    let (_spans, _lines, mut port, exchange) = line(PortKind::Fxo);
    exchange
        .device
        .set_ring_cadence(&[1000, 4000])
        .expect("a cadence");
    until("the exchange can ring", || {
        exchange.device.set_hook(Hook::Ring).ok()
    });
    expect(&mut port, "ringing", |event| *event == Event::RingStarted);
    port.command(Command::Answer).expect("answers");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange
        .device
        .set_hook(Hook::OffHook)
        .expect("stops ringing");
    exchange.plays(&[440.0]);
    // The exchange opens the loop: the far end has hung up.
    std::thread::sleep(Duration::from_secs(2));
    exchange
        .device
        .set_hook(Hook::OnHook)
        .expect("cuts the loop");
    expect(&mut port, "the end", |event| *event == Event::FarEndHungUp);
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_call_out_is_dialled_by_keys_and_busy_tone_ends_it() {
    let (_spans, _lines, mut port, exchange) = line(PortKind::Fxo);
    // The exchange has to have seen the line idle.
    std::thread::sleep(Duration::from_secs(2));
    port.command(Command::Seize).expect("seizes");
    exchange.sees(ChannelEvent::RingOffHook);
    exchange.device.set_hook(Hook::OffHook).expect("feeds");
    // Brazil's dial tone.
    exchange.plays(&[425.0]);
    std::thread::sleep(Duration::from_secs(1));
    port.command(Command::Dial("40028922".to_owned()))
        .expect("dials");
    std::thread::sleep(Duration::from_millis(200));
    exchange.plays(&[]);
    expect(&mut port, "the end of dialling", |event| {
        *event == Event::DialFinished
    });
    until("the exchange has the number", || {
        (*exchange.keys.lock().unwrap() == "40028922").then_some(())
    });
    // Busy tone of Brazil: 425 Hz, 250 ms on and off.
    let busy = Arc::new(AtomicBool::new(true));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while busy.load(Ordering::Relaxed) {
                exchange.plays(&[425.0]);
                std::thread::sleep(Duration::from_millis(250));
                exchange.plays(&[]);
                std::thread::sleep(Duration::from_millis(250));
            }
        });
        expect(&mut port, "busy tone", |event| *event == Event::BusyTone);
        busy.store(false, Ordering::Relaxed);
    });
    port.command(Command::HangUp).expect("hangs up");
    exchange.sees(ChannelEvent::OnHook);
}

#[test]
fn a_telephone_is_rung_lifted_dials_and_flashes() {
    let (_spans, _lines, mut port, telephone) = line(PortKind::Fxs);
    let caller = CallerId {
        number: "11987654321".to_owned(),
        name: "Ana".to_owned(),
    };
    port.command(Command::Ring(caller.into())).expect("rings");
    telephone.sees(ChannelEvent::RingBegin);
    telephone.device.set_hook(Hook::OffHook).expect("lifted");
    expect(&mut port, "off-hook", |event| *event == Event::OffHook);
    until("the telephone can flash", || {
        telephone.device.set_hook(Hook::Flash).ok()
    });
    expect(&mut port, "a flash", |event| *event == Event::Flash);
    until("the telephone can be put down", || {
        telephone.device.set_hook(Hook::OnHook).ok()
    });
    expect(&mut port, "on-hook", |event| *event == Event::OnHook);
}

#[test]
fn a_card_that_is_pulled_out_is_told() {
    let (spans, lines, mut port, far) = line(PortKind::Fxo);
    drop(far);
    until("the port works", || {
        lines.status().first()?.fault.is_none().then_some(())
    });
    spans.unassign_near();
    expect(&mut port, "the fault", |event| {
        matches!(event, Event::LineFault(_))
    });
}
