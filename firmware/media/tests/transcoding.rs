//! Two phones that share no codec hear each other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use far_end::sound::{Ear, Voice};
use far_end::{FarEnd, connected, engine, statistics};
use ramal_dsp::digit_packets;
use ramal_media::{Codec, Format, OpusPreferences, Prompt, Remote, Repeat, SampleRate, Stream};

const TONE: f64 = 1_004.0;

/// A tone said by one is heard by the other, packet by packet.
fn check(from: (Codec, &mut FarEnd), to: (Codec, &FarEnd)) {
    let mut voice = Voice::new(from.0, TONE);
    let mut ear = Ear::new(to.0);
    let mut last = None;
    for _ in 0..60 {
        from.1.send(&voice.say());
        // Every packet brings one at once.
        let packet = to.1.receive();
        assert_eq!(packet.payload_type, to.0.payload_type());
        if let Some((sequence, timestamp)) = last {
            assert_eq!(packet.sequence, u16::wrapping_add(sequence, 1));
            let units = to.0.clock_rate() / 50;
            assert_eq!(packet.timestamp, u32::wrapping_add(timestamp, units));
        }
        assert_eq!(packet.marker, last.is_none());
        last = Some((packet.sequence, packet.timestamp));
        ear.hear(&packet.payload);
    }
    let (from, to) = (from.0, to.0);
    assert!(
        ear.tone(TONE, 200).abs() < 0.5,
        "{from:?} to {to:?}: {} dB",
        ear.tone(TONE, 200)
    );
    let rest = ear.level(200) - far_end::sound::said_level() - ear.tone(TONE, 200);
    assert!(
        rest.abs() < 0.3,
        "{from:?} to {to:?}: {rest} dB of other sound"
    );
    assert!(ear.longest_gap_ms() <= 5, "{from:?} to {to:?}");
}

#[test]
fn a_tone_goes_through_every_pair_of_codecs_both_ways() {
    let engine = engine(23_000..=23_199, 1);
    for (number, a) in Codec::DECODED.into_iter().enumerate() {
        for b in Codec::DECODED.into_iter().skip(number + 1) {
            if a.law().is_some() && b.law().is_some() {
                continue;
            }
            let (stream_a, mut phone_a) = connected(&engine, 1, a);
            let (stream_b, mut phone_b) = connected(&engine, 2, b);
            engine.bridge(&stream_a, &stream_b).unwrap();
            statistics(&stream_a);
            check((a, &mut phone_a), (b, &phone_b));
            check((b, &mut phone_b), (a, &phone_a));
        }
    }
}

/// Two phones of these codecs in a bridge.
fn bridged(
    engine: &ramal_media::Engine,
    a: Codec,
    b: Codec,
) -> ((Stream, FarEnd), (Stream, FarEnd)) {
    let (a, b) = (connected(engine, 1, a), connected(engine, 2, b));
    engine.bridge(&a.0, &b.0).unwrap();
    statistics(&a.0);
    (a, b)
}

#[test]
fn a_codec_that_changes_during_the_call_is_followed_without_a_gap() {
    let engine = engine(23_200..=23_249, 1);
    let ((_a, mut phone_a), (b, phone_b)) = bridged(&engine, Codec::Pcma, Codec::Pcma);
    let mut voice = Voice::new(Codec::Pcma, TONE);
    let mut ear = Ear::new(Codec::Pcma);
    for _ in 0..20 {
        phone_a.send(&voice.say());
        ear.hear(&phone_b.receive().payload);
    }
    let last = {
        phone_a.send(&voice.say());
        phone_b.receive()
    };
    b.set_remote(phone_b.remote(Codec::G722, Some(101)))
        .unwrap();
    statistics(&b);
    let mut wide = Ear::new(Codec::G722);
    for number in 0..40 {
        phone_a.send(&voice.say());
        let packet = phone_b.receive();
        assert_eq!(packet.payload_type, 9);
        assert_eq!(packet.sequence, last.sequence.wrapping_add(number + 1));
        wide.hear(&packet.payload);
    }
    assert!(wide.tone(TONE, 100).abs() < 0.5);
    b.set_remote(phone_b.remote(Codec::Pcma, Some(101)))
        .unwrap();
    statistics(&b);
    phone_a.send(&voice.say());
    assert_eq!(phone_b.receive().payload_type, 8);
}

#[test]
fn keys_keep_their_timestamp_between_transcoded_packets() {
    let engine = engine(23_250..=23_299, 1);
    let ((_a, mut phone_a), (_b, phone_b)) = bridged(&engine, Codec::Pcma, Codec::Opus);
    let mut voice = Voice::new(Codec::Pcma, TONE);
    phone_a.send(&voice.say());
    let before = phone_b.receive();
    let mut began = Vec::new();
    for packet in digit_packets('7', 100).unwrap() {
        phone_a.send_event(101, &packet);
        let event = phone_b.receive();
        assert_eq!(event.payload_type, 101);
        assert_eq!(event.payload, packet.event.encode());
        assert_eq!(event.marker, packet.marker);
        began.push(event.timestamp);
    }
    assert!(began.iter().all(|&timestamp| timestamp == began[0]));
    phone_a.timestamp += 800;
    phone_a.send(&voice.say());
    let after = phone_b.receive();
    let sent = began.len() as u16;
    assert_eq!(after.sequence, before.sequence.wrapping_add(sent + 1));
    assert_eq!(
        after.timestamp,
        before.timestamp.wrapping_add(960 + 6 * 800)
    );
}

#[test]
fn a_format_nobody_here_knows_is_carried_octet_by_octet() {
    let engine = engine(23_300..=23_349, 1);
    let g729 = Codec::Passthrough(Format::new("G729", 8_000, 1, None, 18).unwrap());
    let ((_a, mut phone_a), (b, phone_b)) = bridged(&engine, g729, g729);
    for number in 0..10u8 {
        phone_a.send(&[number; 20]);
        let packet = phone_b.receive();
        assert_eq!(
            (packet.payload_type, packet.payload),
            (18, vec![number; 20])
        );
    }
    // To a phone that speaks something else nothing can be made of it.
    b.set_remote(phone_b.remote(Codec::Pcma, None)).unwrap();
    statistics(&b);
    let sent = statistics(&b).packets_sent;
    phone_a.send(&[9; 20]);
    far_end::statistics_when(&_a, |figures| figures.packets_received == 11);
    assert_eq!(statistics(&b).packets_sent, sent);
}

#[test]
fn broken_packets_are_not_heard_and_end_nothing() {
    let engine = engine(23_350..=23_399, 1);
    for codec in [Codec::Opus, Codec::G722, Codec::L16(SampleRate::Wide)] {
        let ((_a, mut phone_a), (_b, phone_b)) = bridged(&engine, codec, Codec::Pcma);
        for length in 0..60 {
            phone_a.send(&vec![0xFF; length]);
            phone_a.send(&vec![0x03; length]);
        }
        let mut voice = Voice::new(codec, TONE);
        let mut ear = Ear::new(Codec::Pcma);
        phone_a.timestamp = phone_a.timestamp.wrapping_add(4_000_000);
        for _ in 0..60 {
            phone_a.send(&voice.say());
        }
        while ear.heard.len() < 160 * 40 {
            let packet = phone_b.receive();
            if packet.payload.len() == 160 {
                ear.hear(&packet.payload);
            }
        }
    }
}

#[test]
fn opus_is_sent_as_the_far_end_asks_whether_transcoded_or_played() {
    let engine = engine(22_900..=22_949, 1);
    let ((_a, mut phone_a), (b, phone_b)) = bridged(&engine, Codec::Pcma, Codec::Opus);
    let mut remote: Remote = phone_b.remote(Codec::Opus, Some(101));
    remote.payloads.opus = OpusPreferences::of("maxaveragebitrate=16000");
    b.set_remote(remote).unwrap();
    statistics(&b);
    let mut voice = Voice::new(Codec::Pcma, TONE);
    let (mut ear, mut octets) = (Ear::new(Codec::Opus), 0);
    for _ in 0..100 {
        phone_a.send(&voice.say());
        let packet = phone_b.receive();
        octets += packet.payload.len();
        ear.hear(&packet.payload);
    }
    assert!(octets <= 16_000 / 8 * 2 * 11 / 10, "{octets}");
    assert!(ear.tone(TONE, 200).abs() < 1.0);
    // Prompts are encoded in advance for those who ask for nothing.
    let sound = (0..16_000).map(|n| {
        let angle = f64::from(n) * TONE * std::f64::consts::TAU / 8_000.0;
        (far_end::sound::PEAK * angle.sin()) as i16
    });
    let prompt = Prompt::new("tone", &sound.collect::<Vec<i16>>());
    let _playing = b
        .play(vec![std::sync::Arc::new(prompt).into()], Repeat::Forever)
        .unwrap();
    let (mut ear, mut octets) = (Ear::new(Codec::Opus), 0);
    for _ in 0..100 {
        let packet = phone_b.receive();
        octets += packet.payload.len();
        ear.hear(&packet.payload);
    }
    assert!(octets <= 16_000 / 8 * 2 * 11 / 10, "{octets}");
    assert!(ear.tone(TONE, 400).abs() < 1.0);
}
