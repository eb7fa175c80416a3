//! Server transactions: matching requests (RFC 3261 §17.2.3), answering them and their copies.

use std::time::Instant;

use bytes::Bytes;

use super::invite_server::{self, InviteServer};
use super::key::ServerKey;
use super::layer::{News, Owner, RunningTimers, TransactionLayer};
use super::non_invite_server::NonInviteServer;
use super::{Action, ResponseClass, Timer, TimerValues, TransactionId};
use crate::flow::Flow;

/// One server transaction.
#[derive(Debug)]
pub(crate) struct Server {
    pub(super) machine: ServerMachine,
    pub(super) timers: RunningTimers,
    /// Where responses go (RFC 3261 §18.2.2, RFC 3581 §4).
    flow: Flow,
    key: ServerKey,
    /// What a copy that came by another way has in common (§8.2.2.2).
    origin: Option<ServerKey>,
    owner: Owner,
    /// The latest response; empty before the first.
    response: Bytes,
}

/// The machine of a server transaction.
#[derive(Debug)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

impl ServerMachine {
    pub(super) fn timer(&mut self, timer: Timer, values: &TimerValues, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.timer(timer, values, actions),
            Self::NonInvite(machine) => machine.timer(timer, actions),
        }
    }
}

impl ServerMachine {
    /// Whether it has given its final response.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.state() != invite_server::State::Proceeding,
            Self::NonInvite(machine) => machine.is_settled(),
        }
    }
}

impl TransactionLayer {
    /// Gives back the memory of a 2xx to INVITE that has been acknowledged: the transaction does not send it again
    /// (RFC 6026 §7.1).
    pub(crate) fn forget_response(&mut self, id: TransactionId) {
        if let Some(server) = self.servers.get_mut(&id)
            && let ServerMachine::Invite(machine) = &server.machine
            && machine.state() == invite_server::State::Accepted
        {
            server.response = Bytes::new();
        }
    }

    /// The server transaction a request belongs to.
    pub(crate) fn find_server(&self, key: ServerKey) -> Option<TransactionId> {
        self.by_key.get(&key).copied()
    }

    /// Whether another live transaction has the same origin: the request was forked upstream and came twice.
    pub(crate) fn is_merged(&self, origin: ServerKey) -> bool {
        self.by_origin.contains_key(&origin)
    }

    /// Starts a server transaction for a new request.
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        flow: Flow,
        invite: bool,
        key: ServerKey,
        origin: Option<ServerKey>,
        owner: Owner,
    ) -> TransactionId {
        let id = self.new_id();
        let mut actions = std::mem::take(&mut self.actions);
        let machine = if invite {
            ServerMachine::Invite(InviteServer::start(flow.is_reliable(), &self.values))
        } else {
            ServerMachine::NonInvite(NonInviteServer::start(
                flow.is_reliable(),
                &self.values,
                &mut actions,
            ))
        };
        self.by_key.insert(key, id);
        if let Some(origin) = origin {
            self.by_origin.insert(origin, id);
        }
        let response = Bytes::new();
        self.servers.insert(
            id,
            Server {
                machine,
                timers: RunningTimers::default(),
                flow,
                key,
                origin,
                owner,
                response,
            },
        );
        self.run_server(now, id, &mut actions);
        self.actions = actions;
        id
    }

    /// Sends a response. Returns whether the transaction lives and its state permits it.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: u16,
        response: Bytes,
    ) -> bool {
        let Some(server) = self.servers.get_mut(&id) else {
            return false;
        };
        let mut actions = std::mem::take(&mut self.actions);
        let class = ResponseClass::of(status);
        let permitted = match &mut server.machine {
            ServerMachine::Invite(machine) => machine.respond(class, &self.values, &mut actions),
            ServerMachine::NonInvite(machine) => machine.respond(class, &self.values, &mut actions),
        };
        if permitted {
            server.response = response;
            self.counters.sent.response(status);
        }
        self.run_server(now, id, &mut actions);
        self.actions = actions;
        permitted
    }

    /// Whether any response was sent.
    pub(crate) fn has_responded(&self, id: TransactionId) -> bool {
        self.servers
            .get(&id)
            .is_none_or(|server| !server.response.is_empty())
    }

    /// Sends a final response and forgets the transaction at once: unauthenticated requests are challenged without
    /// keeping state (RFC 3261 §26.3.2.4). A copy of the request will be challenged anew; its ACK is absorbed.
    pub(crate) fn respond_and_forget(
        &mut self,
        id: TransactionId,
        status: u16,
        response: Bytes,
    ) -> bool {
        let Some(server) = self.servers.get(&id) else {
            return false;
        };
        let answered = match &server.machine {
            ServerMachine::Invite(machine) => machine.state() != invite_server::State::Proceeding,
            ServerMachine::NonInvite(machine) => machine.is_answered(),
        };
        if !answered {
            let flow = server.flow;
            self.counters.sent.response(status);
            self.transmit(flow, response);
            self.remove_server(id);
        }
        !answered
    }

    /// Ends a transaction that was not answered, and never will be.
    pub(crate) fn forget(&mut self, id: TransactionId) {
        self.remove_server(id);
    }

    /// The transaction user sends its latest response again: a 2xx without ACK, a provisional one after a minute.
    pub(crate) fn respond_again(&mut self, now: Instant, id: TransactionId) {
        let Some(Server {
            machine: ServerMachine::Invite(machine),
            ..
        }) = self.servers.get_mut(&id)
        else {
            return;
        };
        let class = match machine.state() {
            invite_server::State::Proceeding => ResponseClass::Provisional,
            invite_server::State::Accepted => ResponseClass::Success,
            _ => return,
        };
        let mut actions = std::mem::take(&mut self.actions);
        machine.respond(class, &self.values, &mut actions);
        self.counters.retransmissions_sent += 1;
        self.run_server(now, id, &mut actions);
        self.actions = actions;
    }

    /// Sends a reliable provisional response again (RFC 3262 §3), which need not be the latest, while the INVITE waits
    /// for its final one.
    pub(crate) fn repeat_provisional(&mut self, id: TransactionId, message: Bytes) {
        if let Some(Server {
            machine: ServerMachine::Invite(machine),
            flow,
            ..
        }) = self.servers.get(&id)
            && machine.state() == invite_server::State::Proceeding
        {
            let flow = *flow;
            self.counters.retransmissions_sent += 1;
            self.transmit(flow, message);
        }
    }

    /// The latest response of a live transaction.
    pub(crate) fn latest_response(&self, id: TransactionId) -> Option<Bytes> {
        self.servers.get(&id).map(|server| server.response.clone())
    }

    /// The request of a live transaction came again.
    pub(crate) fn request_again(&mut self, now: Instant, id: TransactionId) {
        self.counters.retransmissions_received += 1;
        let Some(server) = self.servers.get_mut(&id) else {
            return;
        };
        let mut actions = std::mem::take(&mut self.actions);
        match &mut server.machine {
            ServerMachine::Invite(machine) => machine.retransmission(&mut actions),
            ServerMachine::NonInvite(machine) => machine.retransmission(&mut actions),
        }
        self.counters.retransmissions_sent += actions.len() as u64;
        self.run_server(now, id, &mut actions);
        self.actions = actions;
    }

    /// An ACK matched. Returns whether the transaction has absorbed it; the ACK of a 2xx belongs to the dialog instead.
    pub(crate) fn ack(&mut self, now: Instant, id: TransactionId) -> bool {
        let Some(Server {
            machine: ServerMachine::Invite(machine),
            ..
        }) = self.servers.get_mut(&id)
        else {
            return false;
        };
        if !matches!(
            machine.state(),
            invite_server::State::Completed | invite_server::State::Confirmed
        ) {
            return false;
        }
        let mut actions = std::mem::take(&mut self.actions);
        machine.ack(&self.values, &mut actions);
        self.run_server(now, id, &mut actions);
        self.actions = actions;
        true
    }

    /// Who uses this server transaction.
    pub(crate) fn server_owner(&self, id: TransactionId) -> Option<Owner> {
        self.servers.get(&id).map(|server| server.owner)
    }

    pub(super) fn run_server(
        &mut self,
        now: Instant,
        id: TransactionId,
        actions: &mut Vec<Action>,
    ) {
        for action in actions.drain(..) {
            let Some(server) = self.servers.get_mut(&id) else {
                break;
            };
            match action {
                Action::Send => {
                    let (flow, response) = (server.flow, server.response.clone());
                    if !response.is_empty() {
                        self.transmit(flow, response);
                    }
                }
                Action::Start(timer, after) => {
                    server.timers.start(now, &mut self.timers, id, timer, after)
                }
                Action::Stop(timer) => server.timers.stop(&mut self.timers, timer),
                Action::Terminate => self.remove_server(id),
                // Only client machines ask for these.
                Action::Acknowledge | Action::Deliver | Action::Timeout | Action::FlowFailed => {}
            }
        }
    }

    fn remove_server(&mut self, id: TransactionId) {
        let Some(mut server) = self.servers.remove(&id) else {
            return;
        };
        server.timers.stop_all(&mut self.timers);
        self.by_key.remove(&server.key);
        if let Some(origin) = server.origin {
            self.by_origin.remove(&origin);
        }
        self.indicate(id, server.owner, News::Terminated);
    }
}
