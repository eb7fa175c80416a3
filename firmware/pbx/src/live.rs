//! What is going on right now: phones registered and calls in progress, as the web interface shows them.
//!
//! [`LiveState`] is written by the call tasks and read by the API; the registrations are those of the location service. A
//! reader takes a snapshot and the stream of changes after it in one step, so that no change falls between the two.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ramal_model::{
    Alarm, CallId, CallResult, CompanyId, Conference, ExtensionId, Id, Party, RecordingId,
    Severity, TrunkId, VoicemailMessage,
};
use serde::Serialize;
use tokio::sync::{Notify, broadcast};
use utoipa::ToSchema;

use crate::conference::ConferenceRoom;
use crate::parties::{CallOfNumber, Parties, Rung};
use crate::queues::{AgentStatus, QueueStatus};
use crate::sip::LegKey;
use crate::trunk::TrunkStatus;

/// Changes a slow reader may lag behind before it loses some and has to take a new snapshot.
const EVENT_BACKLOG: usize = 1024;
/// The alarm of calls that are led round in a circle.
const ROUND_IN_CIRCLES: &str = "calls_round_in_circles";

/// A snapshot of the gateway's live state.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Live {
    /// Every registered contact, oldest first.
    pub registrations: Vec<Registration>,
    /// Every call in progress, oldest first.
    pub calls: Vec<ActiveCall>,
    /// Every enabled trunk, oldest first.
    pub trunks: Vec<TrunkStatus>,
    /// What is wrong now, the worst first.
    pub alarms: Vec<Alarm>,
}

/// One contact of an extension: a phone that can be called (RFC 3261 §10).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Registration {
    /// The extension's number.
    pub extension: String,
    /// The contact URI as the phone gave it.
    pub contact: String,
    /// Where the registration came from, `address:port`.
    pub source: String,
    /// `udp` or `tcp`.
    pub transport: String,
    /// The phone's `User-Agent`, if it sent one.
    pub user_agent: Option<String>,
    /// When this contact was first registered, UTC milliseconds since the epoch.
    pub registered_at: i64,
    /// When the registration ends unless refreshed, UTC milliseconds since the epoch.
    pub expires_at: i64,
    /// False when the phone has not answered lately; calls ring it all the same.
    pub reachable: bool,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Not answered yet.
    Ringing,
    /// Both ends talk.
    Answered,
    /// Answered, and at least one end has put the other on hold.
    Held,
}

/// A call in progress.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActiveCall {
    /// The call's id; its record in the call history has the same.
    pub id: CallId,
    /// The company whose call it is; 0 is the one that the gateway is set up for.
    pub company: CompanyId,
    /// Who calls.
    pub caller: Party,
    /// Who is called.
    pub callee: Party,
    /// How far it has come.
    pub state: CallState,
    /// When the call arrived, UTC milliseconds since the epoch.
    pub started_at: i64,
    /// When it was answered, UTC milliseconds since the epoch.
    pub answered_at: Option<i64>,
    /// The caller's codec once media flows, such as `PCMA`.
    pub codec: Option<String>,
    /// Whether it is being recorded; null when it is not.
    pub recording: Option<RecordingState>,
}

/// What the recording of a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is being made, because the settings say so.
    Recording,
    /// It is being made, because somebody asked for it.
    OnDemand,
    /// What is said is left out for now.
    Paused,
}

/// A change of the live state.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A call has arrived.
    CallStarted {
        /// The call as it is now.
        call: ActiveCall,
    },
    /// A call was answered, held, resumed, or now leads to another party.
    CallChanged {
        /// The call as it is now.
        call: ActiveCall,
    },
    /// A call is over and can be found in the call history.
    CallEnded {
        /// The call as it last was.
        call: ActiveCall,
        /// When it ended, UTC milliseconds since the epoch.
        ended_at: i64,
        /// How it ended.
        result: CallResult,
    },
    /// A phone has registered.
    RegistrationAdded {
        /// The new registration.
        registration: Registration,
    },
    /// A phone has refreshed its registration.
    RegistrationChanged {
        /// The registration as it is now.
        registration: Registration,
    },
    /// A phone has un-registered, its registration has expired, or its extension is gone.
    RegistrationRemoved {
        /// The registration as it last was.
        registration: Registration,
    },
    /// A trunk stands otherwise than before, or is new.
    TrunkChanged {
        /// The trunk as it is now.
        trunk: TrunkStatus,
    },
    /// A trunk was deleted or disabled.
    TrunkRemoved {
        /// Which one.
        trunk: TrunkId,
    },
    /// A recording is over and can be listened to.
    RecordingReady {
        /// Which one.
        recording: RecordingId,
        /// The call it is of.
        call: CallId,
    },
    /// A message lies in a voicemail box that was not there before.
    VoicemailNew {
        /// The message.
        message: Box<VoicemailMessage>,
    },
    /// A message was heard, handled or deleted, or that was taken back.
    VoicemailChanged {
        /// The message as it is now.
        message: Box<VoicemailMessage>,
    },
    /// Somebody came into a conference, left it, began or ended to talk, or what he may do changed.
    ConferenceChanged {
        /// The conference as it is now.
        conference: ConferenceRoom,
    },
    /// The last one has left a conference.
    ConferenceEnded {
        /// Which one.
        #[schema(value_type = i64)]
        conference: Id<Conference>,
    },
    /// Somebody waits in a queue, or does not any more, or something was counted.
    QueueChanged {
        /// The queue as it is now.
        queue: QueueStatus,
    },
    /// An agent has logged in or out, or paused, or takes calls again.
    AgentChanged {
        /// The agent as he is now.
        agent: AgentStatus,
    },
    /// An agent's break ends within a minute, and he takes calls again.
    BreakEnding {
        /// The agent as he is now.
        agent: AgentStatus,
    },
    /// Something is wrong.
    AlarmRaised {
        /// What.
        alarm: Alarm,
    },
    /// Something is not wrong any more.
    AlarmCleared {
        /// The alarm's id.
        alarm: String,
    },
    /// The configuration has a new version; the next call follows it.
    ConfigurationChanged {
        /// The new version.
        version: u64,
    },
}

#[derive(Default)]
struct State {
    /// By call id; ids are time-ordered.
    calls: BTreeMap<CallId, ActiveCall>,
    /// The calls of each number.
    parties: Parties,
    trunks: BTreeMap<TrunkId, TrunkStatus>,
    alarms: BTreeMap<String, Alarm>,
    /// Calls each extension takes part in.
    busy: HashMap<ExtensionId, usize>,
    /// When the last call ended that an extension took, UTC ms.
    last_call: HashMap<ExtensionId, i64>,
}

/// The live state, shared by all who write or read it.
pub(crate) struct LiveState {
    // Held for a few map operations only, never across an await.
    state: Mutex<State>,
    events: broadcast::Sender<LiveEvent>,
    /// The same without registrations, of which there may be ten thousands a minute: who does nothing with them is not
    /// woken for them.
    news: broadcast::Sender<LiveEvent>,
    /// Told when somebody may have become free or gone.
    presence: OnceLock<Arc<Notify>>,
}

impl LiveState {
    pub(crate) fn new() -> Self {
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (news, _) = broadcast::channel(EVENT_BACKLOG);
        Self {
            state: Mutex::default(),
            events,
            news,
            presence: OnceLock::new(),
        }
    }

    /// Who is told when somebody may have become free or gone.
    pub(crate) fn tell_of_presence(&self, listener: Arc<Notify>) {
        // There is one exchange.
        let _ = self.presence.set(listener);
    }

    /// Somebody may have become free or gone.
    pub(crate) fn presence_changed(&self) {
        if let Some(listener) = self.presence.get() {
            listener.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the maps whole: every change below is a single insertion or removal.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, event: LiveEvent) {
        // An error only says that nobody listens.
        if self.events.receiver_count() > 0 {
            let _ = self.events.send(event.clone());
        }
        let _ = self.news.send(event);
    }

    /// Announces what is put together only when somebody listens.
    fn announce_with(&self, event: impl FnOnce() -> LiveEvent) {
        if self.events.receiver_count() + self.news.receiver_count() > 0 {
            self.announce(event());
        }
    }

    /// The state now, with these registrations.
    pub(crate) fn snapshot(&self, registrations: Vec<Registration>) -> Live {
        Self::collect(&self.lock(), registrations)
    }

    /// The state now, and every change after it.
    pub(crate) fn observe(
        &self,
        registrations: Vec<Registration>,
    ) -> (Live, broadcast::Receiver<LiveEvent>) {
        let state = self.lock();
        // Subscribing under the lock: writers announce while holding it.
        (
            Self::collect(&state, registrations),
            self.events.subscribe(),
        )
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.events.subscribe()
    }

    /// The calls now, and every change after it but those of registrations.
    pub(crate) fn news(&self) -> (Vec<ActiveCall>, broadcast::Receiver<LiveEvent>) {
        let state = self.lock();
        (
            state.calls.values().cloned().collect(),
            self.news.subscribe(),
        )
    }

    fn collect(state: &State, registrations: Vec<Registration>) -> Live {
        Live {
            registrations,
            calls: state.calls.values().cloned().collect(),
            trunks: state.trunks.values().cloned().collect(),
            alarms: alarms(state),
        }
    }

    /// Something is wrong; an alarm that is raised already stays as it is.
    pub(crate) fn raise(&self, alarm: Alarm) {
        let mut state = self.lock();
        if let Entry::Vacant(place) = state.alarms.entry(alarm.id.clone()) {
            tracing::warn!(alarm = alarm.id, object = alarm.object, "alarm");
            place.insert(alarm.clone());
            self.announce(LiveEvent::AlarmRaised { alarm });
        }
    }

    /// How bad the worst of what is wrong now is.
    pub(crate) fn worst_alarm(&self) -> Option<Severity> {
        let state = self.lock();
        state.alarms.values().map(|alarm| alarm.severity).max()
    }

    /// Something is not wrong any more.
    pub(crate) fn clear(&self, alarm: &str) {
        let mut state = self.lock();
        if let Some(alarm) = state.alarms.remove(alarm) {
            tracing::info!(alarm = alarm.id, "alarm cleared");
            self.announce(LiveEvent::AlarmCleared { alarm: alarm.id });
        }
    }

    /// Tells those who follow something that changes no state.
    pub(crate) fn announce_now(&self, event: LiveEvent) {
        self.announce(event);
    }

    /// How the SIP trunks stand.
    pub(crate) fn trunks(&self) -> Vec<TrunkStatus> {
        self.lock().trunks.values().cloned().collect()
    }

    /// How the trunk stands.
    pub(crate) fn trunk_changed(&self, mut trunk: TrunkStatus) {
        let mut state = self.lock();
        let before = state.trunks.get(&trunk.id);
        let turned = before.map(|before| before.state) != Some(trunk.state);
        if let Some(before) = before.filter(|_| !turned) {
            trunk.since = before.since;
            // When a registration ends differs by milliseconds with every look at the clock.
            let moved = |until: Option<i64>| until.map(|until| until / 10_000);
            if moved(before.registered_until) == moved(trunk.registered_until) {
                trunk.registered_until = before.registered_until;
            }
            if *before == trunk {
                return;
            }
        }
        if turned {
            trunk.log();
        }
        state.trunks.insert(trunk.id, trunk.clone());
        self.announce(LiveEvent::TrunkChanged { trunk });
    }

    /// The trunk is gone or disabled.
    pub(crate) fn trunk_removed(&self, trunk: TrunkId) {
        if self.lock().trunks.remove(&trunk).is_some() {
            self.announce(LiveEvent::TrunkRemoved { trunk });
        }
    }

    /// Announces a change of a registration, which is put into words only when somebody listens.
    pub(crate) fn announce_registration(
        &self,
        registration: impl FnOnce() -> Registration,
        event: impl FnOnce(Registration) -> LiveEvent,
    ) {
        if self.events.receiver_count() > 0 {
            // An error only says that nobody listens any more.
            let _ = self.events.send(event(registration()));
        }
    }

    pub(crate) fn call_started(&self, call: ActiveCall) {
        let mut state = self.lock();
        state.parties.started(&call);
        self.announce_with(|| LiveEvent::CallStarted { call: call.clone() });
        state.calls.insert(call.id.clone(), call);
    }

    /// Applies a change to a call in progress; a call that is already over stays so.
    pub(crate) fn call_changed(&self, id: &CallId, change: impl FnOnce(&mut ActiveCall)) {
        let mut state = self.lock();
        let State { calls, parties, .. } = &mut *state;
        if let Some(call) = calls.get_mut(id) {
            let before = call.clone();
            change(call);
            if *call != before {
                parties.updated(&before, call);
                self.announce_with(|| LiveEvent::CallChanged { call: call.clone() });
            }
        }
    }

    /// Records that the called party is being alerted, at this number and first by this leg.
    pub(crate) fn call_alerting(&self, id: &CallId, leg: Option<LegKey>, number: &str) {
        let mut state = self.lock();
        let State { calls, parties, .. } = &mut *state;
        if let Some(call) = calls.get(id) {
            parties.alerting(call, leg, number);
        }
    }

    /// Records at which numbers a call rings from now on, if it is still there.
    pub(crate) fn call_rings(&self, id: &CallId, numbers: Vec<Arc<str>>) {
        let mut state = self.lock();
        let State { calls, parties, .. } = &mut *state;
        if let Some(call) = calls.get(id) {
            parties.rings(call, numbers);
        }
    }

    /// The calls that ring at a number and are for another one, such as a queue's: who calls, and how they ring.
    pub(crate) fn rung_at(&self, number: &str) -> Vec<(ActiveCall, Rung)> {
        let state = self.lock();
        let rung = state.parties.rung(number);
        rung.filter_map(|(id, rung)| Some((state.calls.get(id)?, rung)))
            .filter(|(call, _)| call.callee.number != number)
            .map(|(call, rung)| (call.clone(), rung))
            .collect()
    }

    /// The calls of a number, oldest first.
    pub(crate) fn calls_of(&self, number: &str) -> Vec<CallOfNumber> {
        let state = self.lock();
        let calls = state.parties.ids(number);
        calls
            .filter_map(|id| Some(state.parties.view(state.calls.get(id)?)))
            .collect()
    }

    /// Something about a number has changed that is no call of it.
    pub(crate) fn number_changed(&self, number: &str) {
        self.lock().parties.changed(number);
    }

    /// Numbers whose calls or registrations change from now on.
    pub(crate) fn watch_numbers(&self) -> broadcast::Receiver<Arc<str>> {
        self.lock().parties.subscribe()
    }

    pub(crate) fn call_ended(&self, id: &CallId, ended_at: i64, result: CallResult) {
        let mut state = self.lock();
        if let Some(call) = state.calls.remove(id) {
            state.parties.ended(&call);
            self.announce(LiveEvent::CallEnded {
                call,
                ended_at,
                result,
            });
        }
    }

    /// A call to this number was led round in a circle and had to be ended.
    pub(crate) fn calls_go_round(&self, dialled: String, now: i64) {
        self.raise(Alarm {
            id: ROUND_IN_CIRCLES.to_owned(),
            since: now,
            severity: Severity::Major,
            object: dialled,
            text: ROUND_IN_CIRCLES.to_owned(),
            action: format!("{ROUND_IN_CIRCLES}_action"),
        });
    }

    /// Calls may be led otherwise from now on; whether they still go round, the next one tells.
    pub(crate) fn configuration_changed(&self, version: u64) {
        self.clear(ROUND_IN_CIRCLES);
        let _state = self.lock();
        self.announce(LiveEvent::ConfigurationChanged { version });
    }

    /// Whether a call is in progress.
    pub(crate) fn has(&self, call: &CallId) -> bool {
        self.lock().calls.contains_key(call)
    }

    /// Number of calls in progress.
    pub(crate) fn calls(&self) -> usize {
        self.lock().calls.len()
    }

    /// Counts one more call of the extension if that leaves it within `limit`; false when it is busy.
    pub(crate) fn occupy(&self, extension: ExtensionId, limit: usize) -> bool {
        let mut state = self.lock();
        let calls = state.busy.entry(extension).or_default();
        if *calls >= limit {
            return false;
        }
        *calls += 1;
        true
    }

    /// Since when an extension has been without a call it took, UTC ms; none inside when it has had none, none at all while
    /// it is in one.
    pub(crate) fn idle_since(&self, extension: ExtensionId) -> Option<Option<i64>> {
        let state = self.lock();
        let in_call = state.busy.contains_key(&extension);
        (!in_call).then(|| state.last_call.get(&extension).copied())
    }

    /// Takes back one [`LiveState::occupy`]; `took` tells when a call ended that the extension took.
    pub(crate) fn release(&self, extension: ExtensionId, took: Option<i64>) {
        let mut state = self.lock();
        if let Some(at) = took {
            state.last_call.insert(extension, at);
        }
        if let Some(calls) = state.busy.get_mut(&extension) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                state.busy.remove(&extension);
            }
        }
        drop(state);
        self.presence_changed();
    }
}

/// The alarms, the worst first, of those alike the oldest.
fn alarms(state: &State) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = state.alarms.values().cloned().collect();
    alarms.sort_by_key(|alarm| (std::cmp::Reverse(alarm.severity), alarm.since));
    alarms
}
