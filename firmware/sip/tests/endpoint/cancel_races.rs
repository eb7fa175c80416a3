//! CANCEL, BYE and final responses that cross (RFC 3261 §9, §15).

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{HeaderName, Method, Reason, ReasonProtocol, StatusCode};

use crate::network::*;
use crate::sightings::*;

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended HungUp"]);
    let invite = one(&network.received(BOB), Method::Invite);
    assert_eq!(network.flow_figure(), ["alice -> bob: INVITE"]);
    network.send(BOB, ALICE, invite.response(StatusCode::TRYING).encode());
    network.run_shortly();
    let cancel = one(&network.received(BOB), Method::Cancel);
    assert_eq!(
        cancel.headers.get(&HeaderName::Via),
        invite.headers.get(&HeaderName::Via)
    );
    assert_eq!(cancel.uri, invite.uri);
    assert_eq!(
        cancel.headers.cseq().unwrap().number,
        invite.headers.cseq().unwrap().number
    );
    network.send(BOB, ALICE, cancel.response(StatusCode::OK).encode());
    let terminated = invite
        .response(StatusCode::REQUEST_TERMINATED)
        .with_to_tag("b");
    network.send(BOB, ALICE, terminated.encode());
    network.run_shortly();
    one(&network.received(BOB), Method::Ack);
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    network.assert_nothing_left();
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.flow_figure();
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER))
    });
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice <- bob: 200 OK",
            "alice -> bob: CANCEL",
            "alice -> bob: ACK",
            "alice -> bob: BYE",
            "alice <- bob: 200 OK", // for the CANCEL, which changes nothing
            "alice <- bob: 200 OK", // for the BYE
        ]
    );
    assert_eq!(names(&network.events(ALICE)), ["Ended HungUp"]);
    assert_eq!(names(&network.events(BOB)), ["Confirmed", "Ended Bye"]);
    network.assert_nothing_left();
}

#[test]
fn a_cancelled_invite_that_is_never_answered_is_forgotten() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    network.send(
        BOB,
        ALICE,
        invite
            .response(StatusCode::RINGING)
            .with_to_tag("b")
            .encode(),
    );
    network.run_shortly();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run(Duration::from_secs(31));
    assert_eq!(network.counters(ALICE).sessions, 1);
    network.run(Duration::from_secs(2));
    let counters = network.counters(ALICE);
    assert_eq!(
        (counters.sessions, counters.transactions, counters.timers),
        (0, 0, 0)
    );
}

#[test]
fn a_cancel_says_why_and_the_reason_arrives() {
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    network.events(BOB);
    let elsewhere = Reason {
        protocol: ReasonProtocol::Sip,
        cause: 200,
        text: Some("Call completed elsewhere".into()),
    };
    network.act(ALICE, |endpoint, now| {
        endpoint.hang_up(now, alice, Some(elsewhere))
    });
    network.run_shortly();
    let events = network.events(BOB);
    let [ramal_sip::Event::Ended { headers, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        headers.get(&HeaderName::Reason).unwrap(),
        b"SIP;cause=200;text=\"Call completed elsewhere\""
    );
    network.assert_nothing_left();
}

#[test]
fn both_sides_hang_up_at_once() {
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.act(BOB, |endpoint, now| endpoint.hang_up(now, bob, None));
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: BYE",
            "alice <- bob: BYE",
            "alice <- bob: 200 OK",
            "alice -> bob: 200 OK"
        ]
    );
    assert_eq!(names(&network.events(ALICE)), ["Ended HungUp"]);
    assert_eq!(names(&network.events(BOB)), ["Ended HungUp"]);
    network.assert_nothing_left();
}

#[test]
fn the_called_side_hangs_up_only_after_the_ack() {
    let mut network = Network::perfect();
    network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.flow_figure();
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(ANSWER));
        endpoint.hang_up(now, bob, None);
    });
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
            "alice <- bob: BYE",
            "alice -> bob: 200 OK"
        ]
    );
    assert_eq!(names(&network.events(BOB)), ["Ended HungUp"]);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp", "Ended Bye"]);
    network.assert_nothing_left();
}

#[test]
fn a_caller_may_leave_an_early_dialog_by_bye() {
    let mut network = Network::alone();
    let invite = request(&network, BOB, Method::Invite, "z9hG4bKi", "b", None, 1);
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.progress(now, alice, StatusCode::RINGING, None)
    });
    network.run_shortly();
    let ringing = network.received(BOB);
    let tag = ringing[1].headers().to().unwrap().tag().unwrap().to_owned();
    let bye = request(&network, BOB, Method::Bye, "z9hG4bKb", "b", Some(&tag), 2);
    network.send(BOB, ALICE, bye.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended Bye"]);
    assert_eq!(
        network.flow_figure()[4..],
        [
            "alice -> bob: 200 OK",
            "alice -> bob: 487 Request Terminated"
        ]
    );
    network.assert_nothing_left();
}
