//! Every kind of bad request, and the answer that names what is wrong with it, or silence; each is counted.

use std::time::Instant;

use bytes::Bytes;
use ramal_sip::{Counters, Endpoint, EndpointConfig, Event, Flow, Message, StatusCode, Transport};

use crate::network::config;

const INVITE: &str = "INVITE sip:bob@127.0.0.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 127.0.0.12:5060;branch=z9hG4bK1\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:ana@gw.example>;tag=1\r\n\
    To: <sip:bob@gw.example>\r\n\
    Call-ID: one-call\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:ana@127.0.0.12>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\
    \r\n\
    v=0\n";

/// One change to the INVITE, and the answer: status and reason, or nothing.
type Row = (&'static str, &'static str, &'static str);

fn flow() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "127.0.0.11:5060".parse().unwrap(),
        remote: "127.0.0.12:5060".parse().unwrap(),
        connection: 0,
    }
}

/// Sends messages to one endpoint; gives the first lines of its answers and its counters.
fn answers(messages: impl IntoIterator<Item = Bytes>) -> (Vec<String>, Counters) {
    let mut endpoint = Endpoint::new(config(), [1; 32]);
    let flow = flow();
    let mut lines = Vec::new();
    for message in messages {
        endpoint.handle_message(Instant::now(), flow, message);
        let sent: Vec<_> = std::iter::from_fn(|| endpoint.poll_transmit()).collect();
        assert!(sent.len() <= 1, "{sent:?}");
        let line = sent.first().map(|transmit| {
            let line = transmit.message.split(|&b| b == b'\r').next().unwrap();
            let line = String::from_utf8_lossy(line);
            line.strip_prefix("SIP/2.0 ").unwrap().to_owned()
        });
        lines.push(line.unwrap_or_default());
    }
    let counters = endpoint.counters();
    (lines, counters)
}

fn answer(message: impl Into<Bytes>) -> (String, Counters) {
    let (mut lines, counters) = answers([message.into()]);
    (lines.remove(0), counters)
}

/// All rows at once, so that one run shows everything that is wrong.
fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (from, to, expected) in rows {
        let changed = INVITE.replace(from, to);
        assert_ne!(changed, INVITE, "{from}");
        let (got, counters) = answer(changed);
        assert_eq!((counters.transactions, counters.timers), (0, 0), "{to}");
        let status: Option<u16> = got.split(' ').next().and_then(|s| s.parse().ok());
        let refused: Vec<(u16, u64)> = status.map(|status| (status, 1)).into_iter().collect();
        assert_eq!(counters.refused, refused, "{to}");
        if got != *expected {
            wrong.push(format!("{to}: {got}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn start_lines() {
    check(&[
        ("INVITE sip", "INV:ITE sip", ""),
        (" SIP/2.0\r\nVia", "\r\nVia", "400 Malformed start line"),
        (
            " SIP/2.0\r\nVia",
            " SIP/2.0 \r\nVia",
            "400 Malformed start line",
        ),
        (
            " SIP/2.0\r\nVia",
            " HTTP/1.1\r\nVia",
            "400 Malformed start line",
        ),
        (
            " SIP/2.0\r\nVia",
            " SIP/3.0\r\nVia",
            "505 Version not supported",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "bob ",
            "400 Malformed request URI: URI without scheme",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "sip:bob@127.0.0.1:99999 ",
            "400 Malformed request URI: Malformed port in URI",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "sip:b%4@127.0.0.1 ",
            "400 Malformed request URI: Malformed escape in URI",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "sip:bob@127.0.0.1?Replaces=x ",
            "400 Malformed request URI: Malformed headers in URI",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "sip:bob@ ",
            "400 Malformed request URI: Malformed host in URI",
        ),
        (
            "sip:bob@127.0.0.1 ",
            "http://bob/ ",
            "416 Request URI is neither sip, sips nor tel",
        ),
    ]);
}

#[test]
fn fields_every_message_needs() {
    check(&[
        ("Via: SIP/2.0/UDP", "X-Via: SIP/2.0/UDP", ""),
        ("CSeq: 1 INVITE\r\n", "", ""),
        ("Via: SIP/2.0/UDP", "Via: UDP", "400 Malformed Via"),
        (
            ";branch=z9hG4bK1",
            ";;branch",
            "400 Malformed parameter in Via",
        ),
        (
            "From: <sip:ana@gw.example>;tag=1\r\n",
            "",
            "400 Missing From",
        ),
        ("To: <sip:bob@gw.example>\r\n", "", "400 Missing To"),
        ("Call-ID: one-call\r\n", "", "400 Missing Call-ID"),
        ("one-call", "one call", "400 Malformed Call-ID"),
        (
            "<sip:ana@gw.example>;tag",
            "<sip:ana@gw.example;tag",
            "400 Malformed From",
        ),
        (
            "<sip:ana@gw.example>;tag",
            "\"Ana <sip:ana@gw.example>;tag",
            "400 Unbalanced quotes in From",
        ),
        (
            "To: <sip:bob@gw.example>",
            "To: sip:bob@gw.example?a=b",
            "400 URI without angle brackets in To",
        ),
        (
            "To: <sip:bob@gw.example>",
            "To: <sip:bob@gw.example>;ta g=1",
            "400 Malformed parameter in To",
        ),
        (
            "To: <sip:bob@gw.example>",
            "To: <sip:bob@[::x]>",
            "400 Malformed host in URI in To",
        ),
        ("CSeq: 1 INVITE", "CSeq: INVITE", "400 Malformed CSeq"),
        (
            "CSeq: 1 INVITE",
            "CSeq: 4294967296 INVITE",
            "400 Number out of range in CSeq",
        ),
        (
            "CSeq: 1 INVITE",
            "CSeq: 1 BYE",
            "400 CSeq method does not match",
        ),
        ("CSeq: 1", "CSeq: 1 INVITE\r\nCSeq: 1", "400 Several CSeq"),
        (
            "To: <",
            "To: <sip:carol@gw.example>\r\nTo: <",
            "400 Several To",
        ),
    ]);
}

#[test]
fn other_fields() {
    check(&[
        (
            "Max-Forwards: 70",
            "Max-Forwards 70",
            "400 Malformed header line 2",
        ),
        (
            "Max-Forwards: 70",
            "Max Forwards: 70",
            "400 Malformed header line 2",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: 7\r0",
            "400 Malformed header line 2",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: many",
            "400 Malformed Max-Forwards",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: 300",
            "400 Number out of range in Max-Forwards",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: 0",
            "483 No hops left in Max-Forwards",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: 7\r\nMax-Forwards: 8",
            "400 Several Max-Forwards",
        ),
        ("Max-Forwards: 70", "Require: a b", "400 Malformed Require"),
        (
            "Max-Forwards: 70",
            "Require: warp",
            "420 Extension warp not supported",
        ),
        (
            "Max-Forwards: 70",
            "Accept: text/plain",
            "406 Accept lacks application/sdp",
        ),
        (
            "Contact: <sip:ana@127.0.0.12>\r\n",
            "",
            "400 Missing Contact",
        ),
        (
            "Contact: <sip",
            "Contact: <",
            "400 URI without scheme in Contact",
        ),
        ("Contact: <", "Contact: *, <", "400 Malformed Contact"),
        (
            "Contact: <",
            "Contact: <sip:a@b>, <",
            "400 INVITE needs one Contact",
        ),
        ("INVITE", "DANCE", "501 Method DANCE not implemented"),
        ("INVITE", "PUBLISH", "405 Method PUBLISH not allowed"),
        ("INVITE", "BYE", "481 BYE belongs into a dialog"),
        ("INVITE", "CANCEL", "481 No INVITE to cancel"),
        ("INVITE", "INFO", "481 INFO belongs into a dialog"),
        (
            "To: <sip:bob@gw.example>",
            "To: <sip:bob@gw.example>;tag=x",
            "481 No dialog with this Call-ID and these tags",
        ),
        ("INVITE", "ACK", ""),
    ]);
}

#[test]
fn bodies() {
    check(&[
        (
            "Content-Length: 4",
            "Content-Length: 5",
            "400 Body shorter than Content-Length",
        ),
        (
            "Content-Length: 4",
            "Content-Length: -4",
            "400 Malformed Content-Length",
        ),
        (
            "Content-Length: 4",
            "Content-Length: 99999999999999999999999",
            "400 Body shorter than Content-Length",
        ),
        (
            "Content-Length: 4",
            "Content-Length: 4\r\nl: 3",
            "400 Several Content-Length",
        ),
        ("application/sdp", "sdp", "400 Malformed Content-Type"),
        (
            "application/sdp",
            "text/plain",
            "415 Content-Type is not application/sdp",
        ),
        (
            "application/sdp",
            "application/sdp\r\nContent-Encoding: gzip",
            "415 Unsupported Content-Encoding",
        ),
    ]);
    let large = INVITE.replace("Content-Length: 4", "Content-Length: 40000");
    let (line, _) = answer(large + &"x".repeat(40_000));
    assert_eq!(line, "413 Body longer than 32768 octets");
    let (line, counters) = answer(INVITE.to_owned() + &"x".repeat(65_536));
    assert_eq!((&*line, counters.faults.size), ("", 1));
    let many = "X: y\r\n".repeat(300);
    let (line, counters) = answer(INVITE.replace("Content-Type", &(many + "Content-Type")));
    assert_eq!(
        (&*line, counters.faults.size),
        ("400 Too many header fields", 1)
    );
}

#[test]
fn a_request_that_came_by_two_ways() {
    let other_way = INVITE.replace("z9hG4bK1", "z9hG4bK2");
    let (lines, counters) = answers([INVITE.into(), other_way.into()]);
    assert_eq!(lines, ["100 Trying", "482 Merged Request"]);
    assert_eq!(counters.refused, [(482, 1)]);
}

#[test]
fn what_is_meant_for_nobody_is_dropped() {
    let response = INVITE.replace("INVITE sip:bob@127.0.0.1 SIP/2.0", "SIP/2.0 200 OK");
    let dropped = |message: &str| {
        let (line, counters) = answer(message.to_owned());
        assert_eq!(line, "", "{message}");
        counters
    };
    let counters = dropped(&response);
    assert_eq!(counters.dropped.stray_responses, 1);
    let counters = dropped(&response.replace("200 OK", "700 OK"));
    assert_eq!(counters.dropped.malformed_responses, 1);
    let counters = dropped(&INVITE.replace("INVITE", "ACK"));
    assert_eq!(counters.dropped.stray_acks, 1);
    let counters = dropped("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(counters.dropped.unanswerable, 1);
    assert_eq!(dropped("\r\n\r\n").keep_alives, 1);
}

#[test]
fn each_kind_of_fault_has_its_counter() {
    let counters = |from: &str, to: &str| answer(INVITE.replace(from, to)).1;
    let rows = [
        ("INVITE sip", "INV:ITE sip"),
        (" SIP/2.0\r\nVia", " SIP/3.0\r\nVia"),
        ("sip:bob@127.0.0.1 ", "bob "),
        ("Max-Forwards:", "Max-Forwards"),
        ("one-call", "one call"),
        ("Content-Length: 4", "Content-Length: 9"),
    ];
    for (at, (from, to)) in rows.iter().enumerate() {
        let counters = counters(from, to);
        let faults = counters.faults;
        let seen = [
            faults.start_line,
            faults.version,
            faults.request_uri,
            faults.header_line,
            faults.header,
            faults.body,
        ];
        let mut expected = [0; 6];
        expected[at] = 1;
        assert_eq!((seen, counters.malformed), (expected, 1), "{to}");
    }
}

#[test]
fn an_answer_repeats_nothing_that_could_be_taken_for_a_field() {
    let folded = INVITE.replace("To: <", "To: \"x\r\n Evil: y\" <");
    let broken = folded.replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    let Err(error) = Message::parse(broken.into()) else {
        panic!("read");
    };
    let printed = error.response().unwrap().encode();
    let printed = String::from_utf8_lossy(&printed);
    assert!(printed.contains("To: \"x Evil: y\" <sip:bob@gw.example>\r\n"));
}

#[test]
fn strangers_learn_of_nothing_before_they_are_challenged() {
    let config = EndpointConfig {
        hold_trying: true,
        ..config()
    };
    let mut endpoint = Endpoint::new(config, [1; 32]);
    let now = Instant::now();
    let mut invite = |branch: &str| {
        let message = INVITE
            .replace("z9hG4bK1", branch)
            .replace("one-call", branch);
        for _ in 0..2 {
            // Its copies hear nothing either.
            endpoint.handle_message(now, flow(), message.clone().into());
        }
        assert!(endpoint.poll_transmit().is_none());
        let Some(Event::Incoming { session, .. }) = endpoint.poll_event() else {
            panic!("no call");
        };
        session
    };
    let (stranger, known) = (invite("z9hG4bK2"), invite("z9hG4bK3"));
    endpoint.reject(now, stranger, StatusCode::UNAUTHORIZED, Vec::new());
    endpoint.trying(now, known);
    endpoint.trying(now, known);
    let mut lines = std::iter::from_fn(|| endpoint.poll_transmit()).map(|transmit| {
        let line = transmit.message.split(|&b| b == b'\r').next().unwrap();
        String::from_utf8_lossy(line).into_owned()
    });
    assert_eq!(lines.next().as_deref(), Some("SIP/2.0 401 Unauthorized"));
    assert_eq!(lines.next().as_deref(), Some("SIP/2.0 100 Trying"));
    assert_eq!(lines.next(), None);
}
