//! A far end that falls silent and says how quiet it is (RFC 3389), as those it talks to hear it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use far_end::sound::{Ear, Voice};
use far_end::{FarEnd, PATIENCE, Packet, connected, engine, statistics};
use ramal_dsp::{Law, level_dbm0};
use ramal_media::{Codec, LineAudio, Part};

/// Payload type of comfort noise (RFC 3551 table 4).
const COMFORT_NOISE: u8 = 13;
/// What the far end tells, -dBov, and what that is in dBm0 (0 dBov is 6.15 dBm0).
const LEVEL: u8 = 50;
const DBM0: f64 = 6.15 - 50.0;
/// Packets that are listened to.
const HEARD: usize = 50;

/// Talks for a moment, and then tells how quiet it is.
fn falls_silent(phone: &mut FarEnd, voice: &mut Voice, mut heard: impl FnMut()) {
    for _ in 0..5 {
        phone.send(&voice.say());
        heard();
    }
    phone.payload_type = COMFORT_NOISE;
    phone.units = Some(0);
    phone.send(&[LEVEL]);
    (phone.payload_type, phone.units) = (8, None);
}

fn follows(packet: &Packet, before: &Packet) {
    assert_eq!(packet.sequence, before.sequence.wrapping_add(1));
    assert_eq!(packet.ssrc, before.ssrc);
}

/// The noise that comes after `last`, and what was heard of it.
fn noise(phone: &FarEnd, codec: Codec, mut last: Packet) -> (Packet, f64) {
    let mut ear = Ear::new(codec);
    for number in 0..HEARD {
        let packet = phone.receive();
        follows(&packet, &last);
        assert_eq!(packet.payload_type, codec.payload_type());
        assert_eq!(packet.marker, number == 0, "a new source begins");
        if number > 0 {
            assert_eq!(packet.timestamp, last.timestamp.wrapping_add(160));
        }
        ear.hear(&packet.payload);
        last = packet;
    }
    (last, level_dbm0(ear.since(200)))
}

#[test]
fn the_other_end_of_a_bridge_hears_the_background_until_words_follow() {
    let engine = engine(28_000..=28_099, 1);
    for (number, codec) in [Codec::Pcma, Codec::Pcmu, Codec::G722]
        .into_iter()
        .enumerate()
    {
        let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
        let (b, phone_b) = connected(&engine, 2, codec);
        engine.bridge(&a, &b).unwrap();
        statistics(&a);
        let mut voice = Voice::new(Codec::Pcma, 1_004.0);
        let mut last = None;
        falls_silent(&mut phone_a, &mut voice, || last = Some(phone_b.receive()));
        let (last, level) = noise(&phone_b, codec, last.unwrap());
        assert!((level - DBM0).abs() < 1.0, "{number}: {level} dBm0");

        // As long as it was silent.
        phone_a.timestamp = phone_a.timestamp.wrapping_add(160 * HEARD as u32);
        let words = voice.say();
        phone_a.send(&words);
        let mut last = last;
        let first = loop {
            let packet = phone_b.receive();
            follows(&packet, &last);
            if packet.marker {
                break packet;
            }
            last = packet;
        };
        if codec == Codec::Pcma {
            assert_eq!(first.payload, words);
        }
        last = first;
        for _ in 0..10 {
            phone_a.send(&voice.say());
            let packet = phone_b.receive();
            follows(&packet, &last);
            assert_eq!(packet.timestamp, last.timestamp.wrapping_add(160));
            last = packet;
        }
        assert_eq!(statistics(&a).lost, 0);
    }
}

#[test]
fn who_is_bridged_or_plays_anew_hears_no_background_of_before() {
    let engine = engine(28_100..=28_149, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    let (c, mut phone_c) = connected(&engine, 3, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let mut voice = Voice::new(Codec::Pcma, 1_004.0);
    falls_silent(&mut phone_a, &mut voice, || drop(phone_b.receive()));
    phone_b.receive();
    engine.bridge(&c, &b).unwrap();
    statistics(&c);
    phone_b.socket.set_nonblocking(true).unwrap();
    while phone_b.socket.recv(&mut [0; 256]).is_ok() {}
    phone_b.socket.set_nonblocking(false).unwrap();
    for _ in 0..5 {
        let words = voice.say();
        phone_c.send(&words);
        assert_eq!(phone_b.receive().payload, words);
    }
}

/// A line that shows the test what it is sent.
struct Listening(SyncSender<[u8; 160]>);

impl LineAudio for Listening {
    fn exchange(&mut self, transmit: &[u8; 160], receive: &mut [u8; 160]) {
        receive.fill(Law::A.silence());
        let _ = self.0.try_send(*transmit);
    }
}

#[test]
fn lines_and_conferences_hear_it_too() {
    let engine = engine(28_150..=28_199, 1);
    let (stream, mut phone) = connected(&engine, 1, Codec::Pcma);
    let (sender, heard) = sync_channel(10_000);
    let line = engine.open_line(Box::new(Listening(sender))).unwrap();
    engine.bridge(&line, &stream).unwrap();
    statistics(&stream);
    let mut voice = Voice::new(Codec::Pcma, 1_004.0);
    let beat = || {
        heard.recv_timeout(PATIENCE).unwrap();
    };
    falls_silent(&mut phone, &mut voice, beat);
    // What was said before is over after 200 ms.
    let octets: Vec<u8> = (0..10 + HEARD)
        .flat_map(|_| heard.recv_timeout(PATIENCE).unwrap())
        .skip(10 * 160)
        .collect();
    let mut samples = vec![0; octets.len()];
    Law::A.decode(&octets, &mut samples);
    let level = level_dbm0(&samples);
    assert!((level - DBM0).abs() < 1.0, "line: {level} dBm0");
    drop((line, stream));

    let (a, mut phone_a) = connected(&engine, 2, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 3, Codec::Pcma);
    let room = engine.room();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for channel in [&a, &b] {
        let joined = room.join(channel, Part::Speaker);
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(30), joined).await })
            .unwrap()
            .unwrap();
    }
    falls_silent(&mut phone_a, &mut voice, || drop(phone_b.receive()));
    let mut ear = Ear::new(Codec::Pcma);
    for _ in 0..10 + HEARD {
        ear.hear(&phone_b.receive().payload);
    }
    let level = level_dbm0(ear.since(200));
    assert!((level - DBM0).abs() < 1.0, "conference: {level} dBm0");
}
