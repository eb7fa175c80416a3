//! Relaying between two streams, seen from their far ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::thread;
use std::time::Duration;

use far_end::{connected, engine, event, payload, statistics, statistics_when};
use ramal_dsp::{alaw_to_ulaw, digit_packets, ulaw_to_alaw};
use ramal_media::{Codec, Payloads, StreamEvent, StreamParameters};

#[test]
fn audio_passes_both_ways_bit_by_bit_under_the_streams_own_header() {
    let engine = engine(20_000..=20_099, 1);
    let (a, mut phone_a) = connected(&engine, 0xAAAA, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 0xBBBB, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);

    let mut last: Option<far_end::Packet> = None;
    for number in 0..100 {
        phone_a.send(&payload(number));
        let heard = phone_b.receive();
        assert_eq!(heard.payload, payload(number));
        assert_eq!(heard.payload_type, 8);
        assert_eq!(heard.source.port(), b.local_port());
        assert_ne!(heard.ssrc, phone_a.ssrc);
        if let Some(last) = last {
            assert_eq!(heard.ssrc, last.ssrc);
            assert_eq!(heard.sequence, last.sequence.wrapping_add(1));
            assert_eq!(heard.timestamp, last.timestamp.wrapping_add(160));
        }
        last = Some(heard);

        phone_b.send(&payload(1_000 + number));
        assert_eq!(phone_a.receive().payload, payload(1_000 + number));
    }
    let figures = statistics(&a);
    assert_eq!((figures.packets_received, figures.packets_sent), (100, 100));
    assert_eq!(
        (figures.octets_received, figures.octets_sent),
        (16_000, 16_000)
    );
    assert_eq!(
        (figures.lost, figures.malformed, figures.foreign),
        (0, 0, 0)
    );
    assert_eq!(figures.source, Some(phone_a.address()));
}

#[test]
fn a_packet_that_overtakes_its_time_is_not_left_behind() {
    let engine = engine(25_900..=25_999, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let mut sent = 0;
    for _ in 0..5 {
        for _ in 0..8 {
            phone_a.send(&payload(sent));
            sent += 1;
            thread::sleep(Duration::from_millis(20));
        }
        // The last but one when it is due, the last one with it; nothing follows that would bring it along.
        for _ in 0..2 {
            phone_a.send(&payload(sent));
            sent += 1;
        }
        thread::sleep(Duration::from_millis(20));
        while phone_b.receive().payload != payload(sent - 1) {}
    }
    let figures = statistics(&b);
    assert_eq!(figures.packets_sent, u64::from(sent));
}

#[test]
fn sequence_and_timestamp_go_on_when_the_source_changes() {
    let engine = engine(20_100..=20_199, 1);
    let (a, phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    let (c, mut phone_c) = connected(&engine, 3, Codec::Pcma);
    phone_c.sequence = 7;
    phone_c.timestamp = 4_000_000_000;

    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    phone_b.send(&payload(1));
    let first = phone_a.receive();
    assert!(first.marker);

    engine.bridge(&a, &c).unwrap();
    statistics(&a);
    phone_c.send(&payload(2));
    let second = phone_a.receive();
    assert!(second.marker, "a new source begins a talkspurt");
    assert_eq!(second.ssrc, first.ssrc);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    let step = second.timestamp.wrapping_sub(first.timestamp);
    let elapsed = second.at.duration_since(first.at).as_micros() as u32 / 125;
    assert!(
        (160..=elapsed.max(160) + 400).contains(&step),
        "{step} for {elapsed}"
    );

    // A new SSRC at the same far end is a new source too.
    phone_c.ssrc = 33;
    phone_c.sequence = 50_000;
    phone_c.send(&payload(3));
    let third = phone_a.receive();
    assert_eq!((third.ssrc, third.marker), (first.ssrc, true));
    assert_eq!(third.sequence, second.sequence.wrapping_add(1));

    // The one left behind by the new bridge is heard by nobody.
    phone_b.send(&payload(4));
    statistics_when(&b, |figures| figures.packets_received == 2);
    assert!(phone_a.is_quiet() && phone_c.is_quiet());
}

#[test]
fn loss_and_order_of_the_source_are_kept() {
    let engine = engine(20_200..=20_299, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let mut heard = Vec::new();
    for sequence in [10u16, 11, 14, 13, 14, 15] {
        phone_a.sequence = sequence;
        phone_a.timestamp = u32::from(sequence) * 160;
        phone_a.send(&payload(sequence.into()));
    }
    for _ in 0..5 {
        heard.push(phone_b.receive());
    }
    let first = heard[0].sequence;
    let steps: Vec<u16> = heard
        .iter()
        .map(|packet| packet.sequence.wrapping_sub(first))
        .collect();
    assert_eq!(steps, [0, 1, 4, 3, 5]);
    let figures = statistics(&a);
    assert_eq!(
        (figures.lost, figures.out_of_order, figures.duplicates),
        (1, 1, 1)
    );
    assert!(phone_b.is_quiet(), "the duplicate is dropped");
}

#[test]
fn payload_types_are_mapped_for_audio_and_for_events() {
    let engine = engine(20_300..=20_399, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    let mut to_b = phone_b.remote(Codec::Pcma, Some(96));
    to_b.payloads.audio = 120;
    b.set_remote(to_b).unwrap();
    engine.bridge(&a, &b).unwrap();
    statistics(&a);

    phone_a.send(&payload(1));
    assert_eq!(phone_b.receive().payload_type, 120);
    let packets: Vec<_> = digit_packets('5', 60).unwrap().collect();
    for packet in &packets {
        phone_a.send_event(101, packet);
        let heard = phone_b.receive();
        assert_eq!((heard.payload_type, heard.marker), (96, packet.marker));
        assert_eq!(heard.payload, packet.event.encode());
    }
}

#[test]
fn our_own_numbers_and_the_far_ends_numbers_may_differ() {
    let engine = engine(20_400..=20_499, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let mut events = a.events().unwrap();
    // We offered events as 101; the far end wants to get them as 97 but sends 101, as it should.
    let mut remote = phone_a.remote(Codec::Pcma, Some(97));
    remote.receive_payloads = Some(Payloads::new(Codec::Pcma, Some(101)));
    a.set_remote(remote).unwrap();
    a.echo().unwrap();
    statistics(&a);
    for packet in digit_packets('7', 40).unwrap() {
        phone_a.send_event(101, &packet);
        assert_eq!(phone_a.receive().payload_type, 97);
    }
    assert!(matches!(event(&mut events), StreamEvent::Latched { .. }));
    assert_eq!(
        event(&mut events),
        StreamEvent::Digit {
            digit: '7',
            duration_ms: 40
        }
    );
}

#[test]
fn a_digit_is_passed_on_and_reported_once() {
    let engine = engine(20_500..=20_599, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let mut events = a.events().unwrap();
    statistics(&a);
    for digit in ['1', '1', '#'] {
        for packet in digit_packets(digit, 100).unwrap() {
            phone_a.send_event(101, &packet);
            phone_b.receive();
        }
        phone_a.timestamp += 1_600;
    }
    assert_eq!(
        event(&mut events),
        StreamEvent::Latched {
            addr: phone_a.address()
        }
    );
    for digit in ['1', '1', '#'] {
        assert_eq!(
            event(&mut events),
            StreamEvent::Digit {
                digit,
                duration_ms: 100
            }
        );
    }
    assert_eq!(statistics(&a).digits, 3);
    assert!(events.try_recv().is_err());
}

#[test]
fn events_the_other_side_does_not_know_leave_no_gap() {
    let engine = engine(20_600..=20_699, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    b.set_remote(phone_b.remote(Codec::Pcma, None)).unwrap();
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    phone_a.send(&payload(1));
    let before = phone_b.receive();
    digit_packets('4', 60)
        .unwrap()
        .for_each(|packet| phone_a.send_event(101, &packet));
    phone_a.send(&payload(2));
    let after = phone_b.receive();
    assert_eq!(after.payload, payload(2));
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
}

#[test]
fn the_companding_law_is_converted_by_the_itu_tables() {
    let engine = engine(20_700..=20_799, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcmu);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let all: Vec<u8> = (0..=255).collect();

    phone_a.send(&all);
    let heard = phone_b.receive();
    let mut expected = all.clone();
    alaw_to_ulaw(&mut expected);
    assert_eq!((heard.payload_type, heard.payload), (0, expected));

    phone_b.send(&all);
    let heard = phone_a.receive();
    let mut expected = all;
    ulaw_to_alaw(&mut expected);
    assert_eq!((heard.payload_type, heard.payload), (8, expected));
}

#[test]
fn hold_is_obeyed_in_each_direction() {
    let engine = engine(20_800..=20_899, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    let mut on_hold = phone_b.remote(Codec::Pcma, Some(101));
    on_hold.send = false;
    b.set_remote(on_hold).unwrap();
    statistics(&a);

    phone_a.send(&payload(1));
    statistics_when(&a, |figures| figures.packets_received == 1);
    phone_b.send(&payload(2));
    assert_eq!(phone_a.receive().payload, payload(2));
    assert!(phone_b.is_quiet());

    on_hold.send = true;
    on_hold.receive = false;
    b.set_remote(on_hold).unwrap();
    statistics(&b);
    phone_b.send(&payload(3));
    statistics_when(&b, |figures| figures.packets_received == 2);
    phone_a.send(&payload(4));
    assert_eq!(phone_b.receive().payload, payload(4));
    assert!(phone_a.is_quiet());
}

#[test]
fn an_echo_comes_back_to_its_sender() {
    let engine = engine(20_900..=20_999, 1);
    let (a, mut phone) = connected(&engine, 1, Codec::Pcmu);
    a.echo().unwrap();
    statistics(&a);
    for number in 0..50 {
        phone.send(&payload(number));
        let heard = phone.receive();
        assert_eq!((heard.payload_type, heard.payload), (0, payload(number)));
        assert_ne!(heard.ssrc, phone.ssrc);
    }
}

#[test]
fn nothing_is_sent_or_taken_before_the_far_end_is_known() {
    let engine = engine(21_000..=21_099, 1);
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    stream.echo().unwrap();
    let mut phone = far_end::FarEnd::of(&stream, 1);
    statistics(&stream);
    phone.send(&payload(1));
    stream.set_remote(phone.remote(Codec::Pcma, None)).unwrap();
    statistics(&stream);
    phone.send(&payload(2));
    assert_eq!(phone.receive().payload, payload(2));
    assert!(phone.is_quiet());
}
