//! What a request must fulfil before anybody looks at its meaning (RFC 3261 §8.2).

use super::Endpoint;
use super::refuse::Refusal;
use crate::session::{Reliability, SessionTimers, offers};
use crate::{HeaderName, HeaderValue, Method, Request, Scheme, StatusCode};

/// The largest body a request may have, in bytes; session descriptions and messages are far smaller.
const MAX_BODY: usize = 32_768;

impl Endpoint {
    /// The checks of §8.2 in its order, for requests that belong to no transaction yet; ACK and CANCEL excepted.
    pub(super) fn validate(&self, request: &Request) -> Result<(), Refusal> {
        self.check_method(request)?;
        check_target(request)?;
        check_hops(request)?;
        self.check_require(request)?;
        check_size(request)?;
        self.check_body(request)?;
        request.headers.check_contacts().map_err(malformed)?;
        match request.method {
            Method::Invite => {
                check_accept(request)?;
                check_contact(request)?;
                self.check_policy(request)
            }
            Method::Update => self.check_policy(request),
            Method::Register => check_address_of_record(request),
            _ => Ok(()),
        }
    }

    /// §8.2.1.
    fn check_method(&self, request: &Request) -> Result<(), Refusal> {
        let (status, fault) = match &request.method {
            method if self.context.takes(method) => return Ok(()),
            Method::Other(_) => (StatusCode::NOT_IMPLEMENTED, "not implemented"),
            _ => (StatusCode::METHOD_NOT_ALLOWED, "not allowed"),
        };
        let method = excerpt(request.method.as_str());
        Err(Refusal::because(status, format!("Method {method} {fault}"))
            .with_header(HeaderName::Allow, self.context.allow()))
    }

    /// §8.2.2.3.
    fn check_require(&self, request: &Request) -> Result<(), Refusal> {
        let required = request.headers.require().map_err(malformed)?;
        let unknown: Vec<&str> = required
            .iter()
            .map(|option| &**option)
            .filter(|option| !self.context.supports(option))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let unknown = unknown.join(", ");
        let reason = format!("Extension {} not supported", excerpt(&unknown));
        let unsupported = HeaderValue::sanitized(unknown);
        Err(Refusal::because(StatusCode::BAD_EXTENSION, reason)
            .with_header(HeaderName::Unsupported, unsupported))
    }

    /// What the policy asks of INVITE and UPDATE: reliable provisional responses (RFC 3262 §3) and a session interval
    /// that is not too short (RFC 4028 §9).
    fn check_policy(&self, request: &Request) -> Result<(), Refusal> {
        let policy = &self.context.config.policy;
        if policy.reliability == Reliability::Required
            && request.method == Method::Invite
            && !offers(&request.headers, "100rel")
        {
            return Err(Refusal::new(StatusCode::EXTENSION_REQUIRED)
                .with_header(HeaderName::Require, "100rel"));
        }
        if policy.timers == SessionTimers::Refuse {
            return Ok(());
        }
        let expires = request.headers.session_expires().map_err(malformed)?;
        request.headers.min_se().map_err(malformed)?;
        // Who does not know session timers would not understand the refusal: a proxy asks in its name.
        if expires.is_some_and(|expires| expires.interval < policy.min_se)
            && offers(&request.headers, "timer")
        {
            return Err(Refusal::new(StatusCode::SESSION_INTERVAL_TOO_SMALL)
                .with_header(HeaderName::MinSe, policy.min_se));
        }
        Ok(())
    }

    /// §8.2.3: the bodies of INVITE, PRACK and UPDATE are session descriptions.
    fn check_body(&self, request: &Request) -> Result<(), Refusal> {
        let described = matches!(
            request.method,
            Method::Invite | Method::Update | Method::Prack
        );
        if request.body.is_empty() || !described {
            return Ok(());
        }
        if let Some(encoding) = request.headers.get(&HeaderName::ContentEncoding)
            && !encoding.eq_ignore_ascii_case(b"identity")
        {
            return Err(Refusal::because(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported Content-Encoding",
            )
            .with_header(HeaderName::AcceptEncoding, "identity"));
        }
        let media = request.headers.content_type().map_err(malformed)?;
        let optional = request
            .headers
            .text(&HeaderName::ContentDisposition)
            .is_some_and(|disposition| {
                disposition
                    .to_ascii_lowercase()
                    .replace(' ', "")
                    .contains("handling=optional")
            });
        if optional || media.is_none_or(|media| media.is("application", "sdp")) {
            return Ok(());
        }
        Err(Refusal::because(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type is not application/sdp",
        )
        .with_header(HeaderName::Accept, "application/sdp"))
    }
}

/// §8.2.2.1.
fn check_target(request: &Request) -> Result<(), Refusal> {
    match request.uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
        Scheme::Other => Err(Refusal::because(
            StatusCode::UNSUPPORTED_URI_SCHEME,
            "Request URI is neither sip, sips nor tel",
        )),
    }
}

/// §20.22. An endpoint may answer a request that has no hops left; an INVITE would have to be passed on to another leg.
fn check_hops(request: &Request) -> Result<(), Refusal> {
    let hops = request.headers.max_forwards().map_err(malformed)?;
    if hops == Some(0) && request.method == Method::Invite {
        return Err(Refusal::because(
            StatusCode::TOO_MANY_HOPS,
            "No hops left in Max-Forwards",
        ));
    }
    Ok(())
}

/// §21.4.11.
fn check_size(request: &Request) -> Result<(), Refusal> {
    match request.body.len() <= MAX_BODY {
        true => Ok(()),
        false => Err(Refusal::because(
            StatusCode::REQUEST_ENTITY_TOO_LARGE,
            format!("Body longer than {MAX_BODY} octets"),
        )),
    }
}

/// §20.1: who takes no session description cannot be answered.
fn check_accept(request: &Request) -> Result<(), Refusal> {
    if !request.headers.contains(&HeaderName::Accept) {
        return Ok(());
    }
    let fits = |range: &[u8]| {
        let end = range.iter().position(|&b| b == b';');
        let range = range.get(..end.unwrap_or(range.len())).unwrap_or_default();
        [&b"application/sdp"[..], b"application/*", b"*/*"]
            .iter()
            .any(|known| range.trim_ascii().eq_ignore_ascii_case(known))
    };
    match request.headers.values(&HeaderName::Accept).any(fits) {
        true => Ok(()),
        false => Err(
            Refusal::because(StatusCode::NOT_ACCEPTABLE, "Accept lacks application/sdp")
                .with_header(
                    HeaderName::Warning,
                    "399 - \"The only answer is application/sdp\"",
                ),
        ),
    }
}

/// §10.2: who registers is named by a SIP address.
fn check_address_of_record(request: &Request) -> Result<(), Refusal> {
    let to = request.headers.to().map_err(malformed)?;
    match to.uri.scheme() {
        Scheme::Sip | Scheme::Sips => Ok(()),
        _ => Err(Refusal::because(
            StatusCode::BAD_REQUEST,
            "To of REGISTER is no SIP address",
        )),
    }
}

/// Whether the sender knows no branches with the magic cookie (§17.2.3), nor that an INVITE needs a Contact.
fn is_older_than_rfc_3261(request: &Request) -> bool {
    let via = request.headers.via();
    via.is_ok_and(|via| {
        !via.branch()
            .is_some_and(crate::transaction::key::has_cookie)
    })
}

/// §8.1.1.8: an INVITE names exactly one Contact.
fn check_contact(request: &Request) -> Result<(), Refusal> {
    match request.headers.contacts() {
        Ok(crate::Contacts::List(contacts)) if contacts.len() == 1 => Ok(()),
        Ok(crate::Contacts::List(contacts)) if contacts.is_empty() => {
            match is_older_than_rfc_3261(request) {
                true => Ok(()),
                false => Err(Refusal::because(StatusCode::BAD_REQUEST, "Missing Contact")),
            }
        }
        Ok(_) => Err(Refusal::because(
            StatusCode::BAD_REQUEST,
            "INVITE needs one Contact",
        )),
        Err(error) => Err(malformed(error)),
    }
}

/// The beginning of what somebody wrote, fit for a reason phrase.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

fn malformed(error: crate::HeaderError) -> Refusal {
    Refusal::because(StatusCode::BAD_REQUEST, error.to_string())
}
