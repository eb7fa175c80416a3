//! Sending to destinations: names are looked up, connections opened or reused, and the next server tried when one does
//! not answer (RFC 3263 §4.3).
//!
//! An [`Attempt`] goes from looking up to connecting to running, possibly several times. Looking up and connecting are
//! done by tasks of their own, which report by [`Input`](super::stream::Input); everything else happens in the agent.

use std::collections::VecDeque;
use std::time::Duration;

use ramal_sip::{
    CSeq, Flow, HeaderName, HeaderValue, Request, Response, SessionId, StatusCode, TransactionId,
    Transport,
};

use super::LARGEST_DATAGRAM;
use super::agent::Agent;
use super::attempt::{Attempt, AttemptId, Waiting};
use super::command::SipEvent;
use super::destination::{Answered, Destination, Outgoing, RequestError};
use super::hop::{ConnectionKey, Hop};
use super::resolve;
use super::stream::Input;
use crate::clock::Now;

/// How many challenges one request answers, as within sessions.
const MOST_CHALLENGES: u8 = 4;
/// Time for a server to say anything while there is another one to try: three copies of a request and their answers.
/// Without another one, it is that of the transaction (32 s).
const FIRST_RESPONSE: Duration = Duration::from_millis(2500);

impl Agent {
    /// Sends something to a destination.
    pub(super) fn send_to(&mut self, destination: Destination, mut outgoing: Outgoing) {
        if let Outgoing::Request(request) = &mut outgoing {
            complete(&mut request.request);
        }
        let mut attempt = Attempt {
            outgoing,
            hops: VecDeque::new(),
            hop: None,
            failure: RequestError::Unresolved,
            challenges: 0,
        };
        match destination {
            Destination::Flow(flow) => self.launch(attempt, flow),
            Destination::Target(target) => match resolve::literal(&target) {
                Some(mut hops) => {
                    let now = Now::read().instant;
                    self.attempts.dead.put_last(&mut hops, now);
                    attempt.hops = hops.into();
                    self.advance(attempt);
                }
                None => {
                    let id = self.attempts.next_id();
                    self.attempts.looking_up.insert(id, attempt);
                    let (resolver, input) = (self.resolver.clone(), self.connector.input.clone());
                    tokio::spawn(async move {
                        let hops = resolver.resolve(&target).await;
                        // The agent is gone when this fails.
                        let _ = input.send(Input::Resolved { id, hops }).await;
                    });
                }
            },
        }
    }

    /// The servers of an attempt are known.
    pub(super) fn resolved(&mut self, id: AttemptId, mut hops: Vec<Hop>) {
        let Some(mut attempt) = self.attempts.looking_up.remove(&id) else {
            return;
        };
        let now = Now::read().instant;
        self.attempts.dead.put_last(&mut hops, now);
        attempt.hops = hops.into();
        self.advance(attempt);
    }

    /// Tries the next server.
    fn advance(&mut self, mut attempt: Attempt) {
        if attempt.is_abandoned() {
            return;
        }
        let Some(hop) = attempt.hops.pop_front() else {
            attempt.give_up();
            return;
        };
        attempt.failure = RequestError::Unreachable;
        attempt.hop = Some(hop.clone());
        if let Outgoing::Invite { events, .. } = &attempt.outgoing {
            // Whoever does not listen is noticed when it is sent.
            let _ = events.try_send(SipEvent::Connecting);
        }
        if hop.transport == Transport::Udp {
            let flow = self.udp_flow(hop.address);
            if !hop.is_fixed && attempt.size(flow) > LARGEST_DATAGRAM {
                // §18.1.1: over TCP, and as a datagram only where nobody listens for TCP.
                let [tcp, udp] = hop.for_large();
                let refused = self.attempts.dead.contains(&tcp, Now::read().instant);
                attempt.hops.push_front(udp);
                if !refused {
                    attempt.hops.push_front(tcp);
                }
                self.advance(attempt);
                return;
            }
            self.launch(attempt, flow);
            return;
        }
        let key = hop.key();
        if let Some(&flow) = self.attempts.open.get(&key) {
            self.launch(attempt, flow);
            return;
        }
        let waiting = self.attempts.connecting.entry(key.clone()).or_default();
        waiting.push(attempt);
        if waiting.len() == 1 {
            self.connect(key);
        }
    }

    /// A connection that was asked for stands.
    pub(super) fn connected(&mut self, key: ConnectionKey, flow: Flow) {
        self.attempts.open.insert(key.clone(), flow);
        for attempt in self.attempts.connecting.remove(&key).unwrap_or_default() {
            if !attempt.is_abandoned() {
                self.launch(attempt, flow);
            }
        }
    }

    /// A connection that was asked for could not be made.
    pub(super) fn connect_failed(&mut self, key: &ConnectionKey, why: RequestError) {
        let now = Now::read().instant;
        // Even if nobody waits for it any more.
        self.attempts.dead.add(key.transport, key.remote, now);
        for mut attempt in self.attempts.connecting.remove(key).unwrap_or_default() {
            attempt.failure = why;
            self.advance(attempt);
        }
    }

    /// Sends it.
    fn launch(&mut self, attempt: Attempt, flow: Flow) {
        let now = Now::read().instant;
        match &attempt.outgoing {
            Outgoing::Invite { leg, events, make } => {
                let (leg, events) = (*leg, events.clone());
                let from = self.exchange.sip.address(flow);
                if events.try_send(SipEvent::Sending { from }).is_err() {
                    return;
                }
                let session = self.endpoint.invite(now, make.make(flow));
                self.enter(session, leg, events);
                if attempt.hop.is_some() {
                    self.wait(Waiting::Session(session));
                    self.attempts.sessions.insert(session, attempt);
                }
            }
            Outgoing::Request(outgoing) => {
                let mut request = outgoing.request.clone();
                if let Some(user) = &outgoing.contact_user {
                    let contact = self.endpoint.contact(&flow, user);
                    request.headers.set(HeaderName::Contact, contact);
                }
                let transaction = self.endpoint.request(now, flow, request);
                if !attempt.hops.is_empty() {
                    self.wait(Waiting::Transaction(transaction));
                }
                self.attempts
                    .transactions
                    .insert(transaction, (attempt, flow));
            }
        }
    }

    /// Has us look again whether there was a response.
    fn wait(&self, waiting: Waiting) {
        let input = self.connector.input.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FIRST_RESPONSE).await;
            // The agent is gone when this fails.
            let _ = input.send(Input::Waited(waiting)).await;
        });
    }

    /// The time for the first response is over.
    pub(super) fn waited(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Session(session) => {
                let Some(attempt) = self.attempts.sessions.get(&session) else {
                    return;
                };
                if !self.endpoint.is_unanswered(session) {
                    return;
                }
                if attempt.hops.is_empty() {
                    // It may take its time, but others are better tried before it.
                    if let Some(hop) = attempt.hop.clone() {
                        self.failed(&hop);
                    }
                } else if self.try_next(session, StatusCode::REQUEST_TIMEOUT, None) {
                    // Whoever answers late is told that it is over.
                    let now = Now::read().instant;
                    self.endpoint.hang_up(now, session, None);
                }
            }
            Waiting::Transaction(transaction) => self.unanswered(transaction, false),
        }
    }

    /// A server is not there.
    fn failed(&mut self, hop: &Hop) {
        let now = Now::read().instant;
        self.attempts.dead.add(hop.transport, hop.address, now);
    }

    /// A server has answered that it cannot serve us.
    fn overloaded(&mut self, hop: &Hop, response: &Response) {
        let seconds = response.headers.number(HeaderName::RetryAfter);
        if let Ok(Some(seconds)) = seconds {
            let (now, time) = (Now::read().instant, Duration::from_secs(seconds.into()));
            self.attempts.dead.overloaded(hop, now, time);
        }
    }

    /// A call was refused, or not answered: goes on with the next server if that may help. Returns whether it does.
    pub(super) fn try_next(
        &mut self,
        session: SessionId,
        status: StatusCode,
        response: Option<&Response>,
    ) -> bool {
        let Some(mut attempt) = self.attempts.sessions.remove(&session) else {
            return false;
        };
        if !may_help(status, response.is_some()) {
            if let Some(hop) = &attempt.hop {
                self.attempts.dead.remove(hop);
            }
            return false;
        }
        match (&attempt.hop, response) {
            (Some(hop), Some(response)) => self.overloaded(hop, response),
            (Some(hop), None) => self.failed(hop),
            (None, _) => {}
        }
        if attempt.hops.is_empty() || attempt.is_abandoned() {
            return false;
        }
        attempt.failure = failure(status);
        self.forget(session);
        self.advance(attempt);
        true
    }

    /// A response to a request outside of sessions.
    pub(super) fn responded(&mut self, transaction: TransactionId, response: Response) {
        // To a phone asked whether it is there, whatever it says, somebody is.
        if response.status.is_provisional()
            || self.probed(transaction, true)
            || self.message_answered(transaction, Some(response.status))
        {
            return;
        }
        let Some((mut attempt, flow)) = self.attempts.transactions.remove(&transaction) else {
            return;
        };
        if response.status.is_success() {
            // A server of ours, a carrier's perhaps: nobody else could know the branch.
            let now = Now::read().instant;
            self.authority.defence.trust(now, flow.remote.ip());
        }
        let Outgoing::Request(outgoing) = &mut attempt.outgoing else {
            return;
        };
        if let Some(hop) = &attempt.hop {
            self.attempts.dead.remove(hop);
        }
        let status = response.status;
        if matches!(status.code(), 401 | 407) && attempt.challenges < MOST_CHALLENGES {
            let cnonce = token();
            let answered = outgoing.credentials.as_ref().is_some_and(|credentials| {
                credentials.answer(&mut outgoing.request, &response, &cnonce)
            });
            if answered {
                attempt.challenges += 1;
                self.launch(attempt, flow);
                return;
            }
        }
        if may_help(status, true) {
            if let Some(hop) = &attempt.hop {
                self.overloaded(hop, &response);
            }
            if !attempt.hops.is_empty() {
                self.advance(attempt);
                return;
            }
        }
        if let Outgoing::Request(outgoing) = attempt.outgoing {
            // Whoever does not wait any more is not interested.
            let _ = outgoing.reply.send(Ok(Answered { response, flow }));
        }
    }

    /// A request outside of sessions was not answered.
    pub(super) fn unanswered(&mut self, transaction: TransactionId, flow_failed: bool) {
        if self.probed(transaction, false) || self.message_answered(transaction, None) {
            return;
        }
        let Some((mut attempt, _)) = self.attempts.transactions.remove(&transaction) else {
            return;
        };
        let failure = match flow_failed {
            true => RequestError::Unreachable,
            false => RequestError::Timeout,
        };
        attempt.failure = failure;
        if let Some(hop) = &attempt.hop {
            self.failed(hop);
        }
        if attempt.hops.is_empty() {
            attempt.give_up();
        } else {
            self.advance(attempt);
        }
    }
}

/// Whether another server may do better (RFC 3263 §4.3): overload, silence, or a failed connection.
fn may_help(status: StatusCode, answered: bool) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE || !answered
}

fn failure(status: StatusCode) -> RequestError {
    match status {
        StatusCode::REQUEST_TIMEOUT => RequestError::Timeout,
        _ => RequestError::Unreachable,
    }
}

/// Adds what identifies a request, so that it stays the same when it is sent again with credentials or elsewhere.
fn complete(request: &mut Request) {
    let method = request.method.clone();
    let headers = &mut request.headers;
    if !headers.contains(&HeaderName::CallId) {
        headers.push(HeaderName::CallId, HeaderValue::sanitized(token()));
    }
    if !headers.contains(&HeaderName::CSeq) {
        headers.push(
            HeaderName::CSeq,
            CSeq::new(u32::from(rand::random::<u16>()) + 1, method),
        );
    }
    if let Ok(from) = headers.from()
        && from.tag().is_none()
    {
        headers.set(HeaderName::From, from.with_tag(&token()));
    }
}

fn token() -> String {
    format!("{:016x}", rand::random::<u64>())
}
