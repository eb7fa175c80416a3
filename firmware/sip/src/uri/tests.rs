//! URIs of RFC 3261 §19.1, RFC 3966, and what phones make of them.

use std::net::IpAddr;

use super::*;

fn uri(text: &str) -> Uri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> UriError {
    text.parse::<Uri>().expect_err(text)
}

#[test]
fn all_parts_are_found() {
    let uri =
        uri("sips:alice:secret@gw.example:5071;transport=tcp;lr;x=%41?Subject=a%20b&Priority=");
    assert_eq!(uri.scheme(), Scheme::Sips);
    assert_eq!(uri.user().unwrap(), "alice");
    assert_eq!(uri.password().unwrap(), "secret");
    assert_eq!(uri.host().unwrap().to_string(), "gw.example");
    assert_eq!(uri.port(), Some(5071));
    assert_eq!(uri.transport(), Ok(Some(crate::Transport::Tcp)));
    assert!(uri.is_loose_router());
    assert_eq!(uri.param("X").unwrap(), "A");
    assert_eq!(uri.params().as_bytes(), b";transport=tcp;lr;x=%41");
    assert_eq!(uri.header("subject").unwrap(), "a b");
    assert_eq!(uri.header("Priority").unwrap(), "");
    assert_eq!(uri.headers().count(), 2);
}

#[test]
fn the_least_uri_has_only_a_host() {
    let uri = uri("sip:host");
    assert_eq!(
        (uri.user(), uri.port(), uri.has_headers()),
        (None, None, false)
    );
    assert!(uri.params().is_empty());
}

#[test]
fn addresses_of_both_families_are_read() {
    let ip = |text: &str| uri(text).host().unwrap().ip();
    assert_eq!(
        ip("sip:1@192.0.2.1:5060"),
        "192.0.2.1".parse::<IpAddr>().ok()
    );
    assert_eq!(
        ip("sip:[2001:db8::1]"),
        "2001:db8::1".parse::<IpAddr>().ok()
    );
    assert_eq!(uri("sip:1@[2001:db8::1]:5070;lr").port(), Some(5070));
    assert_eq!(
        uri("sip:1@[2001:db8::1]:5070").host().unwrap().to_string(),
        "[2001:db8::1]"
    );
}

#[test]
fn feature_codes_are_users() {
    for (text, user) in [
        ("sip:*43@host", "*43"),
        ("sip:*21#@host", "*21#"),
        ("sip:**2*100#@host:5060;user=phone", "**2*100#"),
        ("sip:john.doe@host", "john.doe"),
        ("sip:+55(11)1234-5678@host", "+55(11)1234-5678"),
    ] {
        assert_eq!(uri(text).user().unwrap(), user);
    }
}

#[test]
fn escapes_in_the_user_are_resolved_and_kept() {
    let escaped = uri("sip:%2A43%23%40x@host");
    assert_eq!(escaped.user().unwrap(), "*43#@x");
    assert_eq!(escaped.raw_user().unwrap(), b"%2A43%23%40x");
    assert_eq!(escaped.to_string(), "sip:%2A43%23%40x@host");
    assert_eq!(uri("sip:a%00b@host").user().unwrap(), "a\0b");
    assert_eq!(uri("sip:%C3%A9@host").user().unwrap(), "é");
    assert_eq!(uri("sip:%ff@host").user().unwrap(), "\u{fffd}");
}

#[test]
fn the_user_may_hold_what_elsewhere_separates() {
    let uri = uri("sip:user;par=u%40example.net?/,@example.com;x=1");
    assert_eq!(uri.user().unwrap(), "user;par=u@example.net?/,");
    assert_eq!(uri.host().unwrap().to_string(), "example.com");
    assert_eq!(uri.params().as_bytes(), b";x=1");
}

#[test]
fn tel_uris_are_read() {
    let local = uri("tel:7042;phone-context=example.com");
    assert_eq!(local.scheme(), Scheme::Tel);
    assert_eq!(local.user().unwrap(), "7042");
    assert_eq!(local.host(), None);
    assert_eq!(local.param("phone-context").unwrap(), "example.com");
    assert_eq!(
        uri("tel:+55-11-4000.1234").user().unwrap(),
        "+55-11-4000.1234"
    );
    assert_eq!(uri("TEL:*43#").user().unwrap(), "*43#");
    for text in ["tel:", "tel:+", "tel:hello", "tel:-", "tel:+1@host"] {
        assert_eq!(refused(text), UriError::Number);
    }
}

#[test]
fn uris_of_unknown_schemes_are_kept_whole() {
    let uri = uri("soap.beep://192.0.2.103:3002");
    assert_eq!(uri.scheme(), Scheme::Other);
    assert_eq!(uri.scheme_name(), "soap.beep");
    assert_eq!(uri.to_string(), "soap.beep://192.0.2.103:3002");
    assert!(!uri.is_sip());
}

#[test]
fn faults_are_named() {
    for (text, error) in [
        ("host", UriError::Scheme),
        (":host", UriError::Scheme),
        ("1sip:host", UriError::Scheme),
        ("si p:host", UriError::Scheme),
        ("sip:", UriError::Host),
        ("sip:@host", UriError::User),
        ("sip::pass@host", UriError::User),
        ("sip:a@", UriError::Host),
        ("sip:a@b@c", UriError::Host),
        ("sip:a@ho/st", UriError::Host),
        ("sip:a@[::1", UriError::Host),
        ("sip:a@[::1]x", UriError::Host),
        ("sip:a@[host]", UriError::Host),
        ("sip:a@host:", UriError::Port),
        ("sip:a@host:0", UriError::Port),
        ("sip:a@host:65536", UriError::Port),
        ("sip:a@host:5060x", UriError::Port),
        ("sip:a@host:-1", UriError::Port),
        ("sip:a@host;=x", UriError::Param),
        ("sip:a@host;x=%4", UriError::Escape),
        ("sip:%zz@host", UriError::Escape),
        ("sip:a@host?", UriError::Headers),
        ("sip:a@host?x", UriError::Headers),
        ("sip:a@host?x=1&", UriError::Headers),
        ("sip:a b@host", UriError::Character),
        ("sip:a@host\r\nX: y", UriError::Character),
        ("<sip:a@host>", UriError::Scheme),
        ("sip:a@host>", UriError::Character),
        ("x:", UriError::Host),
    ] {
        assert_eq!(refused(text), error, "{text}");
    }
}

#[test]
fn empty_parameters_are_let_through() {
    assert_eq!(uri("sip:a@host;;lr;").param("lr").unwrap(), "");
}

#[test]
fn built_uris_read_back_and_cannot_break_out() {
    let host: crate::Host = "gw.example".parse().unwrap();
    let plain = Uri::sip(Some("*43"), host.clone(), Some(5070));
    assert_eq!(plain.to_string(), "sip:*43@gw.example:5070");
    assert_eq!(uri("sip:*43@gw.example:5070"), plain);
    let nasty = "a@b;x?y\r\nVia: <\"é";
    let built = Uri::sips(Some(nasty), host, None)
        .with_param("transport", Some("t;c=p"))
        .with_uri_header("Replaces", "id@host;to-tag=1&x");
    let again = uri(&built.to_string());
    assert_eq!(again.user().unwrap(), nasty);
    assert_eq!(again.host().unwrap().to_string(), "gw.example");
    assert_eq!(again.param("transport").unwrap(), "t;c=p");
    assert_eq!(again.header("replaces").unwrap(), "id@host;to-tag=1&x");
    assert_eq!(again.headers().count(), 1);
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(
        Uri::sip(None, v6, Some(1)).to_string(),
        "sip:[2001:db8::1]:1"
    );
    assert_eq!(Uri::sip(Some(""), v6, None).user(), None);
}

#[test]
fn parameters_are_changed_in_their_places() {
    let uri = uri("sip:a@h;x=1;transport=udp;y?s=1");
    assert_eq!(
        uri.clone().with_param("Transport", Some("tcp")).to_string(),
        "sip:a@h;x=1;Transport=tcp;y?s=1"
    );
    assert_eq!(
        uri.clone().without_param("transport").to_string(),
        "sip:a@h;x=1;y?s=1"
    );
    let added = uri.clone().with_param("lr", None).with_uri_header("t", "2");
    assert_eq!(added.to_string(), "sip:a@h;x=1;transport=udp;y;lr?s=1&t=2");
    assert_eq!(added.header("s").unwrap(), "1");
    assert_eq!(added.header("t").unwrap(), "2");
    assert_eq!(
        added.without_headers().to_string(),
        "sip:a@h;x=1;transport=udp;y;lr"
    );
    assert_eq!(uri.clone().without_param("none"), uri);
}

#[test]
fn equivalence_is_that_of_rfc_3261_19_1_4() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=p&priority=u",
            "sip:alice@atlanta.com?priority=u&subject=p",
        ),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        ("sip:[2001:DB8::1]", "sip:[2001:db8:0::1]"),
        ("sip:twice;x=1;x=2", "sip:twice;x=1;x=2"),
    ] {
        assert!(uri(a).equivalent(&uri(b)), "{a} {b}");
        assert!(uri(b).equivalent(&uri(a)), "{b} {a}");
    }
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:a@h;security=on", "sip:a@h;security=off"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a@h", "sip:a:b@h"),
        ("tel:+1", "tel:1"),
        ("x:a", "x:b"),
    ] {
        assert!(!uri(a).equivalent(&uri(b)), "{a} {b}");
    }
}
