//! Bounded queues for what one call is told. They take memory for what waits in them, not for what might: most of the time
//! that is nothing, and a gateway has four of them for each call.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Makes a queue that holds up to `capacity` messages.
pub(crate) fn queue<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = State {
        waiting: VecDeque::new(),
        capacity,
        senders: 1,
        listening: true,
        waker: None,
    };
    let shared = Arc::new(Mutex::new(state));
    (Sender(shared.clone()), Receiver(shared))
}

struct State<T> {
    waiting: VecDeque<T>,
    capacity: usize,
    senders: usize,
    /// Whether there is a receiver.
    listening: bool,
    waker: Option<Waker>,
}

fn locked<T>(shared: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    // Nothing here panics while it holds the lock.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a message was not taken; it is given back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSent<T> {
    /// As many as may wait do so already.
    Full(T),
    /// Nobody listens any more.
    Closed(T),
}

impl<T> NotSent<T> {
    /// The message.
    pub(crate) fn into_inner(self) -> T {
        match self {
            Self::Full(message) | Self::Closed(message) => message,
        }
    }
}

/// The end of a queue that messages are put into.
pub(crate) struct Sender<T>(Arc<Mutex<State<T>>>);

impl<T> Sender<T> {
    /// Puts a message at the end, without waiting.
    ///
    /// # Errors
    /// The queue is full, or nobody listens.
    pub(crate) fn try_send(&self, message: T) -> Result<(), NotSent<T>> {
        let waker = {
            let mut state = locked(&self.0);
            if !state.listening {
                return Err(NotSent::Closed(message));
            }
            if state.waiting.len() >= state.capacity {
                return Err(NotSent::Full(message));
            }
            state.waiting.push_back(message);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_closed(&self) -> bool {
        !locked(&self.0).listening
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        locked(&self.0).senders += 1;
        Self(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = locked(&self.0);
            state.senders -= 1;
            match state.senders {
                0 => state.waker.take(),
                _ => None,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sender")
    }
}

/// The end of a queue that messages are taken from.
pub(crate) struct Receiver<T>(Arc<Mutex<State<T>>>);

impl<T> Receiver<T> {
    /// The message that has waited longest; `None` when none waits and no sender is left.
    pub(crate) fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = locked(&self.0);
        match state.waiting.pop_front() {
            Some(message) => {
                if state.waiting.is_empty() {
                    state.waiting = VecDeque::new();
                }
                Poll::Ready(Some(message))
            }
            None if state.senders == 0 => Poll::Ready(None),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits for [`Self::poll_recv`].
    pub(crate) async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| self.poll_recv(context)).await
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = locked(&self.0);
            state.listening = false;
            state.waker = None;
            std::mem::take(&mut state.waiting)
        };
        // Outside of the lock: what is dropped may itself send.
        drop(left);
    }
}

impl<T> std::fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Receiver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_in_order_up_to_the_capacity() {
        let (sender, mut receiver) = queue(2);
        assert_eq!(sender.try_send(1), Ok(()));
        assert_eq!(sender.clone().try_send(2), Ok(()));
        assert_eq!(sender.try_send(3), Err(NotSent::Full(3)));
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(sender.try_send(4), Ok(()));
        drop(sender);
        assert_eq!(receiver.recv().await, Some(2));
        assert_eq!(receiver.recv().await, Some(4));
        assert_eq!(receiver.recv().await, None);
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_a_message_and_by_the_end_of_the_last_sender() {
        let (sender, mut receiver) = queue(1);
        let waiting = tokio::spawn(async move { (receiver.recv().await, receiver.recv().await) });
        tokio::task::yield_now().await;
        let other = sender.clone();
        drop(sender);
        assert_eq!(other.try_send('a'), Ok(()));
        tokio::task::yield_now().await;
        drop(other);
        assert_eq!(waiting.await.unwrap(), (Some('a'), None));
    }

    #[test]
    fn without_a_receiver_messages_are_given_back_and_those_waiting_dropped() {
        let (sender, receiver) = queue(4);
        let message = Arc::new(());
        assert_eq!(sender.try_send(message.clone()), Ok(()));
        drop(receiver);
        assert_eq!(Arc::strong_count(&message), 1);
        let refused = sender.try_send(message).unwrap_err();
        assert!(matches!(refused, NotSent::Closed(_)));
        assert_eq!(Arc::strong_count(&refused.into_inner()), 1);
    }
}
