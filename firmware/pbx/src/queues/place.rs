//! What a call has of a queue: its place while it waits, and the member who took it.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{ExtensionId, Id, Queue, Stored};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::floor::Left;
use super::service::{LOOK, moment, phone};
use super::{Member, Ticket, Turn};
use crate::exchange::Exchange;

/// A call's place in a queue. Dropping it is hanging up.
pub(crate) struct Place {
    exchange: Arc<Exchange>,
    queue: Id<Queue>,
    ticket: Ticket,
    turn: Arc<Notify>,
    over: bool,
}

impl Place {
    pub(super) fn new(
        exchange: Arc<Exchange>,
        queue: Id<Queue>,
        ticket: Ticket,
        turn: Arc<Notify>,
    ) -> Self {
        Self {
            exchange,
            queue,
            ticket,
            turn,
            over: false,
        }
    }

    /// The caller has heard the greeting: from now on members are rung for him.
    pub(crate) fn ready(&self) {
        self.exchange.queues.floor().ready(self.ticket);
        self.exchange.queues.deal(&self.exchange);
    }

    /// Waits until it is his turn, or he cannot wait any longer. May be cancelled.
    pub(crate) async fn turn(&self) -> Turn {
        loop {
            match self.exchange.queues.floor().turn(self.ticket) {
                Turn::Wait => {}
                turn => return turn,
            }
            // Nobody need be told: the clerk looks at everything again, and so do we.
            let _ = timeout(LOOK, self.turn.notified()).await;
        }
    }

    /// His place, 1 for the one who is next.
    pub(crate) fn position(&self) -> usize {
        let floor = self.exchange.queues.floor();
        floor.position(self.ticket).unwrap_or(1)
    }

    /// How long he may still have to wait; none when nothing is known yet.
    pub(crate) fn expected_wait(&self) -> Option<Duration> {
        let configuration = self.exchange.configuration.borrow().clone();
        let queue = configuration.catalogue().queues.get(self.queue)?;
        let now = moment(&self.exchange, &configuration);
        let phone = |place, agent| phone(&self.exchange, &configuration, place, agent);
        let floor = self.exchange.queues.floor();
        let position = floor.position(self.ticket)?;
        let ms = floor.expected_wait(queue, position, now, &phone)?;
        Some(Duration::from_millis(ms.unsigned_abs()))
    }

    /// The queue as it is now; none when it was deleted.
    pub(crate) fn queue(&self) -> Option<Arc<Stored<Queue>>> {
        let configuration = self.exchange.configuration.borrow();
        configuration.catalogue().queues.get(self.queue).cloned()
    }

    /// Nobody of those who were rung has taken the call, which they have `missed` unless nothing rang. Those who are paused
    /// because of that.
    pub(crate) fn not_taken(&self, missed: bool) -> Vec<Member> {
        let configuration = self.exchange.configuration.borrow().clone();
        let now = moment(&self.exchange, &configuration);
        let queues = &configuration.catalogue().queues;
        let mut floor = self.exchange.queues.floor();
        let paused = floor.not_taken(self.ticket, missed, queues, now);
        drop(floor);
        self.exchange.queues.poke.notify_one();
        paused
    }

    /// Somebody has taken the call, at this extension if it is one.
    pub(crate) fn taken(mut self, by: Option<ExtensionId>) -> Option<OfQueue> {
        self.over = true;
        let configuration = self.exchange.configuration.borrow().clone();
        let now = moment(&self.exchange, &configuration);
        let member = self.exchange.queues.floor().taken(self.ticket, by, now);
        Some(OfQueue {
            member: member?,
            queue: self.queue,
            since: now.utc_ms,
            exchange: Arc::clone(&self.exchange),
        })
    }

    /// He hangs up, and is called back in his turn.
    pub(super) fn is_called_back(&self) {
        self.exchange.queues.floor().is_called_back(self.ticket);
        self.exchange.queues.poke.notify_one();
    }

    /// He is sent somewhere else.
    pub(crate) fn sent_on(mut self) {
        self.leave(Left::SentOn);
    }

    fn leave(&mut self, how: Left) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let configuration = self.exchange.configuration.borrow().clone();
        let now = moment(&self.exchange, &configuration);
        let mut floor = self.exchange.queues.floor();
        floor.leave(self.ticket, how, now);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave(Left::Abandoned);
        self.exchange.queues.turns().remove(&self.ticket);
        self.exchange.queues.poke.notify_one();
    }
}

/// A member's call of a queue. Dropping it is its end.
pub(crate) struct OfQueue {
    exchange: Arc<Exchange>,
    queue: Id<Queue>,
    member: Member,
    since: i64,
}

impl Drop for OfQueue {
    fn drop(&mut self) {
        let configuration = self.exchange.configuration.borrow().clone();
        let now = moment(&self.exchange, &configuration);
        let queue = configuration.catalogue().queues.get(self.queue);
        let wrap_up = queue.map_or(0, |queue| queue.wrap_up);
        let lasted = now.utc_ms - self.since;
        let mut floor = self.exchange.queues.floor();
        floor.call_ended(self.queue, self.member, lasted, wrap_up, now);
        drop(floor);
        self.exchange.queues.poke.notify_one();
    }
}
