//! Keys the gateway presses, as the far end gets them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use far_end::{FarEnd, Packet, connected, engine, payload, statistics};
use ramal_dsp::{DtmfDetector, DtmfEvent, Law, TelephoneEvent};
use ramal_media::{Codec, Payloads, Remote, StreamParameters};

/// What the far end gets until `enough` of it.
fn received(phone: &FarEnd, mut enough: impl FnMut(&[Packet]) -> bool) -> Vec<Packet> {
    let mut packets = Vec::new();
    while !enough(&packets) {
        packets.push(phone.receive());
    }
    packets
}

fn events(packets: &[Packet]) -> Vec<(Packet, TelephoneEvent)> {
    packets
        .iter()
        .filter(|packet| packet.payload_type == 101)
        .map(|packet| {
            (
                packet.clone(),
                TelephoneEvent::parse(&packet.payload).unwrap(),
            )
        })
        .collect()
}

#[test]
fn events_where_events_were_agreed_between_the_packets_of_a_bridge() {
    let engine = engine(23_700..=23_749, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    phone_b.send(&payload(1));
    let before = phone_a.receive();
    a.press('4').unwrap();
    a.press('#').unwrap();
    let all = received(&phone_a, |packets| {
        events(packets)
            .iter()
            .filter(|(_, event)| event.end)
            .count()
            == 6
    });
    let pressed = events(&all);
    let digits: Vec<_> = pressed
        .iter()
        .map(|(_, event)| event.digit().unwrap())
        .collect();
    assert_eq!(digits, [['4'; 7], ['#'; 7]].concat());
    for key in pressed.chunks(7) {
        let durations: Vec<_> = key.iter().map(|(_, event)| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        assert_eq!(key.iter().filter(|(packet, _)| packet.marker).count(), 1);
        assert!(key[0].0.marker);
        assert!(
            key.iter()
                .all(|(packet, _)| packet.timestamp == key[0].0.timestamp)
        );
    }
    let apart = pressed[7].0.timestamp.wrapping_sub(pressed[0].0.timestamp);
    assert!((1_400..4_000).contains(&apart), "{apart}");

    // The bridge is heard again, in sequence.
    let mut number = 2;
    let after = loop {
        phone_b.send(&payload(number));
        number += 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
        if let Some(packet) = phone_a.waiting().filter(|packet| packet.payload_type == 8) {
            break packet;
        }
    };
    let sent = 1 + pressed.len() as u16;
    assert_eq!(after.sequence, before.sequence.wrapping_add(sent));
}

#[test]
fn tones_where_no_events_were_agreed() {
    let engine = engine(23_750..=23_799, 1);
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    let phone = FarEnd::of(&stream, 1);
    let remote: Remote = Remote {
        payloads: Payloads::new(Codec::Pcmu, None),
        ..phone.remote(Codec::Pcmu, None)
    };
    stream.set_remote(remote).unwrap();
    for key in "19*x0".chars() {
        stream.press(key).unwrap();
    }
    let mut detector = DtmfDetector::default();
    let mut keys = String::new();
    let mut timestamp = None;
    while keys.len() < 4 {
        let packet = phone.receive();
        assert_eq!(packet.payload_type, 0);
        if let Some(last) = timestamp.replace(packet.timestamp) {
            assert_eq!(packet.timestamp, u32::wrapping_add(last, 160));
        }
        let mut samples = [0i16; 160];
        Law::Mu.decode(&packet.payload, &mut samples);
        detector.process(&samples, |event| {
            if let DtmfEvent::Up { key, duration_ms } = event {
                assert!((85..=115).contains(&duration_ms), "{duration_ms}");
                keys.push(key);
            }
        });
    }
    assert_eq!(keys, "19*0");
}
