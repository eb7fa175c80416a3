//! How much extensions call outside: calls a minute and minutes a day (D9).
//!
//! Minutes are those of the legs that call records say were charged to an extension, so that a restart forgets none; those
//! of calls in progress are added while they last.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_model::{Alarm, CallId, Configuration, Extension, ExtensionId, LegRecord, Severity};
use ramal_store::StoreError;
use tokio::time::{Instant, sleep};

use crate::call::Interrupt;
use crate::call::trace::EndedHere;
use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::leg::Cause;

/// The time that calls a minute are counted over.
const MINUTE: Duration = Duration::from_secs(60);
/// The alarm of too many calls goes when none was refused for so long.
const QUIET: Duration = Duration::from_secs(300);
/// How often it is looked whether calls have to end and alarms can go.
const LOOK: Duration = Duration::from_secs(15);

/// What an extension has had enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exceeded {
    /// Calls a minute.
    Rate,
    /// Minutes a day.
    Day,
}

impl Exceeded {
    fn key(self) -> &'static str {
        match self {
            Self::Rate => "toll_rate",
            Self::Day => "toll_day",
        }
    }

    fn alarm(self, number: &str) -> String {
        format!("{}:{number}", self.key())
    }
}

/// What extensions have called outside.
#[derive(Debug, Default)]
pub(crate) struct Tolls(Mutex<Meters>);

#[derive(Debug, Default)]
struct Meters {
    by_extension: HashMap<ExtensionId, Meter>,
    /// Legs in progress that were answered, by call and place in its record: whom they are charged to, and since when.
    talking: HashMap<(CallId, usize), (ExtensionId, i64)>,
    /// Extensions about which there is an alarm, and when they were last refused.
    exceeded: BTreeMap<(Exceeded, ExtensionId), (String, Instant)>,
}

#[derive(Debug, Default)]
struct Meter {
    /// When calls of the last minute began.
    begun: VecDeque<Instant>,
    /// The day that `talked` is of: its beginning, UTC ms.
    day: i64,
    /// Milliseconds talked on it.
    talked: i64,
}

impl Tolls {
    /// Takes up what was charged today before the gateway started.
    pub(crate) async fn start(exchange: &Arc<Exchange>) -> Result<(), StoreError> {
        let configuration = exchange.configuration.borrow().clone();
        let day = day_of(&configuration, utc_ms());
        let charged = exchange.store.charged_since(day).await?;
        {
            let mut meters = exchange.tolls.lock();
            for (number, talked) in charged {
                if let Some(extension) = configuration.extension_by_number(&number) {
                    let meter = meters.by_extension.entry(extension.id).or_default();
                    (meter.day, meter.talked) = (day, talked);
                }
            }
        }
        tokio::spawn(look_after(Arc::downgrade(exchange)));
        Ok(())
    }

    /// What keeps an extension from calling outside now.
    pub(crate) fn exceeded(
        &self,
        configuration: &Configuration,
        extension: &Extension,
    ) -> Option<Exceeded> {
        let class = &extension.class_of_service;
        let mut meters = self.lock();
        if class.calls_per_minute > 0 && meters.rate(extension.id) >= class.calls_per_minute.into()
        {
            return Some(Exceeded::Rate);
        }
        let now = utc_ms();
        let day = day_of(configuration, now);
        let enough = meters.has_talked_enough(extension, day, now);
        enough.then_some(Exceeded::Day)
    }

    /// An extension begins a call to the public network.
    pub(crate) fn begins(&self, extension: ExtensionId) {
        let mut meters = self.lock();
        let meter = meters.by_extension.entry(extension).or_default();
        // As many as any limit asks for.
        if meter.begun.len() >= 600 {
            meter.begun.pop_front();
        }
        meter.begun.push_back(Instant::now());
    }

    /// A leg charged to an extension was answered.
    pub(crate) fn talks(&self, call: &CallId, leg: usize, extension: ExtensionId, since: i64) {
        let talking = &mut self.lock().talking;
        let talks = talking.entry((call.clone(), leg));
        talks.or_insert((extension, since));
    }

    /// A leg is over, whatever becomes of its call: it counts up to here.
    pub(crate) fn leg_ended(
        &self,
        configuration: &Configuration,
        call: &CallId,
        leg: usize,
        ended_at: i64,
    ) {
        let day = day_of(configuration, utc_ms());
        self.lock().leg_ended(call, leg, ended_at, day);
    }

    /// The call of such legs is over. Legs that were over before have been counted.
    pub(crate) fn ended(
        &self,
        configuration: &Configuration,
        call: &CallId,
        legs: &[LegRecord],
        charged: &[(usize, ExtensionId)],
    ) {
        let day = day_of(configuration, utc_ms());
        let mut meters = self.lock();
        for (place, extension) in charged {
            let Some(leg) = legs.get(*place) else {
                continue;
            };
            if let Some(ended_at) = leg.ended_at {
                meters.leg_ended(call, *place, ended_at, day);
            }
            let meter = meters.by_extension.entry(*extension).or_default();
            // Who found no free line has called nobody.
            if leg.answered_at.is_none() && leg.cause == Cause::NO_CIRCUIT.to_string() {
                meter.begun.pop_back();
            }
        }
    }

    /// An extension was refused a call for this reason.
    pub(crate) fn refused(&self, exchange: &Exchange, extension: &Extension, exceeded: Exceeded) {
        let number = extension.number.clone();
        exchange.live.raise(Alarm {
            id: exceeded.alarm(&number),
            since: utc_ms(),
            severity: Severity::Warning,
            object: number.clone(),
            text: exceeded.key().to_owned(),
            action: format!("{}_action", exceeded.key()),
        });
        let refused = (number, Instant::now());
        self.lock()
            .exceeded
            .insert((exceeded, extension.id), refused);
    }

    /// The alarms that can go.
    fn over(&self, configuration: &Configuration) -> Vec<String> {
        let now = utc_ms();
        let mut meters = self.lock();
        let mut over = Vec::new();
        let raised = std::mem::take(&mut meters.exceeded);
        for ((exceeded, id), (number, refused)) in raised {
            let stays = match (exceeded, configuration.extension(id)) {
                (_, None) => false,
                (Exceeded::Rate, Some(_)) => refused.elapsed() < QUIET,
                (Exceeded::Day, Some(extension)) => {
                    meters.has_talked_enough(extension, day_of(configuration, now), now)
                }
            };
            if stays {
                meters.exceeded.insert((exceeded, id), (number, refused));
            } else {
                over.push(exceeded.alarm(&number));
            }
        }
        over
    }

    /// Calls in progress that are charged to extensions which have talked for as long as they may today, and these.
    fn to_end(&self, configuration: &Configuration) -> Vec<(CallId, ExtensionId)> {
        let now = utc_ms();
        let day = day_of(configuration, now);
        let meters = self.lock();
        let mut to_end: Vec<_> = meters
            .talking
            .iter()
            .map(|((call, _), (extension, _))| (call, *extension))
            .filter(|(_, id)| {
                let extension = configuration.extension(*id);
                extension.is_some_and(|extension| meters.has_talked_enough(extension, day, now))
            })
            .map(|(call, extension)| (call.clone(), extension))
            .collect();
        to_end.sort();
        to_end.dedup();
        to_end
    }

    fn lock(&self) -> MutexGuard<'_, Meters> {
        // A panic elsewhere leaves the counts whole: every change is a single insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meters {
    /// What a leg has talked on the day that began at `day` goes from those in progress to those over.
    fn leg_ended(&mut self, call: &CallId, leg: usize, ended_at: i64, day: i64) {
        let Some((extension, since)) = self.talking.remove(&(call.clone(), leg)) else {
            return;
        };
        let talked = ended_at.saturating_sub(since.max(day));
        if talked > 0 {
            let meter = self.by_extension.entry(extension).or_default();
            if meter.day != day {
                (meter.day, meter.talked) = (day, 0);
            }
            meter.talked += talked;
        }
    }

    /// Calls that an extension has begun within the last minute.
    fn rate(&mut self, extension: ExtensionId) -> usize {
        let Some(meter) = self.by_extension.get_mut(&extension) else {
            return 0;
        };
        while meter.begun.front().is_some_and(|at| at.elapsed() >= MINUTE) {
            meter.begun.pop_front();
        }
        meter.begun.len()
    }

    /// Whether an extension has talked for as long as it may on the day that began at `day`.
    fn has_talked_enough(&self, extension: &Extension, day: i64, now: i64) -> bool {
        let most = i64::from(extension.class_of_service.minutes_per_day) * 60_000;
        most > 0 && self.talked(extension.id, day, now) >= most
    }

    /// Milliseconds that an extension has talked since `day` began.
    fn talked(&self, extension: ExtensionId, day: i64, now: i64) -> i64 {
        let meter = self.by_extension.get(&extension);
        let before = meter.filter(|meter| meter.day == day);
        let talking = self.talking.values().filter(|(id, _)| *id == extension);
        let goes_on: i64 = talking
            .map(|(_, since)| now.saturating_sub((*since).max(day)).max(0))
            .sum();
        before.map_or(0, |meter| meter.talked) + goes_on
    }
}

/// When the company's day began, UTC ms.
fn day_of(configuration: &Configuration, now: i64) -> i64 {
    let zone = configuration
        .company()
        .and_then(|company| TimeZone::get(&company.time_zone).ok())
        .unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(now)
        .ok()
        .and_then(|now| now.to_zoned(zone).start_of_day().ok())
        .map_or(0, |start| start.timestamp().as_millisecond())
}

/// Ends the calls of extensions that have talked for as long as they may, and takes back alarms when their cause is over,
/// for as long as the exchange lives.
async fn look_after(exchange: Weak<Exchange>) {
    loop {
        sleep(LOOK).await;
        let Some(exchange) = exchange.upgrade() else {
            return;
        };
        let configuration = exchange.configuration.borrow().clone();
        for (call, extension) in exchange.tolls.to_end(&configuration) {
            let end = Interrupt::End(EndedHere::DailyCap);
            if exchange.interrupt(&call, end)
                && let Some(extension) = configuration.extension(extension)
            {
                exchange.tolls.refused(&exchange, extension, Exceeded::Day);
            }
        }
        for alarm in exchange.tolls.over(&configuration) {
            exchange.live.clear(&alarm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_model::{ClassOfServiceChange, LegKind, NewExtension};

    fn extension(calls_per_minute: i64, minutes_per_day: i64) -> Extension {
        let new = NewExtension {
            number: "2001".into(),
            class_of_service: Some(ClassOfServiceChange {
                classes: None,
                calls_per_minute: Some(calls_per_minute),
                minutes_per_day: Some(minutes_per_day),
            }),
            ..NewExtension::default()
        };
        new.validate(ExtensionId(1), &Configuration::default())
            .unwrap()
    }

    fn leg(answered_at: i64, ended_at: i64) -> LegRecord {
        LegRecord {
            answered_at: Some(answered_at),
            ended_at: Some(ended_at),
            ..LegRecord::begin(LegKind::Line, "x".into(), String::new(), answered_at)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_counted_over_a_minute() {
        let (tolls, configuration) = (Tolls::default(), Configuration::default());
        let few = extension(2, 0);
        tolls.begins(few.id);
        assert_eq!(tolls.exceeded(&configuration, &few), None);
        tolls.begins(few.id);
        assert_eq!(tolls.exceeded(&configuration, &few), Some(Exceeded::Rate));
        assert_eq!(tolls.exceeded(&configuration, &extension(0, 0)), None);
        tokio::time::advance(MINUTE).await;
        assert_eq!(tolls.exceeded(&configuration, &few), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_free_line_has_not_called() {
        let (tolls, configuration) = (Tolls::default(), Configuration::default());
        let few = extension(1, 0);
        let call = CallId::new(utc_ms(), [1; 10]);
        let mut leg = LegRecord::begin(LegKind::Line, "0101".into(), String::new(), 0);
        for (cause, exceeded) in [
            (Cause::NO_CIRCUIT, None),
            (Cause::USER_BUSY, Some(Exceeded::Rate)),
        ] {
            tolls.begins(few.id);
            leg.cause = cause.to_string();
            tolls.ended(&configuration, &call, &[leg.clone()], &[(0, few.id)]);
            assert_eq!(tolls.exceeded(&configuration, &few), exceeded);
        }
    }

    #[test]
    fn minutes_of_calls_over_and_in_progress_are_added() {
        let (tolls, configuration) = (Tolls::default(), Configuration::default());
        let one = extension(0, 1);
        let now = utc_ms();
        // A day that has just begun holds no minute: count only what fits into it.
        let day = day_of(&configuration, now);
        let call = CallId::new(now, [1; 10]);
        tolls.talks(&call, 1, one.id, now - 40_000);
        tolls.talks(&CallId::new(now, [2; 10]), 1, one.id, now - 30_000);
        let whole_minute = now - 40_000 >= day;
        let expected = whole_minute.then_some(Exceeded::Day);
        assert_eq!(tolls.exceeded(&configuration, &one), expected);
        let legs = [leg(now, now), leg(now - 40_000, now - 20_000)];
        tolls.ended(&configuration, &call, &legs, &[(1, one.id)]);
        assert_eq!(tolls.exceeded(&configuration, &one), None);
    }

    #[test]
    fn a_leg_that_is_over_counts_no_longer_and_only_once() {
        let (tolls, configuration) = (Tolls::default(), Configuration::default());
        let one = extension(0, 1);
        let now = utc_ms();
        let day = day_of(&configuration, now);
        let call = CallId::new(now, [1; 10]);
        let talked = || tolls.lock().talked(one.id, day, now);
        let since = day.max(now - 40_000);
        tolls.talks(&call, 1, one.id, since);
        assert_eq!(talked(), now - since);
        // The call goes on without it.
        let ended = since + (now - since) / 4;
        tolls.leg_ended(&configuration, &call, 1, ended);
        assert_eq!(talked(), ended - since);
        // It stays after all, and is counted from there.
        tolls.talks(&call, 1, one.id, ended);
        tolls.talks(&call, 1, one.id, since);
        assert_eq!(talked(), now - since);
        let legs = [leg(since, ended), leg(since, now)];
        tolls.ended(&configuration, &call, &legs, &[(1, one.id)]);
        assert_eq!(talked(), now - since);
        tolls.leg_ended(&configuration, &call, 1, now);
        tolls.ended(&configuration, &call, &legs, &[(1, one.id)]);
        assert_eq!(talked(), now - since);
        // Of a leg from yesterday only what is of today counts.
        tolls.talks(&call, 2, one.id, day - 60_000);
        tolls.leg_ended(&configuration, &call, 2, day - 30_000);
        assert_eq!(talked(), now - since);
        tolls.talks(&call, 2, one.id, day - 60_000);
        tolls.leg_ended(&configuration, &call, 2, day + 1_000);
        assert_eq!(talked(), now - since + 1_000);
    }

    #[test]
    fn what_was_talked_yesterday_does_not_count() {
        let yesterday_and_today = leg(1_000, 61_000);
        assert_eq!(yesterday_and_today.talked_since(31_000), 30_000);
        assert_eq!(yesterday_and_today.talked_since(0), 60_000);
        assert_eq!(yesterday_and_today.talked_since(90_000), 0);
    }
}
