//! The endpoint: everything of RFC 3261 above messages and below call control.

mod config;
pub(crate) mod context;
mod event;
mod refer;
mod refuse;
mod requests;
mod responses;
mod subscriptions;
mod validate;

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;

pub use config::{Advertised, EndpointConfig, Limits};
use context::Context;
pub use event::{EndCause, Event};
pub use refer::DialogName;

use crate::counters::Counters;
use crate::flow::{Flow, Transmit};
use crate::session::{Invite, Reason, Session, SessionId, SessionPolicy};
use crate::subscription::Subscriptions;
use crate::transaction::TransactionId;
use crate::transaction::layer::{Indication, News, Owner, TimerKey};
use crate::{CSeq, HeaderName, HeaderValue, Message, Method, Request, Response, StatusCode};

/// A user agent without sockets and clocks: bytes and times go in, [`Transmit`]s and [`Event`]s come out.
///
/// After each call that takes `now`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event), and call [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout). Calls that name a session or transaction which is over, or which is not in a
/// state for them, do nothing: an answer may always cross the other side's hanging up.
#[derive(Debug)]
pub struct Endpoint {
    context: Context,
    // In boxes, so that a growing table moves little.
    sessions: HashMap<SessionId, Box<Session>>,
    last_session: u64,
    subscriptions: Subscriptions,
    /// Whether refusals are counted and not sent.
    quiet: bool,
}

impl Endpoint {
    /// An endpoint; `seed` makes its tags, branches and Call-IDs unguessable and must be random outside of tests.
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        Self {
            context: Context::new(config, seed),
            sessions: HashMap::new(),
            last_session: 0,
            quiet: false,
            subscriptions: Subscriptions::default(),
        }
    }

    /// Takes one datagram, or one message that was cut from a stream.
    pub fn handle_message(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.handle_request(now, flow, request),
            Ok(Message::Response(response)) => self.handle_response(now, response),
            Err(error) => self.handle_malformed(flow, &error),
        }
        self.settle(now);
    }

    /// Takes a message like [`handle_message`](Self::handle_message), but does not answer it when it cannot be read or is
    /// to be refused for its form: its source has sent too many such.
    pub fn handle_message_quietly(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        self.quiet = true;
        self.handle_message(now, flow, bytes);
        self.quiet = false;
    }

    /// Notes that a flow carries nothing any more: its connection closed, or a datagram came back as unreachable.
    ///
    /// Requests that wait for an answer on it fail, and so do calls that ring for a caller whose connection it was. A
    /// session that stands needs no flow until it sends; the peer may come back by another one.
    pub fn handle_flow_failed(&mut self, now: Instant, flow: Flow) {
        self.context.layer.flow_failed(now, flow);
        if flow.is_reliable() {
            // Closing connections is rare enough to look at all sessions.
            let mut sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
            sessions.sort_unstable();
            for id in sessions {
                self.with_session(id, |session, context| {
                    session.caller_gone(context, now, flow)
                });
            }
        }
        self.settle(now);
    }

    /// Runs all timers that are due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(key) = self.context.layer.timers.pop(now) {
            match key {
                TimerKey::Transaction(id, timer) => self.context.layer.expire(now, id, timer),
                TimerKey::Session(id, timer) => {
                    self.with_session(id, |session, context| session.expire(context, now, timer));
                }
                TimerKey::Subscription(id) => self.subscription_expired(now, id),
            }
            self.settle(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.context.layer.timers.next()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.context.layer.transmits.pop_front()
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.context.events.pop_front()
    }

    /// Answers an [`Event::Request`]. A To tag is added where it is missing.
    pub fn respond(&mut self, now: Instant, transaction: TransactionId, mut response: Response) {
        if response.status != StatusCode::TRYING {
            let tag = self.context.token();
            response = response.with_to_tag(&tag);
        }
        self.context.respond(now, transaction, response);
        self.settle(now);
    }

    /// Answers an [`Event::Request`] and forgets it (RFC 3261 §8.2.7): a copy of the request comes as a new one, and who
    /// answers it must give the same answer. The To tag is the same for all copies.
    pub fn respond_statelessly(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        response: Response,
    ) {
        let tag = self.stateless_tag(&response.headers);
        let mut response = response.with_to_tag(&tag);
        self.context.name_server(&mut response);
        let status = response.status.code();
        self.context
            .layer
            .respond_and_forget(transaction, status, response.encode());
        self.settle(now);
    }

    /// Leaves an [`Event::Request`] unanswered and forgets it.
    pub fn ignore(&mut self, now: Instant, transaction: TransactionId) {
        self.context.layer.forget(transaction);
        self.settle(now);
    }

    /// Sends a request outside of INVITE sessions; the news come as [`Event::Response`] and [`Event::Timeout`].
    ///
    /// Via is added, and where missing Max-Forwards, From tag, Call-ID, CSeq and User-Agent.
    pub fn request(&mut self, now: Instant, flow: Flow, mut request: Request) -> TransactionId {
        let headers = &mut request.headers;
        if !headers.contains(&HeaderName::MaxForwards) {
            headers.push(HeaderName::MaxForwards, 70);
        }
        if !headers.contains(&HeaderName::CallId) {
            headers.push(
                HeaderName::CallId,
                HeaderValue::sanitized(self.context.token()),
            );
        }
        if !headers.contains(&HeaderName::CSeq) {
            let sequence = self.context.first_sequence();
            headers.push(
                HeaderName::CSeq,
                CSeq::new(sequence, request.method.clone()),
            );
        }
        if let Ok(from) = headers.from()
            && from.tag().is_none()
        {
            headers.set(HeaderName::From, from.with_tag(&self.context.token()));
        }
        let id = self.context.send_request(now, flow, Owner::User, request);
        self.settle(now);
        id
    }

    /// The Contact by which the peer of a flow reaches `user` here, for requests outside of sessions.
    pub fn contact(&self, flow: &Flow, user: &str) -> HeaderValue {
        self.context.contact(flow, user)
    }

    /// Sends a request within the dialog of an answered session that the endpoint has no method of its own for (REFER,
    /// MESSAGE …); the news come as [`Event::Response`] and [`Event::Timeout`]. `None` when the session is not answered
    /// or over.
    pub fn request_within(
        &mut self,
        now: Instant,
        session: SessionId,
        method: Method,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Option<(HeaderValue, Bytes)>,
    ) -> Option<TransactionId> {
        let mut transaction = None;
        self.act(now, session, |session, context| {
            transaction = session.users_request(context, now, method, headers, body);
        });
        transaction
    }

    /// Whether our INVITE still waits for any response, 100 included.
    pub fn is_unanswered(&self, session: SessionId) -> bool {
        self.sessions
            .get(&session)
            .is_some_and(|session| session.is_unanswered())
    }

    /// Calls somebody.
    pub fn invite(&mut self, now: Instant, invite: Invite) -> SessionId {
        let id = self.new_session();
        if self.is_full() {
            self.context.events.push_back(Event::Rejected {
                session: id,
                status: StatusCode::SERVICE_UNAVAILABLE,
                response: None,
            });
            return id;
        }
        let session = Session::invite(&mut self.context, now, id, invite);
        self.sessions.insert(id, Box::new(session));
        self.settle(now);
        id
    }

    /// Makes an exception of an incoming session, before anything else is done with it.
    pub fn set_policy(&mut self, session: SessionId, policy: SessionPolicy) {
        self.with_session(session, |session, _| session.set_policy(policy));
    }

    /// Sends a provisional response (101-199) to an incoming INVITE; reliably, as the [`SessionPolicy`] says. `sdp` is
    /// the answer, or the offer when the INVITE had none (which only a reliable response can carry: it is left out of
    /// others, RFC 3261 §13.2.1). While one reliable response waits for its PRACK, the next waits behind it.
    pub fn progress(
        &mut self,
        now: Instant,
        session: SessionId,
        status: StatusCode,
        sdp: Option<Bytes>,
    ) {
        self.act(now, session, |session, context| {
            session.progress(context, now, status, sdp)
        });
    }

    /// Answers an incoming INVITE with 200; `sdp` is the answer, or the offer when the INVITE had none. What was said
    /// in a reliable provisional response already is not said again, and the 200 waits for the PRACK of it.
    pub fn accept(&mut self, now: Instant, session: SessionId, sdp: Bytes) {
        self.act(now, session, |session, context| {
            session.accept(context, now, sdp)
        });
    }

    /// Answers an incoming INVITE with 100 Trying, where [`EndpointConfig::hold_trying`] leaves that to the user.
    pub fn trying(&mut self, now: Instant, session: SessionId) {
        self.act(now, session, |session, context| {
            session.trying(context, now)
        });
    }

    /// Refuses an incoming INVITE with a status of 300-699 and further header fields (challenges, Retry-After …).
    pub fn reject(
        &mut self,
        now: Instant,
        session: SessionId,
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) {
        let status = if status.code() < 300 {
            StatusCode::SERVER_INTERNAL_ERROR
        } else {
            status
        };
        self.act(now, session, |session, context| {
            session.reject(context, now, status, headers)
        });
    }

    /// Ends a session in any state: by CANCEL, by BYE, or by refusing the INVITE (with the status of a SIP `reason`,
    /// else 480). [`Event::Ended`] follows at once; what the network still needs is done without the user.
    pub fn hang_up(&mut self, now: Instant, session: SessionId, reason: Option<Reason>) {
        self.act(now, session, |session, context| {
            session.hang_up(context, now, reason)
        });
    }

    /// Offers a new session description: hold, resume, another codec. By re-INVITE; before the call is answered by
    /// UPDATE, if reliable provisional responses have completed the first exchange and the peer takes it. Waits by
    /// itself while another exchange is under way, and after glare; a later offer replaces one that waits.
    pub fn offer(&mut self, now: Instant, session: SessionId, sdp: Bytes) {
        self.act(now, session, |session, context| {
            session.offer(context, now, sdp)
        });
    }

    /// Answers an [`Event::Offer`], or the offer in an [`Event::Answered`].
    pub fn answer_offer(&mut self, now: Instant, session: SessionId, sdp: Bytes) {
        self.act(now, session, |session, context| {
            session.answer_offer(context, now, sdp)
        });
    }

    /// Refuses an [`Event::Offer`]; the session goes on as it was. (An offer in [`Event::Answered`] cannot be refused:
    /// the session ends.)
    pub fn refuse_offer(&mut self, now: Instant, session: SessionId, status: StatusCode) {
        self.act(now, session, |session, context| {
            session.refuse_offer(context, now, status)
        });
    }

    /// Sends an INFO with a body (digits as `application/dtmf-relay`).
    pub fn info(
        &mut self,
        now: Instant,
        session: SessionId,
        content_type: HeaderValue,
        body: Bytes,
    ) {
        self.act(now, session, |session, context| {
            session.info(context, now, content_type, body)
        });
    }

    /// Messages that could not be read, and requests the endpoint refused by itself, since it was made.
    pub fn faults(&self) -> u64 {
        let counters = &self.context.layer.counters;
        let refused: u64 = counters.refused.iter().map(|(_, count)| count).sum();
        counters.malformed + refused
    }

    /// Counters since the endpoint was made, and how much is live now.
    pub fn counters(&self) -> Counters {
        Counters {
            transactions: self.context.layer.len(),
            sessions: self.sessions.len(),
            dialogs: self.context.dialogs.len(),
            subscriptions: self.subscriptions.len(),
            timers: self.context.layer.timers.len(),
            ..self.context.layer.counters.clone()
        }
    }

    fn act(
        &mut self,
        now: Instant,
        id: SessionId,
        action: impl FnOnce(&mut Session, &mut Context),
    ) {
        self.with_session(id, action);
        self.settle(now);
    }

    /// Runs `action` on a session, if it lives, and forgets it when that was its last.
    fn with_session(&mut self, id: SessionId, action: impl FnOnce(&mut Session, &mut Context)) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        action(session, &mut self.context);
        if session.is_over(&self.context.layer) {
            session.release(&mut self.context);
            self.sessions.remove(&id);
        }
    }

    /// Hands news from transactions to their owners until there are no more.
    fn settle(&mut self, now: Instant) {
        while let Some(Indication {
            transaction,
            owner,
            news,
        }) = self.context.layer.indications.pop_front()
        {
            match owner {
                Owner::Session(id) if self.sessions.contains_key(&id) => {
                    self.with_session(id, |session, context| {
                        session.indication(context, now, transaction, news)
                    });
                }
                Owner::Session(_) | Owner::Nobody => {
                    self.context.afterwards(now, transaction, news);
                }
                Owner::Subscription(id) => self.subscription_indication(id, transaction, news),
                Owner::User => self.context.events.extend(match news {
                    News::Response(response) => Some(Event::Response {
                        transaction,
                        response,
                    }),
                    News::Timeout => Some(Event::Timeout {
                        transaction,
                        flow_failed: false,
                    }),
                    News::FlowFailed => Some(Event::Timeout {
                        transaction,
                        flow_failed: true,
                    }),
                    News::Terminated => None,
                }),
            }
        }
    }

    fn new_session(&mut self) -> SessionId {
        self.last_session += 1;
        SessionId(self.last_session)
    }

    fn is_full(&self) -> bool {
        let limits = &self.context.config.limits;
        self.sessions.len() >= limits.sessions || self.context.layer.len() >= limits.transactions
    }
}
