//! What RFC 5118 wants done with each of its messages.
//!
//! Its archive has bare line feeds, two messages without their empty line, and Content-Lengths that fit neither form of
//! the bodies; on the wire the messages have line ends and lengths as they must be.

use bytes::Bytes;
use ramal_sip::{HeaderName, Host, Message, Request};

use crate::receiver::{by_tcp, by_udp};
use crate::{archived, names};

const REMOTE: &str = "[2001:db8::9:1]:5060";

const CASES: [(&str, &str, &str); 12] = [
    ("ipv6-good", "4.1", "request REGISTER"),
    (
        "ipv6-bad",
        "4.2",
        "400 Malformed request URI: Malformed port in URI",
    ),
    ("port-ambiguous", "4.3", "request REGISTER"),
    ("port-unambiguous", "4.4", "request REGISTER"),
    // Read well; there is no such dialog.
    (
        "via-received-param-with-delim",
        "4.5",
        "481 No dialog with this Call-ID and these tags",
    ),
    ("via-received-param-no-delim", "4.5", "request OPTIONS"),
    ("ipv6-in-sdp", "4.6", "call INVITE"),
    (
        "mult-ip-in-header",
        "4.7",
        "481 No dialog with this Call-ID and these tags",
    ),
    ("mult-ip-in-sdp", "4.8", "call INVITE"),
    ("ipv4-mapped-ipv6", "4.9", "call INVITE"),
    ("ipv6-bug-abnf-3-colons", "4.10", "request OPTIONS"),
    ("ipv6-correct-abnf-2-colons", "4.10", "request OPTIONS"),
];

fn on_the_wire(name: &str) -> Bytes {
    let text = String::from_utf8(archived("rfc5118", name).to_vec()).unwrap();
    let text = text.replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
    let lines = head.lines().map(|line| match line.split_once(": ") {
        Some(("Content-Length", _)) => format!("Content-Length: {}\r\n", body.len()),
        _ => format!("{line}\r\n"),
    });
    format!("{}\r\n{body}", lines.collect::<String>()).into()
}

fn request(name: &str) -> Request {
    match Message::parse(on_the_wire(name)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn all_12_by_udp_and_by_tcp() {
    let mut listed: Vec<&str> = CASES.iter().map(|case| case.0).collect();
    listed.sort_unstable();
    assert_eq!(listed, names("rfc5118"));
    for (name, section, expected) in CASES {
        let message = on_the_wire(name);
        let by_stream = by_tcp(&message, REMOTE);
        assert_eq!(by_stream.len(), 1, "{name} ({section})");
        assert_eq!(by_stream[0].summary(), expected, "{name} ({section})");
        let by_datagram = by_udp(message, REMOTE).summary();
        assert_eq!(by_datagram, expected, "{name} ({section})");
    }
}

#[test]
fn the_last_group_is_no_port_unless_it_stands_behind_the_bracket() {
    let ambiguous = request("port-ambiguous");
    assert_eq!(ambiguous.uri.port(), None);
    assert_eq!(
        ambiguous.uri.host(),
        Some(&Host::V6("2001:db8::10:5070".parse().unwrap()))
    );
    let unambiguous = request("port-unambiguous");
    assert_eq!(unambiguous.uri.port(), Some(5070));
}

#[test]
fn received_is_read_with_and_without_brackets() {
    for name in [
        "via-received-param-with-delim",
        "via-received-param-no-delim",
    ] {
        let via = request(name).headers.via().unwrap();
        assert_eq!(
            via.received(),
            Some("2001:db8::9:255".parse().unwrap()),
            "{name}"
        );
    }
}

#[test]
fn a_colon_too_many_is_overlooked() {
    let hosts = ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"]
        .map(|name| request(name).uri.host().cloned());
    assert_eq!(hosts[0], hosts[1]);
    for wrong in ["[2001:db8:::1]", "[:::]", "[1:::2:::192.0.2.1]", "[::1::]"] {
        assert!(wrong.parse::<Host>().is_err(), "{wrong}");
    }
}

#[test]
fn addresses_of_both_families_in_one_message() {
    let request = request("ipv4-mapped-ipv6");
    let vias = request.headers.vias().unwrap();
    assert_eq!(vias[0].port, Some(19_823));
    assert_eq!(vias[1].host, Host::V6("::ffff:192.0.2.2".parse().unwrap()));
    let contact = request.headers.address(&HeaderName::Contact);
    let contact = contact.unwrap().unwrap();
    assert_eq!(contact.uri.host(), Some(&vias[1].host));
    let offer = ramal_sip::sdp::parse(&request.body).unwrap();
    assert_eq!(offer.audio().unwrap().addr.to_string(), "::ffff:192.0.2.2");
}
