//! When messages are sent again: the timers of RFC 3261 §17 as they look on the wire.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{
    Endpoint, Event, HeaderName, Invite, Message, Method, Request, Response, StatusCode,
    TimerValues, Transport,
};

use crate::network::*;
use crate::sightings::*;

/// Loses everything from now on.
fn cut(network: &mut Network) {
    network.quality.loss = 100;
    network.trace.clear();
    network.start = network.now;
}

fn options() -> Request {
    Request::new(Method::Options, uri("sip:127.0.0.12"))
        .with_header(HeaderName::From, address("sip:alice@a.example"))
        .with_header(HeaderName::To, address("sip:bob@b.example"))
}

#[test]
fn timers_e_and_f_of_a_request_nobody_answers() {
    let mut network = Network::perfect();
    cut(&mut network);
    let flow = network.flow(ALICE, BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.request(now, flow, options())
    });
    network.run(Duration::from_secs(40));
    assert_eq!(
        network.times(ALICE, "OPTIONS"),
        [
            0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    assert_eq!(names(&network.events(ALICE)), ["Timeout"]);
    assert_eq!(network.counters(ALICE).timers, 0);
}

#[test]
fn timers_a_to_f_scale_with_t1_and_t2() {
    let timers = TimerValues {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(400),
        ..TimerValues::default()
    };
    let config = || ramal_sip::EndpointConfig { timers, ..config() };
    let mut network = Network::with(PERFECT, 1, Transport::Udp, [config(), config()]);
    cut(&mut network);
    let flow = network.flow(ALICE, BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.request(now, flow, options())
    });
    network.alice_calls_bob();
    network.run(Duration::from_secs(3));
    assert_eq!(
        network.times(ALICE, "OPTIONS")[..6],
        [0, 100, 300, 700, 1100, 1500]
    );
    assert_eq!(network.times(ALICE, "INVITE"), [0, 100, 300, 700, 1500]);
    network.run(Duration::from_millis(3400));
    assert_eq!(
        names(&network.events(ALICE)),
        ["Timeout", "Rejected 408 unanswered"]
    );
}

#[test]
fn timer_b_ends_a_call_to_nobody_with_408() {
    let mut network = Network::perfect();
    cut(&mut network);
    let session = network.alice_calls_bob();
    network.run(Duration::from_millis(31_999));
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    let silent = |alice: &mut Endpoint, _| alice.is_unanswered(session);
    assert!(network.act(ALICE, silent));
    network.run(Duration::from_millis(1));
    assert_eq!(names(&network.events(ALICE)), ["Rejected 408 unanswered"]);
    assert_eq!(
        network.times(ALICE, "INVITE"),
        [0, 500, 1500, 3500, 7500, 15_500, 31_500]
    );
    network.assert_nothing_left();
}

/// RFC 3263 §4.3, without waiting for timer B: the first server says nothing, the next one takes the call, and the first one
/// answers when it is too late.
#[test]
fn a_call_goes_elsewhere_when_nobody_reacts() {
    const CAROL: usize = 2;
    let mut network = Network::alone();
    let dead = network.alice_calls_bob();
    network.run(Duration::from_millis(2500));
    assert!(network.act(ALICE, |alice, _| alice.is_unanswered(dead)));
    let invite = Invite {
        flow: network.flow(ALICE, CAROL),
        ..network.invite()
    };
    let taken = network.act(ALICE, |alice, now| {
        alice.hang_up(now, dead, None);
        alice.invite(now, invite)
    });
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended HungUp"]);
    let answer = |network: &mut Network, host: usize| {
        let request = network.received(host).into_iter().next();
        let Some(Message::Request(invite)) = request else {
            panic!("no INVITE");
        };
        let response = Response::to(&invite, StatusCode::OK)
            .with_to_tag("there")
            .with_header(HeaderName::Contact, "<sip:there@127.0.0.12>")
            .with_body("application/sdp", Bytes::from_static(ANSWER));
        network.send(host, ALICE, response.encode());
        network.run_shortly();
    };
    answer(&mut network, CAROL);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    assert!(!network.act(ALICE, |alice, _| alice.is_unanswered(taken)));
    network.flow_figure();
    // Its INVITE was never cancelled: it had not reacted (RFC 3261 §9.1). Now it is told that it is over.
    answer(&mut network, BOB);
    let told = network.flow_figure();
    assert_eq!(
        told[..3],
        [
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
            "alice -> bob: BYE"
        ]
    );
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
}

#[test]
fn timers_b_and_f_run_but_nothing_is_retransmitted_over_tcp() {
    let mut network = Network::with(PERFECT, 1, Transport::Tcp, [config(), config()]);
    cut(&mut network);
    let flow = network.flow(ALICE, BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.request(now, flow, options())
    });
    network.alice_calls_bob();
    network.run(Duration::from_secs(31));
    assert_eq!(network.trace.len(), 2);
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    network.run(Duration::from_secs(1));
    assert_eq!(
        names(&network.events(ALICE)),
        ["Timeout", "Rejected 408 unanswered"]
    );
    assert_eq!(network.counters(ALICE).timers, 0);
}

#[test]
fn timers_g_and_h_of_a_rejection_nobody_acknowledges() {
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    cut(&mut network);
    network.act(BOB, |endpoint, now| {
        endpoint.reject(now, bob, StatusCode::BUSY_HERE, vec![])
    });
    network.run(Duration::from_secs(31));
    assert_eq!(
        network.times(BOB, "486"),
        [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500]
    );
    assert_eq!(network.counters(BOB).transactions, 1);
    network.run(Duration::from_secs(1));
    assert_eq!(network.counters(BOB).transactions, 0);
}

#[test]
fn timers_d_and_i_keep_a_rejected_call_for_late_copies() {
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.reject(now, bob, StatusCode::BUSY_HERE, vec![])
    });
    network.run_shortly();
    network.run(Duration::from_millis(4800));
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (1, 1)
    );
    network.run(Duration::from_millis(200)); // timer I: T4
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (1, 0)
    );
    network.run(Duration::from_secs(27)); // timer D: 32 s
    assert_eq!(network.counters(ALICE).transactions, 0);
}

#[test]
fn timers_j_and_k_keep_an_answered_request_for_late_copies() {
    let mut network = Network::perfect();
    let flow = network.flow(ALICE, BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.request(now, flow, options())
    });
    network.run_shortly();
    let events = network.events(BOB);
    let Event::Request {
        transaction,
        request,
        ..
    } = &events[0]
    else {
        panic!("{events:?}")
    };
    network.act(BOB, |endpoint, now| {
        endpoint.respond(now, *transaction, request.response(StatusCode::OK))
    });
    network.run(Duration::from_millis(4900));
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (1, 1)
    );
    network.run(Duration::from_millis(200)); // timer K: T4
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (0, 1)
    );
    network.run(Duration::from_secs(27)); // timer J: 64*T1
    assert_eq!(network.counters(BOB).transactions, 0);
}

#[test]
fn timers_l_and_m_keep_an_answered_call_for_late_copies() {
    let mut network = Network::perfect();
    network.established();
    network.run(Duration::from_millis(31_700));
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (1, 1)
    );
    network.run(Duration::from_millis(400));
    assert_eq!(
        (
            network.counters(ALICE).transactions,
            network.counters(BOB).transactions
        ),
        (0, 0)
    );
    assert_eq!(
        (
            network.counters(ALICE).sessions,
            network.counters(BOB).sessions
        ),
        (1, 1)
    );
    // Those of the session itself: expiry, and with Bob the refresh.
    assert_eq!(
        (network.counters(ALICE).timers, network.counters(BOB).timers),
        (1, 2)
    );
}

#[test]
fn a_2xx_is_repeated_up_to_t2_and_the_call_ends_without_ack() {
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    cut(&mut network);
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER))
    });
    network.run(Duration::from_millis(32_100));
    assert_eq!(
        network.times(BOB, "200"),
        [
            0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    assert_eq!(names(&network.events(BOB)), ["Ended AckTimeout"]);
    assert_eq!(network.times(BOB, "BYE"), [32_000]);
    // How long a call may ring is up to its user.
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.assert_nothing_left();
}

#[test]
fn a_lost_ack_is_sent_again_for_the_repeated_2xx() {
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER))
    });
    let end = network.now + Duration::from_secs(1);
    network.quality.loss = 100; // of what Alice sends on arrival of the 200
    network.step(end);
    network.quality.loss = 0;
    network.run(Duration::from_secs(1));
    assert_eq!(
        network.flow_figure()[2..],
        [
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
            "alice <- bob: 200 OK",
            "alice -> bob: ACK"
        ]
    );
    assert_eq!(names(&network.events(BOB)), ["Confirmed"]);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
}
