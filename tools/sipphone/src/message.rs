//! Building and reading SIP messages on top of `rsip`.

use crate::PhoneError;
use rsip::message::HasHeaders as _;
use rsip::{Header, SipMessage};

/// Parses one message.
pub fn parse(bytes: &[u8]) -> Result<SipMessage, PhoneError> {
    SipMessage::try_from(bytes).map_err(|e| PhoneError::Message {
        what: "message",
        reason: e.to_string(),
    })
}

/// Headers and body of a request under construction; `rsip` parses the text and prints what is sent, so that a message
/// it would not accept never leaves the phone.
pub fn request(
    method: &str,
    uri: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<SipMessage, PhoneError> {
    build(format!("{method} {uri} SIP/2.0\r\n"), headers, body)
}

/// A response to `to`, with its Via, From, To (plus `tag`), Call-ID and CSeq (RFC 3261 §8.2.6.2).
pub fn response(
    to: &rsip::Request,
    status: u16,
    reason: &str,
    tag: Option<&str>,
    extra: &[(&str, String)],
    body: &str,
) -> Result<SipMessage, PhoneError> {
    let mut headers: Vec<(&str, String)> = Vec::new();
    for header in to.headers.iter() {
        match header {
            Header::Via(v) => headers.push(("Via", v.to_string_value())),
            Header::From(v) => headers.push(("From", v.to_string_value())),
            Header::CallId(v) => headers.push(("Call-ID", v.to_string_value())),
            Header::CSeq(v) => headers.push(("CSeq", v.to_string_value())),
            Header::RecordRoute(v) => headers.push(("Record-Route", v.to_string_value())),
            Header::To(v) => {
                let value = v.to_string_value();
                let tagged = value.contains(";tag=");
                match tag {
                    Some(tag) if !tagged => headers.push(("To", format!("{value};tag={tag}"))),
                    _ => headers.push(("To", value)),
                }
            }
            _ => {}
        }
    }
    headers.extend(extra.iter().map(|(n, v)| (*n, v.clone())));
    build(format!("SIP/2.0 {status} {reason}\r\n"), &headers, body)
}

fn build(
    first_line: String,
    headers: &[(&str, String)],
    body: &str,
) -> Result<SipMessage, PhoneError> {
    let mut text = first_line;
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let typed = headers.iter().any(|(name, _)| *name == "Content-Type");
    if !body.is_empty() && !typed {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    parse(text.as_bytes())
}

/// The raw value of a header as `rsip` holds it.
trait RawValue {
    fn to_string_value(&self) -> String;
}

impl<T: rsip::headers::UntypedHeader<'static>> RawValue for T {
    fn to_string_value(&self) -> String {
        self.value().to_owned()
    }
}

/// Values of all headers called `name` (full name, any case), in order.
pub fn values(message: &SipMessage, name: &str) -> Vec<String> {
    message
        .headers()
        .iter()
        .filter_map(|h| {
            let line = h.to_string();
            let (n, v) = line.split_once(':')?;
            n.trim()
                .eq_ignore_ascii_case(name)
                .then(|| v.trim().to_owned())
        })
        .collect()
}

/// First value of the header called `name`.
pub fn value(message: &SipMessage, name: &str) -> Option<String> {
    values(message, name).into_iter().next()
}

/// Method of a request, or of the request that a response belongs to.
pub fn cseq(message: &SipMessage) -> Option<(u32, String)> {
    let value = value(message, "CSeq")?;
    let (number, method) = value.split_once(' ')?;
    Some((number.trim().parse().ok()?, method.trim().to_owned()))
}

/// `branch` of the topmost Via.
pub fn branch(message: &SipMessage) -> Option<String> {
    parameter(&value(message, "Via")?, "branch")
}

/// Value of `;name=` in a header value, outside the angle brackets.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let after = value.rsplit_once('>').map_or(value, |(_, p)| p);
    after
        .split(';')
        .skip(usize::from(!value.contains('>')))
        .find_map(|p| {
            let (n, v) = p.split_once('=')?;
            n.trim()
                .eq_ignore_ascii_case(name)
                .then(|| v.trim().trim_matches('"').to_owned())
        })
}

/// The URI inside a name-addr or addr-spec header value.
pub fn uri(value: &str) -> String {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default().to_owned(),
        None => value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

/// Status code and reason of a response.
pub fn status(response: &rsip::Response) -> (u16, String) {
    let line = response.status_code.to_string();
    let (code, reason) = line.split_once(' ').unwrap_or((&line, ""));
    (
        code.parse().unwrap_or_else(|_| response.status_code.code()),
        reason.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_reads_back() {
        let m = request(
            "OPTIONS",
            "sip:*43@127.0.0.1:5060",
            &[
                (
                    "Via",
                    "SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKabc;rport".into(),
                ),
                ("From", "\"A\" <sip:1001@127.0.0.1>;tag=x".into()),
                ("To", "<sip:1002@127.0.0.1>".into()),
                ("Call-ID", "c1".into()),
                ("CSeq", "7 OPTIONS".into()),
            ],
            "",
        )
        .unwrap();
        assert_eq!(cseq(&m), Some((7, "OPTIONS".into())));
        assert_eq!(branch(&m).as_deref(), Some("z9hG4bKabc"));
        assert_eq!(
            parameter(&value(&m, "From").unwrap(), "tag").as_deref(),
            Some("x")
        );
        let SipMessage::Request(r) = m else {
            panic!("a request")
        };
        let SipMessage::Response(answer) =
            response(&r, 486, "Busy Here", Some("t"), &[], "").unwrap()
        else {
            panic!("a response")
        };
        assert_eq!(status(&answer).0, 486);
        assert_eq!(
            value(&SipMessage::Response(answer), "To").as_deref(),
            Some("<sip:1002@127.0.0.1>;tag=t")
        );
    }
}
