//! Codes that set something: forwards, do not disturb, and forks by the time that are switched by hand (A.4).

use std::sync::Arc;

use ramal_model::{
    Actor, Configuration, Extension, ExtensionChange, FeatureCode, Id, Override, OverrideState,
    TimeCondition,
};
use ramal_store::StoreError;

use super::Outcome;
use super::participant::Participant;
use super::record::Call;
use super::routing::{self, Route};
use super::trace::{EndedHere, Feature, Refused};
use super::voice::{self, Interrupted, Voice};
use crate::leg::Cause;

/// A code that sets something, and the digits dialled after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingCode {
    pub(super) code: FeatureCode,
    pub(super) feature: Feature,
    pub(super) digits: String,
}

/// What a code is to change.
enum Change {
    Extension(Box<ExtensionChange>),
    TimeCondition(Id<TimeCondition>),
}

/// Sets what the code says and tells the caller.
pub(super) async fn run(
    call: &mut Call,
    participant: &mut Participant,
    setting: &SettingCode,
    configuration: &Arc<Configuration>,
) -> Outcome {
    let Some(extension) = participant.who.extension().cloned() else {
        return call.refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
    };
    let wanted = change(call, participant, setting, configuration);
    if let Err(refused) = voice::answer(call, participant) {
        return refused;
    }
    call.service(setting.feature);
    let Participant {
        leg, who, record, ..
    } = participant;
    call.answered(*record, None, leg.codec());
    let mut voice = Voice::new(call, &mut **leg, who, configuration);
    match set_and_tell(&mut voice, wanted, setting, &extension).await {
        Ok(()) => call.ended_here(EndedHere::Finished),
        Err(interrupted) => interrupted.outcome(call),
    }
}

async fn set_and_tell(
    voice: &mut Voice<'_>,
    wanted: Option<Change>,
    setting: &SettingCode,
    extension: &Extension,
) -> Result<(), Interrupted> {
    let Some(wanted) = wanted else {
        return voice.say(&["setting-refused"]).await;
    };
    let store = voice.call.exchange().store.clone();
    let actor = Actor::Telephone {
        extension: extension.number.clone(),
    };
    let mut opened = false;
    let done: Result<(), StoreError> = match wanted {
        Change::Extension(change) => {
            let saving = store.update_extension(&actor, extension.id, *change);
            voice.wait(saving).await?.map(drop)
        }
        Change::TimeCondition(id) => {
            let now = store.now();
            let zone = voice.time_zone().clone();
            let configuration = store.configuration();
            let toggle =
                move |current: &TimeCondition| toggled(current, &configuration, now, &zone);
            let saved = voice.wait(store.update(&actor, id, toggle)).await?;
            saved.map(|saved| opened = saved.switched.is_none())
        }
    };
    if let Err(error) = done {
        tracing::warn!(%error, "what was dialled cannot be set");
        return voice.say(&["setting-refused"]).await;
    }
    match setting.feature {
        Feature::ForwardAll | Feature::ForwardBusy | Feature::ForwardNoAnswer => {
            let mut words = vec!["forward-on".to_owned()];
            words.extend(voice.composer().digits(&setting.digits));
            voice.say(&words).await
        }
        Feature::DoNotDisturb => voice.say(&["dnd-on"]).await,
        Feature::DoNotDisturbOff => voice.say(&["dnd-off"]).await,
        Feature::TimeOverride if opened => voice.say(&["override-off"]).await,
        Feature::TimeOverride => voice.say(&["override-on"]).await,
        _ => voice.say(&["forward-off"]).await,
    }
}

/// What is to be changed; none when it cannot be set.
fn change(
    call: &Call,
    participant: &Participant,
    setting: &SettingCode,
    configuration: &Configuration,
) -> Option<Change> {
    let to = || {
        // Nobody forwards to where he may not call himself.
        let exchange = call.exchange();
        let who = &participant.who;
        let route = routing::route(configuration, exchange, who, &setting.digits, drop);
        let leads = matches!(
            route,
            Route::Extension(_) | Route::Outside { .. } | Route::Flow(_) | Route::Station(_)
        );
        leads.then(|| Some(Some(setting.digits.clone())))
    };
    let mut change = ExtensionChange::default();
    match setting.code {
        FeatureCode::ForwardAll => change.forward_all = to()?,
        FeatureCode::ForwardAllOff => change.forward_all = Some(None),
        FeatureCode::ForwardBusy => change.forward_busy = to()?,
        FeatureCode::ForwardBusyOff => change.forward_busy = Some(None),
        FeatureCode::ForwardNoAnswer => change.forward_no_answer = to()?,
        FeatureCode::ForwardNoAnswerOff => change.forward_no_answer = Some(None),
        FeatureCode::DoNotDisturb => change.do_not_disturb = Some(true),
        FeatureCode::DoNotDisturbOff => change.do_not_disturb = Some(false),
        FeatureCode::TimeOverride => {
            let number: i64 = setting.digits.parse().ok()?;
            let mut conditions = configuration.catalogue().time_conditions.iter();
            let condition = conditions.find(|one| one.code_number == Some(number))?;
            return Some(Change::TimeCondition(condition.id));
        }
        _ => return None,
    }
    Some(Change::Extension(Box::new(change)))
}

/// A fork switched by hand to the other way, or back to its periods.
fn toggled(
    current: &TimeCondition,
    configuration: &Configuration,
    now: i64,
    company_zone: &jiff::tz::TimeZone,
) -> TimeCondition {
    let mut next = current.clone();
    if current.is_switched_at(now) {
        next.switched = None;
        return next;
    }
    let own = current.time_zone.as_deref();
    let zone = own.and_then(|name| jiff::tz::TimeZone::get(name).ok());
    let zone = zone.unwrap_or_else(|| company_zone.clone());
    let moment = jiff::Timestamp::from_millisecond(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let calendar = current
        .calendar
        .and_then(|id| configuration.catalogue().calendars.get(id));
    let is_open = current.matches(
        &moment.to_zoned(zone),
        calendar.map(|calendar| &calendar.settings),
    );
    next.switched = Some(Override {
        state: if is_open {
            OverrideState::Closed
        } else {
            OverrideState::Open
        },
        until: None,
    });
    next
}
