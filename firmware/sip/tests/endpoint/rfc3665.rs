//! The call flows of RFC 3665 §3, without its proxies.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{ClientCredentials, Event, HeaderName, HeaderValue, Invite, StatusCode};

use crate::network::*;
use crate::sightings::*;

#[test]
fn successful_session_establishment() {
    // §3.1
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.progress(now, bob, StatusCode::RINGING, None)
    });
    network.run_shortly();
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    assert_eq!(
        names(&network.events(ALICE)),
        ["Progress 180", "Answered sdp"]
    );
    assert_eq!(names(&network.events(BOB)), ["Confirmed"]);
    network.act(BOB, |endpoint, now| endpoint.hang_up(now, bob, None));
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 180 Ringing",
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
            "alice <- bob: BYE",
            "alice -> bob: 200 OK",
        ]
    );
    let events = network.events(ALICE);
    assert!(matches!(&events[0], Event::Ended { session, .. } if *session == alice));
    assert_eq!(names(&events), ["Ended Bye"]);
    assert_eq!(names(&network.events(BOB)), ["Ended HungUp"]);
    network.assert_nothing_left();
}

#[test]
fn session_with_early_media() {
    // §3.1, 183 instead of 180: the answer comes early and again in the 200.
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    let sdp = Some(Bytes::from_static(ANSWER));
    network.act(BOB, |endpoint, now| {
        endpoint.progress(now, bob, StatusCode::SESSION_PROGRESS, sdp)
    });
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Progress 183 sdp"]);
    network.act(BOB, |endpoint, now| endpoint.hang_up(now, bob, None));
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Rejected 480"]);
    network.assert_nothing_left();
}

#[test]
fn unsuccessful_no_answer() {
    // §3.8: Alice gives up.
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.progress(now, bob, StatusCode::RINGING, None)
    });
    network.run(Duration::from_secs(61));
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 180 Ringing",
            "alice <- bob: 180 Ringing", // after a minute, RFC 3261 §13.3.1.1
            "alice -> bob: CANCEL",
            "alice <- bob: 200 OK",
            "alice <- bob: 487 Request Terminated",
            "alice -> bob: ACK",
        ]
    );
    assert_eq!(
        names(&network.events(ALICE)),
        ["Progress 180", "Progress 180", "Ended HungUp"]
    );
    assert_eq!(names(&network.events(BOB)), ["Ended Cancelled"]);
    network.assert_nothing_left();
}

#[test]
fn unsuccessful_busy() {
    // §3.9
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.reject(now, bob, StatusCode::BUSY_HERE, vec![])
    });
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 486 Busy Here",
            "alice -> bob: ACK"
        ]
    );
    assert_eq!(names(&network.events(ALICE)), ["Rejected 486"]);
    assert_eq!(names(&network.events(BOB)), ["Ended Refused"]);
    network.assert_nothing_left();
}

#[test]
fn unsuccessful_no_response_from_user_agent() {
    // §3.10
    let mut network = Network::new(
        Quality {
            loss: 100,
            ..PERFECT
        },
        1,
    );
    network.alice_calls_bob();
    network.run(Duration::from_secs(40));
    assert_eq!(
        network.times(ALICE, "INVITE"),
        [0, 500, 1500, 3500, 7500, 15500, 31500]
    );
    assert_eq!(names(&network.events(ALICE)), ["Rejected 408 unanswered"]);
    network.assert_nothing_left();
}

#[test]
fn unsuccessful_temporarily_unavailable_is_retransmitted_until_acknowledged() {
    // §3.11, with the first 480 lost.
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.quality.loss = 100;
    network.act(BOB, |endpoint, now| {
        endpoint.reject(now, bob, StatusCode::TEMPORARILY_UNAVAILABLE, vec![])
    });
    network.quality.loss = 0;
    network.run(Duration::from_secs(1));
    assert_eq!(
        network.flow_figure()[2..],
        [
            "alice <- bob: 480 Temporarily Unavailable",
            "alice <- bob: 480 Temporarily Unavailable",
            "alice -> bob: ACK"
        ]
    );
    network.assert_nothing_left();
}

#[test]
fn successful_session_with_authentication() {
    // §3.3 with the called side as the one that asks. The challenge leaves no state behind (RFC 3261 §26.3.2.4).
    let mut network = Network::perfect();
    let secret = ramal_sip::digest::Secret::Password("open sesame".into());
    let credentials = Some(ClientCredentials {
        username: "alice".into(),
        secret,
    });
    let invite = Invite {
        credentials,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    let challenge =
        HeaderValue::from(r#"Digest realm="ramal", nonce="n", algorithm=SHA-256, qop="auth""#);
    let headers = vec![(HeaderName::WwwAuthenticate, challenge)];
    network.act(BOB, |endpoint, now| {
        endpoint.reject(now, bob, StatusCode::UNAUTHORIZED, headers)
    });
    assert_eq!(
        (
            network.counters(BOB).transactions,
            network.counters(BOB).sessions
        ),
        (0, 0)
    );
    network.run_shortly();
    let events = network.events(BOB);
    assert_eq!(names(&events), ["Ended Refused", "Incoming"]);
    let bob = incoming(&events);
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 401 Unauthorized",
            "alice -> bob: ACK",
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
        ]
    );
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.assert_nothing_left();
}

#[test]
fn registration_is_the_users_business() {
    // §2.1: the endpoint carries the transaction, its user decides.
    let mut network = Network::perfect();
    let flow = network.flow(ALICE, BOB);
    let register = ramal_sip::Request::new(ramal_sip::Method::Register, uri("sip:127.0.0.12"))
        .with_header(HeaderName::From, address("sip:alice@b.example"))
        .with_header(HeaderName::To, address("sip:alice@b.example"))
        .with_header(HeaderName::Contact, "<sip:alice@127.0.0.11>");
    let sent = network.act(ALICE, |endpoint, now| endpoint.request(now, flow, register));
    network.run_shortly();
    let events = network.events(BOB);
    let [
        Event::Request {
            transaction,
            request,
            session: None,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    let via = request.headers.via().unwrap();
    assert_eq!(
        (via.received(), via.rport()),
        ("127.0.0.11".parse().ok(), Some(Some(5060)))
    );
    let response = request.response(StatusCode::OK);
    network.act(BOB, |endpoint, now| {
        endpoint.respond(now, *transaction, response)
    });
    network.run_shortly();
    let events = network.events(ALICE);
    let [
        Event::Response {
            transaction,
            response,
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*transaction, response.status), (sent, StatusCode::OK));
    assert!(response.headers.to().unwrap().tag().is_some());
    assert_eq!(
        network.flow_figure(),
        ["alice -> bob: REGISTER", "alice <- bob: 200 OK"]
    );
    network.assert_nothing_left();
}
