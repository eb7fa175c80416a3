//! The echo of a far end on an E1: a hybrid behind libpri's exchange.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use line_tests::WiredSpans;
use line_tests::party::{End, heard_while_talking};
use line_tests::peer::Peer;
use ramal_dsp::Law;
use ramal_isdn::{Role, Settings};
use ramal_lines::dahdi::span::Signalling;
use ramal_lines::dahdi::{ChannelDevice, Received, SpanSetup, SpanUse, configure};
use ramal_lines::{TrunkCommand, TrunkEvent};

/// Octets of a block at the hybrid: 5 ms, so that the echo comes soon.
const SHORT: usize = 40;

/// Sends back what a timeslot hears, 12 dB quieter, until it is told to stop.
fn hybrid(channel: u32, stop: &AtomicBool) {
    let device = ChannelDevice::open(channel).expect("a timeslot");
    device.set_audio_mode().expect("sound");
    device.carry_sound(SHORT).expect("blocks");
    let mut octets = [Law::A.silence(); SHORT];
    device.transmit(&octets);
    while !stop.load(Ordering::Relaxed) {
        match device.receive(&mut octets) {
            Received::Octets(_) => {
                let mut samples = [0; SHORT];
                Law::A.decode(&octets, &mut samples);
                Law::A.encode(&samples.map(|sample| sample / 4), &mut octets);
                device.transmit(&octets);
            }
            Received::Event => while let Ok(Some(_)) = device.next_event() {},
            Received::Nothing => std::thread::sleep(Duration::from_millis(1)),
            Received::Gone => break,
        }
    }
}

fn call(cancel: bool) -> f64 {
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
    let signalling = Signalling::Pri(Box::new(Settings::new(Role::User)));
    let mut gateway = End::start_with(&spans.near, signalling, cancel);
    gateway.until_up();
    exchange.tell("call 1 called=3032 calling=11987654321 channel=3");
    let (call, _, _, audio) = gateway.incoming();
    gateway.tell(TrunkCommand::Proceed(call));
    gateway.tell(TrunkCommand::Answer(call));
    exchange.expect("the answer", |event| {
        event.starts_with("answer 1").then_some(())
    });
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let far = std::thread::spawn(move || hybrid(first + 2, &stopped));
    let level = heard_while_talking(audio);
    stop.store(true, Ordering::Relaxed);
    far.join().expect("the hybrid");
    exchange.tell("hangup 1 16");
    gateway.expect("the end", |event| {
        matches!(event, TrunkEvent::Disconnecting { .. }).then_some(())
    });
    level
}

#[test]
fn an_echo_behind_an_exchange_is_taken_out_of_a_call() {
    let (without, with) = (call(false), call(true));
    println!("echo: {without:.1} dBm0, cancelled: {with:.1} dBm0");
    assert!((-29.0..-25.0).contains(&without), "{without} dBm0");
    assert!(with < without - 20.0, "{without} dBm0 became {with}");
}
