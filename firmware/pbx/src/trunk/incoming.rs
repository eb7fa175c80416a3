//! What the INVITE of a carrier says: whom it is for, and who calls.

use ramal_model::{DidSource, IdentityHeader, Party, SipTrunk};
use ramal_sip::{HeaderName, NameAddr, Request, Scheme, Uri};

/// Characters of a caller's name that are kept.
const MAX_NAME: usize = 64;
/// Characters of a number that are kept.
const MAX_NUMBER: usize = 40;

/// The number a call is for; `None` when the field that should name it does not.
pub(crate) fn did(trunk: &SipTrunk, request: &Request) -> Option<String> {
    let uri = match trunk.did_source {
        DidSource::RequestUri => request.uri.clone(),
        DidSource::To => request.headers.to().ok()?.uri,
        DidSource::PCalledPartyId => {
            request
                .headers
                .address(&HeaderName::PCalledPartyId)
                .ok()
                .flatten()?
                .uri
        }
    };
    number(&uri)
}

/// Who calls. The number is blank when he withholds it, whatever the carrier knows.
pub(crate) fn caller(trunk: &SipTrunk, request: &Request) -> Party {
    let headers = &request.headers;
    let believed = |header| trunk.identity_in.contains(&header);
    let from = headers.from().ok();
    if is_private(request) || from.as_ref().is_some_and(is_anonymous) {
        return Party::default();
    }
    let asserted = believed(IdentityHeader::PAssertedIdentity)
        .then(|| headers.addresses(&HeaderName::PAssertedIdentity).ok())
        .flatten()
        .unwrap_or_default();
    let remote = believed(IdentityHeader::RemotePartyId)
        .then(|| headers.address(&HeaderName::RemotePartyId).ok())
        .flatten()
        .flatten();
    if remote.as_ref().is_some_and(hides_itself) {
        return Party::default();
    }
    let mut named: Vec<(String, NameAddr)> = asserted
        .into_iter()
        .chain(remote)
        .chain(from.clone())
        .filter_map(|who| Some((number(&who.uri)?, who)))
        .collect();
    // A number can be called back; a name such as `support` only where there is none.
    let best = named
        .iter()
        .position(|(number, _)| is_number(number))
        .unwrap_or(0);
    if best >= named.len() {
        return Party::default();
    }
    let (number, who) = named.swap_remove(best);
    let name = who
        .display_name
        .or_else(|| from.and_then(|from| from.display_name))
        .unwrap_or_default();
    Party {
        number,
        name: name
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME)
            .collect(),
    }
}

/// `Privacy` asks that the caller not be named (RFC 3323 §4.2, RFC 3325 §9.3).
pub(crate) fn is_private(request: &Request) -> bool {
    request
        .headers
        .values(&HeaderName::Privacy)
        .flat_map(|value| value.split(|byte| matches!(byte, b';' | b' ')))
        .any(|token| {
            [b"id".as_slice(), b"user", b"header"]
                .iter()
                .any(|private| token.eq_ignore_ascii_case(private))
        })
}

/// The caller calls himself anonymous (RFC 3323 §4.1.1.3).
pub(crate) fn is_anonymous(from: &NameAddr) -> bool {
    let host = from.uri.host().map(ToString::to_string).unwrap_or_default();
    let user = from.uri.user().unwrap_or_default();
    host.eq_ignore_ascii_case("anonymous.invalid") || user.eq_ignore_ascii_case("anonymous")
}

/// `Remote-Party-ID` with `privacy=full` or `uri` (draft-ietf-sip-privacy-04 §5.1).
fn hides_itself(remote: &NameAddr) -> bool {
    remote.params.get("privacy").is_some_and(|privacy| {
        ["full", "uri"]
            .iter()
            .any(|hidden| privacy.eq_ignore_ascii_case(hidden))
    })
}

/// The number in a URI: without visual separators and parameters (RFC 3966 §5.1.1). Users that are no numbers stay as
/// they are.
pub(super) fn number(uri: &Uri) -> Option<String> {
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return None;
    }
    let user = uri.user()?;
    let user = user.split(';').next().unwrap_or_default();
    let plain: String = user
        .chars()
        .filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' '))
        .collect();
    let number = if is_number(&plain) {
        plain
    } else {
        user.to_owned()
    };
    let number: String = number
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NUMBER)
        .collect();
    (!number.is_empty()).then_some(number)
}

/// Digits, with a `+` in front or not.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use ramal_model::{Configuration, TrunkAuth, TrunkId, TrunkInput};
    use ramal_sip::Message;

    use super::*;

    pub(in crate::trunk) fn trunk(change: impl FnOnce(&mut TrunkInput)) -> SipTrunk {
        let mut input = TrunkInput {
            name: Some("Carrier".into()),
            hosts: Some(vec!["carrier.example".into()]),
            auth: Some(TrunkAuth::None),
            ..TrunkInput::default()
        };
        change(&mut input);
        let valid = input.validate_new(TrunkId(1), &Configuration::default());
        valid.unwrap().trunk
    }

    pub(in crate::trunk) fn invite(uri: &str, from: &str, more: &str) -> Request {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: {from};tag=1\r\nTo: <sip:5133334445@pbx.example>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\
             {more}Content-Length: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!(),
        }
    }

    pub(in crate::trunk) const FROM: &str = "\"Ana\" <sip:+55-51-98765-4321@carrier.example>";

    #[test]
    fn the_number_called_stands_where_the_trunk_says() {
        let request = invite(
            "sip:5133334444;npdi@192.0.2.9",
            FROM,
            "P-Called-Party-ID: <tel:+55-51-3333-4446>\r\n",
        );
        let of = |source| did(&trunk(|input| input.did_source = Some(source)), &request);
        assert_eq!(of(DidSource::RequestUri).as_deref(), Some("5133334444"));
        assert_eq!(of(DidSource::To).as_deref(), Some("5133334445"));
        assert_eq!(
            of(DidSource::PCalledPartyId).as_deref(),
            Some("+555133334446")
        );
        let bare = invite("sip:192.0.2.9", FROM, "");
        assert_eq!(did(&trunk(|_| {}), &bare), None);
    }

    #[test]
    fn the_best_identity_that_is_believed_says_who_calls() {
        let more = "P-Asserted-Identity: <sip:support@carrier.example>, <tel:+555130001111>\r\n\
                    Remote-Party-ID: \"Rui\" <sip:5130002222@carrier.example>;privacy=off\r\n";
        let request = invite("sip:1@h", FROM, more);
        let of = |headers: &[IdentityHeader]| {
            let trunk = trunk(|input| input.identity_in = Some(headers.to_vec()));
            let party = caller(&trunk, &request);
            (party.number, party.name)
        };
        let pair = |number: &str, name: &str| (number.to_owned(), name.to_owned());
        assert_eq!(of(&[IdentityHeader::From]), pair("+5551987654321", "Ana"));
        assert_eq!(
            of(&[IdentityHeader::RemotePartyId]),
            pair("5130002222", "Rui")
        );
        assert_eq!(
            of(&[
                IdentityHeader::RemotePartyId,
                IdentityHeader::PAssertedIdentity
            ]),
            pair("+555130001111", "Ana")
        );
    }

    #[test]
    fn who_withholds_his_number_has_none() {
        let asserted = "P-Asserted-Identity: <tel:+555130001111>\r\n";
        for (from, more) in [
            (
                "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
                asserted.to_owned(),
            ),
            (FROM, format!("{asserted}Privacy: id\r\n")),
            (FROM, format!("{asserted}Privacy: critical;id\r\n")),
            (
                FROM,
                "Remote-Party-ID: <sip:1@h>;privacy=full\r\n".to_owned(),
            ),
        ] {
            let party = caller(&trunk(|_| {}), &invite("sip:1@h", from, &more));
            assert_eq!(party, Party::default(), "{more}");
        }
        let none = invite("sip:1@h", FROM, "Privacy: none\r\n");
        assert_eq!(caller(&trunk(|_| {}), &none).number, "+5551987654321");
    }
}
