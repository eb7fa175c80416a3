//! Who was promised to be called back: from the promise until he was reached, or it makes no sense any more.

use std::sync::Arc;

use ramal_model::{CallId, Configuration, ExtensionId, Id, Queue};
use ramal_store::QueueCallback;
use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::floor::Floor;

/// Somebody who is to be called back.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CallbackInQueue {
    /// The call he came by, which names him.
    pub call: CallId,
    /// Where he is called.
    pub number: String,
    /// His name.
    pub name: String,
    /// Since when he waits, UTC milliseconds since the epoch.
    pub since: i64,
    /// How often he was called and did not answer.
    pub attempts: u32,
    /// What happens now.
    pub state: CallbackState,
    /// When he is called again who did not answer, UTC milliseconds since the epoch.
    pub again_at: Option<i64>,
}

/// What happens to somebody who is to be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// He waits for his turn.
    Waiting,
    /// It is his turn: a member's phone rings for him, or he is called.
    Calling,
    /// He did not answer, and is called again later.
    Resting,
}

/// Why a promise cannot be called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    /// Nobody is to be called back by this name.
    #[error("nobody is to be called back there who came by this call")]
    NoSuchCallback,
    /// He is being called.
    #[error("it is his turn and he is being called; end that call instead")]
    Calling,
}

/// The number at which somebody is called back now: an extension may have got another one since it was promised. None when
/// the extension is gone, whose number may be somebody else's by now.
pub(super) fn number_now(
    configuration: &Configuration,
    callback: &QueueCallback,
) -> Option<String> {
    let Some(id) = callback.extension else {
        return Some(callback.number.clone());
    };
    let extension = configuration.extension(ExtensionId(id))?;
    Some(extension.number.clone())
}

/// A promise.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    queue: Id<Queue>,
    callback: QueueCallback,
    state: CallbackState,
    again_at: Option<i64>,
    /// Whether somebody has called it off: it is there until whoever keeps it has seen that.
    called_off: bool,
    /// Wakes whoever keeps it.
    bell: Arc<Notify>,
}

impl Floor {
    /// Somebody is promised to be called back; what wakes whoever keeps the promise when it is called off.
    pub(super) fn promise(&mut self, callback: QueueCallback) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let queue = Id::new(callback.queue);
        self.promises.push(Promise {
            queue,
            callback,
            state: CallbackState::Waiting,
            again_at: None,
            called_off: false,
            bell: Arc::clone(&bell),
        });
        self.changed.insert(queue);
        bell
    }

    /// What happens to him now. Whether the promise holds: once it was called off, nothing happens any more.
    pub(super) fn callback_is(
        &mut self,
        callback: &QueueCallback,
        state: CallbackState,
        again_at: Option<i64>,
    ) -> bool {
        let mut promises = self.promises.iter_mut();
        let found = promises.find(|one| one.callback.call == callback.call && !one.called_off);
        let Some(promise) = found else { return false };
        promise.state = state;
        promise.again_at = again_at;
        promise.callback.attempts = callback.attempts;
        self.changed.insert(promise.queue);
        true
    }

    /// He was reached, or will not be.
    pub(super) fn promise_is_over(&mut self, call: &CallId) {
        if let Some(place) = self
            .promises
            .iter()
            .position(|it| it.callback.call == *call)
        {
            let promise = self.promises.remove(place);
            self.changed.insert(promise.queue);
        }
    }

    /// Somebody decides that he is not called back. He leaves the queue and is counted nowhere.
    pub(super) fn call_off(
        &mut self,
        queue: Id<Queue>,
        call: &CallId,
    ) -> Result<(), CallbackRefusal> {
        let mut promises = self.promises.iter_mut();
        let found = promises
            .find(|one| one.queue == queue && one.callback.call == *call && !one.called_off);
        let promise = found.ok_or(CallbackRefusal::NoSuchCallback)?;
        if promise.state == CallbackState::Calling {
            return Err(CallbackRefusal::Calling);
        }
        promise.called_off = true;
        promise.bell.notify_one();
        if let Some(line) = self.lines.get_mut(&queue) {
            line.waiting
                .retain(|one| !(one.called_back && one.call == *call));
        }
        self.changed.insert(queue);
        Ok(())
    }

    /// Who is to be called back, who has waited longest first.
    pub(super) fn callbacks(
        &self,
        queue: Id<Queue>,
        configuration: &Configuration,
    ) -> Vec<CallbackInQueue> {
        let promises = self.promises.iter();
        let mut all: Vec<_> = promises
            .filter(|one| one.queue == queue && !one.called_off)
            .map(|one| CallbackInQueue {
                call: one.callback.call.clone(),
                number: number_now(configuration, &one.callback)
                    .unwrap_or_else(|| one.callback.number.clone()),
                name: one.callback.name.clone(),
                since: one.callback.since,
                attempts: one.callback.attempts,
                state: one.state,
                again_at: one.again_at,
            })
            .collect();
        all.sort_by_key(|one| one.since);
        all
    }
}
