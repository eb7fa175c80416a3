//! Requests made from an INVITE's own: the ACK for a non-2xx (RFC 3261 §17.1.1.3) and the CANCEL (§9.1).

use bytes::Bytes;

use crate::{CSeq, HeaderName, HeaderValue, Message, Method, Request, Response};

/// The ACK for a non-2xx `response` to `invite`, which is the INVITE as it was sent.
pub(crate) fn rejection(invite: &Bytes, response: &Response) -> Option<Bytes> {
    let mut ack = derived(invite, Method::Ack)?;
    // The To of the response names the one who refused.
    let to = HeaderValue::sanitized(response.headers.get(&HeaderName::To)?);
    ack.headers.set(HeaderName::To, to);
    Some(ack.encode())
}

/// The CANCEL for `invite`, which is the INVITE as it was sent.
pub(crate) fn cancel(invite: &Bytes, reason: Option<HeaderValue>) -> Option<Bytes> {
    let mut cancel = derived(invite, Method::Cancel)?;
    if let Some(reason) = reason {
        cancel.headers.push(HeaderName::Reason, reason);
    }
    Some(cancel.encode())
}

/// A request with the INVITE's Request-URI, top Via, From, To, Call-ID, Route and number.
fn derived(invite: &Bytes, method: Method) -> Option<Request> {
    let Ok(Message::Request(invite)) = Message::parse(invite.clone()) else {
        return None;
    };
    let number = invite.headers.cseq().ok()?.number;
    let mut request = Request::new(method.clone(), invite.uri.clone());
    for name in [HeaderName::Via, HeaderName::Route] {
        request.headers.copy_from(&invite.headers, &name);
    }
    request.headers.push(HeaderName::MaxForwards, 70);
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
        request.headers.copy_from(&invite.headers, &name);
    }
    request
        .headers
        .push(HeaderName::CSeq, CSeq::new(number, method));
    request
        .headers
        .copy_from(&invite.headers, &HeaderName::UserAgent);
    Some(request)
}
