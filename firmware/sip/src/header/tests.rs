//! Header values: typed readers, and what cannot be put into a message.

use super::*;
use crate::{Message, Method, Params, Transport};
use bytes::Bytes;

fn headers(lines: &str) -> Headers {
    let text = format!(
        "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:f>;tag=f\r\nTo: <sip:t>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n"
    );
    let message = Message::parse(Bytes::from(text)).unwrap();
    message.headers().clone()
}

fn contact(text: &str) -> Result<NameAddr, HeaderFault> {
    NameAddr::from_text(text)
}

#[test]
fn names_compare_without_case_and_by_compact_form() {
    assert_eq!(HeaderName::from("vIA"), HeaderName::Via);
    assert_eq!(HeaderName::from("v"), HeaderName::Via);
    assert_eq!(HeaderName::from("X"), HeaderName::SessionExpires);
    assert_eq!(HeaderName::from("X-Thing"), HeaderName::from("x-thing"));
    assert_ne!(HeaderName::from("X-Thing"), HeaderName::from("X-Think"));
    for (compact, name) in [
        ("a", "Accept-Contact"),
        ("b", "Referred-By"),
        ("c", "Content-Type"),
        ("d", "Request-Disposition"),
        ("e", "Content-Encoding"),
        ("f", "From"),
        ("i", "Call-ID"),
        ("j", "Reject-Contact"),
        ("k", "Supported"),
        ("l", "Content-Length"),
        ("m", "Contact"),
        ("o", "Event"),
        ("r", "Refer-To"),
        ("s", "Subject"),
        ("t", "To"),
        ("u", "Allow-Events"),
        ("v", "Via"),
        ("x", "Session-Expires"),
        ("y", "Identity"),
    ] {
        assert_eq!(HeaderName::from(compact).as_str(), name);
        assert_eq!(HeaderName::from(name), HeaderName::from(compact));
    }
}

#[test]
fn names_cannot_carry_a_line_end() {
    assert_eq!(HeaderName::from("X\r\nEvil: 1").as_str(), "XEvil1");
}

#[test]
fn values_with_line_ends_are_refused() {
    for text in ["a\r\nVia: x", "a\nb", "a\rb", "a\0b"] {
        assert_eq!(HeaderValue::new(text), Err(ForbiddenCharacter));
        assert!(HeaderValue::try_from(text.to_owned()).is_err());
        let clean = HeaderValue::sanitized(text);
        assert!(!clean.as_bytes().iter().any(u8::is_ascii_control));
    }
    assert!(HeaderValue::new("caf\u{e9}\t\"x\"").is_ok());
}

#[test]
fn typed_values_cannot_carry_a_line_end() {
    let mut addr = contact("<sip:a@b>").unwrap();
    addr = addr
        .with_display_name("x\"\r\nEvil: 1\0")
        .with_tag("1\r\nEvil: 2");
    addr.params.set("x\r\ny", "\r\n");
    let mut via = Via::new(
        Transport::Udp,
        crate::Host::from(std::net::IpAddr::from([127, 0, 0, 1])),
        None,
        "z9\r\nEvil: 3",
    );
    via.params.set("received", "\n");
    let mut headers = Headers::new();
    headers.push(HeaderName::From, &addr);
    headers.push(HeaderName::Via, &via);
    headers.push(HeaderName::CSeq, CSeq::new(1, Method::from("A\r\nB")));
    let text: Vec<u8> = headers
        .iter()
        .flat_map(|field| field.line.to_vec())
        .collect();
    assert_eq!(text.iter().filter(|&&b| b == b'\n').count(), 3);
    assert_eq!(text.iter().filter(|&&b| b == b'\r').count(), 3);
    assert_eq!(
        headers.from().unwrap().display_name.unwrap(),
        "x\"  Evil: 1 "
    );
}

#[test]
fn values_written_in_place_cannot_carry_a_line_end() {
    let mut headers = Headers::new();
    headers.push_written(HeaderName::Contact, 4, |value| {
        value.extend_from_slice(b" <sip:a@b>\r\nEvil: 1\0\x7f");
    });
    headers.push(HeaderName::Server, "x");
    let lines: Vec<&[u8]> = headers.iter().map(|field| field.line).collect();
    assert_eq!(
        lines,
        [&b"Contact:  <sip:a@b>  Evil: 1  \r\n"[..], b"Server: x\r\n"]
    );
    let value = headers.get(&HeaderName::Contact).unwrap();
    assert_eq!(value, b"<sip:a@b>  Evil: 1  ");
}

#[test]
fn display_names_are_read_in_every_form() {
    for (text, name) in [
        ("<sip:a@b>", None),
        ("Alice<sip:a@b>", Some("Alice")),
        ("Alice  B. Toklas <sip:a@b>", Some("Alice  B. Toklas")),
        ("\"Bell, Alexander\" <sip:a@b>", Some("Bell, Alexander")),
        ("\"a \\\"b\\\" \\\\\"<sip:a@b>", Some("a \"b\" \\")),
        ("\"<sip:x@y>\" <sip:a@b>", Some("<sip:x@y>")),
        ("\"\" <sip:a@b>", None),
        (
            "\u{41c}\u{438}\u{440} <sip:a@b>",
            Some("\u{41c}\u{438}\u{440}"),
        ),
    ] {
        let addr = contact(text).unwrap();
        assert_eq!(addr.display_name.as_deref(), name, "{text}");
        assert_eq!(addr.uri.to_string(), "sip:a@b");
        let again = contact(&addr.to_string()).unwrap();
        assert_eq!(again, addr);
    }
}

#[test]
fn parameters_behind_a_bare_uri_belong_to_the_header() {
    let addr = contact("sip:a@b;tag=1;lr").unwrap();
    assert_eq!(addr.uri.to_string(), "sip:a@b");
    assert_eq!(addr.tag(), Some("1"));
    assert!(addr.params.contains("lr"));
    let addr = contact("<sip:a@b;lr>;tag=1").unwrap();
    assert!(addr.uri.is_loose_router() && !addr.params.contains("lr"));
    assert_eq!(contact("sip:a@b?x=1"), Err(HeaderFault::Unbracketed));
    assert_eq!(contact("sip:a,b@c"), Err(HeaderFault::Unbracketed));
    let tel = contact("tel:+5511;tag=2").unwrap();
    assert_eq!(
        (tel.uri.user().unwrap().as_ref(), tel.tag()),
        ("+5511", Some("2"))
    );
}

#[test]
fn faults_of_addresses_are_named() {
    use crate::UriError;
    for (text, fault) in [
        ("", HeaderFault::Missing),
        ("\"Mr. J. User <sip:a@b>", HeaderFault::UnbalancedQuotes),
        ("\"a\" sip:a@b", HeaderFault::Malformed),
        ("<sip:a@b", HeaderFault::Malformed),
        ("Bell, Alexander <sip:a@b>", HeaderFault::Malformed),
        ("<sip:a@b>;;", HeaderFault::Param),
        ("<sip:a@b>;", HeaderFault::Param),
        ("<sip:a@b>x", HeaderFault::Param),
        ("<sip:a@b>;tag=", HeaderFault::Param),
        ("<sip:a@b>;tag=\"x", HeaderFault::Param),
        ("<sip:a@b>;t g=1", HeaderFault::Param),
        ("<>", HeaderFault::Uri(UriError::Scheme)),
        ("< sip:a@b >", HeaderFault::Uri(UriError::Scheme)),
        ("sip:", HeaderFault::Uri(UriError::Host)),
    ] {
        assert_eq!(contact(text).unwrap_err(), fault, "{text}");
    }
}

#[test]
fn contact_parameters_are_read() {
    let addr = contact("<sip:a@b>;q=0.7;expires=60").unwrap();
    assert_eq!((addr.q(), addr.expires()), (Some(700), Some(60)));
    for (q, thousandths) in [
        ("1", Some(1000)),
        ("1.000", Some(1000)),
        ("0", Some(0)),
        ("0.05", Some(50)),
        ("0.", Some(0)),
        ("1.1", None),
        ("2", None),
        ("x", None),
        ("0.x", None),
    ] {
        assert_eq!(
            contact(&format!("<sip:a>;q={q}")).unwrap().q(),
            thousandths,
            "{q}"
        );
    }
    let expires = |text| {
        contact(&format!("<sip:a>;expires={text}"))
            .unwrap()
            .expires()
    };
    assert_eq!(expires("280297596632815"), Some(u32::MAX));
    assert_eq!(expires("soon"), Some(3600));
    assert_eq!(contact("<sip:a>").unwrap().expires(), None);
}

#[test]
fn comma_separated_values_are_several() {
    let headers = headers("m: \"a, b\" <sip:1,x@h>;q=0.1 ,\r\n\t<sip:2@h>\r\nContact: sip:3@h\r\n");
    let Contacts::List(list) = headers.contacts().unwrap() else {
        panic!("no list")
    };
    let users: Vec<_> = list
        .iter()
        .map(|c| c.uri.user().unwrap().into_owned())
        .collect();
    assert_eq!(users, ["1,x", "2", "3"]);
    assert_eq!(list[0].display_name.as_deref(), Some("a, b"));
}

#[test]
fn a_star_stands_alone() {
    assert_eq!(
        headers("Contact: *\r\n").contacts().unwrap(),
        Contacts::Star
    );
    assert_eq!(headers("").contacts().unwrap(), Contacts::List(vec![]));
    for lines in [
        "m: *, <sip:a>\r\n",
        "m: *\r\nm: *\r\n",
        "m: <sip:a>, *\r\n",
        "m: <sip:a>,\r\n",
    ] {
        assert!(headers(lines).contacts().is_err(), "{lines}");
    }
}

#[test]
fn via_is_read_in_every_form() {
    let headers = headers(
        "v:  SIP  / 2.0  / TCP     [2001:db8::1] : 5062   ;\r\n  branch  =   z9hG4bK9ikj8  ;rport;received=[::1],\r\n SIP/2.0/SCTP h;rport=9\r\n",
    );
    let vias = headers.vias().unwrap();
    assert_eq!(vias.len(), 3);
    assert_eq!(headers.via().unwrap(), vias[0]);
    let via = &vias[1];
    assert_eq!(via.transport, Some(Transport::Tcp));
    assert_eq!(
        (via.host.to_string().as_str(), via.port),
        ("[2001:db8::1]", Some(5062))
    );
    assert_eq!(via.branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(via.rport(), Some(None));
    assert_eq!(via.received(), "::1".parse().ok());
    assert_eq!((vias[2].transport, &*vias[2].protocol), (None, "SCTP"));
    assert_eq!(vias[2].rport(), Some(Some(9)));
    assert_eq!(vias[0].rport(), None);
}

#[test]
fn vias_are_stamped_with_their_source() {
    let stamped = |via: &str, source: &str| {
        let mut headers = headers("");
        headers.set(HeaderName::Via, HeaderValue::new(via.to_owned()).unwrap());
        let mut top = headers.via().unwrap();
        top.stamp(source.parse().unwrap());
        headers.set_top_via(&top);
        headers.text(&HeaderName::Via).unwrap().into_owned()
    };
    assert_eq!(
        stamped("SIP/2.0/UDP 10.0.0.1;branch=b", "10.0.0.1:5060"),
        "SIP/2.0/UDP 10.0.0.1;branch=b"
    );
    assert_eq!(
        stamped(
            "SIP/2.0/UDP 10.0.0.1;branch=b, SIP/2.0/UDP x;branch=c",
            "192.0.2.1:5060"
        ),
        "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1, SIP/2.0/UDP x;branch=c"
    );
    assert_eq!(
        stamped("SIP/2.0/UDP h;rport;branch=b", "[2001:db8::1]:99"),
        "SIP/2.0/UDP h;rport=99;branch=b;received=2001:db8::1"
    );
    // What a sender claims about itself is replaced.
    assert_eq!(
        stamped("SIP/2.0/UDP h;received=1.2.3.4;branch=b", "192.0.2.1:5060"),
        "SIP/2.0/UDP h;received=192.0.2.1;branch=b"
    );
}

#[test]
fn malformed_vias_are_refused() {
    for via in [
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/3.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP 192.0.2.15;;",
        "SIP/2.0/UDP ;branch=x",
        "SIP/2.0/U@P h",
    ] {
        let result = Via::parse(via.as_bytes(), Bytes::copy_from_slice);
        assert!(result.is_err(), "{via}");
    }
}

#[test]
fn numbers_are_read_and_limited() {
    let lines = headers(
        "Max-Forwards: 0068\r\nExpires: 99999999999999999999\r\nMin-Expires: 12 \r\nSession-Expires: 90;refresher=uas\r\nRetry-After: 5 (busy)\r\n",
    );
    assert_eq!(lines.max_forwards(), Ok(Some(68)));
    assert_eq!(lines.expires(), Ok(Some(u32::MAX)));
    assert_eq!(lines.number(HeaderName::MinExpires), Ok(Some(12)));
    assert_eq!(lines.number(HeaderName::SessionExpires), Ok(Some(90)));
    assert_eq!(lines.number(HeaderName::RetryAfter), Ok(Some(5)));
    assert_eq!(lines.number(HeaderName::MinSe), Ok(None));
    let wrong = headers("Max-Forwards: 300\r\nExpires: soon\r\nMin-Expires: 1x\r\n");
    assert_eq!(
        wrong.max_forwards().unwrap_err().fault,
        HeaderFault::OutOfRange
    );
    assert_eq!(
        wrong.expires().unwrap_err().to_string(),
        "Malformed Expires"
    );
    assert!(wrong.number(HeaderName::MinExpires).is_err());
}

#[test]
fn media_types_are_read() {
    let of = |value: &str| headers(&format!("c: {value}\r\n")).content_type();
    let sdp = of("Application / SDP ; charset=\"utf-8\"")
        .unwrap()
        .unwrap();
    assert!(sdp.is("application", "sdp"));
    assert_eq!(sdp.params.get("charset").unwrap(), "utf-8");
    for wrong in ["text", "text/", "/plain", "text/plain;;", "te xt/plain"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn lists_of_tokens_are_read() {
    let lines =
        headers("Require: 100rel , timer\r\nk: replaces,\r\nk: \r\nAllow: INVITE, ack, X\r\n");
    assert_eq!(lines.require().unwrap(), ["100rel", "timer"]);
    assert_eq!(lines.supported().unwrap(), ["replaces"]);
    assert!(lines.has_token(&HeaderName::Require, "TIMER"));
    assert_eq!(
        lines.allow().unwrap(),
        [Method::Invite, Method::from("ack"), Method::from("X")]
    );
    assert!(headers("Require: a b\r\n").require().is_err());
}

#[test]
fn credentials_are_read_line_by_line() {
    let lines = headers(
        "Authorization: Digest username=\"a\\\"b, c\", realm=\"r\",\r\n nonce=\"n=1\",nc=00000001\r\nAuthorization: NewScheme abc==\r\n",
    );
    let credentials = lines.authorization().unwrap();
    assert_eq!(credentials.len(), 2);
    assert_eq!(credentials[0].username().unwrap(), "a\"b, c");
    assert_eq!(credentials[0].nonce().unwrap(), "n=1");
    assert_eq!(credentials[0].get("NC").unwrap(), "00000001");
    assert!(!credentials[1].is_digest());
    for wrong in [
        "Digest",
        "Digest x",
        "Digest a=\"b",
        "Digest a=b,,c=d",
        "Dig@st a=b",
    ] {
        assert!(Credentials::from_text(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn params_are_changed_without_touching_the_others() {
    let mut params = Params::from_checked(Bytes::from_static(b"; a = 1;B=\"x;y\" ;c"));
    assert_eq!(params.get("b").unwrap(), "x;y");
    params.set("A", "2");
    params.set("d", "needs quotes");
    params.set_flag("e");
    params.remove("C");
    params.remove("none");
    assert_eq!(params.as_bytes(), b";A=2;B=\"x;y\" ;d=\"needs quotes\";e");
    assert_eq!(params.get("d").unwrap(), "needs quotes");
    assert_eq!(params.iter().count(), 4);
    assert_eq!(params.get("e").unwrap(), "");
}
