//! The odd parts of RFC 4475's well-formed messages, read.

use ramal_sip::{Contacts, HeaderName, Message, Method, Request, Response, Scheme, StatusCode};

use crate::archived;

/// A well-formed message; it has to print as it came.
fn lossless(name: &str) -> Message {
    let bytes = archived("rfc4475", name);
    let message = Message::parse(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let printed = message.encode();
    assert!(bytes.starts_with(&printed), "{name}");
    // Two of the files go on behind the body their Content-Length gives.
    let rest = &bytes[printed.len()..];
    assert!(
        rest.is_empty() || matches!(name, "dblreq" | "multi01"),
        "{name}"
    );
    message
}

fn request(name: &str) -> Request {
    match lossless(name) {
        Message::Request(request) => request,
        Message::Response(response) => panic!("{response:?}"),
    }
}

fn response(name: &str) -> Response {
    match lossless(name) {
        Message::Response(response) => response,
        Message::Request(request) => panic!("{request:?}"),
    }
}

#[test]
fn folding_and_white_space_everywhere() {
    let request = request("wsinv");
    let headers = &request.headers;
    assert!(request.uri.param("unknownparam").is_some());
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.content_length(), Ok(Some(150)));
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    assert_eq!(headers.get(&HeaderName::Subject), Some(&b""[..]));
    let unknown = HeaderName::from("NewFangledHeader");
    assert_eq!(
        headers.text(&unknown).unwrap(),
        "newfangled value continued newfangled value"
    );
    let odd = HeaderName::from("unknownheaderwithunusualvalue");
    assert_eq!(headers.get(&odd), Some(&b";;,,;;,;"[..]));
    let vias = headers.vias().unwrap();
    let branches: Vec<_> = vias.iter().map(|via| via.branch()).collect();
    assert_eq!(
        branches,
        [
            Some("390skdjuw"),
            Some("z9hG4bK9ikj8"),
            Some("z9hG4bK30239")
        ]
    );
    let route = &headers.routes().unwrap()[0];
    assert!(route.uri.is_loose_router() && route.uri.param("unknown-no-value").is_some());
    let Contacts::List(contacts) = headers.contacts().unwrap() else {
        panic!("star");
    };
    assert_eq!(
        contacts[0].display_name.as_deref(),
        Some("Quoted string \"\"")
    );
    assert_eq!(contacts[0].q(), Some(330));
    assert_eq!(contacts[0].params.get("newparam").unwrap(), "newvalue");
}

#[test]
fn every_character_a_token_may_have() {
    let request = request("intmeth");
    assert_eq!(
        request.method.as_str(),
        "!interesting-Method0123456789_*+`.%indeed'~"
    );
    assert_eq!(request.headers.cseq().unwrap().method, request.method);
    assert_eq!(
        request.uri.user().unwrap(),
        "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    );
    assert_eq!(
        request.uri.password().unwrap(),
        "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    );
    let headers = &request.headers;
    assert_eq!(headers.via().unwrap().branch(), Some("z9hG4bK-.!%66*_+`'~"));
    let to = headers.to().unwrap();
    assert_eq!(
        to.display_name.as_deref(),
        Some("BEL:\u{7} NUL:\0 DEL:\u{7f}")
    );
    let from = headers.from().unwrap();
    assert_eq!(
        from.display_name.as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(
        from.params.get("fromParam''~+*_!.-%").unwrap(),
        "\u{440}\u{430}\u{431}\u{43e}\u{442}\u{430}\u{44e}\u{449}\u{438}\u{439}"
    );
    assert_eq!(
        headers.call_id(),
        Ok("intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{")
    );
    let unknown = HeaderName::from("extensionHeader-!.%*+_`'~");
    assert_eq!(
        headers.get(&unknown),
        Some("\u{feff}\u{5927}\u{505c}\u{96fb}".as_bytes())
    );
    // What an answer repeats of it stays the same, the escaped NUL among it.
    let answer = request.response(StatusCode::OK).with_to_tag("x");
    let given = headers.get(&HeaderName::To).unwrap();
    let repeated = answer.headers.get(&HeaderName::To).unwrap();
    assert_eq!(repeated, [given, b";tag=x"].concat());
}

#[test]
fn escapes_where_they_are_some() {
    let request = request("esc01");
    assert_eq!(request.uri.user().unwrap(), "sips:user@example.com");
    let headers = &request.headers;
    assert_eq!(headers.to().unwrap().uri.user().unwrap(), "user");
    assert_eq!(headers.from().unwrap().uri.user().unwrap(), "I have spaces");
    let contact = headers.address(&HeaderName::Contact).unwrap().unwrap();
    assert_eq!(contact.uri.user().unwrap(), "caller");
    assert!(contact.uri.is_loose_router());
    // Unescaped once, not twice.
    assert_eq!(contact.uri.param("name").unwrap(), "value%41");
}

#[test]
fn escaped_nuls_end_nothing() {
    let request = request("escnull");
    let to = request.headers.to().unwrap();
    assert_eq!(to.uri.user().unwrap(), "null-\0-null");
    let contacts = request.headers.addresses(&HeaderName::Contact).unwrap();
    let users: Vec<_> = contacts.iter().map(|c| c.uri.user().unwrap()).collect();
    assert_eq!(users, ["\0", "\0\0"]);
}

#[test]
fn escapes_where_they_are_none() {
    let request = request("esc02");
    assert_eq!(request.method, Method::from("RE%47IST%45R"));
    let to = request.headers.to().unwrap();
    assert_eq!(to.display_name.as_deref(), Some("%Z%45"));
    let contacts = request.headers.addresses(&HeaderName::Contact).unwrap();
    assert_eq!(contacts.len(), 2);
}

#[test]
fn no_space_before_the_bracket() {
    let from = request("lwsdisp").headers.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some("caller"));
}

#[test]
fn long_values() {
    let request = request("longreq");
    let headers = &request.headers;
    let to = headers.to().unwrap();
    assert_eq!(to.uri.port(), Some(6000));
    assert_eq!(
        to.display_name.unwrap(),
        format!("I have a user name of {} proportion", "extreme".repeat(10))
    );
    assert_eq!(headers.from().unwrap().tag().unwrap().len(), 155);
    assert_eq!(headers.vias().unwrap().len(), 34);
    let contact = headers.address(&HeaderName::Contact).unwrap().unwrap();
    assert_eq!(
        contact.uri.user().unwrap(),
        "amazinglylongcallername".repeat(5)
    );
}

#[test]
fn a_datagram_ends_with_its_body() {
    let request = request("dblreq");
    assert_eq!(request.method, Method::Register);
    assert!(request.body.is_empty());
}

#[test]
fn semicolons_in_the_user() {
    let request = request("semiuri");
    assert_eq!(request.uri.user().unwrap(), "user;par=u@example.net");
    assert!(request.uri.params().is_empty());
    assert_eq!(request.headers.values(&HeaderName::Accept).count(), 6);
}

#[test]
fn transports_nobody_knows() {
    let vias = request("transports").headers.vias().unwrap();
    let known: Vec<_> = vias.iter().map(|via| via.transport.is_some()).collect();
    assert_eq!(known, [true, false, true, false, true]);
    assert_eq!(&*vias[3].protocol, "UNKNOWN");
}

#[test]
fn a_binary_body() {
    let request = request("mpart01");
    assert_eq!(request.body.len(), 553);
    assert!(request.body.contains(&0));
    let media = request.headers.content_type().unwrap().unwrap();
    assert!(media.is("multipart", "mixed"));
    assert_eq!(media.params.get("boundary").unwrap(), "7a9cbec02ceef655");
}

#[test]
fn unusual_and_empty_reason_phrases() {
    let unusual = response("unreason");
    assert_eq!(unusual.status, StatusCode::OK);
    let reason = std::str::from_utf8(&unusual.reason).unwrap();
    assert!(reason.starts_with("= 2**3 * 5**2 \u{43d}\u{43e} "));
    let empty = response("noreason");
    assert_eq!(
        (empty.status, &empty.reason[..]),
        (StatusCode::TRYING, &b""[..])
    );
}

#[test]
fn schemes_nobody_knows() {
    assert_eq!(request("unkscm").uri.scheme(), Scheme::Other);
    assert_eq!(request("novelsc").uri.scheme_name(), "soap.beep");
    let headers = request("unksm2").headers;
    assert_eq!(headers.to().unwrap().uri.scheme_name(), "isbn");
    assert_eq!(headers.from().unwrap().uri.scheme_name(), "http");
    let contact = headers.address(&HeaderName::Contact).unwrap().unwrap();
    assert_eq!(contact.uri.as_bytes(), b"name:John_Smith");
}

#[test]
fn credentials_of_a_scheme_nobody_knows() {
    let credentials = request("regaut01").headers.authorization().unwrap();
    assert_eq!(credentials[0].scheme(), "NoOneKnowsThisScheme");
    assert!(!credentials[0].is_digest());
    assert_eq!(credentials[0].get("opaque-data").unwrap(), "here");
}

#[test]
fn contact_parameters_inside_and_outside_the_brackets() {
    let contact = |name| {
        let contact = request(name).headers.address(&HeaderName::Contact);
        contact.unwrap().unwrap()
    };
    let outside = contact("cparam01");
    assert!(outside.params.contains("unknownparam"));
    assert!(outside.uri.param("unknownparam").is_none());
    let inside = contact("cparam02");
    assert!(inside.params.is_empty() && inside.uri.param("unknownparam").is_some());
    let escaped = contact("regescrt");
    assert_eq!(
        escaped.uri.header("route").unwrap(),
        "<sip:sip.example.com>"
    );
}

#[test]
fn an_invite_of_rfc_2543() {
    let request = request("inv2543");
    assert_eq!(request.headers.via().unwrap().branch(), None);
    assert_eq!(request.headers.from().unwrap().tag(), None);
    assert!(request.body.starts_with(b"v=0"));
}

#[test]
fn numbers_too_large() {
    let error = Message::parse(archived("rfc4475", "scalar02")).unwrap_err();
    let headers = error.headers;
    assert_eq!(headers.expires(), Ok(Some(u32::MAX)));
    assert!(headers.max_forwards().is_err());
    let contact = headers.address(&HeaderName::Contact).unwrap().unwrap();
    assert_eq!(contact.expires(), Some(u32::MAX));
}

#[test]
fn what_requires_more_than_we_know() {
    let headers = request("bext01").headers;
    let required = headers.require().unwrap();
    let required: Vec<&str> = required.iter().map(|option| &**option).collect();
    assert_eq!(
        required,
        ["nothingSupportsThis", "nothingSupportsThisEither"]
    );
}
