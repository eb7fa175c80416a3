//! Subscriptions to states of Alice's (RFC 6665). Bob, played by the test, watches her.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{
    EndpointConfig, Event, HeaderName, Limits, Method, Request, Response, StatusCode,
    SubscriptionEnd, SubscriptionId, Transport,
};

use crate::network::*;
use crate::sightings::*;

fn alone_with(limits: Limits) -> Network {
    let notifies = EndpointConfig {
        methods: vec![Method::Subscribe],
        event_packages: vec!["dialog".into(), "presence".into()],
        limits,
        ..config()
    };
    let mut network = Network::with(PERFECT, 1, Transport::Udp, [notifies, config()]);
    network.hosts[BOB].endpoint = None;
    network
}

fn alone() -> Network {
    alone_with(Limits::default())
}

fn subscribe(network: &Network, tag: Option<&str>, cseq: u32, expires: u32) -> Request {
    let branch = format!("z9hG4bKs{cseq}");
    request(network, BOB, Method::Subscribe, &branch, "bt", tag, cseq)
        .with_header(HeaderName::Event, "dialog;id=7")
        .with_header(HeaderName::Expires, expires)
}

/// Alice takes whatever subscription has come.
fn accept(network: &mut Network) -> Option<SubscriptionId> {
    let events = network.events(ALICE);
    let [
        Event::Subscribe {
            transaction,
            flow,
            package,
            request,
        },
    ] = &events[..]
    else {
        panic!("one SUBSCRIBE, not {events:?}");
    };
    assert_eq!(package, "dialog");
    network.act(ALICE, |alice, now| {
        alice.accept_subscription(now, *transaction, *flow, request)
    })
}

/// Alice says what she was asked for.
fn notify(network: &mut Network, subscription: SubscriptionId, body: &'static str) {
    let due = network.events(ALICE);
    assert!(
        matches!(&due[..], [Event::NotifyDue { subscription: asked }] if *asked == subscription),
        "{due:?}"
    );
    network.act(ALICE, |alice, now| {
        alice.notify(
            now,
            subscription,
            "text/plain".into(),
            Bytes::from_static(body.as_bytes()),
        )
    });
    network.run_shortly();
}

/// Bob has subscribed for an hour and was told "idle": gives Alice's tag.
fn subscribed(network: &mut Network) -> (SubscriptionId, String) {
    network.send(BOB, ALICE, subscribe(network, None, 1, 3600).encode());
    network.run_shortly();
    let id = accept(network).unwrap();
    notify(network, id, "idle");
    let received = network.received(BOB);
    let ok = one_response(&received);
    assert_eq!(ok.headers.expires().unwrap(), Some(3600));
    let notify = one(&received, Method::Notify);
    assert_eq!(header(&notify, HeaderName::Event), "dialog;id=7");
    assert_eq!(
        header(&notify, HeaderName::SubscriptionState),
        "active;expires=3600"
    );
    assert_eq!(&notify.body[..], b"idle");
    answer(network, &notify, StatusCode::OK);
    let tag = ok.headers.to().unwrap().tag().unwrap().to_owned();
    (id, tag)
}

fn answer(network: &mut Network, notify: &Request, status: StatusCode) {
    network.send(BOB, ALICE, notify.response(status).encode());
    network.run_shortly();
}

fn header(request: &Request, name: HeaderName) -> String {
    request.headers.text(&name).unwrap().into_owned()
}

fn refused(network: &mut Network, request: Request) -> Response {
    network.send(BOB, ALICE, request.encode());
    network.run_shortly();
    one_response(&network.received(BOB))
}

#[test]
fn a_slow_subscriber_gets_the_newest_state_only() {
    let mut network = alone();
    let (id, _) = subscribed(&mut network);
    network.act(ALICE, |alice, _| alice.state_changed(id));
    notify(&mut network, id, "ringing");
    // While this one is under way nothing is asked for.
    for _ in 0..3 {
        network.act(ALICE, |alice, _| alice.state_changed(id));
    }
    assert!(network.events(ALICE).is_empty());
    let ringing = one(&network.received(BOB), Method::Notify);
    answer(&mut network, &ringing, StatusCode::OK);
    notify(&mut network, id, "talking");
    let talking = one(&network.received(BOB), Method::Notify);
    assert_eq!(&talking.body[..], b"talking");
    assert!(
        talking.headers.cseq().unwrap().number > ringing.headers.cseq().unwrap().number,
        "{talking:?}"
    );
}

#[test]
fn a_refresh_prolongs_and_tells_and_zero_ends() {
    let mut network = alone();
    let (id, tag) = subscribed(&mut network);
    network.run(Duration::from_secs(3000));
    let refresh = subscribe(&network, Some(&tag), 2, 600);
    network.send(BOB, ALICE, refresh.encode());
    network.run_shortly();
    notify(&mut network, id, "idle");
    let received = network.received(BOB);
    assert_eq!(one_response(&received).status, StatusCode::OK);
    let told = one(&received, Method::Notify);
    assert_eq!(
        header(&told, HeaderName::SubscriptionState),
        "active;expires=599"
    );
    answer(&mut network, &told, StatusCode::OK);
    // A copy that comes late is out of order.
    let mut late = subscribe(&network, Some(&tag), 3, 600);
    late.headers
        .set(HeaderName::CSeq, ramal_sip::CSeq::new(2, Method::Subscribe));
    let late = refused(&mut network, late);
    assert_eq!(late.status, StatusCode::SERVER_INTERNAL_ERROR);
    let end = subscribe(&network, Some(&tag), 4, 0);
    network.send(BOB, ALICE, end.encode());
    network.run_shortly();
    notify(&mut network, id, "idle");
    let received = network.received(BOB);
    let last = one(&received, Method::Notify);
    assert_eq!(
        header(&last, HeaderName::SubscriptionState),
        "terminated;reason=timeout"
    );
    assert!(matches!(
        &network.events(ALICE)[..],
        [Event::SubscriptionEnded { .. }]
    ));
    let gone = subscribe(&network, Some(&tag), 5, 600);
    let gone = refused(&mut network, gone);
    assert_eq!(gone.status, StatusCode::CALL_DOES_NOT_EXIST);
    answer(&mut network, &last, StatusCode::OK);
    network.assert_nothing_left();
    assert_eq!(network.counters(ALICE).subscriptions, 0);
}

#[test]
fn a_single_look_is_told_once() {
    let mut network = alone();
    network.send(BOB, ALICE, subscribe(&network, None, 1, 0).encode());
    network.run_shortly();
    let id = accept(&mut network).unwrap();
    notify(&mut network, id, "idle");
    let told = one(&network.received(BOB), Method::Notify);
    assert_eq!(
        header(&told, HeaderName::SubscriptionState),
        "terminated;reason=timeout"
    );
    assert_eq!(network.counters(ALICE).subscriptions, 0);
}

#[test]
fn it_expires_and_is_forgotten_when_its_subscriber_is_gone() {
    let mut network = alone();
    let (id, _) = subscribed(&mut network);
    network.run(Duration::from_secs(3601));
    notify(&mut network, id, "idle");
    let last = one(&network.received(BOB), Method::Notify);
    assert_eq!(
        header(&last, HeaderName::SubscriptionState),
        "terminated;reason=timeout"
    );
    answer(&mut network, &last, StatusCode::OK);

    for status in [Some(StatusCode::CALL_DOES_NOT_EXIST), None] {
        let mut network = alone();
        let (id, _) = subscribed(&mut network);
        network.act(ALICE, |alice, _| alice.state_changed(id));
        notify(&mut network, id, "ringing");
        match status {
            Some(status) => {
                let told = one(&network.received(BOB), Method::Notify);
                answer(&mut network, &told, status);
            }
            None => network.run(Duration::from_secs(33)),
        }
        assert!(matches!(
            &network.events(ALICE)[..],
            [Event::SubscriptionEnded { .. }]
        ));
        network.received(BOB);
        network.assert_nothing_left();
    }
}

#[test]
fn the_watched_side_can_end_it() {
    let mut network = alone();
    let (id, _) = subscribed(&mut network);
    network.act(ALICE, |alice, _| {
        alice.end_subscription(id, SubscriptionEnd::NoResource)
    });
    notify(&mut network, id, "gone");
    let last = one(&network.received(BOB), Method::Notify);
    assert_eq!(
        header(&last, HeaderName::SubscriptionState),
        "terminated;reason=noresource"
    );
}

#[test]
fn what_is_not_offered_is_refused() {
    let mut network = alone();
    let mut unknown = subscribe(&network, None, 1, 60);
    unknown.headers.set(HeaderName::Event, "weather");
    let response = refused(&mut network, unknown);
    assert_eq!(response.status, StatusCode::BAD_EVENT);
    assert_eq!(
        response.headers.text(&HeaderName::AllowEvents).as_deref(),
        Some("dialog, presence")
    );
    let brief = subscribe(&network, None, 2, 59);
    let brief = refused(&mut network, brief);
    assert_eq!(brief.status, StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(
        brief.headers.text(&HeaderName::MinExpires).as_deref(),
        Some("60")
    );
    let mut unreachable = subscribe(&network, None, 3, 60);
    unreachable.headers.remove(&HeaderName::Contact);
    assert_eq!(
        refused(&mut network, unreachable).status,
        StatusCode::BAD_REQUEST
    );
    let unknown = subscribe(&network, Some("nobody"), 4, 60);
    let unknown = refused(&mut network, unknown);
    assert_eq!(unknown.status, StatusCode::CALL_DOES_NOT_EXIST);
    assert!(network.events(ALICE).is_empty());
    assert_eq!(network.counters(ALICE).subscriptions, 0);
}

#[test]
fn there_are_only_so_many() {
    let mut network = alone_with(Limits {
        subscriptions: 0,
        ..Limits::default()
    });
    network.send(BOB, ALICE, subscribe(&network, None, 1, 3600).encode());
    network.run_shortly();
    assert_eq!(accept(&mut network), None);
    network.run_shortly();
    let full = one_response(&network.received(BOB));
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers.contains(&HeaderName::RetryAfter));
}
