//! The event stream (server-sent events): a snapshot, then every change.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::{Stream, stream};
use ramal_model::{People, UserId};
use ramal_pbx::{ConferenceRoom, Live, LiveEvent};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use utoipa::ToSchema;

use super::calls::of_call;
use crate::app::App;
use crate::document::{Common, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::stop::Stop;

/// Milliseconds after which a browser connects again.
const RECONNECT_MS: u64 = 2000;

/// What the stream carries, as `data` of events named after `type`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "documents the stream, whose events are written one by one"
)]
enum StreamEvent {
    /// Event `snapshot`: the state now. Comes first, and again when the client was too slow to get every change.
    Snapshot(Live),
    /// A change.
    Change(LiveEvent),
}

/// Live state: first event `snapshot`, then every change. A comment comes at least every 15 s.
#[utoipa::path(
    get, path = "/events", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = StreamEvent, content_type = "text/event-stream"), Unauthenticated, Forbidden, Common)
)]
pub async fn events(State(app): State<App>, access: Access) -> Result<impl IntoResponse, Problem> {
    let place = Arc::clone(&app.event_places)
        .try_acquire_owned()
        .map_err(|_| {
            Problem::unavailable("Too many clients listen to events. Close some windows.")
                .retry_after(30)
        })?;
    Ok(Sse::new(feed(app, access, place)))
}

struct Feed {
    app: App,
    access: Access,
    snapshot: Option<Live>,
    changes: Receiver<LiveEvent>,
    keep_alive: Interval,
    stop: Stop,
    _place: OwnedSemaphorePermit,
}

fn feed(
    app: App,
    access: Access,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let (live, changes) = app.pbx.observe();
    let period = app.limits.event_keep_alive;
    let mut keep_alive = interval_at(tokio::time::Instant::now() + period, period);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stop = app.stop.clone();
    let feed = Feed {
        app,
        access,
        snapshot: Some(live),
        changes,
        keep_alive,
        stop,
        _place: place,
    };
    stream::unfold(feed, |mut feed| async move {
        feed.next().await.map(|event| (Ok(event), feed))
    })
}

impl Feed {
    /// The next event; none when the service stops or the listener may not listen any more.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(live) = self.snapshot.take() {
                let live = self.seen(live);
                return event("snapshot", &live)
                    .map(|event| event.retry(std::time::Duration::from_millis(RECONNECT_MS)));
            }
            tokio::select! {
                () = self.stop.requested() => return None,
                _ = self.keep_alive.tick() => {
                    self.access = self.access.again(&self.app).await.ok()?;
                    return Some(Event::default().comment(""));
                }
                change = self.changes.recv() => match change {
                    Ok(change) if self.sees(&change) => return event(name(&change), &change),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let (live, changes) = self.app.pbx.observe();
                        self.changes = changes;
                        self.snapshot = Some(live);
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

impl Feed {
    /// The part of the state that the listener's scope is about.
    fn seen(&self, mut live: Live) -> Live {
        let (people, configuration) = (
            self.access.people(&self.app),
            self.app.store.configuration(),
        );
        live.calls
            .retain(|call| of_call(&self.app, &self.access, call).is_ok());
        live.registrations
            .retain(|one| people.have_number(&configuration, &one.extension));
        live
    }

    /// Whether a change is about the listener's people, or about nobody.
    fn sees(&self, change: &LiveEvent) -> bool {
        let people = self.access.people(&self.app);
        if people == People::Everybody {
            return true;
        }
        let configuration = self.app.store.configuration();
        match change {
            LiveEvent::CallStarted { call }
            | LiveEvent::CallChanged { call }
            | LiveEvent::CallEnded { call, .. } => of_call(&self.app, &self.access, call).is_ok(),
            LiveEvent::RegistrationAdded { registration }
            | LiveEvent::RegistrationChanged { registration }
            | LiveEvent::RegistrationRemoved { registration } => {
                people.have_number(&configuration, &registration.extension)
            }
            LiveEvent::VoicemailNew { message } | LiveEvent::VoicemailChanged { message } => {
                self.access.of_mailbox(&self.app, message.mailbox).is_ok()
            }
            LiveEvent::AgentChanged { agent } | LiveEvent::BreakEnding { agent } => {
                people.include(UserId(agent.user))
            }
            LiveEvent::QueueChanged { queue } => {
                let company = configuration.company_of("queue", queue.id);
                self.access
                    .of_company(&self.app, company.unwrap_or_default())
                    .is_ok()
            }
            LiveEvent::ConferenceChanged {
                conference: ConferenceRoom { conference, .. },
            }
            | LiveEvent::ConferenceEnded { conference } => {
                let company = configuration.company_of("conference", conference.number());
                self.access
                    .of_company(&self.app, company.unwrap_or_default())
                    .is_ok()
            }
            // The list of recordings is asked for, and has its own scope.
            LiveEvent::RecordingReady { .. } => false,
            _ => true,
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default()
        .event(name)
        .json_data(data)
        .inspect_err(|error| tracing::error!(%error, name, "event cannot be written"))
        .ok()
}

fn name(change: &LiveEvent) -> &'static str {
    match change {
        LiveEvent::CallStarted { .. } => "call_started",
        LiveEvent::CallChanged { .. } => "call_changed",
        LiveEvent::CallEnded { .. } => "call_ended",
        LiveEvent::RegistrationAdded { .. } => "registration_added",
        LiveEvent::RegistrationChanged { .. } => "registration_changed",
        LiveEvent::RegistrationRemoved { .. } => "registration_removed",
        LiveEvent::TrunkChanged { .. } => "trunk_changed",
        LiveEvent::TrunkRemoved { .. } => "trunk_removed",
        LiveEvent::RecordingReady { .. } => "recording_ready",
        LiveEvent::VoicemailNew { .. } => "voicemail_new",
        LiveEvent::VoicemailChanged { .. } => "voicemail_changed",
        LiveEvent::ConferenceChanged { .. } => "conference_changed",
        LiveEvent::ConferenceEnded { .. } => "conference_ended",
        LiveEvent::QueueChanged { .. } => "queue_changed",
        LiveEvent::AgentChanged { .. } => "agent_changed",
        LiveEvent::BreakEnding { .. } => "break_ending",
        LiveEvent::AlarmRaised { .. } => "alarm_raised",
        LiveEvent::AlarmCleared { .. } => "alarm_cleared",
        LiveEvent::ConfigurationChanged { .. } => "configuration_changed",
    }
}
