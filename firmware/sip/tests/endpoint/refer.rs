//! REFER and its implicit subscription (RFC 3515, RFC 4488), Replaces (RFC 3891). Bob, played by the test, asks Alice.

use std::time::Duration;

use bytes::Bytes;
use ramal_sip::{
    EndpointConfig, Event, HeaderName, HeaderValue, Message, Method, Refer, Replaces, Request,
    SessionId, StatusCode, Transport,
};

use crate::network::*;
use crate::sightings::*;

const BRANCH: &str = "z9hG4bK";

/// Alice takes REFER; Bob is played by the test.
fn alone() -> Network {
    let refers = EndpointConfig {
        methods: vec![Method::Options, Method::Refer, Method::Subscribe],
        supported: vec!["replaces".into(), "norefersub".into()],
        ..config()
    };
    let mut network = Network::with(PERFECT, 1, Transport::Udp, [refers, config()]);
    network.hosts[BOB].endpoint = None;
    network
}

/// Bob has called Alice: gives her session and her tag.
fn in_a_call(network: &mut Network) -> (SessionId, String) {
    let invite = request(
        network,
        BOB,
        Method::Invite,
        &format!("{BRANCH}i"),
        "bt",
        None,
        1,
    )
    .with_body("application/sdp", Bytes::from_static(OFFER));
    network.send(BOB, ALICE, invite.encode());
    network.run_shortly();
    let alice = incoming(&network.events(ALICE));
    network.act(ALICE, |endpoint, now| {
        endpoint.accept(now, alice, Bytes::from_static(ANSWER))
    });
    network.run_shortly();
    let answer = network.received(BOB);
    let tag = answer
        .iter()
        .find_map(|message| match message {
            Message::Response(response) if response.status == StatusCode::OK => response
                .headers
                .to()
                .ok()
                .and_then(|to| to.tag().map(str::to_owned)),
            _ => None,
        })
        .unwrap();
    let ack = request(
        network,
        BOB,
        Method::Ack,
        &format!("{BRANCH}a"),
        "bt",
        Some(&tag),
        1,
    );
    network.send(BOB, ALICE, ack.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Confirmed"]);
    (alice, tag)
}

fn refer(network: &Network, tag: &str, cseq: u32, to: &str) -> Request {
    let branch = format!("{BRANCH}r{cseq}");
    request(network, BOB, Method::Refer, &branch, "bt", Some(tag), cseq)
        .with_header(HeaderName::ReferTo, HeaderValue::sanitized(to))
}

/// The REFER among Alice's events.
fn referred(network: &mut Network) -> Refer {
    let events = network.events(ALICE);
    match &events[..] {
        [Event::Refer { refer, .. }] => Refer::clone(refer),
        _ => panic!("one REFER, not {events:?}"),
    }
}

/// Answers the NOTIFY that has come and gives its event, state and sipfrag.
fn notified(network: &mut Network, status: StatusCode) -> (String, String, String) {
    let notify = one(&network.received(BOB), Method::Notify);
    network.send(BOB, ALICE, notify.response(status).encode());
    network.run_shortly();
    let text = |name| notify.headers.text(&name).unwrap().into_owned();
    assert_eq!(text(HeaderName::ContentType), "message/sipfrag;version=2.0");
    (
        text(HeaderName::Event),
        text(HeaderName::SubscriptionState),
        String::from_utf8(notify.body.to_vec()).unwrap(),
    )
}

#[test]
fn the_referrer_is_told_how_it_went() {
    let mut network = alone();
    let (_, tag) = in_a_call(&mut network);
    let refer = refer(
        &network,
        &tag,
        2,
        "\"Carol\" <sip:2003@gw?Replaces=c%40d%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    )
    .with_header(HeaderName::ReferredBy, "<sip:2001@gw>");
    network.send(BOB, ALICE, refer.encode());
    network.run_shortly();
    let refer = referred(&mut network);
    assert_eq!(refer.target.to_string(), "sip:2003@gw");
    assert_eq!(refer.referred_by.unwrap().uri.to_string(), "sip:2001@gw");
    let replaces = refer.replaces.unwrap();
    assert_eq!((&*replaces.call_id, &*replaces.to_tag), ("c@d", "1"));

    network.act(ALICE, |alice, now| alice.accept_refer(now, refer.id));
    network.act(ALICE, |alice, now| {
        alice.refer_progress(now, refer.id, StatusCode::RINGING)
    });
    network.run_shortly();
    let received = network.received(BOB);
    assert_eq!(
        one_response(&received).status,
        StatusCode::ACCEPTED,
        "{received:?}"
    );
    // 180 waits for the answer to the first NOTIFY.
    let notify = one(&received, Method::Notify);
    assert_eq!(&notify.body[..], b"SIP/2.0 100 Trying\r\n");
    network.send(BOB, ALICE, notify.response(StatusCode::OK).encode());
    network.run_shortly();
    let (event, state, fragment) = notified(&mut network, StatusCode::OK);
    assert_eq!((&*event, &*fragment), ("refer", "SIP/2.0 180 Ringing\r\n"));
    assert!(state.starts_with("active;expires=3"), "{state}");
    network.act(ALICE, |alice, now| {
        alice.refer_progress(now, refer.id, StatusCode::OK)
    });
    network.run_shortly();
    let (_, state, fragment) = notified(&mut network, StatusCode::OK);
    assert_eq!(
        (&*state, &*fragment),
        ("terminated;reason=noresource", "SIP/2.0 200 OK\r\n")
    );
    assert_eq!(network.counters(ALICE).sessions, 1);
}

#[test]
fn a_referrer_who_has_hung_up_is_told_all_the_same() {
    let mut network = alone();
    let (_, tag) = in_a_call(&mut network);
    let refer = refer(&network, &tag, 2, "<sip:2003@gw>");
    network.send(BOB, ALICE, refer.encode());
    network.run_shortly();
    let id = referred(&mut network).id;
    network.act(ALICE, |alice, now| alice.accept_refer(now, id));
    network.run_shortly();
    notified(&mut network, StatusCode::OK);
    let bye = request(&network, BOB, Method::Bye, "z9hG4bKb", "bt", Some(&tag), 3);
    network.send(BOB, ALICE, bye.encode());
    network.run_shortly();
    assert_eq!(names(&network.events(ALICE)), ["Ended Bye"]);
    assert_eq!(one_response(&network.received(BOB)).status, StatusCode::OK);
    network.act(ALICE, |alice, now| {
        alice.refer_progress(now, id, StatusCode::BUSY_HERE)
    });
    network.run_shortly();
    let (_, _, fragment) = notified(&mut network, StatusCode::OK);
    assert_eq!(fragment, "SIP/2.0 486 Busy Here\r\n");
    network.assert_nothing_left();
}

#[test]
fn a_referrer_who_knows_nothing_of_it_or_wants_nothing_is_told_nothing() {
    let mut network = alone();
    let (_, tag) = in_a_call(&mut network);
    let unwanted =
        refer(&network, &tag, 2, "<sip:2003@gw>").with_header(HeaderName::ReferSub, "false");
    network.send(BOB, ALICE, unwanted.encode());
    network.run_shortly();
    let id = referred(&mut network).id;
    for status in [None, Some(StatusCode::OK)] {
        network.act(ALICE, |alice, now| match status {
            None => alice.accept_refer(now, id),
            Some(status) => alice.refer_progress(now, id, status),
        });
    }
    network.run_shortly();
    let accepted = one_response(&network.received(BOB));
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(
        accepted.headers.text(&HeaderName::ReferSub).as_deref(),
        Some("false")
    );

    let refer = refer(&network, &tag, 3, "<sip:2004@gw>");
    network.send(BOB, ALICE, refer.encode());
    network.run_shortly();
    let id = referred(&mut network).id;
    network.act(ALICE, |alice, now| alice.accept_refer(now, id));
    network.run_shortly();
    // The second REFER of a dialog is named (RFC 3515 §2.4.6).
    let (event, ..) = notified(&mut network, StatusCode::CALL_DOES_NOT_EXIST);
    assert_eq!(event, "refer;id=3");
    network.act(ALICE, |alice, now| {
        alice.refer_progress(now, id, StatusCode::OK)
    });
    network.run_shortly();
    assert!(network.received(BOB).is_empty());
}

#[test]
fn the_implicit_subscription_can_be_prolonged_and_ended() {
    let mut network = alone();
    let (_, tag) = in_a_call(&mut network);
    let refer = refer(&network, &tag, 2, "<sip:2003@gw>");
    network.send(BOB, ALICE, refer.encode());
    network.run_shortly();
    let id = referred(&mut network).id;
    network.act(ALICE, |alice, now| alice.accept_refer(now, id));
    network.run_shortly();
    notified(&mut network, StatusCode::OK);
    let subscribe = |network: &Network, cseq: u32, event: &'static str, expires: u32| {
        let branch = format!("{BRANCH}s{cseq}");
        request(
            network,
            BOB,
            Method::Subscribe,
            &branch,
            "bt",
            Some(&tag),
            cseq,
        )
        .with_header(HeaderName::Event, event)
        .with_header(HeaderName::Expires, expires)
        .encode()
    };
    for (cseq, event, expires, status) in [
        (3, "dialog", 60, StatusCode::BAD_EVENT),
        (4, "refer;id=77", 60, StatusCode::CALL_DOES_NOT_EXIST),
        (5, "refer;id=2", 0, StatusCode::OK),
        (6, "refer", 60, StatusCode::CALL_DOES_NOT_EXIST),
    ] {
        network.send(BOB, ALICE, subscribe(&network, cseq, event, expires));
        network.run_shortly();
        assert_eq!(
            one_response(&network.received(BOB)).status,
            status,
            "{event}"
        );
    }
}

#[test]
fn what_cannot_be_called_is_refused() {
    let mut network = alone();
    let (_, tag) = in_a_call(&mut network);
    let cases = [
        ("<sip:2003@gw;method=BYE>", StatusCode::DECLINE),
        ("<sip:2003@gw?Replaces=junk>", StatusCode::BAD_REQUEST),
        ("<sip:2003@gw>, <sip:2004@gw>", StatusCode::BAD_REQUEST),
        ("<sip:2003@gw", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
    ];
    for (index, (to, status)) in cases.into_iter().enumerate() {
        let refer = refer(&network, &tag, 2 + index as u32, to);
        network.send(BOB, ALICE, refer.encode());
        network.run_shortly();
        assert_eq!(one_response(&network.received(BOB)).status, status, "{to}");
    }
    let without = request(
        &network,
        BOB,
        Method::Refer,
        "z9hG4bKw",
        "bt",
        Some(&tag),
        20,
    );
    network.send(BOB, ALICE, without.encode());
    network.run_shortly();
    assert_eq!(
        one_response(&network.received(BOB)).status,
        StatusCode::BAD_REQUEST
    );
    assert!(network.events(ALICE).is_empty());
    // A referrer may not heap up REFERs.
    for cseq in 30..35 {
        let refer = refer(&network, &tag, cseq, "<sip:2003@gw>");
        network.send(BOB, ALICE, refer.encode());
    }
    network.run_shortly();
    assert_eq!(network.events(ALICE).len(), 4);
    assert_eq!(network.times(ALICE, "491").len(), 1);
    // Nobody decides: they are forgotten, and there is room again.
    network.run(Duration::from_secs(400));
    let refer = refer(&network, &tag, 40, "<sip:2003@gw>");
    network.send(BOB, ALICE, refer.encode());
    network.run_shortly();
    referred(&mut network);
}

#[test]
fn a_dialog_is_found_by_what_replaces_says() {
    let mut network = alone();
    let find = |network: &Network, value: &str| {
        network.hosts[ALICE]
            .endpoint
            .as_ref()
            .unwrap()
            .find_session(&Replaces::from_text(value).unwrap())
    };
    let (alice, tag) = in_a_call(&mut network);
    let whole = format!("one-call;to-tag={tag};from-tag=bt");
    assert_eq!(find(&network, &whole), Ok(alice));
    assert_eq!(
        find(&network, &format!("{whole};early-only")),
        Err(StatusCode::BUSY_HERE)
    );
    for other in [
        format!("one-call;to-tag=bt;from-tag={tag}"),
        format!("other-call;to-tag={tag};from-tag=bt"),
        format!("one-call;to-tag={tag};from-tag=0"),
    ] {
        assert_eq!(
            find(&network, &other),
            Err(StatusCode::CALL_DOES_NOT_EXIST),
            "{other}"
        );
    }
    // An early dialog of Alice's own may be replaced, one of Bob's may not.
    let out = network.alice_calls_bob();
    network.run_shortly();
    let invite = one(&network.received(BOB), Method::Invite);
    let ringing = invite
        .response(StatusCode::RINGING)
        .with_to_tag("desk")
        .with_header(HeaderName::Contact, "<sip:bob@127.0.0.12>");
    network.send(BOB, ALICE, ringing.encode());
    let call_id = invite.headers.call_id().unwrap().to_owned();
    let own_tag = invite.headers.from().unwrap().tag().unwrap().to_owned();
    let again = request(
        &network,
        BOB,
        Method::Invite,
        "z9hG4bKsecond",
        "bt2",
        None,
        1,
    )
    .with_body("application/sdp", Bytes::from_static(OFFER));
    network.send(BOB, ALICE, again.encode());
    network.run_shortly();
    let early = format!("{call_id};to-tag={own_tag};from-tag=desk;early-only");
    assert_eq!(find(&network, &early), Ok(out));
    let inn = incoming(&network.events(ALICE).split_off(1));
    let name = network.hosts[ALICE]
        .endpoint
        .as_ref()
        .unwrap()
        .dialog_name(inn)
        .unwrap();
    let theirs = format!("one-call;to-tag={};from-tag=bt2", name.local_tag);
    assert_eq!(
        find(&network, &theirs),
        Err(StatusCode::CALL_DOES_NOT_EXIST)
    );
}
