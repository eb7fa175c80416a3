//! What is on its way to a destination: which servers are left, and what it waits for.

use std::collections::{HashMap, VecDeque};

use ramal_sip::{Flow, Headers, SessionId, StatusCode, TransactionId};

use super::command::{LegKey, SipEvent};
use super::dead::DeadServers;
use super::destination::{Outgoing, RequestError};
use super::hop::{ConnectionKey, Hop};

/// About what Via, Contact, User-Agent and credentials add to a request.
const ADDED: usize = 350;

/// Names an attempt towards the task that looks up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AttemptId(u64);

/// What is waiting for its first response.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waiting {
    Session(SessionId),
    Transaction(TransactionId),
}

/// Something on its way to a destination.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) outgoing: Outgoing,
    /// Servers left to try, best first.
    pub(super) hops: VecDeque<Hop>,
    /// The one tried now; none for a flow given by the user.
    pub(super) hop: Option<Hop>,
    /// Why the latest one failed.
    pub(super) failure: RequestError,
    pub(super) challenges: u8,
}

/// Everything on its way.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    last_id: u64,
    pub(super) looking_up: HashMap<AttemptId, Attempt>,
    pub(super) connecting: HashMap<ConnectionKey, Vec<Attempt>>,
    /// Calls that are not decided yet.
    pub(super) sessions: HashMap<SessionId, Attempt>,
    pub(super) transactions: HashMap<TransactionId, (Attempt, Flow)>,
    /// Connections that further requests may use.
    pub(super) open: HashMap<ConnectionKey, Flow>,
    pub(super) dead: DeadServers,
}

impl Attempts {
    /// Forgets the call of a leg that has not been sent yet. Returns whether there was one.
    pub(super) fn cancel(&mut self, leg: LegKey) -> bool {
        let before = self.waiting();
        self.looking_up.retain(|_, attempt| !attempt.is_for(leg));
        for waiting in self.connecting.values_mut() {
            waiting.retain(|attempt| !attempt.is_for(leg));
        }
        self.waiting() < before
    }

    fn waiting(&self) -> usize {
        self.looking_up.len() + self.connecting.values().map(Vec::len).sum::<usize>()
    }

    /// A number for one more looking-up.
    pub(super) fn next_id(&mut self) -> AttemptId {
        self.last_id += 1;
        AttemptId(self.last_id)
    }

    /// A session needs no other server any more.
    pub(super) fn settled(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// The server of a session has shown that it is there.
    pub(super) fn alive(&mut self, session: SessionId) {
        if let Some(hop) = self.sessions.get(&session).and_then(|one| one.hop.as_ref()) {
            self.dead.remove(hop);
        }
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, flow: Flow) {
        self.open.retain(|_, open| *open != flow);
    }
}

impl Attempt {
    fn is_for(&self, wanted: LegKey) -> bool {
        matches!(self.outgoing, Outgoing::Invite { leg, .. } if leg == wanted)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        match &self.outgoing {
            Outgoing::Invite { events, .. } => events.is_closed(),
            Outgoing::Request(request) => request.reply.is_closed(),
        }
    }

    /// About how many bytes it has.
    pub(super) fn size(&self, flow: Flow) -> usize {
        let request = match &self.outgoing {
            Outgoing::Invite { make, .. } => {
                let invite = make.make(flow);
                let headers = invite.headers.iter();
                let headers: usize = headers
                    .map(|(name, value)| name.as_str().len() + value.as_bytes().len() + 4)
                    .sum();
                invite.offer.map_or(0, |offer| offer.len())
                    + invite.target.as_bytes().len()
                    + headers
                    // From, To, Call-ID, Allow, Supported.
                    + 400
            }
            Outgoing::Request(request) => request.request.encode().len(),
        };
        request + ADDED
    }

    /// Tells whoever waits that nothing came of it.
    pub(super) fn give_up(self) {
        match self.outgoing {
            Outgoing::Invite { events, .. } => {
                let status = match self.failure {
                    RequestError::Timeout => StatusCode::REQUEST_TIMEOUT,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                // Whoever does not listen has given up first.
                let _ = events.try_send(SipEvent::Rejected {
                    status,
                    headers: Headers::new(),
                });
            }
            Outgoing::Request(request) => {
                let _ = request.reply.send(Err(self.failure));
            }
        }
    }
}
