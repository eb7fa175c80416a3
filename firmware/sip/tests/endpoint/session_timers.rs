//! Session timers (RFC 4028).

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{
    HeaderName, Message, Method, Request, Response, SessionId, SessionPolicy, SessionTimers,
    StatusCode, Transport,
};

use crate::network::*;
use crate::sightings::*;

const REFUSE: SessionPolicy = policy(SessionTimers::Refuse, 1800, 90);
const ACCEPT: SessionPolicy = policy(SessionTimers::Accept, 1800, 90);

const fn policy(timers: SessionTimers, session_expires: u32, min_se: u32) -> SessionPolicy {
    SessionPolicy {
        reliability: ramal_sip::Reliability::Supported,
        timers,
        session_expires,
        min_se,
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_long_call_is_refreshed_by_update() {
    let mut network = Network::perfect();
    let (alice, _) = network.established();
    network.run(minutes(46));
    // Every 900 s by the called side, who was left the choice.
    assert_eq!(
        (
            network.counters(BOB).sent.update,
            network.counters(ALICE).sent.update
        ),
        (3, 0)
    );
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    assert_eq!(names(&network.events(BOB)), ["Ended Bye"]);
    network.assert_nothing_left();
}

#[test]
fn the_caller_refreshes_where_the_called_does_not_want_to() {
    let mut network = Network::with_policies(SessionPolicy::default(), ACCEPT);
    network.established();
    network.run(minutes(31));
    assert_eq!(
        (
            network.counters(BOB).sent.update,
            network.counters(ALICE).sent.update
        ),
        (0, 2)
    );
}

#[test]
fn nobody_refreshes_where_nobody_asks() {
    for (alice, bob) in [(ACCEPT, ACCEPT), (REFUSE, REFUSE), (ACCEPT, REFUSE)] {
        let mut network = Network::with_policies(alice, bob);
        network.established();
        network.run(minutes(100));
        assert_eq!(
            (
                network.counters(BOB).sent.update,
                network.counters(ALICE).sent.update,
                network.counters(ALICE).timers + network.counters(BOB).timers,
            ),
            (0, 0, 0)
        );
    }
}

#[test]
fn a_side_that_wants_timers_refreshes_alone() {
    // The other refuses them: it says nothing of them and looks at nothing, but answers what comes.
    let default = SessionPolicy::default();
    for (policies, refresher, other) in [
        ((REFUSE, default), BOB, ALICE),
        ((default, REFUSE), ALICE, BOB),
    ] {
        let mut network = Network::with_policies(policies.0, policies.1);
        network.established();
        network.run(minutes(31));
        assert_eq!(network.counters(refresher).sent.update, 2);
        assert_eq!(network.counters(other).timers, 0);
        assert_eq!(names(&network.events(refresher)), [""; 0]);
        // One that vanishes is noticed at the next refresh.
        network.quality.loss = 100;
        network.run(minutes(15));
        assert_eq!(names(&network.events(refresher)), ["Ended Timeout"]);
    }
}

#[test]
fn a_session_nobody_refreshes_ends_on_both_sides() {
    let mut network = Network::perfect();
    network.established();
    network.quality.loss = 100;
    network.run(minutes(31));
    // Bob's refresh at 900 s is not answered; Alice waits until 32 s before the end.
    assert_eq!(names(&network.events(BOB)), ["Ended Timeout"]);
    assert_eq!(names(&network.events(ALICE)), ["Ended Expired"]);
    let bye = network.times(ALICE, "BYE")[0];
    assert!((1_768_000..1_769_000).contains(&bye), "{bye}");
    network.assert_nothing_left();
}

/// Bob, played by the test, calls Alice with these header fields; gives her session and her 200.
fn called(network: &mut Network, headers: &[(HeaderName, &'static str)]) -> (SessionId, Response) {
    let mut invite = request(network, BOB, Method::Invite, "z9hG4bKinvite", "b", None, 1)
        .with_body("application/sdp", Bytes::from_static(OFFER));
    for (name, value) in headers {
        invite.headers.push(name.clone(), *value);
    }
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.received(BOB);
    network.act(ALICE, |endpoint, now| {
        endpoint.accept(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let ok = one_response(&network.received(BOB));
    let tag = ok.headers.to().unwrap().tag().unwrap().to_owned();
    let ack = request(network, BOB, Method::Ack, "z9hG4bKack", "b", Some(&tag), 1);
    network.send(BOB, ALICE, ack.encode());
    network.run_shortly();
    network.events(ALICE);
    (alice, ok)
}

fn granted(response: &Response) -> (String, String) {
    let text = |name| {
        response
            .headers
            .text(&name)
            .unwrap_or_default()
            .into_owned()
    };
    (text(HeaderName::SessionExpires), text(HeaderName::Require))
}

#[test]
fn the_interval_and_the_refresher_are_what_both_can_agree_on() {
    use HeaderName::{MinSe, SessionExpires, Supported};
    let default = SessionPolicy::default();
    for (policy, headers, expected) in [
        (default, vec![], ("1800;refresher=uas", "")),
        (ACCEPT, vec![], ("", "")),
        (
            default,
            vec![(Supported, "timer")],
            ("1800;refresher=uas", "timer"),
        ),
        (
            default,
            vec![(Supported, "timer"), (SessionExpires, "600;refresher=uac")],
            ("600;refresher=uac", "timer"),
        ),
        (
            ACCEPT,
            vec![(Supported, "timer"), (SessionExpires, "600")],
            ("600;refresher=uac", "timer"),
        ),
        // Longer than we want: we may shorten it, down to the peer's Min-SE.
        (
            default,
            vec![(Supported, "timer"), (SessionExpires, "7200")],
            ("1800;refresher=uas", "timer"),
        ),
        (
            default,
            vec![
                (Supported, "timer"),
                (SessionExpires, "7200"),
                (MinSe, "3600"),
            ],
            ("3600;refresher=uas", "timer"),
        ),
        // A proxy wants it, the caller does not know it.
        (
            default,
            vec![(SessionExpires, "600"), (MinSe, "300")],
            ("600;refresher=uas", ""),
        ),
        // Refused: not a word of it, but the call stands, whatever the caller's Min-SE.
        (
            REFUSE,
            vec![
                (Supported, "timer"),
                (SessionExpires, "60"),
                (MinSe, "3600"),
            ],
            ("", ""),
        ),
    ] {
        let mut network = Network::alone_with(policy);
        let (_, ok) = called(&mut network, &headers);
        assert_eq!(ok.status, StatusCode::OK);
        let expected = (expected.0.to_owned(), expected.1.to_owned());
        assert_eq!(granted(&ok), expected, "{policy:?} {headers:?}");
    }
}

#[test]
fn a_peer_without_update_is_refreshed_by_re_invite() {
    let mut network = Network::alone();
    let headers = [
        (HeaderName::Supported, "timer"),
        (HeaderName::Allow, "INVITE, ACK, CANCEL, BYE"),
    ];
    called(&mut network, &headers);
    network.received(BOB);
    network.run(Duration::from_secs(900));
    let again = one(&network.received(BOB), Method::Invite);
    assert_eq!(&again.body[..], ANSWER, "what was said last is said again");
    assert_eq!(
        again.headers.text(&HeaderName::SessionExpires).unwrap(),
        "1800;refresher=uac"
    );
}

/// The one UPDATE Bob got; answers it.
fn update(network: &mut Network, answer: impl FnOnce(&Request) -> Response) -> Request {
    let update = one(&network.received(BOB), Method::Update);
    network.send(BOB, ALICE, answer(&update).encode());
    network.run_shortly();
    update
}

#[test]
fn a_refresh_that_is_refused_is_tried_otherwise_or_later() {
    let mut network = Network::alone();
    let headers = [
        (HeaderName::Supported, "timer"),
        (HeaderName::Allow, "INVITE, ACK, CANCEL, BYE, UPDATE"),
    ];
    called(&mut network, &headers);
    network.received(BOB);
    network.run(Duration::from_secs(900));
    // Busy: again after 10 s.
    update(&mut network, |update| {
        update.response(StatusCode::SERVER_INTERNAL_ERROR)
    });
    network.run(Duration::from_secs(10));
    // Too short: again at once, longer.
    update(&mut network, |update| {
        update
            .response(StatusCode::SESSION_INTERVAL_TOO_SMALL)
            .with_header(HeaderName::MinSe, 4000)
    });
    let longer = update(&mut network, |update| {
        update.response(StatusCode::METHOD_NOT_ALLOWED)
    });
    assert_eq!(
        longer.headers.text(&HeaderName::SessionExpires).unwrap(),
        "4000;refresher=uac"
    );
    assert_eq!(longer.headers.text(&HeaderName::MinSe).unwrap(), "4000");
    // Not known after all: by re-INVITE.
    let invite = one(&network.received(BOB), Method::Invite);
    let ok = invite
        .response(StatusCode::OK)
        .with_header(HeaderName::SessionExpires, "4000;refresher=uas")
        .with_body("application/sdp", Bytes::from_static(OFFER));
    network.send(BOB, ALICE, ok.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["OfferAnswered"]);
    // From now on Bob refreshes, and when he does not, the session ends 32 s early.
    network.run(Duration::from_secs(3967));
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    network.run(Duration::from_secs(2));
    assert_eq!(names(&network.events(ALICE)), ["Ended Expired"]);
    network.assert_nothing_left();
}

#[test]
fn an_invite_whose_interval_is_too_short_is_sent_again_with_a_longer_one() {
    let mut network = Network::with_policies(
        policy(SessionTimers::Originate, 90, 90),
        policy(SessionTimers::Originate, 1800, 600),
    );
    let (alice, _) = network.established();
    assert_eq!(network.counters(BOB).refused, [(422, 1)]);
    network.run(Duration::from_secs(301));
    assert_eq!(network.counters(BOB).sent.update, 1);
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.assert_nothing_left();
}

#[test]
fn a_peer_that_wants_ever_longer_intervals_is_given_up() {
    let mut network = Network::alone();
    network.alice_calls_bob();
    for min_se in [2000, 3000, 4000, 5000, 6000, 7000] {
        network.run_shortly();
        let invites: Vec<Request> = network
            .received(BOB)
            .into_iter()
            .filter_map(|message| match message {
                Message::Request(request) if request.method == Method::Invite => Some(request),
                _ => None,
            })
            .collect();
        for invite in invites {
            let refusal = invite
                .response(StatusCode::SESSION_INTERVAL_TOO_SMALL)
                .with_to_tag("b")
                .with_header(HeaderName::MinSe, min_se);
            network.send(BOB, ALICE, refusal.encode());
        }
    }
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Rejected 422"]);
    assert_eq!(network.counters(ALICE).sent.invite, 5);
    network.assert_nothing_left();
}

#[test]
fn a_hold_refreshes_too() {
    let mut network = Network::perfect();
    let (alice, bob) = network.established();
    network.run(Duration::from_secs(800));
    network.act(BOB, |endpoint, now| {
        endpoint.offer(now, bob, Bytes::from_static(HOLD))
    });
    network.run_shortly();
    network.act(ALICE, |endpoint, now| {
        endpoint.answer_offer(now, alice, Bytes::from_static(HELD))
    });
    network.run(Duration::from_secs(899));
    assert_eq!(network.counters(BOB).sent.update, 0);
    network.run(Duration::from_secs(2));
    assert_eq!(network.counters(BOB).sent.update, 1);
}

#[test]
fn a_session_whose_connection_is_gone_lasts_until_it_expires() {
    let mut network = Network::with(PERFECT, 1, Transport::Tcp, [config(), config()]);
    let (_, bob) = network.established();
    let flow = network.flow(BOB, ALICE);
    network.run(Duration::from_secs(899));
    network.quality.loss = 100;
    while network.now < network.start + Duration::from_secs(1000) {
        network.run(Duration::from_secs(2));
        network.act(BOB, |endpoint, now| endpoint.handle_flow_failed(now, flow));
    }
    assert_eq!(names(&network.events(BOB)), [""; 0]);
    assert!(network.counters(BOB).sent.update > 5);
    // The connection stands again: Bob's next try goes through.
    network.quality.loss = 0;
    network.run(minutes(30));
    assert_eq!(names(&network.events(BOB)), [""; 0]);
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    network.act(BOB, |endpoint, now| endpoint.hang_up(now, bob, None));
    network.assert_nothing_left();
}

#[test]
fn an_exception_can_be_made_of_one_session() {
    let mut network = Network::perfect();
    let invite = ramal_sip::Invite {
        policy: Some(REFUSE),
        ..network.invite()
    };
    network.act(ALICE, |endpoint, now| endpoint.invite(now, invite));
    network.run_shortly();
    let bob = incoming(&network.events(BOB));
    network.act(BOB, |endpoint, now| {
        endpoint.set_policy(bob, REFUSE);
        endpoint.accept(now, bob, Bytes::from_static(ANSWER));
    });
    network.run(minutes(60));
    assert_eq!(network.counters(BOB).timers, 0);
    assert_eq!(network.counters(ALICE).timers, 0);
}
