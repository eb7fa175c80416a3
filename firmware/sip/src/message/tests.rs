//! Reading, changing, building and printing whole messages.

use super::*;
use crate::header::HeaderFault;
use crate::uri::UriError;
use crate::{HeaderError, HeaderName, HeaderValue, NameAddr};

const INVITE: &str = "INVITE sip:*43@gw.example;user=phone SIP/2.0\r\n\
    v: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK77;rport\r\n\
    Via :SIP/2.0/TCP proxy.example;branch=z9hG4bK1\r\n\
    Record-Route: <sip:proxy.example;lr>\r\n\
    X-Unknown:   kept  \t as it is \r\n\
    fROM: \"Ana \\\"A\\\"\" <sip:101@gw.example>;tag=a1\r\n\
    t:\r\n \t<sip:*43@gw.example>\r\n\
    Call-ID: 7a@192.0.2.7\r\n\
    CSeq: 21 INVITE\r\n\
    Subject: um,\r\n  dois\r\n\
    x-latin: \u{e9}\r\n\
    Timestamp: 54.2\r\n\
    m: <sip:101@192.0.2.7:5062>\r\n\
    Content-Type: application/sdp\r\n\
    l: 4\r\n\
    \r\n\
    v=0\n";

fn parse_bytes(bytes: &[u8]) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(bytes))
}

fn request(text: &str) -> Request {
    match parse_bytes(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn fault(text: &str) -> Fault {
    parse_bytes(text.as_bytes()).expect_err(text).fault
}

fn printed(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_unchanged_message_prints_as_it_came() {
    let request = request(INVITE);
    assert_eq!(request.method, Method::Invite);
    assert_eq!(request.body, "v=0\n");
    assert_eq!(printed(&request.encode()), INVITE);
    let mut latin = INVITE.replace('\u{e9}', "?").into_bytes();
    let at = latin.iter().position(|&b| b == b'?').unwrap();
    latin[at] = 0xe9;
    let message = parse_bytes(&latin).unwrap();
    assert_eq!(message.encode(), latin);
}

#[test]
fn a_response_prints_as_it_came() {
    for start in [
        "SIP/2.0 200 OK",
        "sip/2.0 200  \u{d0}\u{bd}  = 2**3",
        "SIP/2.0 100 ",
        "SIP/2.0 699",
    ] {
        let text = INVITE.replace("INVITE sip:*43@gw.example;user=phone SIP/2.0", start);
        let message = parse_bytes(text.as_bytes()).unwrap();
        assert!(matches!(message, Message::Response(_)));
        assert_eq!(printed(&message.encode()), text);
    }
}

#[test]
fn lone_line_feeds_are_read_and_kept() {
    let text = INVITE.replace("\r\n", "\n");
    let request = request(&text);
    assert_eq!(
        request.headers.text(&HeaderName::Subject).unwrap(),
        "um, dois"
    );
    assert_eq!(printed(&request.encode()), text);
    let response = printed(&Response::to(&request, StatusCode::OK).encode());
    assert!(!response.replace("\r\n", "").contains('\n'), "{response}");
}

#[test]
fn line_ends_before_a_message_are_skipped() {
    assert_eq!(
        printed(&request(&format!("\r\n\r\n\n{INVITE}")).encode()),
        INVITE
    );
    for keep_alive in ["", "\r\n", "\r\n\r\n"] {
        assert_eq!(fault(keep_alive), Fault::Empty);
    }
}

#[test]
fn changing_one_field_leaves_the_others() {
    let mut request = request(INVITE);
    request.headers.set(HeaderName::Subject, "outra");
    assert_eq!(
        printed(&request.encode()),
        INVITE.replace("Subject: um,\r\n  dois", "Subject: outra")
    );
    request.headers.remove(&HeaderName::Subject);
    assert_eq!(
        printed(&request.encode()),
        INVITE.replace("Subject: um,\r\n  dois\r\n", "")
    );
    request
        .headers
        .push_front(HeaderName::Via, "SIP/2.0/UDP new;branch=z9hG4bK0");
    assert!(
        printed(&request.encode())
            .contains("SIP/2.0\r\nVia: SIP/2.0/UDP new;branch=z9hG4bK0\r\nv: ")
    );
}

#[test]
fn setting_a_field_takes_its_first_place_and_drops_the_rest() {
    let mut request = request(INVITE);
    request
        .headers
        .set(HeaderName::Via, "SIP/2.0/UDP one;branch=z9hG4bK0");
    let text = printed(&request.encode());
    assert_eq!(text.matches("SIP/2.0/").count(), 1);
    assert!(text.contains("SIP/2.0\r\nVia: SIP/2.0/UDP one;branch=z9hG4bK0\r\nRecord-Route"));
    request
        .headers
        .set(HeaderName::from("X-New"), HeaderValue::from(5));
    assert!(printed(&request.encode()).ends_with("l: 4\r\nX-New: 5\r\n\r\nv=0\n"));
}

#[test]
fn changing_the_start_line_prints_the_new_one() {
    let mut request = request(INVITE);
    request.uri = "sip:b@h".parse().unwrap();
    assert!(printed(&request.encode()).starts_with("INVITE sip:b@h SIP/2.0\r\nv: "));
    request.method = Method::Other("X".into());
    assert!(printed(&request.encode()).starts_with("X sip:b@h SIP/2.0\r\nv: "));
    let text = INVITE.replace(
        "INVITE sip:*43@gw.example;user=phone SIP/2.0",
        "sip/2.0 200 Fine",
    );
    let Ok(Message::Response(mut response)) = parse_bytes(text.as_bytes()) else {
        panic!()
    };
    response.status = StatusCode::ACCEPTED;
    assert!(printed(&response.encode()).starts_with("SIP/2.0 202 Fine\r\nv: "));
    response.status = StatusCode::OK;
    response.reason = Bytes::from_static(b"Bad\r\nEvil: 1");
    assert!(printed(&response.encode()).starts_with("SIP/2.0 200 Bad  Evil: 1\r\nv: "));
}

#[test]
fn fields_taken_from_another_message_are_printed() {
    let mut one = request(INVITE);
    let other = request(&INVITE.replace("7a@192.0.2.7", "8b@192.0.2.8"));
    one.headers = other.headers.clone();
    assert_eq!(one.encode(), other.encode());
    one.headers = crate::Headers::new();
    let printed = printed(&one.encode());
    assert!(printed.starts_with("INVITE sip:*43@gw.example;user=phone SIP/2.0\r\nContent-Length"));
}

#[test]
fn the_content_length_always_fits_the_body() {
    let mut changed = request(INVITE);
    changed.body = Bytes::from_static(b"longer body");
    let text = printed(&changed.encode());
    assert!(!text.contains("l: 4\r\n") && text.contains("Content-Length: 11\r\n\r\nlonger body"));
    let datagram = INVITE.replace("l: 4\r\n", "");
    let mut request = request(&datagram);
    assert_eq!(printed(&request.encode()), datagram);
    request.headers.remove(&HeaderName::Timestamp);
    assert!(printed(&request.encode()).contains("Content-Length: 4\r\n\r\n"));
}

#[test]
fn bytes_behind_the_content_length_are_dropped() {
    let request = request(&format!("{INVITE}REGISTER sip:x SIP/2.0\r\n\r\n"));
    assert_eq!(printed(&request.encode()), INVITE);
}

#[test]
fn bodies_of_any_bytes_survive() {
    let mut bytes = INVITE.replace("l: 4", "l: 256").into_bytes();
    bytes.truncate(bytes.len() - 4);
    bytes.extend(0..=255);
    assert_eq!(parse_bytes(&bytes).unwrap().encode(), bytes);
}

#[test]
fn a_response_copies_what_the_rfc_says() {
    let request = request(INVITE);
    let ringing = Response::to(&request, StatusCode::RINGING).with_to_tag("b2");
    assert_eq!(
        printed(&ringing.encode()),
        "SIP/2.0 180 Ringing\r\n\
         v: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK77;rport\r\n\
         Via :SIP/2.0/TCP proxy.example;branch=z9hG4bK1\r\n\
         fROM: \"Ana \\\"A\\\"\" <sip:101@gw.example>;tag=a1\r\n\
         To: <sip:*43@gw.example>;tag=b2\r\n\
         Call-ID: 7a@192.0.2.7\r\n\
         CSeq: 21 INVITE\r\n\
         Record-Route: <sip:proxy.example;lr>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    // Folded fields are unfolded, so that nothing but plain lines is sent.
    let trying = printed(&request.response(StatusCode::TRYING).encode());
    assert!(
        trying.contains("t: <sip:*43@gw.example>\r\n")
            || trying.contains("To: <sip:*43@gw.example>\r\n")
    );
    assert!(trying.contains("Timestamp: 54.2\r\n") && !trying.contains("Record-Route"));
    let busy = printed(&request.response(StatusCode::BUSY_HERE).encode());
    assert!(!busy.contains("Record-Route") && !busy.contains("Timestamp"));
}

#[test]
fn a_tag_is_added_once() {
    let request =
        request(&INVITE.replace("*43@gw.example>\r\nCall", "*43@gw.example>;tag=old\r\nCall"));
    let response = Response::to(&request, StatusCode::OK).with_to_tag("new");
    assert_eq!(response.headers.to().unwrap().tag(), Some("old"));
    let response = response.with_to_tag("newer");
    assert_eq!(response.headers.get_all(&HeaderName::To).count(), 1);
}

#[test]
fn a_built_request_reads_back() {
    let from = NameAddr::new("sip:101@gw".parse().unwrap())
        .with_display_name("Ana")
        .with_tag("t1");
    let built = Request::new(Method::Message, "sip:102@gw".parse().unwrap())
        .with_header(HeaderName::Via, "SIP/2.0/UDP gw;branch=z9hG4bKx")
        .with_header(HeaderName::From, &from)
        .with_header(HeaderName::To, "<sip:102@gw>")
        .with_header(HeaderName::CallId, HeaderValue::new("id@gw").unwrap())
        .with_header(HeaderName::CSeq, "1 MESSAGE")
        .with_body("text/plain", "ol\u{e1}");
    let text = printed(&built.encode());
    let again = request(&text);
    assert_eq!(again.headers.from().unwrap(), from);
    assert_eq!(again.body, "ol\u{e1}");
    assert!(text.ends_with("Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nol\u{e1}"));
    assert_eq!(printed(&again.encode()), text);
}

#[test]
fn faults_of_the_start_line_are_named() {
    let with =
        |line: &str| fault(&INVITE.replace("INVITE sip:*43@gw.example;user=phone SIP/2.0", line));
    for (line, expected) in [
        ("INVITE", Fault::StartLine),
        ("INVITE sip:a@b", Fault::StartLine),
        ("INV(TE sip:a@b SIP/2.0", Fault::StartLine),
        (" INVITE sip:a@b SIP/2.0", Fault::StartLine),
        ("INVITE sip:a@b SIP/2.0 ", Fault::StartLine),
        ("INVITE sip:a@b HTTP/1.1", Fault::StartLine),
        ("INVITE sip:a@b SIP/7.0", Fault::Version),
        (
            "INVITE  sip:a@b SIP/2.0",
            Fault::RequestUri(UriError::Scheme),
        ),
        (
            "INVITE sip:a@b; lr SIP/2.0",
            Fault::RequestUri(UriError::Character),
        ),
        (
            "INVITE <sip:a@b> SIP/2.0",
            Fault::RequestUri(UriError::Scheme),
        ),
        (
            "INVITE sip:a@b?Route=x SIP/2.0",
            Fault::RequestUri(UriError::Headers),
        ),
        ("SIP/2.0 99 Low", Fault::StartLine),
        ("SIP/2.0 700 High", Fault::StartLine),
        ("SIP/2.0 4294967301 Big", Fault::StartLine),
        ("SIP/2.0 2 OK", Fault::StartLine),
        ("SIP/3.0 200 OK", Fault::Version),
        ("SIP/2.0", Fault::StartLine),
    ] {
        assert_eq!(with(line), expected, "{line}");
    }
    assert_eq!(fault("INVITE sip:a@b SIP/2.0"), Fault::StartLine);
}

#[test]
fn faults_of_header_lines_are_named() {
    for (from, to, line) in [
        ("X-Unknown:", "X-Unknown", 4),
        ("X-Unknown:", "X Unknown:", 4),
        ("X-Unknown:", ":", 4),
        ("X-Unknown:", "X-Unkn\u{f6}wn:", 4),
        ("kept", "ke\rpt", 4),
        ("v: SIP", " v: SIP", 1),
    ] {
        assert_eq!(
            fault(&INVITE.replace(from, to)),
            Fault::HeaderLine { line },
            "{to}"
        );
    }
    let (head, _) = INVITE.split_once("\r\n\r\n").unwrap();
    assert_eq!(fault(&format!("{head}\r\n")), Fault::NoEmptyLine);
    assert_eq!(fault(head), Fault::NoEmptyLine);
}

#[test]
fn missing_and_malformed_core_fields_are_named() {
    let missing = |line: &str| match fault(&INVITE.replace(line, "X: y\r\n")) {
        Fault::Header(HeaderError {
            name,
            fault: HeaderFault::Missing,
        }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing("Call-ID: 7a@192.0.2.7\r\n"), HeaderName::CallId);
    assert_eq!(missing("CSeq: 21 INVITE\r\n"), HeaderName::CSeq);
    assert_eq!(missing("t:\r\n \t<sip:*43@gw.example>\r\n"), HeaderName::To);
    let reason = |from: &str, to: &str| {
        let error = parse_bytes(INVITE.replace(from, to).as_bytes()).expect_err(to);
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        error.reason()
    };
    assert_eq!(reason("7a@192.0.2.7", "7a 192"), "Malformed Call-ID");
    assert_eq!(reason("7a@192.0.2.7", ""), "Missing Call-ID");
    assert_eq!(reason("21 INVITE", "21 BYE"), "CSeq method does not match");
    assert_eq!(reason("21 INVITE", "21INVITE"), "Malformed CSeq");
    assert_eq!(
        reason("21 INVITE", "4294967296 INVITE"),
        "Number out of range in CSeq"
    );
    assert_eq!(reason("l: 4", "l: -4"), "Malformed Content-Length");
    assert_eq!(reason("l: 4", "l: 5"), "Body shorter than Content-Length");
    assert_eq!(
        reason("l: 4", "l: 4\r\nContent-Length: 4"),
        "Several Content-Length"
    );
    assert_eq!(
        reason("CSeq: 21 INVITE", "CSeq: 21 INVITE\r\nCSeq: 22 INVITE"),
        "Several CSeq"
    );
    assert_eq!(reason("x-latin", "Event: a\r\no"), "Several Event");
    assert_eq!(
        reason("<sip:*43@gw.example>", "<sip:*43@gw.example"),
        "Malformed To"
    );
    assert_eq!(reason(";tag=a1", ";;tag=a1"), "Malformed parameter in From");
    assert_eq!(
        reason("192.0.2.7:5062;branch", "192.0.2.7:x;branch"),
        "Malformed Via"
    );
    assert_eq!(
        reason("proxy.example;branch", "proxy.example;;branch"),
        "Malformed parameter in Via"
    );
}

#[test]
fn limits_hold() {
    let many = "X-Y: z\r\n".repeat(MAX_HEADERS);
    let text = INVITE.replace("Timestamp", &format!("{many}Timestamp"));
    assert_eq!(fault(&text), Fault::TooManyHeaders);
    let large = format!("{INVITE}{}", "x".repeat(MAX_MESSAGE));
    let error = parse_bytes(large.as_bytes()).unwrap_err();
    assert_eq!(
        (error.fault.clone(), error.status()),
        (Fault::TooLarge, StatusCode::MESSAGE_TOO_LARGE)
    );
    let most = INVITE.replace(
        "Timestamp",
        &format!("{}Timestamp", "X-Y: z\r\n".repeat(MAX_HEADERS - 14)),
    );
    assert_eq!(request(&most).headers.len(), MAX_HEADERS);
}

#[test]
fn an_unusable_request_still_gets_its_response() {
    let text = INVITE.replace("fROM: \"Ana \\\"A\\\"\" <", "fROM: \"Ana <");
    let error = parse_bytes(text.as_bytes()).unwrap_err();
    let response = printed(&error.response().unwrap().encode());
    assert!(
        response.starts_with("SIP/2.0 400 Unbalanced quotes in From\r\nv: SIP/2.0/UDP 192.0.2.7"),
        "{response}"
    );
    assert!(response.contains("fROM: \"Ana <sip:101@gw.example>;tag=a1\r\n"));
    assert!(response.contains("CSeq: 21 INVITE\r\n"));
    let version = INVITE.replace("SIP/2.0\r\nv", "SIP/7.0\r\nv");
    let error = parse_bytes(version.as_bytes()).unwrap_err();
    assert_eq!(error.status(), StatusCode::VERSION_NOT_SUPPORTED);
    assert!(error.response().is_some());
}

#[test]
fn what_must_not_be_answered_is_not() {
    let broken = |text: String| parse_bytes(text.as_bytes()).unwrap_err();
    let start = "INVITE sip:*43@gw.example;user=phone SIP/2.0";
    let response = INVITE
        .replace(start, "SIP/2.0 200 OK")
        .replace("l: 4", "l: 9");
    let error = broken(response);
    assert!(error.is_response && error.response().is_none());
    let ack = INVITE.replace("INVITE", "ACK").replace("l: 4", "l: 9");
    assert!(broken(ack).response().is_none());
    let no_way_back = INVITE
        .replace("v: SIP", "X-Via: SIP")
        .replace("Via :", "X-Via:");
    assert!(broken(no_way_back).response().is_none());
    let no_name = INVITE.replace("CSeq", "X-CSeq");
    assert!(broken(no_name).response().is_none());
    // Whoever wrote this Via can read it.
    let odd = INVITE.replace("v: SIP/2.0/UDP 192.0.2.7:5062", "v: SIP/2.0/UDP");
    let answer = printed(&broken(odd).response().unwrap().encode());
    assert!(answer.starts_with("SIP/2.0 400 Malformed Via\r\nv: SIP/2.0/UDP;"));
    assert!(broken("garbage\r\n\r\n".into()).response().is_none());
}
