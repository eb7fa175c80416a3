//! The SIP agent: one task that owns the protocol engine and the sockets' far ends.
//!
//! Datagrams, messages of TCP connections, commands of legs, timers and new configurations come in; what the engine wants
//! sent goes out, and its events go to the legs they concern. The agent never waits for any of them: every queue is
//! bounded, and whoever does not keep up loses his connection or his session, not everybody's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use nix::errno::Errno;
use ramal_model::{Configuration, ExtensionId};
use ramal_sip::{Endpoint, Flow, SessionId, StatusCode, TransactionId};
use tokio::sync::{mpsc, oneshot, watch};

use super::attempt::Attempts;
use super::authorisation::Authority;
use super::command::{Command, LegKey, SipEvent};
use super::defence::BanChanges;
use super::destination::Outgoing;
use super::hop::ConnectionKey;
use super::messages::Messages;
use super::registrar::Fingerprints;
use super::resolve::Resolver;
use super::stream::Input;
use super::subscriptions::Watches;
use super::tcp::Connector;
use super::udp::UdpTransport;
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::queue;

/// Messages or commands taken in a row before the others get their turn.
const BATCH: usize = 64;

/// A leg as the agent knows it.
pub(super) struct LegEntry {
    pub(super) key: LegKey,
    pub(super) events: queue::Sender<SipEvent>,
}

/// See the module.
pub(crate) struct Agent {
    pub(super) exchange: Arc<Exchange>,
    pub(super) endpoint: Endpoint,
    pub(super) authority: Authority,
    pub(super) fingerprints: Fingerprints,
    /// Contacts asked whether they are there: extension and number of the contact.
    pub(super) probes: HashMap<TransactionId, (ExtensionId, u64)>,
    configuration: Arc<Configuration>,
    pub(super) legs: HashMap<SessionId, LegEntry>,
    pub(super) sessions: HashMap<LegKey, SessionId>,
    pub(super) counters: AgentCounters,
    configurations: watch::Receiver<Arc<Configuration>>,
    commands: mpsc::Receiver<Command>,
    udp: UdpTransport,
    /// Room for datagrams, kept from one step to the next.
    received: Vec<(Flow, Bytes)>,
    inputs: mpsc::Receiver<Input>,
    pub(super) connector: Connector,
    pub(super) resolver: Arc<Resolver>,
    connections: HashMap<u64, mpsc::Sender<Bytes>>,
    pub(super) attempts: Attempts,
    pub(super) watches: Watches,
    pub(super) messages: Messages,
    /// To the task that writes changed bans.
    ban_changes: mpsc::Sender<BanChanges>,
}

/// Where messages come from and go to.
pub(super) struct Transports {
    pub(super) udp: UdpTransport,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) connector: Connector,
    pub(super) resolver: Arc<Resolver>,
}

/// What the agent counts on top of what the engine does.
#[derive(Debug, Default)]
pub(super) struct AgentCounters {
    pub(super) send_failures: u64,
    pub(super) overruns: u64,
    pub(super) refused_full: u64,
}

impl Agent {
    pub(super) fn new(
        exchange: Arc<Exchange>,
        endpoint: Endpoint,
        authority: Authority,
        ban_changes: mpsc::Sender<BanChanges>,
        commands: mpsc::Receiver<Command>,
        transports: Transports,
    ) -> Self {
        let mut configurations = exchange.configuration.clone();
        let configuration = configurations.borrow_and_update().clone();
        Self {
            exchange,
            endpoint,
            authority,
            fingerprints: Fingerprints::default(),
            probes: HashMap::new(),
            configuration,
            legs: HashMap::new(),
            sessions: HashMap::new(),
            counters: AgentCounters::default(),
            configurations,
            commands,
            udp: transports.udp,
            received: Vec::new(),
            inputs: transports.inputs,
            connector: transports.connector,
            resolver: transports.resolver,
            connections: HashMap::new(),
            attempts: Attempts::default(),
            watches: Watches::default(),
            messages: Messages::default(),
            ban_changes,
        }
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(mut self) {
        loop {
            let stop = self.step().await;
            self.pump();
            while self.send_datagrams() {
                self.pump();
            }
            if let Some(stopped) = stop {
                self.write_bans();
                // Gives back the sockets first.
                drop(self);
                // Whoever asked may have given up waiting.
                let _ = stopped.send(());
                return;
            }
        }
    }

    /// Waits for something to do and does it.
    async fn step(&mut self) -> Option<oneshot::Sender<()>> {
        let due = [
            self.endpoint.poll_timeout(),
            self.exchange.locations.next_due(),
        ]
        .into_iter()
        .flatten()
        .min();
        tokio::select! {
            command = self.commands.recv() => match command {
                Some(command) => return self.commands(command),
                // Every handle is gone.
                None => return Some(oneshot::channel().0),
            },
            readable = self.udp.readable() => match readable {
                Ok(()) => self.datagrams(),
                Err(error) => tracing::error!(%error, "the SIP socket is broken"),
            },
            Some(input) = self.inputs.recv() => self.streams(input),
            Ok(()) = self.configurations.changed() => self.configure(),
            number = self.watches.change() => self.number_changed(number),
            Ok(permit) = self.ban_changes.clone().reserve_owned(), if self.authority.defence.has_unwritten() => {
                permit.send(self.authority.defence.take_unwritten());
            }
            () = sleep_until(due) => {
                let now = Now::read();
                self.endpoint.handle_timeout(now.instant);
                self.due_contacts(now.instant);
            }
        }
        None
    }

    /// Hands over what is not written yet at the end, if there is room.
    fn write_bans(&mut self) {
        if self.authority.defence.has_unwritten() {
            let _ = self
                .ban_changes
                .try_send(self.authority.defence.take_unwritten());
        }
    }

    fn datagrams(&mut self) {
        let mut received = std::mem::take(&mut self.received);
        // An ICMP error of an earlier datagram, which names no flow; its transaction will time out.
        if let Err(error) = self.udp.receive(&mut received) {
            tracing::debug!(%error, "SIP socket");
        }
        for (flow, datagram) in received.drain(..) {
            self.message(flow, datagram);
            self.pump();
        }
        self.received = received;
    }

    fn streams(&mut self, first: Input) {
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(input) = next else {
                break;
            };
            let now = Now::read().instant;
            match input {
                // Forgetting the queue closes the connection.
                Input::Opened {
                    flow, key: None, ..
                } if self.is_banned(flow) => {}
                Input::Opened { flow, writes, key } => {
                    self.connections.insert(flow.connection, writes);
                    if let Some(key) = key {
                        self.connected(key, flow);
                    }
                }
                Input::ConnectFailed { key, why } => self.connect_failed(&key, why),
                Input::Resolved { id, hops } => self.resolved(id, hops),
                Input::Waited(waiting) => self.waited(waiting),
                Input::Message { flow, message } => {
                    if !self.message(flow, message) {
                        self.connections.remove(&flow.connection);
                    }
                }
                Input::Closed { flow } => {
                    self.connections.remove(&flow.connection);
                    self.attempts.closed(flow);
                    self.endpoint.handle_flow_failed(now, flow);
                    self.exchange.locations.flow_closed(flow);
                    self.exchange.trunks.flow_closed(flow);
                }
            }
            self.pump();
            next = self.inputs.try_recv().ok();
        }
    }

    fn commands(&mut self, first: Command) -> Option<oneshot::Sender<()>> {
        let mut next = Some(first);
        for _ in 0..BATCH {
            match next {
                Some(Command::Stop(stopped)) => return Some(stopped),
                Some(command) => self.command(command),
                None => break,
            }
            self.pump();
            next = self.commands.try_recv().ok();
        }
        if let Some(Command::Stop(stopped)) = next {
            return Some(stopped);
        }
        if let Some(command) = next {
            self.command(command);
        }
        None
    }

    /// The newest configuration: whoever was just given an extension may register at once.
    pub(super) fn configuration(&mut self) -> Arc<Configuration> {
        if self.configurations.has_changed().unwrap_or(false) {
            self.configure();
        }
        self.configuration.clone()
    }

    fn configure(&mut self) {
        let configuration = self.configurations.borrow_and_update().clone();
        self.exchange
            .locations
            .configuration_changed(&self.configuration, &configuration);
        self.exchange.trunks.configure(&configuration);
        self.exchange
            .lines
            .digital
            .configure(&self.exchange, &configuration);
        self.exchange
            .live
            .configuration_changed(configuration.version());
        self.check_watches(&configuration);
        self.configuration = configuration;
    }

    fn command(&mut self, command: Command) {
        let now = Now::read().instant;
        match command {
            Command::Invite {
                leg,
                events,
                destination,
                invite: make,
            } => self.send_to(destination, Outgoing::Invite { leg, events, make }),
            Command::Request {
                destination,
                request,
            } => self.send_to(destination, Outgoing::Request(request)),
            Command::Counters(reply) => {
                // Whoever asked may have given up waiting.
                let _ = reply.send(self.count());
            }
            // Whoever asked may have given up waiting.
            Command::Bans(reply) => {
                let _ = reply.send(self.authority.defence.bans(now));
            }
            Command::LiftBan { address, lifted } => {
                let any = self.authority.defence.lift(now, address);
                let _ = lifted.send(any);
            }
            // Taken by the caller.
            Command::Stop(_) => {}
            Command::Progress { leg, status, sdp } => self.on(leg, |endpoint, session| {
                endpoint.progress(now, session, status_code(status), sdp);
            }),
            Command::Accept { leg, sdp } => {
                self.on(leg, |endpoint, session| endpoint.accept(now, session, sdp));
            }
            Command::Reject { leg, release } => self.on(leg, |endpoint, session| {
                super::session::reject(endpoint, now, session, release);
            }),
            Command::HangUp { leg, .. } if self.attempts.cancel(leg) => {}
            Command::HangUp { leg, release } => self.on(leg, |endpoint, session| {
                super::session::hang_up(endpoint, now, session, release);
            }),
            Command::Offer { leg, sdp } => {
                self.on(leg, |endpoint, session| endpoint.offer(now, session, sdp));
            }
            Command::AnswerOffer { leg, sdp } => {
                self.on(leg, |endpoint, session| {
                    endpoint.answer_offer(now, session, sdp)
                });
            }
            Command::RefuseOffer { leg, status } => self.on(leg, |endpoint, session| {
                endpoint.refuse_offer(now, session, status_code(status));
            }),
            Command::AcceptRefer { refer } => self.endpoint.accept_refer(now, refer),
            Command::RefuseRefer { refer, status } => {
                self.endpoint.refuse_refer(now, refer, status);
            }
            Command::ReferProgress { refer, status } => {
                self.endpoint.refer_progress(now, refer, status);
            }
            Command::Digit { leg, digit } => self.on(leg, |endpoint, session| {
                super::session::send_digit(endpoint, now, session, digit);
            }),
        }
    }

    /// Acts on a leg's session, unless it is over already.
    fn on(&mut self, leg: LegKey, action: impl FnOnce(&mut Endpoint, SessionId)) {
        if let Some(&session) = self.sessions.get(&leg) {
            action(&mut self.endpoint, session);
        }
    }

    /// Remembers which leg a session belongs to.
    pub(super) fn enter(
        &mut self,
        session: SessionId,
        key: LegKey,
        events: queue::Sender<SipEvent>,
    ) {
        self.sessions.insert(key, session);
        self.legs.insert(session, LegEntry { key, events });
    }

    /// Sends what is to be sent and hands out events, until there are no more.
    fn pump(&mut self) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                self.transmit(transmit.flow, transmit.message);
            }
            match self.endpoint.poll_event() {
                Some(event) => self.event(event),
                None => return,
            }
        }
    }

    fn transmit(&mut self, flow: Flow, message: Bytes) {
        if flow.connection == 0 {
            // Sent with others, at the end of the step at the latest.
            if self.udp.push(flow, message) {
                self.send_datagrams();
            }
            return;
        }
        let sent = match self.connections.get(&flow.connection) {
            Some(writes) => writes.try_send(message).is_ok(),
            None => false,
        };
        if !sent {
            self.unsent(flow);
        }
    }

    /// Sends the datagrams that wait; whether any could not be sent, of which there is news then.
    fn send_datagrams(&mut self) -> bool {
        let failed = self.udp.flush();
        for &(flow, error) in &failed {
            if error == Errno::EAGAIN {
                // The send buffer is full: as if lost on the way, and repeated like that.
                self.counters.send_failures += 1;
            } else {
                tracing::debug!(remote = %flow.remote, %error, "cannot send a SIP datagram");
                self.unsent(flow);
            }
        }
        !failed.is_empty()
    }

    fn unsent(&mut self, flow: Flow) {
        self.counters.send_failures += 1;
        // A connection that does not take what it is sent is closed by forgetting its queue.
        self.connections.remove(&flow.connection);
        self.attempts.closed(flow);
        self.endpoint.handle_flow_failed(Now::read().instant, flow);
    }

    /// The way to an address over UDP.
    pub(super) fn udp_flow(&mut self, remote: SocketAddr) -> Flow {
        self.udp.flow(remote)
    }

    /// Has a connection opened.
    pub(super) fn connect(&self, key: ConnectionKey) {
        let connector = self.connector.clone();
        self.connector.runtime.spawn(connector.connect(key));
    }

    /// Open connections.
    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// The time on both clocks.
    pub(super) fn now(&self) -> Now {
        Now::read()
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::new(status).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
