//! F186: the gateway itself on an E1, configured through its API: phones call an exchange and are called by it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_under_test::{Gateway, GatewayError};
use line_tests::party::{End, r2_settings};
use line_tests::peer::Peer;
use line_tests::{WiredSpans, until};
use ramal_dsp::{Law, Tone};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{ChannelDevice, Received, SpanSetup, SpanUse, configure};
use ramal_lines::{TrunkCommand, TrunkEvent};
use serde_json::json;
use sipphone::{Call, Source, level_dbm0};

type Result = std::result::Result<(), GatewayError>;

/// Emulation is slow.
const SOON: Duration = Duration::from_secs(60);
const BLOCK: usize = 160;

/// Waits until an exchange that waits for an answer hears a tone of 200 ms at least.
fn hear(mut audio: ramal_lines::PortAudio, frequency: f64) {
    let mut heard = Vec::new();
    audio.restart();
    until(&format!("{frequency} Hz"), || {
        let (mut octets, mut samples) = ([0; BLOCK], [0; BLOCK]);
        audio.exchange(&[Law::A.silence(); BLOCK], &mut octets);
        Law::A.decode(&octets, &mut samples);
        // Nothing comes between two blocks.
        if octets != [Law::A.silence(); BLOCK] {
            heard.extend_from_slice(&samples);
        }
        let last = heard.rchunks_exact(1600).next()?;
        (level_dbm0(last, frequency) > -25.0).then_some(())
    });
}

/// A timeslot at the exchange: sends a tone and keeps what it hears.
struct Timeslot {
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<i16>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Timeslot {
    fn open(channel: u32, frequency: f64) -> Self {
        let device = ChannelDevice::open(channel).expect("a timeslot");
        device.set_audio_mode().expect("sound");
        device.carry_sound(BLOCK).expect("blocks");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let heard = Arc::<Mutex<Vec<i16>>>::default();
        let hears = heard.clone();
        let thread = std::thread::spawn(move || {
            let mut tone = Tone::new(frequency, -10.0, 8000);
            let mut octets = [Law::A.silence(); BLOCK];
            device.transmit(&octets);
            device.transmit(&octets);
            while !stopped.load(Ordering::Relaxed) {
                let mut samples = [0; BLOCK];
                match device.receive(&mut octets) {
                    Received::Octets(_) => {
                        Law::A.decode(&octets, &mut samples);
                        hears.lock().unwrap().extend_from_slice(&samples);
                        tone.fill(&mut samples);
                        Law::A.encode(&samples, &mut octets);
                        device.transmit(&octets);
                    }
                    Received::Event => while let Ok(Some(_)) = device.next_event() {},
                    Received::Nothing => std::thread::sleep(Duration::from_millis(4)),
                    Received::Gone => break,
                }
            }
        });
        Self {
            stop,
            heard,
            thread: Some(thread),
        }
    }

    /// Waits until a tone of -10 dBm0 is heard, half a second of it.
    fn until_hears(&self, frequency: f64) {
        until(&format!("{frequency} Hz at the exchange"), || {
            let heard = self.heard.lock().unwrap();
            let last = heard.rchunks_exact(4000).next()?;
            ((level_dbm0(last, frequency) + 10.0).abs() < 1.0).then_some(())
        });
    }
}

impl Drop for Timeslot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn hears(call: &Call, frequency: f64) -> Result {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let heard = call.audio().last(Duration::from_millis(500));
        if heard.len() == 4000 && (level_dbm0(&heard, frequency) + 10.0).abs() < 1.0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(GatewayError::Late("the tone"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The word behind `key=` of an event.
fn value<'a>(event: &'a str, key: &str) -> &'a str {
    event
        .split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f186_a_phone_calls_over_isdn_and_is_called_with_sound_both_ways() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    let setup = SpanSetup {
        usage: SpanUse::Pri,
        crc4: false,
        clock_rank: 0,
    };
    configure(spans.control(), &spans.far, &setup, None).expect("the far end");
    let first = spans.far.first_channel;
    let d_channel = (first + 15).to_string();
    let mut exchange = Peer::start("pri_peer", &["--network", "--dahdi", &d_channel]);

    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    let phone = sipphone::Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    let trunk = json!({
        "name": "Operadora", "device": spans.near.name, "crc4": false,
        "signalling": { "kind": "e1_pri", "side": "user" },
        "outbound": [{ "prefix": "", "strip": 0 }],
        "inbound": [{ "number": "3032", "extension": extension.id }],
    });
    gateway
        .api()
        .post("/api/v1/e1-trunks", &trunk)
        .await?
        .expect(201)?;
    let up = |answer: &serde_json::Value| answer.pointer("/0/status/state") == Some(&json!("up"));
    gateway
        .wait("/api/v1/e1-trunks", "the trunk is up", up)
        .await?;

    // One end knows before the other.
    exchange.expect("the D channel", |event| (event == "up").then_some(()));

    // Out.
    let mut call = phone.call("040028922").await?;
    let (tag, channel) = exchange.expect("a call", |event| {
        let tag = event
            .strip_prefix("ring ")?
            .split_whitespace()
            .next()?
            .to_owned();
        assert_eq!(value(event, "called"), "40028922", "{event}");
        assert_eq!(value(event, "calling"), "2001", "{event}");
        Some((tag, value(event, "channel").parse::<u32>().ok()?))
    });
    let timeslot = Timeslot::open(first + channel - 1, 440.0);
    exchange.tell(&format!("proceeding {tag}"));
    exchange.tell(&format!("ringing {tag}"));
    call.wait_ringing(SOON).await?;
    exchange.tell(&format!("answer {tag}"));
    call.wait_answered(SOON).await?;
    call.audio().send(Source::Tone {
        frequency: 1000.0,
        dbm0: -10.0,
    });
    hears(&call, 440.0).await?;
    timeslot.until_hears(1000.0);
    call.hang_up();
    exchange.expect("the end", |event| event.starts_with("hangup").then_some(()));
    drop(timeslot);

    // In.
    exchange.tell("call 7 called=3032 calling=11987654321 channel=3");
    let next = tokio::time::timeout(SOON, phone.next_call())
        .await
        .ok()
        .flatten();
    let mut call = next.ok_or(GatewayError::Late("the call"))?;
    assert!(call.caller().contains("11987654321"), "{}", call.caller());
    call.ring();
    exchange.expect("ringing", |event| {
        event.starts_with("ringing 7").then_some(())
    });
    call.answer();
    exchange.expect("the answer", |event| {
        event.starts_with("answer 7").then_some(())
    });
    let timeslot = Timeslot::open(first + 2, 440.0);
    hears(&call, 440.0).await?;
    drop(timeslot);
    exchange.tell("hangup 7 16");
    call.wait_ended(SOON).await?;

    let records = gateway.records(2).await?;
    let directions: Vec<_> = records
        .iter()
        .map(|record| record.get("direction"))
        .collect();
    assert_eq!(
        directions,
        [Some(&json!("inbound")), Some(&json!("outbound"))],
        "{records:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f186_a_phone_is_called_over_r2_and_the_caller_hears_that_it_rings() -> Result {
    let spans = WiredSpans::new(31).expect("spans");
    let far = spans.far.clone();
    let (trunk_is_up, may_call) = std::sync::mpsc::channel();
    let (heard, ringing_was_heard) = std::sync::mpsc::channel();
    let exchange = std::thread::spawn(move || {
        let mut exchange = End::start(&far, Signalling::R2(r2_settings("BR")));
        may_call.recv().expect("the gateway's end");
        exchange.until_up();
        let call = exchange.call("3032", "11987654321");
        let audio = exchange.expect("acceptance", |event| match event {
            TrunkEvent::Channel { audio, .. } => Some(audio.clone()),
            _ => None,
        });
        // One second in five.
        hear(audio, 425.0);
        heard.send(()).expect("the called side");
        exchange.expect("the answer", |event| {
            matches!(event, TrunkEvent::Answered(_)).then_some(())
        });
        exchange.tell(TrunkCommand::HangUp(call, 16));
        exchange.released(call);
    });

    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    let phone = sipphone::Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    let trunk = json!({
        "name": "Operadora", "device": spans.near.name, "crc4": false,
        "signalling": { "kind": "e1_r2", "variant": "br" },
        "inbound": [{ "number": "3032", "extension": extension.id }],
    });
    gateway
        .api()
        .post("/api/v1/e1-trunks", &trunk)
        .await?
        .expect(201)?;
    let up = |answer: &serde_json::Value| answer.pointer("/0/status/state") == Some(&json!("up"));
    gateway
        .wait("/api/v1/e1-trunks", "the trunk is up", up)
        .await?;
    trunk_is_up.send(()).expect("the exchange");
    let next = tokio::time::timeout(SOON, phone.next_call())
        .await
        .ok()
        .flatten();
    let mut call = next.ok_or(GatewayError::Late("the call"))?;
    assert!(call.caller().contains("11987654321"), "{}", call.caller());
    call.ring();
    ringing_was_heard
        .recv_timeout(SOON)
        .expect("the caller hears that it rings");
    call.answer();
    call.wait_ended(SOON).await?;
    exchange.join().expect("the exchange");
    Ok(())
}
