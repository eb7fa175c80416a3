//! Ports: taken in pairs, given back, and refused when there are no more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first surprise"
)]

mod far_end;

use std::net::UdpSocket;
use std::time::Instant;

use far_end::{GATEWAY, PATIENCE, engine};
use ramal_media::{Engine, EngineConfig, MediaError, Multiplexing, StreamParameters};

#[test]
fn pairs_are_even_and_odd_and_exhaustion_is_an_error_of_its_own() {
    let engine = engine(21_700..=21_707, 1);
    let streams: Vec<_> = (0..4)
        .map(|_| engine.open_stream(StreamParameters::default()).unwrap())
        .collect();
    let mut ports: Vec<u16> = streams.iter().map(|stream| stream.local_port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [21_700, 21_702, 21_704, 21_706]);
    for port in 21_700..=21_707 {
        assert!(UdpSocket::bind((GATEWAY, port)).is_err(), "{port} is bound");
    }
    let refused = engine.open_stream(StreamParameters::default()).unwrap_err();
    assert!(
        matches!(
            refused,
            MediaError::PortsExhausted {
                first: 21_700,
                last: 21_707,
                pairs: 4
            }
        ),
        "{refused}"
    );
}

#[test]
fn closing_a_stream_frees_both_ports() {
    let engine = engine(21_710..=21_711, 1);
    for _ in 0..50 {
        let start = Instant::now();
        let stream = loop {
            match engine.open_stream(StreamParameters::default()) {
                Ok(stream) => break stream,
                Err(MediaError::PortsExhausted { .. }) => assert!(start.elapsed() < PATIENCE),
                Err(other) => panic!("{other}"),
            }
            std::thread::yield_now();
        };
        assert_eq!(stream.local_port(), 21_710);
    }
}

#[test]
fn a_pair_of_which_another_program_holds_one_port_is_passed_over() {
    let held = UdpSocket::bind((GATEWAY, 21_721)).unwrap();
    let engine = engine(21_720..=21_723, 1);
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    assert_eq!(stream.local_port(), 21_722);
    assert!(engine.open_stream(StreamParameters::default()).is_err());
    drop(held);
    assert_eq!(
        engine
            .open_stream(StreamParameters::default())
            .unwrap()
            .local_port(),
        21_720
    );
}

#[test]
fn a_range_without_a_pair_is_refused_at_start() {
    let prompts = std::sync::Arc::default();
    let config = EngineConfig {
        bind: GATEWAY,
        ports: 21_731..=21_732,
        threads: 1,
        prompts,
        multiplexing: Multiplexing::default(),
    };
    assert!(matches!(
        Engine::start(config),
        Err(MediaError::PortRange { .. })
    ));
}

#[test]
fn stopping_the_engine_closes_everything_and_later_commands_say_so() {
    let engine = engine(21_740..=21_741, 2);
    let stream = engine.open_stream(StreamParameters::default()).unwrap();
    drop(engine);
    assert!(UdpSocket::bind((GATEWAY, 21_740)).is_ok());
    assert!(matches!(stream.echo(), Err(MediaError::Stopped)));
}
