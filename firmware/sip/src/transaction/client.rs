//! Client transactions: sending requests, matching responses (RFC 3261 §17.1.3).

use std::time::Instant;

use bytes::Bytes;

use super::invite_client::{self, InviteClient};
use super::key::ClientKey;
use super::layer::{News, Owner, RunningTimers, TransactionLayer};
use super::non_invite_client::NonInviteClient;
use super::{Action, ResponseClass, Timer, TimerValues, TransactionId, acknowledge};
use crate::flow::Flow;
use crate::{HeaderValue, Method, Response};

/// One client transaction.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) machine: ClientMachine,
    pub(super) timers: RunningTimers,
    flow: Flow,
    key: ClientKey,
    owner: Owner,
    /// The request; once a non-2xx has come to an INVITE, its ACK.
    message: Bytes,
    /// Whether `message` has left once already.
    sent: bool,
}

/// The machine of a client transaction.
#[derive(Debug)]
pub(super) enum ClientMachine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

impl ClientMachine {
    pub(super) fn timer(&mut self, timer: Timer, values: &TimerValues, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.timer(timer, actions),
            Self::NonInvite(machine) => machine.timer(timer, values, actions),
        }
    }

    /// Whether it has had its final response.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::Invite(machine) => matches!(
                machine.state(),
                invite_client::State::Completed
                    | invite_client::State::Accepted
                    | invite_client::State::Terminated
            ),
            Self::NonInvite(machine) => machine.is_settled(),
        }
    }

    fn response(&mut self, class: ResponseClass, values: &TimerValues, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.response(class, values, actions),
            Self::NonInvite(machine) => machine.response(class, values, actions),
        }
    }

    fn flow_failed(&mut self, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.flow_failed(actions),
            Self::NonInvite(machine) => machine.flow_failed(actions),
        }
    }
}

impl TransactionLayer {
    /// Starts a client transaction: sends `message`, whose top Via carries the branch of `key`.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        flow: Flow,
        key: ClientKey,
        owner: Owner,
        message: Bytes,
    ) -> TransactionId {
        let id = self.new_id();
        let mut actions = std::mem::take(&mut self.actions);
        let machine = if key.is_invite() {
            ClientMachine::Invite(InviteClient::start(
                flow.is_reliable(),
                &self.values,
                &mut actions,
            ))
        } else {
            ClientMachine::NonInvite(NonInviteClient::start(
                flow.is_reliable(),
                &self.values,
                &mut actions,
            ))
        };
        self.by_branch.insert(key, id);
        *self.flows.entry(flow).or_default() += 1;
        self.clients.insert(
            id,
            Client {
                machine,
                timers: RunningTimers::default(),
                flow,
                key,
                owner,
                message,
                sent: false,
            },
        );
        self.run_client(now, id, &mut actions, None);
        self.actions = actions;
        id
    }

    /// A response with this key has come. Returns whether it belonged to a transaction.
    pub(crate) fn response(&mut self, now: Instant, key: ClientKey, response: Response) -> bool {
        let Some(id) = self.by_branch.get(&key).copied() else {
            return false;
        };
        let Some(client) = self.clients.get_mut(&id) else {
            return false;
        };
        let mut actions = std::mem::take(&mut self.actions);
        client.machine.response(
            ResponseClass::of(response.status.code()),
            &self.values,
            &mut actions,
        );
        if actions.is_empty() || actions == [Action::Send] {
            self.counters.retransmissions_received += 1;
        }
        self.run_client(now, id, &mut actions, Some(response));
        self.actions = actions;
        true
    }

    /// The flow cannot carry messages any more: every request that waits on it fails.
    pub(crate) fn flow_failed(&mut self, now: Instant, flow: Flow) {
        if !self.flows.contains_key(&flow) {
            return;
        }
        let mut waiting: Vec<TransactionId> = self
            .clients
            .iter()
            .filter(|(_, client)| client.flow == flow)
            .map(|(id, _)| *id)
            .collect();
        waiting.sort_unstable();
        for id in waiting {
            let mut actions = std::mem::take(&mut self.actions);
            if let Some(client) = self.clients.get_mut(&id) {
                client.machine.flow_failed(&mut actions);
                self.run_client(now, id, &mut actions, None);
            }
            self.actions = actions;
        }
    }

    /// State of an INVITE client transaction, while it lives.
    pub(crate) fn invite_state(&self, id: TransactionId) -> Option<invite_client::State> {
        match &self.clients.get(&id)?.machine {
            ClientMachine::Invite(machine) => Some(machine.state()),
            ClientMachine::NonInvite(_) => None,
        }
    }

    /// The way and the message of a live client transaction.
    pub(crate) fn sent(&self, id: TransactionId) -> Option<(Flow, &Bytes)> {
        let client = self.clients.get(&id)?;
        Some((client.flow, &client.message))
    }

    /// The request of a live client transaction, as it was sent.
    pub(crate) fn sent_request(&self, key: ClientKey) -> Option<&Bytes> {
        let id = self.by_branch.get(&key)?;
        self.clients.get(id).map(|client| &client.message)
    }

    /// Starts the CANCEL of an INVITE that is under way (RFC 3261 §9.1).
    pub(crate) fn cancel(
        &mut self,
        now: Instant,
        invite: TransactionId,
        owner: Owner,
        reason: Option<HeaderValue>,
    ) -> Option<TransactionId> {
        let client = self.clients.get(&invite)?;
        let (flow, key) = (client.flow, client.key.cancel());
        let message = acknowledge::cancel(&client.message, reason)?;
        self.counters.sent.request(&Method::Cancel);
        Some(self.request(now, flow, key, owner, message))
    }

    /// Ends a client transaction without further news than [`News::Terminated`]: an INVITE nobody finished although it
    /// was cancelled (RFC 3261 §9.1).
    pub(crate) fn abandon(&mut self, id: TransactionId) {
        self.remove_client(id);
    }

    pub(super) fn run_client(
        &mut self,
        now: Instant,
        id: TransactionId,
        actions: &mut Vec<Action>,
        mut response: Option<Response>,
    ) {
        for action in actions.drain(..) {
            let Some(client) = self.clients.get_mut(&id) else {
                break;
            };
            match action {
                Action::Send => {
                    let (flow, message) = (client.flow, client.message.clone());
                    if std::mem::replace(&mut client.sent, true) {
                        self.counters.retransmissions_sent += 1;
                    }
                    self.transmit(flow, message);
                }
                Action::Acknowledge => {
                    let ack = response
                        .as_ref()
                        .and_then(|response| acknowledge::rejection(&client.message, response));
                    if let Some(ack) = ack {
                        client.message = ack.clone();
                        let flow = client.flow;
                        self.transmit(flow, ack);
                    }
                }
                Action::Start(timer, after) => {
                    client.timers.start(now, &mut self.timers, id, timer, after)
                }
                Action::Stop(timer) => client.timers.stop(&mut self.timers, timer),
                Action::Deliver => {
                    let owner = client.owner;
                    if let Some(response) = response.take() {
                        self.indicate(id, owner, News::Response(response));
                    }
                }
                Action::Timeout => {
                    let owner = client.owner;
                    self.indicate(id, owner, News::Timeout);
                }
                Action::FlowFailed => {
                    let owner = client.owner;
                    self.indicate(id, owner, News::FlowFailed);
                }
                Action::Terminate => self.remove_client(id),
            }
        }
    }

    fn remove_client(&mut self, id: TransactionId) {
        let Some(mut client) = self.clients.remove(&id) else {
            return;
        };
        client.timers.stop_all(&mut self.timers);
        self.by_branch.remove(&client.key);
        if let Some(count) = self.flows.get_mut(&client.flow) {
            *count -= 1;
            if *count == 0 {
                self.flows.remove(&client.flow);
            }
        }
        self.indicate(id, client.owner, News::Terminated);
    }
}
