//! One INVITE, answered by several (RFC 3261 §13.2.2.4, §12.1.2).

use bytes::Bytes;
use ramal_sip::{HeaderName, Message, Method, Request, Response, StatusCode};

use crate::network::*;
use crate::sightings::*;

/// A response to the INVITE by one of its forks.
fn by(invite: &Request, status: StatusCode, tag: &str, contact: &'static str) -> Response {
    let response = invite
        .response(status)
        .with_to_tag(tag)
        .with_header(HeaderName::Contact, contact);
    match status.is_success() {
        true => response.with_body("application/sdp", Bytes::from_static(ANSWER)),
        false => response,
    }
}

fn to_tag(request: &Request) -> String {
    request
        .headers
        .to()
        .unwrap()
        .tag()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_first_2xx_wins_and_the_second_is_acknowledged_and_ended() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    for (tag, contact) in [
        ("desk", "<sip:desk@127.0.0.12>"),
        ("soft", "<sip:soft@127.0.0.12>"),
    ] {
        network.send(
            BOB,
            ALICE,
            by(&invite, StatusCode::RINGING, tag, contact).encode(),
        );
        network.run_shortly();
    }
    assert_eq!(
        names(&network.events(ALICE)),
        ["Progress 180", "Progress 180"]
    );
    assert_eq!(network.counters(ALICE).dialogs, 2);
    network.send(
        BOB,
        ALICE,
        by(&invite, StatusCode::OK, "soft", "<sip:soft@127.0.0.12>").encode(),
    );
    network.run_shortly();
    let ack = one(&network.received(BOB), Method::Ack);
    assert_eq!(
        (to_tag(&ack).as_str(), ack.uri.to_string().as_str()),
        ("soft", "sip:soft@127.0.0.12")
    );
    network.send(
        BOB,
        ALICE,
        by(&invite, StatusCode::OK, "desk", "<sip:desk@127.0.0.12>").encode(),
    );
    network.run_shortly();
    let received = network.received(BOB);
    let (ack, bye) = (one(&received, Method::Ack), one(&received, Method::Bye));
    assert_eq!(
        (to_tag(&ack).as_str(), to_tag(&bye).as_str()),
        ("desk", "desk")
    );
    assert_eq!(bye.uri.to_string(), "sip:desk@127.0.0.12");
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    // A copy of the second 2xx gets its ACK again but no second BYE.
    network.send(
        BOB,
        ALICE,
        by(&invite, StatusCode::OK, "desk", "<sip:desk@127.0.0.12>").encode(),
    );
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.run_shortly();
    let received = network.received(BOB);
    assert!(
        matches!(&received[..], [Message::Request(again)] if *again == ack),
        "{received:?}"
    );
    // The first dialog lives on.
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let bye = one(&network.received(BOB), Method::Bye);
    assert_eq!(to_tag(&bye), "soft");
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.assert_nothing_left();
}

#[test]
fn late_answers_are_acknowledged_when_nothing_else_is_left_of_the_call() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    let answer = |tag| by(&invite, StatusCode::OK, tag, "<sip:bob@127.0.0.12>").encode();
    network.send(BOB, ALICE, answer("soft"));
    network.run_shortly();
    let first = one(&network.received(BOB), Method::Ack);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let bye = one(&network.received(BOB), Method::Bye);
    assert_eq!(network.counters(ALICE).sessions, 1);
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.run_shortly();
    let counters = network.counters(ALICE);
    assert_eq!((counters.sessions, counters.dialogs), (0, 0));
    // The ACK was lost: its copy gets through.
    network.send(BOB, ALICE, answer("soft"));
    network.run_shortly();
    let received = network.received(BOB);
    assert!(
        matches!(&received[..], [Message::Request(again)] if *again == first),
        "{received:?}"
    );
    // Another fork answers.
    network.send(BOB, ALICE, answer("desk"));
    network.run_shortly();
    let received = network.received(BOB);
    let (ack, bye) = (one(&received, Method::Ack), one(&received, Method::Bye));
    assert_eq!(
        (to_tag(&ack).as_str(), to_tag(&bye).as_str()),
        ("desk", "desk")
    );
    network.send(BOB, ALICE, answer("desk"));
    network.send(BOB, ALICE, bye.response(StatusCode::OK).encode());
    network.run_shortly();
    let received = network.received(BOB);
    assert!(
        matches!(&received[..], [Message::Request(again)] if *again == ack),
        "{received:?}"
    );
    network.assert_nothing_left();
}

#[test]
fn a_flood_of_forks_is_bounded() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    for fork in 0..100 {
        let ringing = by(
            &invite,
            StatusCode::RINGING,
            &format!("fork-{fork}"),
            "<sip:bob@127.0.0.12>",
        );
        network.send(BOB, ALICE, ringing.encode());
    }
    network.run_shortly();
    assert_eq!(network.counters(ALICE).dialogs, 16);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    assert_eq!(network.counters(ALICE).dialogs, 0);
    network.assert_nothing_left();
}

#[test]
fn requests_follow_the_record_route_and_the_contact() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    let answer = by(
        &invite,
        StatusCode::OK,
        "b",
        "\"Bob\" <sip:bob@192.0.2.7:5066;ob>",
    )
    .with_header(
        HeaderName::RecordRoute,
        "<sip:last@127.0.0.12;lr>, <sip:first@127.0.0.12;lr>",
    );
    network.send(BOB, ALICE, answer.encode());
    network.run_shortly();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let received = network.received(BOB);
    for request in [one(&received, Method::Ack), one(&received, Method::Bye)] {
        let routes: Vec<_> = request
            .headers
            .routes()
            .unwrap()
            .iter()
            .map(|route| route.uri.to_string())
            .collect();
        assert_eq!(
            routes,
            ["sip:first@127.0.0.12;lr", "sip:last@127.0.0.12;lr"]
        );
        assert_eq!(request.uri.to_string(), "sip:bob@192.0.2.7:5066;ob");
    }
}

#[test]
fn a_strict_router_gets_its_uri_in_the_request_line() {
    // §12.2.1.1
    let mut network = Network::alone();
    network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    let answer = by(&invite, StatusCode::OK, "b", "<sip:bob@192.0.2.7>").with_header(
        HeaderName::RecordRoute,
        "<sip:loose@127.0.0.12;lr>, <sip:strict@127.0.0.12>",
    );
    network.send(BOB, ALICE, answer.encode());
    network.run_shortly();
    let ack = one(&network.received(BOB), Method::Ack);
    assert_eq!(ack.uri.to_string(), "sip:strict@127.0.0.12");
    let routes: Vec<_> = ack
        .headers
        .routes()
        .unwrap()
        .iter()
        .map(|route| route.uri.to_string())
        .collect();
    assert_eq!(routes, ["sip:loose@127.0.0.12;lr", "sip:bob@192.0.2.7"]);
}
