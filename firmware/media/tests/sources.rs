//! Whose packets are believed, and what becomes of all others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use far_end::{
    FarEnd, connected, engine, event, multiplexing, payload, statistics, statistics_when,
};
use ramal_media::{Codec, Engine, EngineConfig, StreamEvent, StreamParameters};

#[test]
fn a_phone_behind_nat_is_answered_where_its_packets_come_from() {
    let engine = engine(21_100..=21_199, 1);
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    let mut events = stream.events().unwrap();
    let mut phone = FarEnd::of(&stream, 1);
    let signalled = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut remote = phone.remote(Codec::Pcma, None);
    remote.rtp = signalled.local_addr().unwrap();
    stream.set_remote(remote).unwrap();
    stream.echo().unwrap();
    statistics(&stream);

    phone.send(&payload(1));
    phone.send(&payload(2));
    assert_eq!(phone.receive().payload, payload(2));
    assert_eq!(
        event(&mut events),
        StreamEvent::Latched {
            addr: phone.address()
        }
    );

    // Without symmetric RTP the same source is heard, but answered at the signalled address.
    remote.symmetric = false;
    stream.set_remote(remote).unwrap();
    statistics(&stream);
    phone.send(&payload(3));
    signalled.set_read_timeout(Some(far_end::PATIENCE)).unwrap();
    let mut buffer = [0u8; 200];
    assert_eq!(signalled.recv(&mut buffer).unwrap(), 172);
    assert_eq!(buffer[12..172], payload(3));
    assert!(phone.is_quiet());
}

#[test]
fn a_stranger_can_neither_take_the_call_over_nor_be_heard() {
    let engine = engine(21_200..=21_299, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, mut phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    phone_a.send(&payload(0));
    phone_b.receive();

    let mut stranger = FarEnd::of(&a, 1);
    stranger.sequence = phone_a.sequence;
    for number in 1..100u32 {
        stranger.send(&payload(9_000 + number));
        phone_a.send(&payload(number));
        assert_eq!(phone_b.receive().payload, payload(number));
        phone_b.send(&payload(5_000 + number));
        assert_eq!(phone_a.receive().payload, payload(5_000 + number));
    }
    let figures = statistics(&a);
    assert_eq!(figures.foreign, 99);
    assert_eq!(figures.source, Some(phone_a.address()));
    assert_eq!((figures.lost, figures.packets_received), (0, 100));
    assert!(stranger.is_quiet());
}

#[test]
fn a_phone_that_moved_is_followed_after_its_old_address_fell_silent() {
    let engine = engine(21_300..=21_399, 1);
    let (a, mut phone) = connected(&engine, 1, Codec::Pcma);
    a.echo().unwrap();
    statistics(&a);
    phone.send(&payload(1));
    phone.receive();
    let silent_since = Instant::now();
    let mut moved = FarEnd::of(&a, 1);
    moved
        .socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut buffer = [0u8; 200];
    loop {
        moved.send(&payload(2));
        if moved.socket.recv(&mut buffer).is_ok() {
            break;
        }
        assert!(silent_since.elapsed() < far_end::PATIENCE);
    }
    assert!(
        silent_since.elapsed() >= Duration::from_millis(1_900),
        "{:?}",
        silent_since.elapsed()
    );
}

#[test]
fn garbage_is_counted_and_harms_nothing() {
    let engine = engine(21_400..=21_499, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let to = SocketAddr::new(far_end::GATEWAY, a.local_port());
    let oversized = vec![0x80u8; 9_000];
    let mut malformed = 0;
    let mut next = None;
    for number in 0..200u32 {
        phone_a.send(&payload(number));
        let heard = phone_b.receive();
        assert_eq!(heard.payload, payload(number));
        let expected = *next.get_or_insert(heard.sequence);
        assert_eq!(
            heard.sequence, expected,
            "what is not passed on leaves no gap"
        );
        next = Some(expected.wrapping_add(1));
        // Sent by the latched source itself, so that only their contents speak against them.
        for datagram in [
            &b""[..],
            b"\x80",
            b"\x80\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\x40\x08\x00\x01\x00\x00\x00\xA0\x00\x00\x00\x01",
            b"\x8F\x08\x00\x01\x00\x00\x00\xA0\x00\x00\x00\x01",
            b"\x90\x08\x00\x01\x00\x00\x00\xA0\x00\x00\x00\x01\xBE\xDE\xFF\xFF",
            b"\xA0\x08\x00\x01\x00\x00\x00\xA0\x00\x00\x00\x01\xFF",
            b"\x80\xC8\x00\x06\x00\x00\x00\xA0\x00\x00\x00\x01",
            &oversized,
        ] {
            phone_a.socket.send_to(datagram, to).unwrap();
            malformed += 1;
        }
        // A valid packet in sequence with a payload type nobody negotiated: comfort noise.
        phone_a.payload_type = 14;
        phone_a.send(&[0x40]);
        phone_a.payload_type = 8;
        statistics_when(&a, |figures| {
            (figures.malformed, figures.unknown_payload) == (malformed, u64::from(number) + 1)
        });
    }
    let figures = statistics(&a);
    assert_eq!(
        (figures.packets_received, figures.lost, figures.foreign),
        (400, 0, 0)
    );
}

#[test]
fn a_far_end_that_is_not_there_does_no_harm() {
    let engine = engine(21_500..=21_599, 1);
    let (a, mut phone_a) = connected(&engine, 1, Codec::Pcma);
    let (b, phone_b) = connected(&engine, 2, Codec::Pcma);
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    let gone = phone_b.remote(Codec::Pcma, None);
    drop(phone_b);
    for number in 0..100 {
        phone_a.send(&payload(number));
        statistics_when(&a, |figures| {
            figures.packets_received == u64::from(number) + 1
        });
    }
    assert_eq!(statistics(&b).packets_sent, 100);
    // The same stream serves a far end that is there.
    let alive = FarEnd::of(&b, 3);
    b.set_remote(alive.remote(Codec::Pcma, None)).unwrap();
    assert_ne!(alive.address(), gone.rtp);
    statistics(&b);
    phone_a.send(&payload(7));
    assert_eq!(alive.receive().payload, payload(7));
}

#[test]
fn a_dual_stack_engine_serves_both_families() {
    let engine = Engine::start(EngineConfig {
        bind: IpAddr::from(Ipv6Addr::UNSPECIFIED),
        ports: 22_600..=22_649,
        threads: 1,
        prompts: Arc::default(),
        multiplexing: multiplexing(),
    })
    .unwrap();
    let (a, mut old) = connected(&engine, 1, Codec::Pcma);
    let (b, mut new) = connected(&engine, 2, Codec::Pcma);
    new.socket = UdpSocket::bind("[::1]:0").unwrap();
    new.socket
        .set_read_timeout(Some(far_end::PATIENCE))
        .unwrap();
    new.gateway = SocketAddr::from((Ipv6Addr::LOCALHOST, b.local_port()));
    b.set_remote(new.remote(Codec::Pcma, None)).unwrap();
    engine.bridge(&a, &b).unwrap();
    statistics(&a);
    old.send(&payload(1));
    assert_eq!(new.receive().payload, payload(1));
    new.send(&payload(2));
    assert_eq!(old.receive().payload, payload(2));
    assert_eq!(statistics(&a).source, Some(old.address()));
}

#[test]
fn silence_is_reported_once_until_media_comes_back() {
    let engine = engine(21_600..=21_699, 1);
    let limit = Duration::from_millis(300);
    let stream = engine
        .open_stream(StreamParameters {
            media_timeout: Some(limit),
        })
        .unwrap();
    let mut events = stream.events().unwrap();
    let mut phone = FarEnd::of(&stream, 1);
    let start = Instant::now();
    let mut remote = phone.remote(Codec::Pcma, None);
    stream.set_remote(remote).unwrap();
    assert_eq!(event(&mut events), StreamEvent::MediaTimeout);
    assert!(start.elapsed() >= limit);

    phone.send(&payload(1));
    let heard = Instant::now();
    assert!(matches!(event(&mut events), StreamEvent::Latched { .. }));
    assert_eq!(event(&mut events), StreamEvent::MediaTimeout);
    assert!(heard.elapsed() >= limit);

    // While we hold the call nothing is expected.
    remote.receive = false;
    stream.set_remote(remote).unwrap();
    let quiet =
        far_end::runtime().block_on(async { tokio::time::timeout(limit * 3, events.recv()).await });
    assert!(quiet.is_err(), "{quiet:?}");
}
