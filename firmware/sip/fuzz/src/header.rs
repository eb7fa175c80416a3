//! One header field value: the first byte chooses the field, the rest is its value. Every reader stands it; what reads
//! well prints to something that reads the same.

use bytes::Bytes;
use ramal_sip::{
    Contacts, Credentials, HeaderName, HeaderValue, Headers, NameAddr, Replaces, Uri, Via,
};

const NAMES: [HeaderName; 24] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::Contact,
    HeaderName::CSeq,
    HeaderName::ContentType,
    HeaderName::Authorization,
    HeaderName::WwwAuthenticate,
    HeaderName::SessionExpires,
    HeaderName::RAck,
    HeaderName::RSeq,
    HeaderName::Replaces,
    HeaderName::Event,
    HeaderName::SubscriptionState,
    HeaderName::Privacy,
    HeaderName::Reason,
    HeaderName::Route,
    HeaderName::ReferTo,
    HeaderName::Diversion,
    HeaderName::Require,
    HeaderName::Allow,
    HeaderName::MaxForwards,
    HeaderName::Expires,
    HeaderName::CallId,
    HeaderName::PAssertedIdentity,
];

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let Some((choice, text)) = input.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*choice) % NAMES.len()].clone();
    let Ok(value) = HeaderValue::new(Bytes::copy_from_slice(text)) else {
        return;
    };
    let mut headers = Headers::new();
    headers.push(name.clone(), value);
    match name {
        HeaderName::Via => vias(&headers),
        HeaderName::Contact => {
            if let Ok(Contacts::List(contacts)) = headers.contacts() {
                contacts.iter().for_each(address);
            }
        }
        HeaderName::CSeq => {
            if let Ok(cseq) = headers.cseq() {
                assert_eq!(again(&name, &cseq).cseq(), Ok(cseq));
            }
        }
        HeaderName::Authorization => {
            let values = headers.authorization().unwrap_or_default();
            values.iter().for_each(credentials);
        }
        HeaderName::WwwAuthenticate => {
            for challenge in headers.challenges().unwrap_or_default() {
                let _ = (challenge.realm(), challenge.nonce(), challenge.get("qop"));
            }
        }
        HeaderName::SessionExpires => {
            if let Ok(Some(expires)) = headers.session_expires() {
                assert_eq!(again(&name, expires).session_expires(), Ok(Some(expires)));
            }
        }
        HeaderName::RAck => {
            if let Ok(Some(rack)) = headers.rack() {
                assert_eq!(again(&name, &rack).rack(), Ok(Some(rack)));
            }
        }
        HeaderName::Replaces => {
            if let Ok(Some(replaces)) = headers.replaces() {
                assert_eq!(Replaces::from_text(&replaces.to_string()), Ok(replaces));
            }
        }
        HeaderName::Event => {
            if let Ok(Some(event)) = headers.event() {
                assert_eq!(again(&name, &event).event(), Ok(Some(event)));
            }
        }
        HeaderName::SubscriptionState => {
            if let Ok(Some(state)) = headers.subscription_state() {
                let read = again(&name, &state).subscription_state();
                assert_eq!(read, Ok(Some(state)));
            }
        }
        HeaderName::Reason => {
            for reason in headers.reasons() {
                let printed = again(&name, &reason).reasons();
                assert_eq!((printed.len(), printed[0].cause), (1, reason.cause));
            }
        }
        HeaderName::From
        | HeaderName::Route
        | HeaderName::ReferTo
        | HeaderName::Diversion
        | HeaderName::PAssertedIdentity => {
            let values = headers.addresses(&name).unwrap_or_default();
            values.iter().for_each(address);
        }
        _ => {
            let _ = (headers.content_type(), headers.require(), headers.allow());
            let _ = (headers.max_forwards(), headers.expires(), headers.rseq());
            let _ = (headers.privacy(), headers.call_id().is_ok());
        }
    }
}

fn again(name: &HeaderName, value: impl Into<HeaderValue>) -> Headers {
    let mut headers = Headers::new();
    headers.push(name.clone(), value);
    headers
}

fn vias(headers: &Headers) {
    for via in headers.vias().unwrap_or_default() {
        let mut stamped = via.clone();
        stamped.stamp(([192, 0, 2, 9], 5070).into());
        let read = again(&HeaderName::Via, &stamped).via();
        let branch = |via: &Via| via.branch().map(str::to_owned);
        match read {
            Ok(read) => assert_eq!(branch(&read), branch(&via)),
            Err(error) => panic!("{error}: {stamped}"),
        }
    }
}

fn address(address: &NameAddr) {
    uri(&address.uri);
    let _ = (address.tag(), address.q(), address.expires());
    match again(&HeaderName::From, address).from() {
        Ok(read) => {
            assert_eq!(read.uri, address.uri);
            assert_eq!(read.params, address.params);
        }
        Err(error) => panic!("{error}: {address}"),
    }
}

fn uri(uri: &Uri) {
    assert!(uri.equivalent(uri));
    let _ = (uri.user(), uri.password(), uri.headers().count());
    let read = Uri::parse(Bytes::copy_from_slice(uri.as_bytes()));
    assert_eq!(read.as_ref(), Ok(uri));
    // Editing a URI gives a URI.
    let edited = uri.clone().with_param("x", Some("a b;c")).without_headers();
    if uri.host().is_some() {
        match Uri::parse(Bytes::copy_from_slice(edited.as_bytes())) {
            Ok(read) => assert_eq!(read.param("x").as_deref(), Some("a b;c")),
            Err(error) => panic!("{error}: {edited:?}"),
        }
    }
}

fn credentials(credentials: &Credentials) {
    let _ = (credentials.username(), credentials.realm());
    let _ = (credentials.get("nc"), credentials.bytes("response"));
}
