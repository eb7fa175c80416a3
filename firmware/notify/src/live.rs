//! What happens and is not written down elsewhere, on its way into the outbox.

use ramal_model::{CallId, EventKind};
use ramal_pbx::{ActiveCall, LiveEvent, Pbx};
use ramal_store::Store;
use serde_json::{Value, json};
use std::collections::HashSet;
use tokio::sync::broadcast::error::RecvError;

/// Listens until the gateway ends.
pub(crate) async fn listen(store: Store, pbx: Pbx) {
    let (calls, mut changes) = pbx.news();
    let answered = |call: &ActiveCall| call.answered_at.is_some();
    let calls = calls.into_iter().filter(answered);
    let mut calls: HashSet<CallId> = calls.map(|call| call.id).collect();
    loop {
        let change = match changes.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(lost)) => {
                tracing::error!(lost, "nobody is told of events: too many at once");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let Some((kind, data)) = told(&change, &mut calls) else {
            continue;
        };
        if let Err(error) = store.publish(kind, data).await {
            tracing::error!(%error, kind = kind.as_str(), "nobody is told of an event");
        }
    }
}

/// What is told of a change; `answered` are the calls in progress that were answered.
fn told(change: &LiveEvent, answered: &mut HashSet<CallId>) -> Option<(EventKind, Value)> {
    Some(match change {
        LiveEvent::CallStarted { call } => (EventKind::CallStarted, json!(call)),
        LiveEvent::CallChanged { call } => {
            let first = call.answered_at.is_some() && answered.insert(call.id.clone());
            first.then(|| (EventKind::CallAnswered, json!(call)))?
        }
        // The end of a call is told with its record, by the store.
        LiveEvent::CallEnded { call, .. } => {
            answered.remove(&call.id);
            return None;
        }
        LiveEvent::TrunkChanged { trunk } => (EventKind::TrunkChanged, json!(trunk)),
        LiveEvent::AgentChanged { agent } => (EventKind::AgentChanged, json!(agent)),
        LiveEvent::AlarmRaised { alarm } => (EventKind::AlarmRaised, json!(alarm)),
        LiveEvent::AlarmCleared { alarm } => (EventKind::AlarmCleared, json!({ "id": alarm })),
        LiveEvent::ConfigurationChanged { version } => (
            EventKind::ConfigurationChanged,
            json!({ "version": version }),
        ),
        _ => return None,
    })
}
