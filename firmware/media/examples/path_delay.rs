//! How long sound is on its way through the gateway, from what is heard:
//! `cargo run --release -p ramal-media --example path_delay`
//!
//! A phone says nothing, then a tone. The delay is the time from the departure of the first packet with the tone to the moment
//! when its first sample would be played by a telephone that plays what comes at once. The 20 ms that the phone needs to fill
//! its packet, and the buffer of the phone that listens, are not the gateway's and not counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement stops at the first surprise"
)]
#![allow(dead_code, reason = "the tests use more of the far end")]

#[path = "../tests/far_end/mod.rs"]
mod far_end;

use std::thread;
use std::time::{Duration, Instant};

use far_end::sound::{Ear, PEAK, Voice};
use far_end::{FarEnd, connected, engine, runtime};
use ramal_media::{Codec, Part, SampleRate};

const FRAME: Duration = Duration::from_millis(20);
/// Packets of silence before the tone: the playout has found its delay by then.
const SILENCE: usize = 250;
const TRIES: usize = 7;

/// The way through the engine.
#[derive(Clone, Copy, Debug)]
enum Path {
    /// From phone to phone, re-coded when their codecs differ.
    Bridge,
    /// Through a conference of two.
    Room,
}

fn main() {
    println!(
        "{:<28} {:>8} {:>8} {:>8}",
        "path", "least", "median", "most"
    );
    for (path, codec) in [
        (Path::Bridge, Codec::Pcma),
        (Path::Bridge, Codec::Pcmu),
        (Path::Bridge, Codec::G722),
        (Path::Bridge, Codec::Opus),
        (Path::Room, Codec::Pcma),
        (Path::Room, Codec::G722),
        (Path::Room, Codec::Opus),
    ] {
        let mut delays: Vec<f64> = (0..TRIES).map(|_| delay(path, codec)).collect();
        delays.sort_by(f64::total_cmp);
        let name = format!("{path:?} PCMA to {}", codec.name());
        let [least, median, most] = [0, TRIES / 2, TRIES - 1].map(|at| delays[at]);
        println!("{name:<28} {least:>5.1} ms {median:>5.1} ms {most:>5.1} ms");
    }
}

/// Milliseconds from a phone that speaks A-law to one that hears `codec`.
fn delay(path: Path, codec: Codec) -> f64 {
    let engine = engine(28_000..=28_049, 1);
    let (speaking, mut mouth) = connected(&engine, 1, Codec::Pcma);
    let (listening, phone) = connected(&engine, 2, codec);
    let mut room = None;
    match path {
        Path::Bridge => engine.bridge(&speaking, &listening).unwrap(),
        Path::Room => {
            let opened = engine.room();
            for stream in [&speaking, &listening] {
                runtime()
                    .block_on(opened.join(stream, Part::Speaker))
                    .unwrap();
            }
            room = Some(opened);
        }
    }
    thread::scope(|scope| {
        let heard = scope.spawn(|| first_sound(&phone, codec));
        let said = speak(&mut mouth);
        let heard = heard.join().unwrap();
        drop(room);
        match heard.checked_duration_since(said) {
            Some(delay) => delay.as_secs_f64() * 1e3,
            None => -said.duration_since(heard).as_secs_f64() * 1e3,
        }
    })
}

/// Says silence, then a tone for half a second; the answer is when its first packet left.
fn speak(mouth: &mut FarEnd) -> Instant {
    let mut voice = Voice::new(Codec::Pcma, 1_000.0);
    let begin = Instant::now();
    let mut left = begin;
    for packet in 0..SILENCE + 25 {
        let due = begin + FRAME * packet as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if packet < SILENCE {
            // A-law's zero (ITU-T G.711 table 1).
            mouth.send(&[0xD5; 160]);
        } else {
            if packet == SILENCE {
                left = Instant::now();
            }
            mouth.send(&voice.say());
        }
    }
    left
}

/// When the first sample of the tone is played.
fn first_sound(phone: &FarEnd, codec: Codec) -> Instant {
    let mut ear = Ear::new(codec);
    let rate = match codec {
        Codec::Opus => SampleRate::Wide.hertz(),
        other => other.sample_rate().unwrap().hertz(),
    };
    loop {
        let packet = phone.receive();
        let before = ear.heard.len();
        ear.hear(&packet.payload);
        let loud = |sample: &i16| f64::from(sample.unsigned_abs()) > PEAK / 4.0;
        if let Some(at) = ear.heard[before..].iter().position(loud) {
            return packet.at + Duration::from_secs_f64(at as f64 / f64::from(rate));
        }
    }
}
