//! What the registrar answers.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ramal_model::ExtensionId;
use ramal_sip::{Message, Transport};

use super::*;
use crate::live::LiveState;

struct Bench {
    locations: LocationService,
    fingerprints: Fingerprints,
    owner: Extension,
    flow: Flow,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        Self {
            locations: LocationService::new(Arc::new(LiveState::new())),
            fingerprints: Fingerprints::default(),
            owner: Extension {
                id: ExtensionId(1),
                number: "2001".into(),
                display_name: "Ana".into(),
                language: None,
                enabled: true,
                max_calls: 4,
                ring_time: 60,
                media_encryption: Default::default(),
                music_class: None,
                recording: None,
                forward_all: None,
                forward_busy: None,
                forward_no_answer: None,
                do_not_disturb: false,
                company: ramal_model::CompanyId::DEFAULT,
                webrtc_allowed: true,
                class_of_service: ramal_model::ClassOfService::default(),
                pickup_groups: ramal_model::PickupGroups::default(),
            },
            flow: Flow {
                transport: Transport::Udp,
                local: ([192, 0, 2, 1], 5060).into(),
                remote: ([192, 0, 2, 7], 5060).into(),
                connection: 0,
            },
            now: Now {
                instant: Instant::now(),
                utc_ms: 1_700_000_000_000,
            },
        }
    }

    /// The answer's status, contacts and the response itself.
    fn register(&self, call_id: &str, cseq: u32, lines: &str) -> (u16, Vec<String>, Response) {
        let text = format!(
            "REGISTER sip:ramal SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:2001@ramal>;tag=1\r\n\
             To: <sip:2001@ramal>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(Bytes::from(text)) else {
            panic!("a request");
        };
        let fingerprint = self.fingerprints.of(&request);
        let response = register(
            &self.locations,
            self.now,
            self.flow,
            &self.owner,
            &request,
            fingerprint,
        );
        let contacts = response
            .headers
            .get_all(&HeaderName::Contact)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        (response.status.code(), contacts, response)
    }
}

#[test]
fn a_contact_is_bound_shown_and_expires() {
    let mut bench = Bench::new();
    let (status, contacts, response) = bench.register(
        "a",
        1,
        "Contact: <sip:2001@192.0.2.7:5060>\r\nExpires: 600\r\n",
    );
    assert_eq!(status, 200);
    assert_eq!(contacts, ["<sip:2001@192.0.2.7:5060>;expires=600"]);
    assert_eq!(
        response.headers.get(&HeaderName::Date),
        Some(&b"Tue, 14 Nov 2023 22:13:20 GMT"[..])
    );
    bench.now.instant += Duration::from_secs(100);
    let (status, contacts, _) = bench.register("a", 2, "");
    assert_eq!(
        (status, &contacts[..]),
        (
            200,
            &["<sip:2001@192.0.2.7:5060>;expires=500".to_owned()][..]
        )
    );
    // Asked meanwhile whether it is there, it stays until its time is over and no longer.
    let end = bench.now.instant + Duration::from_secs(500);
    let mut asked = 0;
    while let Some(due) = bench.locations.next_due() {
        assert!(due <= end);
        asked += bench.locations.take_due(due, 10).len();
        assert_eq!(
            bench.locations.contacts(ExtensionId(1)).len(),
            usize::from(due < end)
        );
    }
    assert!((8..=12).contains(&asked), "{asked}");
    assert_eq!(bench.locations.len(), 0);
}

#[test]
fn the_contacts_own_time_counts_before_the_headers_and_within_the_limits() {
    let bench = Bench::new();
    let granted = |number: u32, lines: &str| bench.register("a", number, lines).1.pop().unwrap();
    let both = "Contact: <sip:2001@192.0.2.7>;expires=120\r\nExpires: 600\r\n";
    assert!(granted(1, both).ends_with(";expires=120"));
    let long = "Contact: <sip:2001@192.0.2.7>;expires=99999\r\n";
    assert!(granted(2, long).ends_with(";expires=3600"));
    assert!(granted(3, "Contact: <sip:2001@192.0.2.7>\r\n").ends_with(";expires=3600"));
    let (status, _, response) =
        bench.register("a", 4, "Contact: <sip:2001@192.0.2.7>;expires=59\r\n");
    assert_eq!(status, 423);
    assert_eq!(
        response.headers.get(&HeaderName::MinExpires),
        Some(&b"60"[..])
    );
}

#[test]
fn star_removes_all_and_only_with_expires_zero() {
    let bench = Bench::new();
    for (number, host) in [(1, "192.0.2.7"), (2, "192.0.2.8")] {
        let lines = format!("Contact: <sip:2001@{host}>\r\n");
        assert_eq!(bench.register(host, number, &lines).0, 200);
    }
    assert_eq!(
        bench.register("c", 1, "Contact: *\r\nExpires: 60\r\n").0,
        400
    );
    assert_eq!(bench.register("c", 2, "Contact: *\r\n").0, 400);
    assert_eq!(bench.locations.contacts(ExtensionId(1)).len(), 2);
    let (status, contacts, _) = bench.register("c", 3, "Contact: *\r\nExpires: 0\r\n");
    assert_eq!((status, contacts.len()), (200, 0));
}

#[test]
fn a_request_that_was_overtaken_changes_nothing() {
    let bench = Bench::new();
    let contact = "Contact: <sip:2001@192.0.2.7>\r\n";
    assert_eq!(bench.register("a", 5, contact).0, 200);
    for number in [4, 5] {
        let lines = "Contact: <sip:2001@192.0.2.9>, <sip:2001@192.0.2.7>;expires=0\r\n";
        assert_eq!(bench.register("a", number, lines).0, 500);
    }
    let contacts = bench.locations.contacts(ExtensionId(1));
    assert_eq!(contacts.len(), 1, "not even the new one was taken");
    // A phone that restarted has another Call-ID and may count from the beginning.
    assert_eq!(bench.register("b", 1, contact).0, 200);
}

#[test]
fn a_phone_that_comes_back_under_another_address_replaces_itself() {
    let bench = Bench::new();
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";
    for (number, port) in [(1, 5060), (2, 5062)] {
        let lines = format!("Contact: <sip:2001@192.0.2.7:{port}>;{instance}\r\n");
        let (_, contacts, _) = bench.register("a", number, &lines);
        // The phone reads its own name back.
        assert!(
            contacts[0].ends_with(&format!(";{instance}")),
            "{contacts:?}"
        );
    }
    let contacts = bench.locations.contacts(ExtensionId(1));
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].target().unwrap().port(), Some(5062));
}

#[test]
fn what_a_phone_calls_itself_is_given_back_as_it_was_said() {
    let bench = Bench::new();
    for instance in [
        r#"+sip.instance="<urn:x:a\"b\\c>""#,
        r#"+sip.instance="\"""#,
        r#"+sip.instance="<urn:x:é>""#,
    ] {
        bench.register("remove", 1, "Contact: *\r\nExpires: 0\r\n");
        let lines = format!("Contact: <sip:2001@192.0.2.7>;expires=600;{instance}\r\n");
        let (status, contacts, _) = bench.register("a", 1, &lines);
        assert_eq!(status, 200, "{instance}");
        let expected = format!("<sip:2001@192.0.2.7>;expires=600;{instance}");
        assert_eq!(contacts, [expected]);
    }
}

#[test]
fn an_address_spelled_otherwise_is_the_same() {
    let bench = Bench::new();
    let register = |call_id: &str, cseq: u32, contact: &str| {
        let lines = format!("Contact: <{contact}>\r\n");
        let (status, contacts, _) = bench.register(call_id, cseq, &lines);
        assert_eq!(status, 200, "{contact}");
        contacts.len()
    };
    assert_eq!(register("a", 1, "sip:2001@192.0.2.7:5062"), 1);
    assert_eq!(register("a", 2, "sip:%32001@192.0.2.7:5062"), 1);
    assert_eq!(register("a", 3, "sip:2001@192.0.2.7:5062;x=1"), 1);
    assert_eq!(register("b", 1, "sip:2002@192.0.2.7:5062"), 2);
    assert_eq!(register("b", 2, "sip:2001@192.0.2.7:5063"), 3);
    assert_eq!(register("b", 3, "sip:192.0.2.7:5062"), 4);
}

#[test]
fn what_is_no_sip_address_is_refused() {
    let bench = Bench::new();
    for lines in [
        "Contact: <tel:+551140042001>\r\n",
        "Contact: <mailto:ana@example.com>\r\n",
        "Contact: <sip:2001@1>, <sip:2001@2>, <sip:2001@3>, <sip:2001@4>, <sip:2001@5>, <sip:2001@6>\r\n",
    ] {
        assert_eq!(bench.register("a", 1, lines).0, 400, "{lines}");
    }
}

#[test]
fn a_copy_is_recognized_and_nothing_else() {
    let mut bench = Bench::new();
    let parse = |lines: &str| {
        let text = format!(
            "REGISTER sip:ramal SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:2001@ramal>;tag=1\r\n\
             To: <sip:2001@ramal>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => request,
            _ => panic!("a request"),
        }
    };
    let lines = "Contact: <sip:2001@192.0.2.7:5060>\r\n";
    bench.register("a", 1, lines);
    let owner = bench.owner.id;
    let repeated = |bench: &Bench, lines: &str| {
        let fingerprint = bench.fingerprints.of(&parse(lines));
        bench
            .locations
            .is_repeated(bench.now, owner, bench.flow, fingerprint)
    };
    assert!(repeated(&bench, lines));
    assert!(!repeated(&bench, "Contact: <sip:2001@192.0.2.8:5060>\r\n"));
    bench.flow.remote.set_port(5061);
    assert!(!repeated(&bench, lines), "from elsewhere");
    bench.flow.remote.set_port(5060);
    bench.now.utc_ms += 32_000;
    assert!(!repeated(&bench, lines), "too late for a copy");
}

#[test]
fn the_flows_of_one_phone_stand_side_by_side_and_it_rings_once() {
    let bench = Bench::new();
    let contact = |reg_id: u32, port: u16| {
        format!(
            "Supported: path, outbound\r\nPath: <sip:edge{reg_id}@192.0.2.2;lr;ob>, <sip:192.0.2.3;lr>\r\n\
             Contact: <sip:2001@192.0.2.7:{port}>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";reg-id={reg_id}\r\n"
        )
    };
    bench.register("a", 1, &contact(1, 5060));
    let (status, contacts, response) = bench.register("b", 1, &contact(2, 5062));
    assert_eq!((status, contacts.len()), (200, 2));
    assert!(contacts[1].ends_with(";reg-id=2"), "{contacts:?}");
    assert_eq!(
        response.headers.get(&HeaderName::Require),
        Some(&b"outbound"[..])
    );
    assert_eq!(
        response.headers.get(&HeaderName::Path),
        Some(&b"<sip:edge2@192.0.2.2;lr;ob>, <sip:192.0.2.3;lr>"[..])
    );
    // The same flow from another port replaces itself.
    let (_, contacts, _) = bench.register("c", 1, &contact(2, 5064));
    assert_eq!(contacts.len(), 2, "{contacts:?}");
    let targets = bench.locations.targets(bench.owner.id);
    assert_eq!(targets.len(), 1);
    let (_, route) = targets[0].route().unwrap();
    assert_eq!(
        route.as_bytes(),
        b"<sip:edge2@192.0.2.2;lr;ob>,<sip:192.0.2.3;lr>"
    );
}

#[test]
fn a_proxy_that_keeps_no_flow_is_named() {
    let bench = Bench::new();
    let lines = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2\r\nSupported: outbound\r\n\
                 Contact: <sip:2001@192.0.2.7>;+sip.instance=\"<urn:x>\";reg-id=1\r\n";
    assert_eq!(bench.register("a", 1, lines).0, 439);
    let two = "Contact: <sip:2001@192.0.2.7>;+sip.instance=\"<urn:x>\";reg-id=1, <sip:2001@192.0.2.8>\r\n";
    assert_eq!(bench.register("a", 1, two).0, 400);
    assert_eq!(bench.locations.len(), 0);
}
