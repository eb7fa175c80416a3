//! What the endpoint answers or drops by itself (RFC 3261 §8.2).

use bytes::Bytes;
use ramal_sip::{
    Event, HeaderName, HeaderValue, Method, Reliability, Request, Response, SessionPolicy,
    SessionTimers, StatusCode,
};

use crate::network::*;
use crate::sightings::*;

/// Sends one request to Alice and gives her answer, which she must have given without keeping state.
fn refused(network: &mut Network, request: &Request) -> Response {
    network.send(BOB, ALICE, request.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    let counters = network.counters(ALICE);
    assert_eq!((counters.transactions, counters.timers), (0, 0));
    one_response(&network.received(BOB))
}

fn text(response: &Response, name: HeaderName) -> String {
    response
        .headers
        .text(&name)
        .unwrap_or_default()
        .into_owned()
}

#[test]
fn methods_nobody_takes() {
    let mut network = Network::alone();
    let publish = request(&network, BOB, Method::Publish, "z9hG4bK1", "b", None, 1);
    let response = refused(&mut network, &publish);
    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        text(&response, HeaderName::Allow),
        "INVITE, ACK, BYE, CANCEL, INFO, PRACK, UPDATE, REGISTER, OPTIONS"
    );
    let unknown = request(
        &network,
        BOB,
        Method::from("DANCE"),
        "z9hG4bK2",
        "b",
        None,
        1,
    );
    assert_eq!(
        refused(&mut network, &unknown).status,
        StatusCode::NOT_IMPLEMENTED
    );
    assert_eq!(network.counters(ALICE).refused, [(405, 1), (501, 1)]);
}

#[test]
fn copies_of_a_refused_request_get_the_same_answer() {
    let mut network = Network::alone();
    let publish = request(&network, BOB, Method::Publish, "z9hG4bK1", "b", None, 1);
    let first = refused(&mut network, &publish);
    assert_eq!(refused(&mut network, &publish), first);
    assert!(first.headers.to().unwrap().tag().is_some());
}

#[test]
fn uri_schemes_hops_and_extensions() {
    let mut network = Network::alone();
    let mut invite = request(&network, BOB, Method::Invite, "z9hG4bK1", "b", None, 1);
    invite.uri = uri("http://alice.example/");
    assert_eq!(
        refused(&mut network, &invite).status,
        StatusCode::UNSUPPORTED_URI_SCHEME
    );
    let mut invite = request(&network, BOB, Method::Invite, "z9hG4bK2", "b", None, 1);
    invite.headers.set(HeaderName::MaxForwards, 0);
    assert_eq!(
        refused(&mut network, &invite).status,
        StatusCode::TOO_MANY_HOPS
    );
    let invite = request(&network, BOB, Method::Invite, "z9hG4bK3", "b", None, 1)
        .with_header(HeaderName::Require, "100rel, nothing-such, timer, nor-this");
    let response = refused(&mut network, &invite);
    assert_eq!(response.status, StatusCode::BAD_EXTENSION);
    assert_eq!(
        text(&response, HeaderName::Unsupported),
        "nothing-such, nor-this"
    );
}

#[test]
fn an_endpoint_answers_a_request_that_has_no_hops_left() {
    // RFC 4475 §3.3.11: only who passes it on must refuse.
    let mut network = Network::alone();
    let mut options = request(&network, BOB, Method::Options, "z9hG4bK1", "b", None, 1);
    options.headers.set(HeaderName::MaxForwards, 0);
    network.send(BOB, ALICE, options.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Request OPTIONS"]);
}

#[test]
fn bodies_that_are_no_session_description() {
    let mut network = Network::alone();
    let invite = request(&network, BOB, Method::Invite, "z9hG4bK1", "b", None, 1)
        .with_body("application/x-unknown", Bytes::from_static(b"?"));
    let response = refused(&mut network, &invite);
    assert_eq!(response.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(text(&response, HeaderName::Accept), "application/sdp");
    let zipped = request(&network, BOB, Method::Invite, "z9hG4bK2", "b", None, 1)
        .with_header(HeaderName::ContentEncoding, "gzip")
        .with_body("application/sdp", Bytes::from_static(OFFER));
    let response = refused(&mut network, &zipped);
    assert_eq!(response.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(text(&response, HeaderName::AcceptEncoding), "identity");
    // One that may be ignored is no offer.
    let optional = request(&network, BOB, Method::Invite, "z9hG4bK3", "b", None, 1)
        .with_header(HeaderName::ContentDisposition, "icon; handling=optional")
        .with_body("image/png", Bytes::from_static(b"?"));
    network.send(BOB, ALICE, optional.encode());
    network.run_shortly();
    incoming(&network.events(ALICE));
}

#[test]
fn dialogs_nobody_knows() {
    let mut network = Network::alone();
    for (branch, method, tag) in [
        ("z9hG4bK1", Method::Bye, Some("x")),
        ("z9hG4bK2", Method::Invite, Some("x")),
        ("z9hG4bK3", Method::Bye, None),
        ("z9hG4bK4", Method::Info, None),
        ("z9hG4bK5", Method::Cancel, None),
        ("z9hG4bK6", Method::Options, Some("x")),
    ] {
        let lost = request(&network, BOB, method, branch, "b", tag, 1);
        assert_eq!(
            refused(&mut network, &lost).status,
            StatusCode::CALL_DOES_NOT_EXIST
        );
    }
}

#[test]
fn merged_requests() {
    let mut network = Network::alone();
    let first = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bKone-way",
        "b",
        None,
        1,
    );
    network.send(BOB, ALICE, first.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    assert_eq!(
        one_response(&network.received(BOB)).status,
        StatusCode::TRYING
    );
    // A copy is answered by the transaction …
    network.send(BOB, ALICE, first.encode());
    network.run_shortly();
    assert_eq!(
        one_response(&network.received(BOB)).status,
        StatusCode::TRYING
    );
    // … but the same request by another way is merged.
    let second = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bKother-way",
        "b",
        None,
        1,
    );
    network.send(BOB, ALICE, second.encode());
    network.run_shortly();
    assert_eq!(
        one_response(&network.received(BOB)).status,
        StatusCode::LOOP_DETECTED
    );
    network.act(ALICE, |endpoint, now| {
        endpoint.reject(now, alice, StatusCode::BUSY_HERE, vec![])
    });
    network.assert_nothing_left();
}

#[test]
fn an_invite_that_comes_back_unchanged_has_looped() {
    let mut network = Network::alone();
    network.alice_calls_bob();
    network.run_shortly();
    // Bob, a proxy, sends it back as it is, …
    let sent = one(&network.received(BOB), Method::Invite);
    let via = "SIP/2.0/UDP 127.0.0.12;branch=z9hG4bKproxy";
    let mut looped = sent.clone();
    looped.headers.push_front(HeaderName::Via, via);
    network.send(BOB, ALICE, looped.encode());
    network.run_shortly();
    let response = one_response(&network.received(BOB));
    assert_eq!(
        (response.status.code(), &response.reason[..]),
        (482, &b"Loop Detected"[..])
    );
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    // … or to somebody else at the same place, which is no loop.
    let mut spiralled = looped;
    spiralled.uri = uri("sip:carol@127.0.0.11");
    spiralled
        .headers
        .replace_first(HeaderName::Via, "SIP/2.0/UDP 127.0.0.12;branch=z9hG4bKtwo");
    network.send(BOB, ALICE, spiralled.encode());
    network.run_shortly();
    incoming(&network.events(ALICE));
}

#[test]
fn what_the_policy_asks_of_an_invite() {
    let required = SessionPolicy {
        reliability: Reliability::Required,
        ..SessionPolicy::default()
    };
    let none = SessionPolicy {
        reliability: Reliability::Off,
        timers: SessionTimers::Refuse,
        ..required
    };
    let invite = |network: &Network, name: HeaderName, value: &'static str| {
        request(network, BOB, Method::Invite, "z9hG4bK1", "b", None, 1).with_header(name, value)
    };
    // RFC 3262 §3 and RFC 3261 §21.4.16.
    let mut network = Network::alone_with(required);
    let plain = invite(&network, HeaderName::Supported, "timer");
    let response = refused(&mut network, &plain);
    assert_eq!(response.status, StatusCode::EXTENSION_REQUIRED);
    assert_eq!(text(&response, HeaderName::Require), "100rel");
    // RFC 4028 §9, unless it is a proxy that asks in the name of somebody who would not understand.
    let short = invite(&network, HeaderName::Supported, "100rel, timer")
        .with_header(HeaderName::SessionExpires, "89");
    let response = refused(&mut network, &short);
    assert_eq!(response.status, StatusCode::SESSION_INTERVAL_TOO_SMALL);
    assert_eq!(text(&response, HeaderName::MinSe), "90");
    let short = invite(&network, HeaderName::Supported, "100rel")
        .with_header(HeaderName::SessionExpires, "89");
    network.send(BOB, ALICE, short.encode());
    network.run_shortly();
    incoming(&network.events(ALICE));
    // What is switched off is not known.
    let mut network = Network::alone_with(none);
    let both = invite(&network, HeaderName::Require, "timer, 100rel");
    let response = refused(&mut network, &both);
    assert_eq!(response.status, StatusCode::BAD_EXTENSION);
    assert_eq!(text(&response, HeaderName::Unsupported), "timer, 100rel");
}

#[test]
fn an_invite_without_contact_or_with_two() {
    let mut network = Network::alone();
    let mut invite = request(&network, BOB, Method::Invite, "z9hG4bK1", "b", None, 1);
    invite.headers.remove(&HeaderName::Contact);
    let response = refused(&mut network, &invite);
    assert_eq!(
        (response.status.code(), &response.reason[..]),
        (400, &b"Missing Contact"[..])
    );
    let invite = request(&network, BOB, Method::Invite, "z9hG4bK2", "b", None, 1)
        .with_header(HeaderName::Contact, "<sip:other@127.0.0.12>");
    assert_eq!(
        refused(&mut network, &invite).status,
        StatusCode::BAD_REQUEST
    );
}

#[test]
fn what_cannot_be_answered_is_dropped_and_counted() {
    let mut network = Network::alone();
    let ack = request(&network, BOB, Method::Ack, "z9hG4bK1", "b", Some("x"), 1);
    let stray = request(
        &network,
        ALICE,
        Method::Invite,
        "z9hG4bK0123456789abcdef",
        "a",
        None,
        1,
    )
    .response(StatusCode::OK);
    let foreign = request(
        &network,
        ALICE,
        Method::Invite,
        "z9hG4bKnot-ours",
        "a",
        None,
        1,
    )
    .response(StatusCode::OK);
    let two_vias = {
        let mut response = stray.clone();
        let via = HeaderValue::from("SIP/2.0/UDP 127.0.0.12;branch=z9hG4bK7");
        response.headers.push(HeaderName::Via, via);
        response
    };
    for message in [
        ack.encode(),
        stray.encode(),
        foreign.encode(),
        two_vias.encode(),
    ] {
        network.send(BOB, ALICE, message);
    }
    for garbage in [
        "",
        "\r\n\r\n",
        "hello",
        "INVITE sip:a SIP/2.0\r\n\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
    ] {
        network.send(BOB, ALICE, garbage.into());
    }
    network.run_shortly();
    assert_eq!(network.received(BOB).len(), 0);
    assert_eq!(names(&network.events(ALICE)), [""; 0]);
    let dropped = network.counters(ALICE).dropped;
    assert_eq!((dropped.stray_acks, dropped.stray_responses), (1, 2));
    assert_eq!((dropped.malformed_responses, dropped.unanswerable), (2, 2));
    assert_eq!(network.counters(ALICE).keep_alives, 2);
}

#[test]
fn a_request_older_than_rfc_3261_is_matched_by_its_fields() {
    // §17.2.3: no magic cookie in the branch.
    let mut network = Network::alone();
    let invite = request(&network, BOB, Method::Invite, "1", "b", None, 1);
    network.send(BOB, ALICE, invite.encode());
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.reject(now, alice, StatusCode::BUSY_HERE, vec![])
    });
    network.run_shortly();
    let tag = network
        .received(BOB)
        .pop()
        .unwrap()
        .headers()
        .to()
        .unwrap()
        .tag()
        .unwrap()
        .to_owned();
    let ack = request(&network, BOB, Method::Ack, "1", "b", Some(&tag), 1);
    network.send(BOB, ALICE, ack.encode());
    network.run(std::time::Duration::from_secs(2));
    assert_eq!(
        network.times(ALICE, "486").len(),
        1,
        "the ACK must stop the 486"
    );
    assert_eq!(network.counters(ALICE).dropped.stray_acks, 0);
    network.assert_nothing_left();
}

#[test]
fn a_caller_older_than_rfc_3261_needs_no_contact() {
    // RFC 4475 §3.4.1: it is reached at its From.
    let mut network = Network::alone();
    let mut invite = request(&network, BOB, Method::Invite, "1", "b", None, 1);
    invite.headers.remove(&HeaderName::Contact);
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.accept(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let answer = network.received(BOB).pop().unwrap();
    let tag = answer.headers().to().unwrap().tag().unwrap().to_owned();
    let ack = request(&network, BOB, Method::Ack, "2", "b", Some(&tag), 1);
    network.send(BOB, ALICE, ack.encode());
    network.run_shortly();
    network.act(ALICE, |endpoint, now| endpoint.hang_up(now, alice, None));
    network.run_shortly();
    let received = network.received(BOB);
    let Some(ramal_sip::Message::Request(bye)) = received.last() else {
        panic!("{received:?}");
    };
    assert_eq!(bye.method, Method::Bye);
    assert_eq!(bye.uri.as_bytes(), b"sip:bob@b.example");
    network.assert_nothing_left();
}

#[test]
fn options_is_not_taken_unless_it_is_asked_for() {
    let mut network = Network::alone();
    let methods = vec![Method::Subscribe];
    let config = ramal_sip::EndpointConfig {
        methods,
        ..config()
    };
    network.hosts[ALICE].endpoint = Some(ramal_sip::Endpoint::new(config, [1; 32]));
    let options = request(&network, BOB, Method::Options, "z9hG4bK2", "b", None, 1);
    network.send(BOB, ALICE, options.encode());
    network.run_shortly();
    assert_eq!(
        one_response(&network.received(BOB)).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[test]
fn a_register_belongs_to_no_dialog_whatever_its_to_tag() {
    let mut network = Network::alone();
    let register = request(
        &network,
        BOB,
        Method::Register,
        "z9hG4bK1",
        "b",
        Some("old"),
        1,
    );
    network.send(BOB, ALICE, register.encode());
    network.run_shortly();
    let events = network.events(ALICE);
    assert!(matches!(
        &events[..],
        [Event::Request { session: None, .. }]
    ));
}
