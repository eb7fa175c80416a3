//! Random and damaged datagrams: no panic, nothing left over, calls go on.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{Event, Limits, SessionId, StatusCode, Transport};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::network::*;
use crate::sightings::*;

/// What a call with all its features puts on the wire.
fn real_messages() -> Vec<Bytes> {
    let mut network = Network::perfect();
    network.tap = Some(Vec::new());
    let (alice, bob) = network.established();
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run_shortly();
    let media = ramal_sip::HeaderValue::from("application/dtmf");
    network.act(ALICE, |endpoint, now| {
        endpoint.info(now, alice, media, Bytes::from_static(b"5"))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    network.events(BOB);
    // With PRACK and UPDATE before the answer.
    let early = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        let answer = Bytes::from_static(ANSWER);
        endpoint.progress(now, bob, StatusCode::SESSION_PROGRESS, Some(answer))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, early, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    network.act(BOB, |endpoint, now| {
        endpoint.answer_offer(now, bob, Bytes::from_static(HELD));
        endpoint.accept(now, bob, Bytes::from_static(ANSWER));
        endpoint.hang_up(now, bob, None)
    });
    network.run_shortly();
    let cancelled = network.alice_calls_bob();
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.hang_up(now, cancelled, None)
    });
    network.run_shortly();
    let messages = network.tap.take().unwrap();
    assert!(messages.len() >= 30, "{}", messages.len());
    messages
}

fn damaged(random: &mut StdRng, messages: &[Bytes]) -> Bytes {
    let any = |random: &mut StdRng| messages[random.random_range(0..messages.len())].to_vec();
    let mut message = any(random);
    for _ in 0..random.random_range(0..3) {
        let at = random.random_range(0..=message.len());
        match random.random_range(0..6) {
            0 => message.truncate(at),
            1 if at < message.len() => message[at] = random.random(),
            2 => message.insert(
                at,
                *b"\r\n:;,<>\"@ \0\xff9"
                    .get(random.random_range(0..13))
                    .unwrap(),
            ),
            3 => {
                let other = any(random);
                message.truncate(at);
                message.extend_from_slice(&other[at.min(other.len())..]);
            }
            4 => {
                // A line goes, or comes twice.
                let mut lines: Vec<&[u8]> =
                    message.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    let line = random.random_range(0..lines.len());
                    if random.random() {
                        lines.remove(line);
                    } else {
                        lines.insert(line, lines[line]);
                    }
                }
                message = lines.concat();
            }
            _ => {
                // Numbers, tags and branches of another size.
                let digit = message
                    .iter()
                    .position(|byte| byte.is_ascii_digit())
                    .unwrap_or(0);
                message.splice(digit..digit, *b"4294967296");
            }
        }
    }
    message.into()
}

/// What a user does with news, well or badly.
fn react(network: &mut Network, random: &mut StdRng, sessions: &mut Vec<SessionId>) {
    for event in network.events(ALICE) {
        match event {
            Event::Incoming { session, .. } => sessions.push(session),
            Event::Request {
                transaction,
                request,
                ..
            } => {
                let response = request.response(StatusCode::OK);
                network.act(ALICE, |endpoint, now| {
                    endpoint.respond(now, transaction, response)
                });
            }
            _ => {}
        }
    }
    if sessions.is_empty() {
        return;
    }
    let session = sessions[random.random_range(0..sessions.len())];
    let sdp = Bytes::from_static(ANSWER);
    let action = random.random_range(0..10);
    network.act(ALICE, |endpoint, now| match action {
        0 => endpoint.progress(now, session, StatusCode::RINGING, Some(sdp)),
        1 => endpoint.accept(now, session, sdp),
        2 => endpoint.reject(now, session, StatusCode::BUSY_HERE, vec![]),
        3 => endpoint.hang_up(now, session, None),
        4 => endpoint.offer(now, session, sdp),
        5 => endpoint.answer_offer(now, session, sdp),
        6 => endpoint.refuse_offer(now, session, StatusCode::NOT_ACCEPTABLE_HERE),
        7 => endpoint.info(now, session, "application/dtmf".into(), sdp),
        _ => {}
    });
}

#[test]
fn damaged_messages_leave_nothing_over() {
    let messages = real_messages();
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut network = Network::alone();
        network.hosts[BOB].deaf = true;
        // The corpus is full of our own tags and branches: calls of the same seed recognise them.
        let mut sessions: Vec<_> = (0..3).map(|_| network.alice_calls_bob()).collect();
        for _ in 0..1500 {
            let message = damaged(&mut random, &messages);
            network.send(BOB, ALICE, message);
            network.run(Duration::from_millis(random.random_range(0..50)));
            react(&mut network, &mut random, &mut sessions);
            network.trace.clear();
        }
        for session in sessions {
            network.act(ALICE, |endpoint, now| endpoint.hang_up(now, session, None));
        }
        network.assert_nothing_left();
        let counters = network.counters(ALICE);
        let received = &counters.received;
        let seen = [
            counters.malformed,
            received.invite,
            received.bye,
            received.responses[1],
        ];
        assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
    }
}

#[test]
fn random_bytes_are_dropped() {
    let mut random = StdRng::seed_from_u64(5);
    let mut network = Network::alone();
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.random_range(0..200))
            .map(|_| random.random())
            .collect();
        network.act(ALICE, |endpoint, now| {
            let flow = ramal_sip::Flow {
                transport: Transport::Udp,
                local: "127.0.0.11:5060".parse().unwrap(),
                remote: "192.0.2.1:5060".parse().unwrap(),
                connection: 0,
            };
            endpoint.handle_message(now, flow, bytes.into());
        });
    }
    assert_eq!(network.trace.len(), 0);
    let counters = network.counters(ALICE);
    assert_eq!((counters.transactions, counters.timers), (0, 0));
    assert!(counters.dropped.unanswerable > 19_000);
}

#[test]
fn a_flood_of_calls_fills_the_limit_and_no_more() {
    let mut network = Network::alone();
    network.hosts[BOB].deaf = true;
    let limits = Limits {
        sessions: 100,
        transactions: 150,
        ..Limits::default()
    };
    let config = ramal_sip::EndpointConfig { limits, ..config() };
    network.hosts[ALICE].endpoint = Some(ramal_sip::Endpoint::new(config, [1; 32]));
    let flood = |network: &mut Network, count: u32| {
        for number in 0..count {
            let (branch, tag) = (format!("z9hG4bK{number}"), number.to_string());
            let method = if number % 2 == 0 {
                ramal_sip::Method::Invite
            } else {
                ramal_sip::Method::Options
            };
            let request = request(network, BOB, method, &branch, &tag, None, 1);
            network.send(BOB, ALICE, request.encode());
        }
        network.run_shortly();
    };
    flood(&mut network, 1000);
    let counters = network.counters(ALICE);
    assert_eq!(counters.transactions, 150);
    assert_eq!(counters.refused, [(503, 850)]);
    // When the flood is over, calls come through again.
    for event in network.events(ALICE) {
        if let Event::Incoming { session, .. } = event {
            network.act(ALICE, |endpoint, now| endpoint.hang_up(now, session, None));
        }
    }
    network.assert_nothing_left();
    network.events(ALICE);
    flood(&mut network, 2);
    assert_eq!(
        names(&network.events(ALICE)),
        ["Incoming", "Request OPTIONS"]
    );
}
