//! Changing a session: hold, glare, UPDATE, delayed offers (RFC 3261 §14, RFC 3311, RFC 3264).

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{Event, HeaderName, Message, Method, StatusCode};

use crate::network::*;
use crate::sightings::*;

#[test]
fn hold_and_resume_by_re_invite() {
    // RFC 5359 §2.1, without its proxies.
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    let events = network.events(ALICE);
    let [
        Event::Offer {
            session,
            sdp: Some(sdp),
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*session, &sdp[..]), (alice, HOLD));
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run_shortly();
    let events = network.events(BOB);
    let [Event::OfferAnswered { sdp, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(&sdp[..], HELD);
    assert_eq!(
        network.flow_figure(),
        [
            "alice <- bob: INVITE",
            "alice -> bob: 100 Trying",
            "alice -> bob: 200 OK",
            "alice <- bob: ACK"
        ]
    );
    // Resume, refused this time: the session goes on.
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(OFFER))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.refuse_offer(now, alice, StatusCode::NOT_ACCEPTABLE_HERE)
    });
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), ["OfferRefused 488"]);
    assert_eq!(names(&network.events(ALICE)), ["Offer sdp"]);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), ["Ended Bye"]);
    network.assert_nothing_left();
}

#[test]
fn glare_is_resolved_by_waiting() {
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(HELD))
    });
    network.run_shortly();
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: INVITE",
            "alice <- bob: 491 Request Pending",
            "alice -> bob: 491 Request Pending",
            "alice -> bob: ACK",
            "alice <- bob: ACK",
        ]
    );
    // Bob, who did not make the Call-ID, tries again within 2 s; Alice between 2.1 s and 4 s.
    network.run(Duration::from_millis(1950));
    assert_eq!(names(&network.events(ALICE)), ["Offer sdp"]);
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run(Duration::from_millis(2100));
    assert_eq!(names(&network.events(BOB)), ["OfferAnswered", "Offer sdp"]);
    network.act(BOB, |endpoint, now| {
        endpoint.answer_offer(now, bob, Bytes::from_static(HELD))
    });
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["OfferAnswered"]);
    network.act(BOB, |endpoint, now| endpoint.hang_up(now, bob, None));
    network.assert_nothing_left();
}

#[test]
fn after_glare_the_caller_waits_longer_than_the_called() {
    // §14.1: 2.1-4 s for who made the Call-ID, 0-2 s for the other.
    for seed in 0..40 {
        let mut network = Network::new(PERFECT, seed);
        let (alice, bob) = network.established();
        network.start = network.now;
        network.act(ALICE, |endpoint, now| {
            endpoint.offer(now, alice, Bytes::from_static(HOLD))
        });
        network.act(BOB, |endpoint, now| {
            endpoint.offer(now, bob, Bytes::from_static(HELD))
        });
        network.run(Duration::from_secs(2));
        network.act(ALICE, |endpoint, now| {
            endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
        });
        network.run(Duration::from_secs(3));
        let [_, alice_again] = network.times(ALICE, "INVITE")[..] else {
            panic!("alice")
        };
        let [_, bob_again] = network.times(BOB, "INVITE")[..] else {
            panic!("bob")
        };
        assert!((2100..=4010).contains(&alice_again), "{alice_again}");
        assert!(bob_again <= 2010, "{bob_again}");
    }
}

#[test]
fn an_offer_waits_for_the_exchange_under_way_and_the_latest_wins() {
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(ANSWER))
    });
    network.act(ALICE, |endpoint, now| {
        endpoint.offer(now, alice, Bytes::from_static(OFFER))
    });
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), ["Offer sdp"]);
    network.act(BOB, |endpoint, now| {
        endpoint.answer_offer(now, bob, Bytes::from_static(HELD))
    });
    network.run_shortly();
    let events = network.events(BOB);
    let [Event::Offer { sdp: Some(sdp), .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(&sdp[..], OFFER);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    // The re-INVITE Bob had not answered is refused because the call is over.
    assert!(
        network
            .flow_figure()
            .contains(&"alice <- bob: 487 Request Terminated".to_owned())
    );
    network.assert_nothing_left();
}

#[test]
fn a_delayed_offer_is_answered_in_the_ack() {
    let mut network = Network::perfect();
    let invite = ramal_sip::Invite {
        offer: None,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(OFFER))
    });
    network.run(Duration::from_secs(1)); // while Bob repeats his 200
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let events = network.events(BOB);
    let [Event::Confirmed { sdp: Some(sdp), .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(&sdp[..], ANSWER);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.assert_nothing_left();
}

#[test]
fn a_delayed_offer_that_is_refused_ends_the_session() {
    let mut network = Network::perfect();
    let invite = ramal_sip::Invite {
        offer: None,
        ..network.invite()
    };
    let alice = network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(OFFER))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.refuse_offer(now, alice, StatusCode::NOT_ACCEPTABLE_HERE);
    });
    network.run_shortly();
    assert_eq!(
        names(&network.events(ALICE)),
        ["Answered sdp", "Ended HungUp"]
    );
    assert_eq!(names(&network.events(BOB)), ["Confirmed", "Ended Bye"]);
    network.assert_nothing_left();
}

/// Bob, played by the test, has called Alice, who has answered: gives her session and her tag.
fn bob_has_called(network: &mut Network) -> (ramal_sip::SessionId, String) {
    let invite = request(network, BOB, Method::Invite, "z9hG4bKinvite", "b", None, 1)
        .with_body("application/sdp", Bytes::from_static(OFFER));
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
    let ack = request(network, BOB, Method::Ack, "z9hG4bKack", "b", Some(&tag), 1);
    network.send(BOB, ALICE, ack.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Confirmed"]);
    (alice, tag)
}

#[test]
fn a_re_invite_without_offer_asks_for_one() {
    let mut network = Network::alone();
    let (alice, tag) = bob_has_called(&mut network);
    let invite = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bK2",
        "b",
        Some(&tag),
        2,
    );
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Offer"]);
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(OFFER))
    });
    network.run_shortly();
    let ack = request(&network, BOB, Method::Ack, "z9hG4bK3", "b", Some(&tag), 2)
        .with_body("application/sdp", Bytes::from_static(ANSWER));
    network.send(BOB, ALICE, ack.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["OfferAnswered"]);
}

#[test]
fn an_update_carries_an_offer_or_only_a_new_target() {
    let mut network = Network::alone();
    let (alice, tag) = bob_has_called(&mut network);
    network.received(BOB);
    let mut update = request(
        &network,
        BOB,
        Method::Update,
        "z9hG4bK2",
        "b",
        Some(&tag),
        2,
    );
    update
        .headers
        .set(HeaderName::Contact, "<sip:bob@192.0.2.99>");
    network.send(BOB, ALICE, update.encode());
    network.run_shortly();
    assert_eq!(one_response(&network.received(BOB)).status, StatusCode::OK);
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    let update = request(
        &network,
        BOB,
        Method::Update,
        "z9hG4bK3",
        "b",
        Some(&tag),
        3,
    )
    .with_body("application/sdp", Bytes::from_static(HOLD));
    network.send(BOB, ALICE, update.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Offer sdp"]);
    // A second offer while the first is unanswered is refused for now.
    let invite = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bK4",
        "b",
        Some(&tag),
        4,
    );
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let busy = one_response(&network.received(BOB));
    assert_eq!(busy.status, StatusCode::SERVER_INTERNAL_ERROR);
    assert!(
        busy.headers
            .number(HeaderName::RetryAfter)
            .unwrap()
            .unwrap()
            <= 10
    );
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run_shortly();
    let answer = network
        .received(BOB)
        .into_iter()
        .find_map(|message| match message {
            Message::Response(response) if response.status.is_success() => Some(response),
            _ => None,
        });
    assert_eq!(answer.unwrap().body, HELD);
}

#[test]
fn a_cancelled_re_invite_withdraws_the_offer() {
    let mut network = Network::alone();
    let (alice, tag) = bob_has_called(&mut network);
    let invite = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bK2",
        "b",
        Some(&tag),
        2,
    )
    .with_body("application/sdp", Bytes::from_static(HOLD));
    network.send(BOB, ALICE, invite.encode());
    let cancel = request(
        &network,
        BOB,
        Method::Cancel,
        "z9hG4bK2",
        "b",
        Some(&tag),
        2,
    );
    network.send(BOB, ALICE, cancel.encode());
    network.run_shortly();
    assert_eq!(
        names(&network.events(ALICE)),
        ["Offer sdp", "OfferWithdrawn"]
    );
    assert!(
        network
            .flow_figure()
            .contains(&"alice -> bob: 487 Request Terminated".to_owned())
    );
    // Answering it now does nothing; the session still stands.
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    assert_eq!(network.flow_figure(), [""; 0]);
    let bye = request(&network, BOB, Method::Bye, "z9hG4bK3", "b", Some(&tag), 3);
    network.send(BOB, ALICE, bye.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended Bye"]);
    network.assert_nothing_left();
}
