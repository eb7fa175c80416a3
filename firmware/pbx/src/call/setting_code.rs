//! Codes that set something: forwards, do not disturb, and forks by the time that are switched by hand (A.4).

use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
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

/// Digits of a time of the day, such as 1500.
const TIME_DIGITS: usize = 4;

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
    /// A fork, and until what time of the day it is switched; until it is switched back when none.
    TimeCondition(Id<TimeCondition>, Option<Time>),
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
    let mut switched = None;
    let done: Result<(), StoreError> = match wanted {
        Change::Extension(change) => {
            let saving = store.update_extension(&actor, extension.id, *change);
            voice.wait(saving).await?.map(drop)
        }
        Change::TimeCondition(id, until) => {
            let now = store.now();
            let zone = voice.time_zone().clone();
            let configuration = store.configuration();
            let toggle =
                move |current: &TimeCondition| toggled(current, &configuration, now, &zone, until);
            let saved = voice.wait(store.update(&actor, id, toggle)).await?;
            saved.map(|saved| switched = saved.switched.map(|switched| (switched.state, until)))
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
        Feature::TimeOverride => {
            let state = match switched {
                None => "override-off",
                Some((OverrideState::Open, _)) => "override-open",
                Some((OverrideState::Closed, _)) => "override-closed",
            };
            let mut words = vec![state.to_owned()];
            if let Some((_, Some(until))) = switched {
                words.push("override-until".to_owned());
                let time = format!("{:02}{:02}", until.hour(), until.minute());
                words.extend(voice.composer().digits(&time));
            }
            voice.say(&words).await
        }
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
            let (number, until) = fork_and_time(&setting.digits)?;
            // Nobody opens or closes another company.
            let company = participant.who.company();
            let mut conditions = configuration.catalogue().time_conditions.iter();
            let condition =
                conditions.find(|one| one.company == company && one.code_number == Some(number))?;
            return Some(Change::TimeCondition(condition.id, until));
        }
        _ => return None,
    }
    Some(Change::Extension(Box::new(change)))
}

/// The number of a fork and the time of the day that may follow it, such as `11500`: the first, until 15:00.
fn fork_and_time(digits: &str) -> Option<(i64, Option<Time>)> {
    let Some((number, time)) = digits
        .len()
        .checked_sub(TIME_DIGITS)
        .filter(|place| *place > 0)
        .and_then(|place| digits.split_at_checked(place))
    else {
        return Some((digits.parse().ok()?, None));
    };
    let (hour, minute) = time.split_at_checked(2)?;
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some((number.parse().ok()?, Some(time)))
}

/// A fork switched by hand to the other way than its periods lead, or back to them. With a time it is switched until then,
/// whatever it was before.
fn toggled(
    current: &TimeCondition,
    configuration: &Configuration,
    now: i64,
    company_zone: &TimeZone,
    until: Option<Time>,
) -> TimeCondition {
    let mut next = TimeCondition {
        switched: None,
        ..current.clone()
    };
    if until.is_none() && current.is_switched_at(now) {
        return next;
    }
    let own = current.time_zone.as_deref();
    let zone = own.and_then(|name| TimeZone::get(name).ok());
    let zone = zone.unwrap_or_else(|| company_zone.clone());
    let moment = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let moment = moment.to_zoned(zone);
    let calendar = current
        .calendar
        .and_then(|id| configuration.catalogue().calendars.get(id));
    let is_open = next.matches(&moment, calendar.map(|calendar| &calendar.settings));
    next.switched = Some(Override {
        state: if is_open {
            OverrideState::Closed
        } else {
            OverrideState::Open
        },
        until: until.and_then(|until| next_time(&moment, until)),
    });
    next
}

/// When it is this time of the day next, UTC ms.
fn next_time(now: &Zoned, time: Time) -> Option<i64> {
    let today = now.date().to_datetime(time);
    let tomorrow = now.date().tomorrow().ok()?.to_datetime(time);
    let mut days = [today, tomorrow]
        .into_iter()
        .filter_map(|day| day.to_zoned(now.time_zone().clone()).ok());
    let next = days.find(|day| day > now)?;
    Some(next.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_16_a_time_may_follow_the_number_of_a_fork() {
        let at = |hour, minute| Some(Time::constant(hour, minute, 0, 0));
        assert_eq!(fork_and_time("1"), Some((1, None)));
        assert_eq!(fork_and_time("12"), Some((12, None)));
        assert_eq!(fork_and_time("11500"), Some((1, at(15, 0))));
        assert_eq!(fork_and_time("990005"), Some((99, at(0, 5))));
        assert_eq!(fork_and_time("12400"), None);
        assert_eq!(fork_and_time("11260"), None);
    }

    #[test]
    fn at_16_until_15_00_is_today_or_tomorrow() {
        let condition = TimeCondition {
            time_zone: Some("America/Sao_Paulo".into()),
            ..TimeCondition::default()
        };
        let until = |now: &str| {
            let now: Timestamp = now.parse().unwrap();
            let configuration = Configuration::default();
            let (now, time) = (now.as_millisecond(), Time::constant(15, 0, 0, 0));
            let next = toggled(&condition, &configuration, now, &TimeZone::UTC, Some(time));
            let until = next.switched.unwrap().until.unwrap();
            Timestamp::from_millisecond(until).unwrap().to_string()
        };
        assert_eq!(until("2026-11-23T17:59:59Z"), "2026-11-23T18:00:00Z");
        assert_eq!(until("2026-11-23T18:00:00Z"), "2026-11-24T18:00:00Z");
    }
}
