//! Between the engine's INVITE sessions and the legs of calls: who calls, and what happens to his call.

use std::time::Instant;

use bytes::Bytes;
use ramal_model::MediaEncryption;
use ramal_sip::{
    Endpoint, Event, Flow, HeaderName, HeaderValue, Method, Reason, ReasonProtocol, Request,
    SessionId, StatusCode, TransactionId,
};

use super::agent::{Agent, LegEntry};
use super::authorisation::Verdict;
use super::command::SipEvent;
use crate::call::{Caller, IncomingCall};
use crate::leg::sip::{EVENT_QUEUE, MediaSettings};
use crate::leg::{Cause, Release};
use crate::queue::queue;
use crate::trunk;

/// Body of an INFO that tells a key.
const DTMF_RELAY: &str = "application/dtmf-relay";
/// Seconds after which a phone may try again when the gateway is full.
const RETRY_AFTER: u32 = 5;

impl Agent {
    /// Takes an event of the engine.
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Request {
                transaction,
                flow,
                request,
                ..
            } => self.request(transaction, flow, &request),
            Event::Incoming {
                session,
                flow,
                request,
            } => self.incoming(session, flow, &request),
            Event::Refer { session, refer } => self.referred(session, *refer),
            Event::Subscribe {
                transaction,
                flow,
                package,
                request,
            } => self.subscribe(transaction, flow, &package, &request),
            Event::NotifyDue { subscription } => self.notify(subscription),
            Event::SubscriptionEnded { subscription } => self.unwatched(subscription),
            Event::Trying { session } => {
                self.attempts.alive(session);
                self.tell(session, SipEvent::Trying);
            }
            Event::Progress {
                session,
                status,
                sdp,
                ..
            } => {
                self.attempts.alive(session);
                self.tell(session, SipEvent::Progress { status, sdp });
            }
            Event::Answered { session, sdp, .. } => {
                self.attempts.alive(session);
                self.attempts.settled(session);
                self.tell(session, SipEvent::Answered { sdp });
            }
            Event::Response {
                transaction,
                response,
            } => self.responded(transaction, response),
            Event::Timeout {
                transaction,
                flow_failed,
            } => self.unanswered(transaction, flow_failed),
            Event::Rejected {
                session,
                status,
                response,
            } => {
                if self.try_next(session, status, response.as_ref()) {
                    return;
                }
                let headers = response
                    .map(|response| response.headers)
                    .unwrap_or_default();
                self.tell_last(session, SipEvent::Rejected { status, headers });
            }
            Event::Confirmed { session, sdp } => self.tell(session, SipEvent::Confirmed { sdp }),
            Event::Offer { session, sdp } => self.tell(session, SipEvent::Offer { sdp }),
            Event::OfferWithdrawn { session } => self.tell(session, SipEvent::OfferWithdrawn),
            Event::OfferAnswered { session, sdp } => {
                self.tell(session, SipEvent::OfferAnswered { sdp })
            }
            Event::OfferRefused { session, .. } => self.tell(session, SipEvent::OfferRefused),
            Event::Info {
                session,
                content_type,
                body,
            } => {
                if let Some(digit) = digit(&content_type, &body) {
                    self.tell(session, SipEvent::Digit(digit));
                }
            }
            Event::Ended {
                session,
                cause,
                headers,
            } => self.tell_last(session, SipEvent::Ended { cause, headers }),
            _ => {}
        }
    }

    pub(super) fn tell(&mut self, session: SessionId, event: SipEvent) {
        let Some(LegEntry { events, .. }) = self.legs.get(&session) else {
            return;
        };
        if events.try_send(event).is_err() {
            // The call is gone, or so far behind that what it would do is no longer what the phone wants.
            self.counters.overruns += 1;
            self.forget(session);
            let now = self.now().instant;
            hang_up(
                &mut self.endpoint,
                now,
                session,
                Release::Cause(Cause::TEMPORARY_FAILURE),
            );
        }
    }

    fn tell_last(&mut self, session: SessionId, event: SipEvent) {
        if let Some(LegEntry { events, .. }) = self.forget(session) {
            // A call that has hung up does not listen any more; one that is behind sees the queue closed.
            let _ = events.try_send(event);
        }
    }

    pub(super) fn forget(&mut self, session: SessionId) -> Option<LegEntry> {
        self.attempts.settled(session);
        let entry = self.legs.remove(&session)?;
        self.sessions.remove(&entry.key);
        Some(entry)
    }

    /// A request outside of INVITE sessions.
    fn request(&mut self, transaction: TransactionId, flow: Flow, request: &Request) {
        let now = self.now();
        let response = match request.method {
            Method::Register => return self.register(transaction, flow, request),
            Method::Options => return self.options(transaction, flow, request),
            Method::Message => return self.text_message(transaction, flow, request),
            _ => request.response(StatusCode::METHOD_NOT_ALLOWED),
        };
        self.endpoint.respond(now.instant, transaction, response);
    }

    /// Somebody calls.
    fn incoming(&mut self, session: SessionId, flow: Flow, request: &Request) {
        if self.incoming_from_ourselves(session, flow, request) {
            return;
        }
        if self.incoming_from_trunk(session, flow, request) {
            return;
        }
        let now = self.now();
        let Ok(from) = request.headers.from() else {
            self.endpoint
                .reject(now.instant, session, StatusCode::BAD_REQUEST, Vec::new());
            return;
        };
        let configuration = self.configuration();
        let verdict = self
            .authority
            .decide(now, flow, &configuration, request, &from);
        let caller = match verdict {
            Verdict::Accepted(caller) => caller,
            refused => {
                // Not even 100 Trying before it: strangers learn of nothing.
                let (status, headers) = refusal(refused);
                self.endpoint.reject(now.instant, session, status, headers);
                return;
            }
        };
        self.endpoint.trying(now.instant, session);
        if !self
            .authority
            .defence
            .may_call(now.instant, flow.remote.ip())
        {
            let retry = (HeaderName::RetryAfter, HeaderValue::from(RETRY_AFTER));
            self.endpoint.reject(
                now.instant,
                session,
                StatusCode::SERVICE_UNAVAILABLE,
                vec![retry],
            );
            return;
        }
        // The call is passed on (RFC 3261 §16.3 step 3), and one that goes round in circles has to end.
        let hops = request.headers.max_forwards().ok().flatten().unwrap_or(70);
        let Some(hops_left) = hops.checked_sub(1) else {
            self.endpoint
                .reject(now.instant, session, StatusCode::TOO_MANY_HOPS, Vec::new());
            return;
        };
        let Some(dialled) = request.uri.user().filter(|user| !user.is_empty()) else {
            reject(
                &mut self.endpoint,
                now.instant,
                session,
                Release::Cause(Cause::INVALID_NUMBER_FORMAT),
            );
            return;
        };
        let (replaces, join) = match (request.headers.replaces(), request.headers.join()) {
            // Nobody can do both (RFC 3911 §4).
            (Ok(replaces), Ok(join)) if replaces.is_none() || join.is_none() => (replaces, join),
            _ => {
                let status = StatusCode::BAD_REQUEST;
                self.endpoint
                    .reject(now.instant, session, status, Vec::new());
                return;
            }
        };
        let offer = Some(request.body.clone()).filter(|body| !body.is_empty());
        let (events, receiver) = queue(EVENT_QUEUE);
        let key = self.exchange.sip.key();
        let user_agent = request.headers.user_agent();
        let media = MediaSettings::of_phone(caller.media_encryption, flow);
        let mut leg =
            self.exchange
                .sip
                .incoming(key, flow, user_agent.as_deref(), receiver, offer, media);
        if takes_early_offer(request) {
            leg.offer_early();
        }
        if trunk::is_private(request) || trunk::is_anonymous(&from) {
            leg.withhold_identity();
        }
        self.enter(session, key, events);
        if let Some(replaces) = replaces {
            self.replace(session, Box::new(leg), caller, &replaces);
            return;
        }
        if let Some(join) = join {
            self.join(session, Box::new(leg), caller, &join);
            return;
        }
        self.start_call(
            session,
            IncomingCall {
                leg: Box::new(leg),
                caller: Caller::Extension(Box::new(caller)),
                dialled: dialled.into_owned(),
                hops_left,
                configuration,
            },
        );
    }

    /// Takes a call that the gateway makes to itself; false when it is another one.
    fn incoming_from_ourselves(
        &mut self,
        session: SessionId,
        flow: Flow,
        request: &Request,
    ) -> bool {
        let checks = &self.exchange.self_checks;
        let dialled = request.uri.user().unwrap_or_default();
        if !checks.is_expected(flow.remote, &dialled) {
            return false;
        }
        let now = self.now();
        self.endpoint.trying(now.instant, session);
        let (events, receiver) = queue(EVENT_QUEUE);
        let key = self.exchange.sip.key();
        let offer = Some(request.body.clone()).filter(|body| !body.is_empty());
        let media = MediaSettings::of_phone(MediaEncryption::default(), flow);
        let leg = self
            .exchange
            .sip
            .incoming(key, flow, None, receiver, offer, media);
        self.enter(session, key, events);
        if let Err(leg) = self.exchange.answer_self(Box::new(leg)) {
            self.forget(session);
            drop(leg);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.endpoint
                .reject(now.instant, session, status, Vec::new());
        }
        true
    }

    /// Starts a call, or refuses it when the gateway is full.
    pub(super) fn start_call(&mut self, session: SessionId, call: IncomingCall) {
        let now = self.now();
        if let Err(refused) = self.exchange.start(call) {
            self.counters.refused_full += 1;
            self.forget(session);
            drop(refused);
            let retry = (HeaderName::RetryAfter, HeaderValue::from(RETRY_AFTER));
            self.endpoint.reject(
                now.instant,
                session,
                StatusCode::SERVICE_UNAVAILABLE,
                vec![retry],
            );
        }
    }
}

/// Whether an INVITE without an offer takes ours in a reliable provisional response (RFC 3262 §5).
pub(super) fn takes_early_offer(invite: &Request) -> bool {
    let takes = |field| invite.headers.has_token(&field, "100rel");
    invite.body.is_empty() && (takes(HeaderName::Supported) || takes(HeaderName::Require))
}

/// The answer to a request that is not accepted.
pub(super) fn refusal(verdict: Verdict) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    match verdict {
        Verdict::Challenged(challenges) => (
            StatusCode::UNAUTHORIZED,
            challenges
                .into_iter()
                .map(|challenge| (HeaderName::WwwAuthenticate, challenge))
                .collect(),
        ),
        Verdict::Malformed => {
            let warning = HeaderValue::from("399 - \"Malformed credentials\"");
            (
                StatusCode::BAD_REQUEST,
                vec![(HeaderName::Warning, warning)],
            )
        }
        // To whoever guesses, an answer that tells nothing and cannot be answered.
        Verdict::Accepted(_) | Verdict::Forbidden | Verdict::Banned => {
            (StatusCode::FORBIDDEN, Vec::new())
        }
    }
}

/// Refuses a call.
pub(super) fn reject(endpoint: &mut Endpoint, now: Instant, session: SessionId, release: Release) {
    let cause = release.cause();
    let status = match release {
        Release::Declined => StatusCode::DECLINE,
        _ => StatusCode::new(cause.sip_status()).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR),
    };
    let headers = vec![(HeaderName::Reason, HeaderValue::from(&q850(cause)))];
    endpoint.reject(now, session, status, headers);
}

/// Ends a call that was made or answered.
pub(super) fn hang_up(endpoint: &mut Endpoint, now: Instant, session: SessionId, release: Release) {
    let reason = match release {
        Release::Cause(_) | Release::Declined => q850(release.cause()),
        Release::AnsweredElsewhere => Reason {
            protocol: ReasonProtocol::Sip,
            cause: 200,
            text: Some("Call completed elsewhere".to_owned()),
        },
    };
    endpoint.hang_up(now, session, Some(reason));
}

fn q850(cause: Cause) -> Reason {
    Reason {
        protocol: ReasonProtocol::Q850,
        cause: cause.0.into(),
        text: Some(cause.name().to_owned()),
    }
}

/// Tells a key by INFO.
pub(super) fn send_digit(endpoint: &mut Endpoint, now: Instant, session: SessionId, digit: char) {
    let body = format!("Signal={digit}\r\nDuration=160\r\n");
    endpoint.info(
        now,
        session,
        HeaderValue::sanitized(DTMF_RELAY),
        Bytes::from(body),
    );
}

/// The key that an INFO tells: `Signal=5` of `application/dtmf-relay`, or the bare key of `application/dtmf`.
fn digit(content_type: &str, body: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(body).ok()?;
    let value = if content_type == DTMF_RELAY {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then_some(value)
        })?
    } else {
        text
    };
    let mut characters = value.trim().chars();
    let digit = characters.next()?.to_ascii_uppercase();
    (characters.next().is_none() && matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D'))
        .then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_both_kinds_of_info() {
        assert_eq!(
            digit(DTMF_RELAY, b"Signal=5\r\nDuration=160\r\n"),
            Some('5')
        );
        assert_eq!(digit(DTMF_RELAY, b"Signal= #\nDuration= 250"), Some('#'));
        assert_eq!(digit("application/dtmf", b"*\r\n"), Some('*'));
        assert_eq!(digit("application/dtmf", b"12"), None);
        assert_eq!(digit(DTMF_RELAY, b"Duration=160\r\n"), None);
        assert_eq!(digit(DTMF_RELAY, b"Signal=\xff"), None);
    }
}
