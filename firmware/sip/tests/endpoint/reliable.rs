//! Reliable provisional responses (RFC 3262).

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{
    Event, HeaderName, Method, Reliability, Request, Response, SessionId, SessionPolicy, StatusCode,
};

use crate::network::*;
use crate::sightings::*;

pub const PROGRESS: StatusCode = StatusCode::SESSION_PROGRESS;

pub fn policy(reliability: Reliability) -> SessionPolicy {
    SessionPolicy {
        reliability,
        ..SessionPolicy::default()
    }
}

/// Alice calls Bob, who shows early media. Gives both sessions.
pub fn early_media(network: &mut Network) -> (SessionId, SessionId) {
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    progress(network, bob, Some(ANSWER));
    (alice, bob)
}

pub fn progress(network: &mut Network, bob: SessionId, sdp: Option<&'static [u8]>) {
    network.act(BOB, |endpoint, now| {
        endpoint.progress(now, bob, PROGRESS, sdp.map(Bytes::from_static))
    });
    network.run_shortly();
}

pub fn accept(network: &mut Network, bob: SessionId, sdp: &'static [u8]) {
    network.act(BOB, |endpoint, now| {
        endpoint.accept(now, bob, Bytes::from_static(sdp))
    });
    network.run_shortly();
}

pub fn offer(network: &mut Network, host: usize, session: SessionId, sdp: &'static [u8]) {
    network.act(host, |endpoint, now| {
        endpoint.offer(now, session, Bytes::from_static(sdp))
    });
    network.run_shortly();
}

pub fn answer(network: &mut Network, host: usize, session: SessionId, sdp: &'static [u8]) {
    network.act(host, |endpoint, now| {
        endpoint.answer_offer(now, session, Bytes::from_static(sdp))
    });
    network.run_shortly();
}

pub fn hang_up(network: &mut Network, host: usize, session: SessionId) {
    network.act(host, |endpoint, now| endpoint.hang_up(now, session, None));
    network.assert_nothing_left();
}

/// The session description of the one event that has one.
pub fn described(events: &[Event]) -> Bytes {
    let found: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress { sdp, .. } | Event::Answered { sdp, .. } => sdp.clone(),
            Event::Offer { sdp, .. } | Event::Confirmed { sdp, .. } => sdp.clone(),
            Event::OfferAnswered { sdp, .. } => Some(sdp.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "one description in {events:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn early_media_is_acknowledged_and_said_once() {
    let mut network = Network::perfect();
    let (alice, bob) = early_media(&mut network);
    let events = network.events(ALICE);
    assert_eq!(names(&events), ["Progress 183 sdp"]);
    assert_eq!(described(&events), ANSWER);
    accept(&mut network, bob, ANSWER);
    assert_eq!(
        network.flow_figure(),
        [
            "alice -> bob: INVITE",
            "alice <- bob: 100 Trying",
            "alice <- bob: 183 Session Progress",
            "alice -> bob: PRACK",
            "alice <- bob: 200 OK",
            "alice <- bob: 200 OK",
            "alice -> bob: ACK",
        ]
    );
    // The 200 itself had none, but Alice's user learns what is in force.
    let events = network.events(ALICE);
    assert_eq!(described(&events), ANSWER);
    let [Event::Answered { response, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(response.body.is_empty());
    assert_eq!(names(&network.events(BOB)), ["Confirmed"]);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn plain_ringing_stays_unreliable_unless_required() {
    for (reliability, pracks) in [
        (Reliability::Off, 0),
        (Reliability::Supported, 0),
        (Reliability::Required, 1),
    ] {
        let mut network = Network::with_policies(policy(reliability), SessionPolicy::default());
        let alice = network.alice_calls_bob();
        network.run_shortly();
        let bob = incoming(&network.events(BOB));
        network.act(BOB, |endpoint, now| {
            endpoint.progress(now, bob, StatusCode::RINGING, None)
        });
        network.run_shortly();
        assert_eq!(names(&network.events(ALICE)), ["Progress 180"]);
        assert_eq!(
            network.counters(ALICE).sent.prack,
            pracks,
            "{reliability:?}"
        );
        accept(&mut network, bob, ANSWER);
        assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
        hang_up(&mut network, BOB, bob);
        assert_eq!(names(&network.events(ALICE)), ["Ended Bye"]);
        let _ = alice;
    }
}

#[test]
fn without_the_extension_early_media_is_as_ever() {
    let mut network = Network::with_policies(policy(Reliability::Off), SessionPolicy::default());
    let (alice, bob) = early_media(&mut network);
    assert_eq!(names(&network.events(ALICE)), ["Progress 183 sdp"]);
    accept(&mut network, bob, ANSWER);
    assert_eq!(names(&network.events(ALICE)), ["Answered sdp"]);
    assert_eq!(network.counters(ALICE).sent.prack, 0);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn a_reliable_response_is_repeated_with_doubled_intervals_until_504() {
    let mut network = Network::alone();
    let invite = called_by_bob(&mut network, OFFER);
    let alice = incoming(&network.events(ALICE));
    network.trace.clear();
    let begin = (network.now - network.start).as_millis() as u64;
    network.act(ALICE, |endpoint, now| {
        endpoint.progress(now, alice, PROGRESS, Some(Bytes::from_static(ANSWER)))
    });
    network.run(Duration::from_secs(33));
    let times: Vec<u64> = network
        .times(ALICE, "183")
        .iter()
        .map(|t| t - begin)
        .collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    let times: Vec<u64> = network
        .times(ALICE, "504")
        .iter()
        .map(|t| t - begin)
        .collect();
    assert_eq!(times[0], 32_000);
    assert_eq!(names(&network.events(ALICE)), ["Ended AckTimeout"]);
    let _ = invite;
    network.assert_nothing_left();
}

/// Bob, played by the test, calls Alice with `sdp`; gives the INVITE.
pub fn called_by_bob(network: &mut Network, sdp: &'static [u8]) -> Request {
    let mut invite = request(network, BOB, Method::Invite, "z9hG4bKinvite", "b", None, 1)
        .with_header(HeaderName::Supported, "100rel");
    if !sdp.is_empty() {
        invite = invite.with_body("application/sdp", Bytes::from_static(sdp));
    }
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    network.received(BOB);
    invite
}

/// Bob's PRACK for a response of Alice's.
pub fn prack(
    network: &Network,
    branch: &str,
    cseq: u32,
    response: &Response,
    rack: &str,
) -> Request {
    let to = response.headers.to().unwrap();
    let rseq = response.headers.number(HeaderName::RSeq).unwrap().unwrap();
    let rack = rack.replace("RSEQ", &rseq.to_string());
    request(network, BOB, Method::Prack, branch, "b", to.tag(), cseq)
        .with_header(HeaderName::RAck, ramal_sip::HeaderValue::sanitized(rack))
}

#[test]
fn one_at_a_time_and_the_200_waits_for_the_prack() {
    let mut network = Network::alone();
    called_by_bob(&mut network, OFFER);
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.progress(now, alice, PROGRESS, Some(Bytes::from_static(ANSWER)));
        endpoint.progress(now, alice, PROGRESS, Some(Bytes::from_static(ANSWER)));
    });
    network.run_shortly();
    let first = one_response(&network.received(BOB));
    assert_eq!(first.headers.text(&HeaderName::Require).unwrap(), "100rel");
    // A PRACK of something else is for nothing.
    for (branch, cseq, rack) in [
        ("z9hG4bKp1", 2, "RSEQ 2 INVITE"),
        ("z9hG4bKp2", 3, "1 1 INVITE"),
        ("z9hG4bKp3", 4, "RSEQ 1 UPDATE"),
        ("z9hG4bKp4", 5, "nonsense"),
    ] {
        let wrong = prack(&network, branch, cseq, &first, rack);
        network.send(BOB, ALICE, wrong.encode());
        network.run_shortly();
        let response = one_response(&network.received(BOB));
        assert_eq!(response.status.code(), 481, "{rack}");
    }
    let right = prack(&network, "z9hG4bKp5", 6, &first, "RSEQ 1 INVITE");
    network.send(BOB, ALICE, right.encode());
    network.run_shortly();
    let received = network.received(BOB);
    let second = one_response(&received[received.len() - 1..]);
    let rseq = |response: &Response| response.headers.number(HeaderName::RSeq).unwrap();
    assert_eq!(rseq(&second), rseq(&first).map(|rseq| rseq + 1));
    assert!(second.body.is_empty(), "an answer is given once");
    // A copy of the PRACK gets the same answer; another one for the same response is too late.
    network.send(BOB, ALICE, right.encode());
    let late = prack(&network, "z9hG4bKp6", 7, &first, "RSEQ 1 INVITE");
    network.send(BOB, ALICE, late.encode());
    network.run_shortly();
    let codes: Vec<_> = network
        .received(BOB)
        .iter()
        .map(|message| match message {
            ramal_sip::Message::Response(response) => response.status.code(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [200, 481]);
    // What carries no session description holds nothing up.
    network.act(ALICE, |endpoint, now| {
        endpoint.accept(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let ok = one_response(&network.received(BOB));
    assert_eq!(ok.status, StatusCode::OK);
    let late = prack(&network, "z9hG4bKp7", 8, &second, "RSEQ 1 INVITE");
    network.send(BOB, ALICE, late.encode());
    network.run(Duration::from_millis(100));
    assert_eq!(one_response(&network.received(BOB)).status, StatusCode::OK);
}

#[test]
fn the_answer_waits_for_the_prack_and_a_cancel_still_comes_first() {
    let mut network = Network::alone();
    let invite = called_by_bob(&mut network, OFFER);
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.progress(now, alice, PROGRESS, Some(Bytes::from_static(ANSWER)));
        endpoint.accept(now, alice, Bytes::from_static(ANSWER));
    });
    network.run_shortly();
    assert_eq!(one_response(&network.received(BOB)).status, PROGRESS);
    let cancel = request(&network, BOB, Method::Cancel, "z9hG4bKinvite", "b", None, 1);
    network.send(BOB, ALICE, cancel.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended Cancelled"]);
    let _ = invite;
    network.assert_nothing_left();
}

#[test]
fn each_fork_counts_its_own_reliable_responses() {
    let mut network = Network::alone();
    let alice = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    let by = |tag: &str, rseq: u32, sdp: &'static [u8]| {
        invite
            .response(PROGRESS)
            .with_to_tag(tag)
            .with_header(HeaderName::Contact, "<sip:bob@127.0.0.12>")
            .with_header(HeaderName::Require, "100rel")
            .with_header(HeaderName::RSeq, rseq)
            .with_body("application/sdp", Bytes::from_static(sdp))
    };
    let racks = |network: &mut Network| {
        let mut racks = Vec::new();
        for message in network.received(BOB) {
            let ramal_sip::Message::Request(prack) = message else {
                panic!("{message:?}")
            };
            let to = prack.headers.to().unwrap();
            racks.push(format!(
                "{} {}",
                to.tag().unwrap(),
                prack.headers.text(&HeaderName::RAck).unwrap()
            ));
            let ok = prack.response(StatusCode::OK);
            network.send(BOB, ALICE, ok.encode());
        }
        racks
    };
    let number = invite.headers.cseq().unwrap().number;
    let send = |network: &mut Network, response: Response| {
        network.send(BOB, ALICE, response.encode());
        network.run_shortly();
    };
    send(&mut network, by("desk", 7, ANSWER));
    send(&mut network, by("soft", 900, HELD));
    assert_eq!(
        racks(&mut network),
        [
            format!("desk 7 {number} INVITE"),
            format!("soft 900 {number} INVITE")
        ]
    );
    // A copy and one that overtook its predecessor are not acknowledged.
    send(&mut network, by("desk", 7, ANSWER));
    send(&mut network, by("desk", 9, ANSWER));
    assert_eq!(racks(&mut network), [""; 0]);
    send(&mut network, by("desk", 8, ANSWER));
    assert_eq!(racks(&mut network), [format!("desk 8 {number} INVITE")]);
    assert_eq!(
        names(&network.events(ALICE)),
        ["Progress 183 sdp", "Progress 183 sdp", "Progress 183"]
    );
    // The one that answers has said its answer already.
    let ok = invite
        .response(StatusCode::OK)
        .with_to_tag("soft")
        .with_header(HeaderName::Contact, "<sip:bob@127.0.0.12>");
    send(&mut network, ok);
    assert_eq!(described(&network.events(ALICE)), HELD);
    network.received(BOB);
    hang_up(&mut network, ALICE, alice);
}

#[test]
fn a_call_that_rings_long_is_kept_alive_by_new_reliable_responses() {
    let mut network = Network::perfect();
    let (alice, bob) = early_media(&mut network);
    network.run(Duration::from_secs(151));
    assert_eq!(network.counters(BOB).received.prack, 2);
    assert_eq!(
        names(&network.events(ALICE)),
        ["Progress 183 sdp", "Progress 183"]
    );
    let _ = bob;
    hang_up(&mut network, ALICE, alice);
}
