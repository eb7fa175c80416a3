//! The transaction layer: tables of live transactions, their timers, and what they send and report.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client::Client;
use super::key::{ClientKey, ServerKey};
use super::server::Server;
use super::{Action, Timer, TimerValues, TransactionId};
use crate::Response;
use crate::counters::Counters;
use crate::flow::{Flow, Transmit};
use crate::session::{SessionId, SessionTimer};
use crate::subscription::SubscriptionId;
use crate::timer::{TimerHandle, TimerQueue};

/// Who uses a transaction and hears from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The user of the endpoint, by events.
    User,
    /// A session.
    Session(SessionId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// Nobody any more.
    Nobody,
}

/// What a running timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimerKey {
    Transaction(TransactionId, Timer),
    Session(SessionId, SessionTimer),
    Subscription(SubscriptionId),
}

/// News from a transaction to its owner.
#[derive(Debug)]
pub(crate) struct Indication {
    pub(crate) transaction: TransactionId,
    pub(crate) owner: Owner,
    pub(crate) news: News,
}

/// The kinds of [`Indication`].
#[derive(Debug)]
pub(crate) enum News {
    Response(Response),
    Timeout,
    FlowFailed,
    /// The last news of every transaction.
    Terminated,
}

/// The timers one transaction has running; no machine needs more than two at once.
#[derive(Debug, Default)]
pub(crate) struct RunningTimers([Option<(Timer, TimerHandle)>; 2]);

/// Live transactions and the queues towards network and users.
#[derive(Debug)]
pub(crate) struct TransactionLayer {
    pub(crate) values: TimerValues,
    pub(crate) timers: TimerQueue<TimerKey>,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) indications: VecDeque<Indication>,
    pub(crate) counters: Counters,
    pub(super) clients: HashMap<TransactionId, Client>,
    pub(super) servers: HashMap<TransactionId, Server>,
    pub(super) by_branch: HashMap<ClientKey, TransactionId>,
    pub(super) by_key: HashMap<ServerKey, TransactionId>,
    pub(super) by_origin: HashMap<ServerKey, TransactionId>,
    /// Client transactions per flow, so that a failing flow nobody uses costs nothing.
    pub(super) flows: HashMap<Flow, u32>,
    pub(super) actions: Vec<Action>,
    last_id: u64,
}

impl TransactionLayer {
    pub(crate) fn new(values: TimerValues) -> Self {
        Self {
            values,
            timers: TimerQueue::new(),
            transmits: VecDeque::new(),
            indications: VecDeque::new(),
            counters: Counters::default(),
            clients: HashMap::new(),
            servers: HashMap::new(),
            by_branch: HashMap::new(),
            by_key: HashMap::new(),
            by_origin: HashMap::new(),
            flows: HashMap::new(),
            actions: Vec::new(),
            last_id: 0,
        }
    }

    /// Number of live transactions.
    pub(crate) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Whether nothing is to come of a transaction but copies of its final response, or for those.
    pub(crate) fn is_settled(&self, id: TransactionId) -> bool {
        match (self.clients.get(&id), self.servers.get(&id)) {
            (Some(client), _) => client.machine.is_settled(),
            (None, Some(server)) => server.machine.is_settled(),
            (None, None) => true,
        }
    }

    /// A transaction's timer has expired.
    pub(crate) fn expire(&mut self, now: Instant, id: TransactionId, timer: Timer) {
        let mut actions = std::mem::take(&mut self.actions);
        if let Some(client) = self.clients.get_mut(&id) {
            client.timers.expired(timer);
            client.machine.timer(timer, &self.values, &mut actions);
            self.run_client(now, id, &mut actions, None);
        } else if let Some(server) = self.servers.get_mut(&id) {
            server.timers.expired(timer);
            server.machine.timer(timer, &self.values, &mut actions);
            self.run_server(now, id, &mut actions);
        }
        self.actions = actions;
    }

    /// Sends without any transaction: ACK for 2xx, stateless responses.
    pub(crate) fn transmit(&mut self, flow: Flow, message: Bytes) {
        self.transmits.push_back(Transmit { flow, message });
    }

    pub(super) fn new_id(&mut self) -> TransactionId {
        self.last_id += 1;
        TransactionId(self.last_id)
    }

    pub(super) fn indicate(&mut self, transaction: TransactionId, owner: Owner, news: News) {
        self.indications.push_back(Indication {
            transaction,
            owner,
            news,
        });
    }
}

impl RunningTimers {
    pub(super) fn start(
        &mut self,
        now: Instant,
        queue: &mut TimerQueue<TimerKey>,
        id: TransactionId,
        timer: Timer,
        after: Duration,
    ) {
        self.stop(queue, timer);
        let handle = queue.start(now + after, TimerKey::Transaction(id, timer));
        match self.0.iter_mut().find(|running| running.is_none()) {
            Some(free) => *free = Some((timer, handle)),
            None => queue.cancel(handle),
        }
    }

    pub(super) fn stop(&mut self, queue: &mut TimerQueue<TimerKey>, timer: Timer) {
        for running in &mut self.0 {
            if let Some((name, handle)) = running
                && *name == timer
            {
                queue.cancel(*handle);
                *running = None;
            }
        }
    }

    pub(super) fn stop_all(&mut self, queue: &mut TimerQueue<TimerKey>) {
        for running in &mut self.0 {
            if let Some((_, handle)) = running.take() {
                queue.cancel(handle);
            }
        }
    }

    fn expired(&mut self, timer: Timer) {
        for running in &mut self.0 {
            if running.is_some_and(|(name, _)| name == timer) {
                *running = None;
            }
        }
    }
}
