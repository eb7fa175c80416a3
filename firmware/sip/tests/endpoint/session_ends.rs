//! Sessions that end by themselves, and INFO within them.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{Event, HeaderName, HeaderValue, Method, StatusCode};

use crate::network::*;
use crate::sightings::*;

#[test]
fn digits_by_info() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    let body = Bytes::from_static(b"Signal=5\r\nDuration=160\r\n");
    let media = HeaderValue::from("application/dtmf-relay");
    network.act(ALICE, |endpoint, now| {
        endpoint.info(now, alice, media, body.clone())
    });
    network.run_shortly();
    let events = network.events(BOB);
    let [
        Event::Info {
            content_type,
            body: heard,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (content_type.as_str(), heard),
        ("application/dtmf-relay", &body)
    );
    // What nobody understands is refused, and the session goes on.
    let media = HeaderValue::from("application/media_control+xml");
    network.act(ALICE, |endpoint, now| {
        endpoint.info(now, alice, media, body)
    });
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), [""; 0]);
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INFO",
            "alice <- bob: 200 OK",
            "alice -> bob: INFO",
            "alice <- bob: 415 Unsupported Media Type"
        ]
    );
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
}

#[test]
fn a_peer_that_lost_the_dialog_ends_the_session() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    // Bob restarts.
    network.hosts[BOB].endpoint = Some(ramal_sip::Endpoint::new(config(), [9; 32]));
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended DialogGone"]);
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 481 No dialog with this Call-ID and these tags",
            "alice -> bob: ACK",
            "alice -> bob: BYE",
            "alice <- bob: 481 No dialog with this Call-ID and these tags",
        ]
    );
    network.assert_nothing_left();
}

#[test]
fn a_peer_that_vanished_ends_the_session() {
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.quality.loss = 100;
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    let media = HeaderValue::from("application/dtmf");
    network.act(BOB, |endpoint, now| {
        endpoint.info(now, bob, media, Bytes::from_static(b"5"))
    });
    network.run(Duration::from_secs(33));
    assert_eq!(names(&network.events(ALICE)), ["Ended Timeout"]);
    assert_eq!(names(&network.events(BOB)), ["Ended Timeout"]);
    network.assert_nothing_left();
}

#[test]
fn a_re_invite_that_is_processed_for_ever_ends_the_session() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.run_shortly(); // 100 Trying came; now Bob's user sleeps.
    network.run(Duration::from_secs(33));
    assert_eq!(names(&network.events(ALICE)), ["Ended Timeout"]);
    assert_eq!(names(&network.events(BOB)), ["Offer sdp", "Ended Bye"]);
    network.assert_nothing_left();
}

#[test]
fn a_re_invite_that_is_taken_up_after_the_bye_is_forgotten() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    network.hosts[BOB].endpoint = None;
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let received = network.received(BOB);
    let (invite, bye) = (one(&received, Method::Invite), one(&received, Method::Bye));
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.send(BOB, ALICE, invite.response(StatusCode::TRYING).encode());
    // No final response ever comes.
    network.assert_nothing_left();
}

#[test]
fn a_failed_flow_rejects_the_call_and_ends_what_waits_on_it() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    let flow = network.flow(ALICE, BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.handle_flow_failed(now, flow)
    });
    assert_eq!(
        names(&network.events(ALICE)),
        [""; 0],
        "a standing session needs no flow until it sends"
    );
    network.alice_calls_bob();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.act(ALICE, |endpoint, now| {
        endpoint.handle_flow_failed(now, flow)
    });
    assert_eq!(
        names(&network.events(ALICE)),
        ["Rejected 503 unanswered", "Ended FlowFailed"]
    );
}

#[test]
fn a_call_that_rings_for_a_closed_connection_ends() {
    let mut network = Network::with(PERFECT, 1, ramal_sip::Transport::Tcp, [config(), config()]);
    network.alice_calls_bob();
    network.run_shortly();
    incoming(&network.events(BOB));
    let flow = network.flow(BOB, ALICE);
    network.act(BOB, |endpoint, now| endpoint.handle_flow_failed(now, flow));
    assert_eq!(names(&network.events(BOB)), ["Ended FlowFailed"]);
    network.assert_nothing_left();
}

#[test]
fn requests_follow_a_peer_whose_address_changed() {
    // A NAT gave Bob a new port; his INFO comes from there, and our BYE goes there.
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.hosts[BOB].address = "127.0.0.12:9999".parse().unwrap();
    let media = HeaderValue::from("application/dtmf");
    network.act(BOB, |endpoint, now| {
        endpoint.info(now, bob, media, Bytes::from_static(b"5"))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), ["Ended Bye"]);
}

#[test]
fn requests_out_of_order_are_refused() {
    let mut network = Network::alone();
    let invite = request(&network, BOB, Method::Invite, "z9hG4bKi", "b", None, 10);
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.accept(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let tag = network.received(BOB)[1]
        .headers()
        .to()
        .unwrap()
        .tag()
        .unwrap()
        .to_owned();
    let late = request(&network, BOB, Method::Info, "z9hG4bKl", "b", Some(&tag), 9);
    network.send(BOB, ALICE, late.encode());
    network.run_shortly();
    let response = one_response(&network.received(BOB));
    assert_eq!(
        (response.status.code(), &response.reason[..]),
        (500, &b"CSeq Out Of Order"[..])
    );
    // A reason given in the BYE reaches the user.
    let bye = request(&network, BOB, Method::Bye, "z9hG4bKb", "b", Some(&tag), 11)
        .with_header(HeaderName::Reason, "Q.850;cause=16");
    network.send(BOB, ALICE, bye.encode());
    network.run_shortly();
    let events = network.events(ALICE);
    let [Event::Ended { headers, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(headers.get(&HeaderName::Reason).unwrap(), b"Q.850;cause=16");
}

#[test]
fn a_call_can_be_ended_while_others_fill_the_table() {
    let limits = ramal_sip::Limits {
        transactions: 3,
        ..Default::default()
    };
    let bob = ramal_sip::EndpointConfig { limits, ..config() };
    let mut network = Network::with(PERFECT, 1, ramal_sip::Transport::Udp, [config(), bob]);
    let (alice, _) = network.established();
    for _ in 0..5 {
        let flow = network.flow(ALICE, BOB);
        let options = ramal_sip::Request::new(Method::Options, uri("sip:127.0.0.12"))
            .with_header(HeaderName::From, address("sip:alice@a.example"))
            .with_header(HeaderName::To, address("sip:bob@b.example"));
        network.act(ALICE, |endpoint, now| endpoint.request(now, flow, options));
    }
    network.run_shortly();
    assert_eq!(network.counters(BOB).refused, [(503, 3)]);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(names(&network.events(BOB))[2..], ["Ended Bye"]);
}

#[test]
fn memory_is_bounded_and_above_it_calls_get_503() {
    let limits = ramal_sip::Limits {
        sessions: 3,
        ..Default::default()
    };
    let bob = ramal_sip::EndpointConfig { limits, ..config() };
    let mut network = Network::with(PERFECT, 1, ramal_sip::Transport::Udp, [config(), bob]);
    let calls: Vec<_> = (0..4).map(|_| network.alice_calls_bob()).collect();
    network.run_shortly();
    let events = network.events(ALICE);
    let [
        Event::Rejected {
            status,
            response: Some(response),
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers.get(&HeaderName::RetryAfter).unwrap(), b"5");
    // Bob cannot call either.
    let invite = ramal_sip::Invite {
        flow: network.flow(BOB, ALICE),
        ..network.invite()
    };
    network.act(BOB, |endpoint, now| endpoint.invite(now, invite));
    let events = network.events(BOB);
    assert_eq!(names(&events)[3..], ["Rejected 503 unanswered"]);
    for call in calls {
        network.act(ALICE, |endpoint, now| endpoint.hang_up(now, call, None));
    }
    network.assert_nothing_left();
}
