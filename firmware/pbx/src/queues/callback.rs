//! Being called back instead of holding (U5): a caller presses a key, hangs up and keeps his place. In his turn a member is
//! rung, and whoever answers is connected to him.
//!
//! Each is called by one task, one call at a time. What was promised is stored: a restart forgets nobody.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{Configuration, ExtensionId, Id, Party, Queue};
use ramal_store::QueueCallback;
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use super::place::Place;
use super::promises::number_now;
use super::service::moment;
use super::{CallbackState, Queues, Turn};
use crate::call::click_to_dial::{Click, Then};
use crate::exchange::Exchange;
use crate::lines::MAX_HOPS;

/// How often somebody is called who does not answer.
const ATTEMPTS: u32 = 3;
/// How long after he did not answer.
const AGAIN: Duration = Duration::from_secs(300);
/// After the gateway had no room for the call.
const NO_ROOM: Duration = Duration::from_secs(5);

/// What came of calling somebody back.
pub(crate) enum CalledBack {
    /// No member took the call; the place is as it was.
    NoMember {
        place: Box<Place>,
        /// Whether a telephone has rung.
        missed: bool,
    },
    /// A member took it, and he did not.
    NoAnswer,
    /// They have talked.
    Talked,
}

/// Calls somebody back: what a member's call has to know.
pub(crate) struct CallBack {
    pub(crate) number: String,
    /// Since when he waits, UTC ms.
    pub(crate) since: i64,
    /// How long the member is rung.
    pub(crate) ring_seconds: u16,
    pub(crate) place: Box<Place>,
    /// Told what came of it; dropped with the place when the gateway has no room.
    pub(crate) told: oneshot::Sender<CalledBack>,
}

impl CallBack {
    /// No member took the call, which may have rung.
    pub(crate) fn not_taken(self, missed: bool) {
        let Self { place, told, .. } = self;
        // Nobody listens when the gateway stops.
        let _ = told.send(CalledBack::NoMember { place, missed });
    }
}

impl Queues {
    /// Promises somebody who waits that he will be called back.
    pub(crate) async fn promise(exchange: &Arc<Exchange>, place: Place, callback: QueueCallback) {
        place.is_called_back();
        if let Err(error) = exchange.store.write_queue_callback(callback.clone()).await {
            tracing::error!(%error, "somebody who is to be called back is forgotten by a restart");
        }
        Self::keep(exchange, place, callback);
    }

    /// Takes up those who were to be called back before a restart.
    pub(super) fn call_back(exchange: &Arc<Exchange>, callbacks: Vec<QueueCallback>) {
        for callback in callbacks {
            let place = Self::enter_again(exchange, &callback);
            Self::keep(exchange, place, callback);
        }
    }

    fn keep(exchange: &Arc<Exchange>, place: Place, callback: QueueCallback) {
        let bell = exchange.queues.floor().promise(callback.clone());
        let promise = Promised {
            exchange: Arc::clone(exchange),
            callback,
            bell,
        };
        tokio::spawn(promise.keep(Box::new(place)));
    }

    /// A place for somebody who is called back, by the time since when he waits.
    fn enter_again(exchange: &Arc<Exchange>, callback: &QueueCallback) -> Place {
        let configuration = exchange.configuration.borrow().clone();
        let queue: Id<Queue> = Id::new(callback.queue);
        let caller = Party {
            number: callback.number.clone(),
            name: callback.name.clone(),
        };
        let now = moment(exchange, &configuration);
        let since = callback.since;
        let call = callback.call.clone();
        let mut floor = exchange.queues.floor();
        let ticket = floor.enter_again(queue, call, caller, since, now);
        drop(floor);
        Self::place(exchange, queue, ticket)
    }
}

/// A promise, and who keeps it.
struct Promised {
    exchange: Arc<Exchange>,
    callback: QueueCallback,
    /// Rings when the promise is called off.
    bell: Arc<Notify>,
}

impl Promised {
    /// Calls somebody until he was reached, it makes no sense any more, or somebody calls it off.
    async fn keep(mut self, mut place: Box<Place>) {
        let exchange = Arc::clone(&self.exchange);
        loop {
            let turn = tokio::select! {
                turn = place.turn() => turn,
                () = self.bell.notified() => break,
            };
            let offer = match turn {
                Turn::Wait | Turn::Empty => continue,
                Turn::Gone => break,
                Turn::Ring(offers) => offers.into_iter().next(),
            };
            if exchange.is_closing() {
                // Taken up again after the restart.
                place.sent_on();
                return;
            }
            let Some(offer) = offer else { continue };
            let configuration = exchange.configuration.borrow().clone();
            let Some(number) = number_now(&configuration, &self.callback) else {
                break;
            };
            self.callback.number = number;
            if !self.is(CallbackState::Calling, None) {
                break;
            }
            let called = ring(
                &exchange,
                configuration,
                place,
                &self.callback,
                offer.extension,
            );
            let rest = match called.await {
                Some(CalledBack::NoMember { place: his, missed }) => {
                    his.not_taken(missed);
                    place = his;
                    self.is(CallbackState::Waiting, None);
                    continue;
                }
                Some(CalledBack::Talked) => break,
                Some(CalledBack::NoAnswer) => {
                    self.callback.attempts += 1;
                    if self.callback.attempts >= ATTEMPTS {
                        let call = &self.callback.call;
                        tracing::info!(%call, "a caller of a queue was called back in vain");
                        break;
                    }
                    write(&exchange, &self.callback).await;
                    AGAIN
                }
                None => NO_ROOM,
            };
            if !self.rests(rest).await {
                break;
            }
            if exchange.is_closing() {
                return;
            }
            self.is(CallbackState::Waiting, None);
            place = Box::new(Queues::enter_again(&exchange, &self.callback));
        }
        exchange.queues.floor().promise_is_over(&self.callback.call);
        exchange.queues.poke.notify_one();
        let gone = exchange.store.delete_queue_callback(&self.callback.call);
        if let Err(error) = gone.await {
            tracing::error!(%error, "somebody may be called back twice");
        }
    }

    /// Notes what happens to him now; whether the promise holds.
    fn is(&self, state: CallbackState, again_at: Option<i64>) -> bool {
        let queues = &self.exchange.queues;
        let holds = queues.floor().callback_is(&self.callback, state, again_at);
        queues.poke.notify_one();
        holds
    }

    /// Lets him alone for so long; whether the promise holds after it.
    async fn rests(&self, long: Duration) -> bool {
        let ms = i64::try_from(long.as_millis()).unwrap_or(i64::MAX);
        let until = self.exchange.store.now().saturating_add(ms);
        self.is(CallbackState::Resting, Some(until));
        tokio::select! {
            () = sleep(long) => true,
            () = self.bell.notified() => false,
        }
    }
}

async fn write(exchange: &Exchange, callback: &QueueCallback) {
    if let Err(error) = exchange.store.write_queue_callback(callback.clone()).await {
        tracing::error!(%error, "an attempt to call somebody back is not written down");
    }
}

/// Rings a member, and connects him; none when there was no room for the call.
async fn ring(
    exchange: &Arc<Exchange>,
    configuration: Arc<Configuration>,
    place: Box<Place>,
    callback: &QueueCallback,
    extension: ExtensionId,
) -> Option<CalledBack> {
    let Some(extension) = configuration.extension(extension).cloned() else {
        let missed = false;
        return Some(CalledBack::NoMember { place, missed });
    };
    let ring_seconds = place.queue().map_or(30, |queue| queue.agent_ring);
    let (told, came) = oneshot::channel();
    let back = CallBack {
        number: callback.number.clone(),
        since: callback.since,
        ring_seconds: u16::try_from(ring_seconds).unwrap_or(30),
        place,
        told,
    };
    exchange.click(Click {
        extension,
        then: Then::CallBack(Box::new(back)),
        hops_left: MAX_HOPS,
        configuration,
    });
    came.await.ok()
}
