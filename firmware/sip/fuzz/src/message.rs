//! One datagram: what is read prints as it came, and every typed reader stands it.

use bytes::Bytes;
use ramal_sip::{HeaderName, Message, Response, StatusCode};

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let headers = match Message::parse(Bytes::copy_from_slice(input)) {
        Ok(message) => {
            let start = input.iter().take_while(|b| b"\r\n".contains(b)).count();
            let printed = message.encode();
            assert!(input[start..].starts_with(&printed));
            if let Message::Request(request) = &message {
                let response = Response::to(request, StatusCode::OK).with_to_tag("t");
                assert!(Message::parse(response.encode()).is_ok());
            }
            message.headers().clone()
        }
        Err(error) => {
            let _ = error.response().map(|response| response.encode());
            *error.headers
        }
    };
    for name in [HeaderName::Contact, HeaderName::Route, HeaderName::ReferTo] {
        for addr in headers.addresses(&name).unwrap_or_default() {
            assert!(addr.uri.equivalent(&addr.uri));
            let _ = (addr.q(), addr.expires(), addr.to_string());
        }
    }
    let _ = (
        headers.contacts(),
        headers.content_type(),
        headers.number(HeaderName::SessionExpires),
    );
    let _ = (
        headers.authorization(),
        headers.challenges(),
        headers.require(),
        headers.allow(),
    );
}
