//! Offers before a call is answered: in reliable responses, in PRACK, by UPDATE (RFC 3262 §5, RFC 3311).

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{Reliability, SessionPolicy, StatusCode};

use crate::network::*;
use crate::reliable::*;
use crate::sightings::*;

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut network = Network::perfect();
    let invite = ramal_sip::Invite {
        offer: None,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    progress(&mut network, bob, Some(OFFER));
    let events = network.events(ALICE);
    assert_eq!(names(&events), ["Progress 183", "Offer sdp"]);
    assert_eq!(described(&events), OFFER);
    answer(&mut network, ALICE, alice, ANSWER);
    let events = network.events(BOB);
    assert_eq!(names(&events), ["OfferAnswered"]);
    assert_eq!(described(&events), ANSWER);
    accept(&mut network, bob, OFFER);
    assert_eq!(names(&network.events(ALICE)), ["Answered"]);
    assert_eq!(names(&network.events(BOB)), ["Confirmed"]);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn an_early_offer_that_is_refused_ends_the_call() {
    let mut network = Network::perfect();
    let invite = ramal_sip::Invite {
        offer: None,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    progress(&mut network, bob, Some(OFFER));
    network.events(ALICE);
    network.act(ALICE, |endpoint, now| {
        endpoint.refuse_offer(now, alice, StatusCode::NOT_ACCEPTABLE_HERE)
    });
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended HungUp"]);
    assert_eq!(names(&network.events(BOB)), ["Ended Cancelled"]);
    network.assert_nothing_left();
}

#[test]
fn an_offer_never_goes_into_an_unreliable_response() {
    let mut network = Network::with_policies(policy(Reliability::Off), SessionPolicy::default());
    let invite = ramal_sip::Invite {
        offer: None,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    progress(&mut network, bob, Some(OFFER));
    assert_eq!(names(&network.events(ALICE)), ["Progress 183"]);
    accept(&mut network, bob, OFFER);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    answer(&mut network, ALICE, alice, ANSWER);
    assert_eq!(names(&network.events(BOB)), ["Confirmed sdp"]);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    let mut network = Network::alone();
    called_by_bob(&mut network, OFFER);
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.progress(now, alice, PROGRESS, Some(Bytes::from_static(ANSWER)))
    });
    network.run_shortly();
    let first = one_response(&network.received(BOB));
    let prack = prack(&network, "z9hG4bKp", 2, &first, "RSEQ 1 INVITE")
        .with_body("application/sdp", Bytes::from_static(HOLD));
    network.send(BOB, ALICE, prack.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Offer sdp"]);
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run_shortly();
    let ok = one_response(&network.received(BOB));
    assert_eq!((ok.status, &ok.body[..]), (StatusCode::OK, HELD));
}

#[test]
fn updates_change_a_call_before_it_is_answered() {
    // RFC 3311 §4, both ways.
    let mut network = Network::perfect();
    let (alice, bob) = early_media(&mut network);
    network.events(ALICE);
    network.flow_figure();
    offer(&mut network, ALICE, alice, HOLD);
    assert_eq!(described(&network.events(BOB)), HOLD);
    answer(&mut network, BOB, bob, HELD);
    assert_eq!(names(&network.events(ALICE)), ["OfferAnswered"]);
    offer(&mut network, BOB, bob, OFFER);
    assert_eq!(names(&network.events(ALICE)), ["Offer sdp"]);
    answer(&mut network, ALICE, alice, ANSWER);
    assert_eq!(names(&network.events(BOB)), ["OfferAnswered"]);
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: UPDATE",
            "alice <- bob: 200 OK",
            "alice <- bob: UPDATE",
            "alice -> bob: 200 OK",
        ]
    );
    accept(&mut network, bob, ANSWER);
    // Everything has been said.
    assert_eq!(names(&network.events(ALICE)), ["Answered"]);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn updates_that_cross_get_491_and_try_again() {
    let mut network = Network::perfect();
    let (alice, bob) = early_media(&mut network);
    network.events(ALICE);
    network.flow_figure();
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(HELD))
    });
    offer(&mut network, ALICE, alice, HOLD);
    let figure = network.flow_figure();
    assert_eq!(
        figure,
        [
            "alice <- bob: UPDATE",
            "alice -> bob: UPDATE",
            "alice -> bob: 491 Request Pending",
            "alice <- bob: 491 Request Pending",
        ]
    );
    network.run(Duration::from_millis(1950));
    answer(&mut network, ALICE, alice, HOLD);
    assert_eq!(names(&network.events(BOB)), ["OfferAnswered"]);
    network.run(Duration::from_millis(2100));
    answer(&mut network, BOB, bob, HELD);
    assert_eq!(names(&network.events(BOB)), ["Offer sdp"]);
    assert_eq!(
        names(&network.events(ALICE)),
        ["Offer sdp", "OfferAnswered"]
    );
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn an_offer_before_the_first_exchange_waits_for_the_answer_to_the_call() {
    let mut network = Network::perfect();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    offer(&mut network, ALICE, alice, HOLD);
    offer(&mut network, BOB, bob, HOLD);
    assert_eq!(network.counters(ALICE).sent.update, 0);
    accept(&mut network, bob, ANSWER);
    // Both at once: one of them wins after the glare.
    network.run(Duration::from_secs(2));
    assert_eq!(names(&network.events(BOB)), ["Confirmed"]);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp", "Offer sdp"]);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn an_early_update_nobody_answers_ends_the_call() {
    // RFC 3261 §12.2.1.2: what the peer knows of it is not known.
    let mut network = Network::perfect();
    let (alice, bob) = early_media(&mut network);
    network.events(ALICE);
    network.events(BOB);
    network.quality.loss = 100;
    offer(&mut network, ALICE, alice, HOLD);
    offer(&mut network, BOB, bob, HOLD);
    network.run(Duration::from_secs(33));
    assert_eq!(names(&network.events(ALICE)), ["Ended Timeout"]);
    assert_eq!(names(&network.events(BOB)), ["Ended Timeout"]);
    network.assert_nothing_left();
}
