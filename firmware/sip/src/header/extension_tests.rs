use crate::session::{Reason, ReasonProtocol};
use crate::*;

fn headers(name: HeaderName, value: &str) -> Headers {
    let mut headers = Headers::new();
    headers.push(name, HeaderValue::new(value.to_owned()).unwrap());
    headers
}

#[test]
fn session_expires_with_and_without_a_refresher() {
    let read = |value| headers(HeaderName::from("x"), value).session_expires();
    let expires = |interval, refresher| {
        Ok(Some(SessionExpires {
            interval,
            refresher,
        }))
    };
    assert_eq!(read("1800"), expires(1800, None));
    assert_eq!(
        read("90 ; Refresher = UAS;x=y"),
        expires(90, Some(Refresher::Uas))
    );
    assert_eq!(
        read("99999999999;refresher=uac"),
        expires(u32::MAX, Some(Refresher::Uac))
    );
    assert_eq!(
        read("90;refresher=me").unwrap_err().to_string(),
        "Malformed parameter in Session-Expires"
    );
    assert_eq!(
        read("soon").unwrap_err().to_string(),
        "Malformed Session-Expires"
    );
    let value = HeaderValue::from(SessionExpires {
        interval: 90,
        refresher: Some(Refresher::Uac),
    });
    assert_eq!(value.as_bytes(), b"90;refresher=uac");
    assert_eq!(headers(HeaderName::MinSe, "90").min_se(), Ok(Some(90)));
}

#[test]
fn rack_and_rseq() {
    let rack = headers(HeaderName::RAck, "776656 1 INVITE").rack();
    assert_eq!(rack, Ok(Some(RAck::new(776_656, 1, Method::Invite))));
    assert_eq!(
        HeaderValue::from(RAck::new(7, 8, Method::Invite)).as_bytes(),
        b"7 8 INVITE"
    );
    for wrong in ["776656 INVITE", "1 2", "4294967296 1 INVITE", "", "a 1 X"] {
        assert!(headers(HeaderName::RAck, wrong).rack().is_err(), "{wrong}");
    }
    let rseq = |value| headers(HeaderName::RSeq, value).rseq();
    assert_eq!(rseq("988789"), Ok(Some(988_789)));
    assert_eq!(
        rseq("0").unwrap_err().to_string(),
        "Number out of range in RSeq"
    );
    assert!(rseq("4294967296").is_err() && rseq("x").is_err());
}

#[test]
fn replaces_in_a_field_and_in_a_refer_to_uri() {
    let value = "98732@sip.example.com ;from-tag=r33th4x0r;to-tag=ff87ff;early-only";
    let replaces = headers(HeaderName::Replaces, value)
        .replaces()
        .unwrap()
        .unwrap();
    assert_eq!(replaces.call_id, "98732@sip.example.com");
    assert_eq!(
        (&*replaces.to_tag, &*replaces.from_tag),
        ("ff87ff", "r33th4x0r")
    );
    assert!(replaces.early_only);
    let target: Uri = "sip:102@gw".parse().unwrap();
    let target = target.with_uri_header("Replaces", &replaces.to_string());
    let refer_to = headers(HeaderName::from("r"), &NameAddr::new(target).to_string());
    let address = refer_to.address(&HeaderName::ReferTo).unwrap().unwrap();
    let again = Replaces::from_text(&address.uri.header("replaces").unwrap());
    assert_eq!(again, Ok(replaces));
    for wrong in [
        "id",
        "id;to-tag=1",
        "id;from-tag=1",
        ";to-tag=1;from-tag=2",
        "a b;to-tag=1;from-tag=2",
        "id;to-tag=;from-tag=2",
    ] {
        assert!(Replaces::from_text(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn event_and_subscription_state() {
    let event = headers(HeaderName::from("o"), "dialog;id=7;sla").event();
    let event = event.unwrap().unwrap();
    assert_eq!((&*event.package, event.id()), ("dialog", Some("7")));
    assert_eq!(event.to_string(), "dialog;id=7;sla");
    assert!(headers(HeaderName::Event, "a/b").event().is_err());
    let read = |value| {
        headers(HeaderName::SubscriptionState, value)
            .subscription_state()
            .unwrap()
            .unwrap()
    };
    let ended = read("Terminated ;reason=noresource;retry-after=30");
    assert_eq!(ended.status, SubscriptionStatus::Terminated);
    assert_eq!(
        (ended.reason(), ended.retry_after(), ended.expires()),
        (Some("noresource"), Some(30), None)
    );
    assert_eq!(
        read("waiting;expires=9").status,
        SubscriptionStatus::Other("waiting".into())
    );
    let printed = HeaderValue::from(SubscriptionState::lasting(SubscriptionStatus::Active, 60));
    assert_eq!(printed.as_bytes(), b"active;expires=60");
    let printed = HeaderValue::from(SubscriptionState::terminated("timeout"));
    assert_eq!(printed.as_bytes(), b"terminated;reason=timeout");
}

#[test]
fn privacy_reasons_and_packages() {
    let privacy = headers(HeaderName::Privacy, "id; user ,critical").privacy();
    assert_eq!(
        privacy,
        Ok(vec!["id".into(), "user".into(), "critical".into()])
    );
    assert!(headers(HeaderName::Privacy, "\"id\"").privacy().is_err());
    let packages = headers(HeaderName::from("u"), "dialog, message-summary").allow_events();
    assert_eq!(
        packages,
        Ok(vec!["dialog".into(), "message-summary".into()])
    );
    let reasons = headers(
        HeaderName::Reason,
        "SIP ;cause=200 ;text=\"Call completed, \\\"elsewhere\\\"\", Q.850;cause=16, X;cause=1, SIP",
    )
    .reasons();
    let sip = Reason {
        protocol: ReasonProtocol::Sip,
        cause: 200,
        text: Some("Call completed, \"elsewhere\"".into()),
    };
    let q850 = Reason {
        protocol: ReasonProtocol::Q850,
        cause: 16,
        text: None,
    };
    assert_eq!(reasons, [sip, q850]);
}

#[test]
fn identities_are_lists_of_addresses() {
    let pai = headers(
        HeaderName::PAssertedIdentity,
        "\"Ana, P.\" <sip:101@gw>, tel:+351210000000",
    );
    let addresses = pai.addresses(&HeaderName::PAssertedIdentity).unwrap();
    assert_eq!(addresses[0].display_name.as_deref(), Some("Ana, P."));
    assert_eq!(addresses[1].uri.user().as_deref(), Some("+351210000000"));
    let history = headers(
        HeaderName::HistoryInfo,
        "<sip:102@gw?Reason=SIP%3Bcause%3D302>;index=1, <sip:103@gw>;index=1.1;rc=1",
    );
    let entries = history.addresses(&HeaderName::HistoryInfo).unwrap();
    assert_eq!(entries[0].uri.header("Reason").unwrap(), "SIP;cause=302");
    assert_eq!(entries[1].params.get("index").unwrap(), "1.1");
    let rpid = headers(
        HeaderName::RemotePartyId,
        "\"Ana\" <sip:101@gw>;party=calling;screen=yes;privacy=off",
    );
    let address = rpid.address(&HeaderName::RemotePartyId).unwrap().unwrap();
    assert_eq!(address.params.get("party").unwrap(), "calling");
}
