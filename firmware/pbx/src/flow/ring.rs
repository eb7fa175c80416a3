//! Who rings when (RNG, MOD).

use std::time::Duration;

use ramal_model::{
    AudioFileId, Clearing, Configuration, Destination, Number, RingOrder, RingStep, RingStrategy,
    RingTarget, UserId,
};

use super::presence::{self, Presence};
use super::{Availability, End, Journey, Next, Outside, Rung, Say, Switch, Who, number};
use crate::call::trace::Step;

/// Seconds a call rings where nothing else is said (F037).
const DEFAULT_TIME: u16 = 60;

/// People to ring and how.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    who: Vec<Who>,
    strategy: RingStrategy,
    order: RingOrder,
    each: Duration,
    cycles: usize,
    /// Until nobody took the call; in a row, the sum of those that ring unless it was said.
    time: Duration,
    time_is_said: bool,
    rings_nobody: bool,
}

impl Plan {
    /// What a ring step says.
    pub(super) fn of(configuration: &Configuration, step: &RingStep) -> Self {
        let mut who = Vec::new();
        for target in &step.targets {
            match target {
                RingTarget::Extension { id } => who.push(Who::Extension(*id)),
                RingTarget::User { id } => who.extend(devices_of(configuration, *id)),
                RingTarget::External {
                    number,
                    call_connect,
                } => {
                    who.push(Who::Outside(Outside {
                        call_connect: *call_connect,
                        ..Outside::of(number.clone(), None)
                    }));
                }
            }
        }
        let mut once = Vec::with_capacity(who.len());
        for one in who {
            if !once.contains(&one) {
                once.push(one);
            }
        }
        Self {
            who: once,
            strategy: step.strategy,
            order: step.order,
            each: Duration::from_secs(step.interval_seconds().into()),
            cycles: usize::try_from(step.cycles).unwrap_or(1).max(1),
            time: seconds(step.timeout_seconds().into()),
            time_is_said: step.timeout.is_some(),
            rings_nobody: step.rings_nobody(),
        }
    }

    /// The same with more people.
    pub(super) fn and(mut self, more: impl IntoIterator<Item = Who>) -> Self {
        for one in more {
            if !self.who.contains(&one) {
                self.who.push(one);
            }
        }
        self
    }

    /// The same for another time.
    pub(super) fn for_seconds(mut self, seconds: u16) -> Self {
        self.time = Duration::from_secs(seconds.into());
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.who.is_empty()
    }

    /// Whether somebody of those it rings is online.
    pub(super) fn finds_somebody<S: Switch>(&self, switch: &S, journey: &Journey) -> bool {
        presence::of(switch, journey, &self.who) != Presence::Offline
    }
}

/// One, for the usual time.
pub(super) fn only(who: Who) -> Plan {
    all(vec![who])
}

/// Some, all at once for the usual time.
pub(super) fn all(who: Vec<Who>) -> Plan {
    let longest = who.iter().map(|one| match one {
        Who::Extension(_) => DEFAULT_TIME,
        Who::Outside(outside) => outside.seconds,
    });
    Plan {
        time: Duration::from_secs(longest.max().unwrap_or(DEFAULT_TIME).into()),
        who,
        strategy: RingStrategy::Simultaneous,
        order: RingOrder::Fixed,
        each: Duration::ZERO,
        cycles: 1,
        time_is_said: true,
        rings_nobody: false,
    }
}

/// The devices a person is reached on.
pub(super) fn devices_of(configuration: &Configuration, user: UserId) -> Vec<Who> {
    let user = configuration.user(user).filter(|user| user.active);
    user.and_then(|user| user.extension)
        .map(Who::Extension)
        .into_iter()
        .collect()
}

/// Rings people a call was led to: steps 7 to 9 of the evaluation order, with the messages of the number it came by.
/// `then` is where it goes when nobody takes it.
pub(super) async fn people<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    plan: &Plan,
    then: Option<Destination>,
) -> Result<Next<S::Taken>, S::Over> {
    let number = journey.number.clone();
    if plan.rings_nobody {
        switch.step(Step::RingsNobody);
        return Ok(number::nobody_took(switch, number.as_deref(), then));
    }
    match presence::of(switch, journey, &plan.who) {
        Presence::Offline => {
            presence::tell_unreached(switch, journey, &plan.who);
            switch.step(Step::NobodyOnline);
            if let Some(number) = &number {
                return nobody_online(switch, journey, number, then).await;
            }
            Ok(match then {
                Some(then) => Next::Go(then),
                None => Next::End(End::Cleared(Clearing::Congestion)),
            })
        }
        Presence::Busy => {
            presence::tell_unreached(switch, journey, &plan.who);
            switch.step(Step::AllBusy);
            if let Some(number) = &number {
                tell(switch, number.busy_message).await?;
                if let Some(queue) = number.queue {
                    return Ok(Next::Go(Destination::Queue { id: queue }));
                }
                return Ok(number::nobody_took(switch, Some(number), then));
            }
            Ok(match then {
                Some(then) => Next::Go(then),
                None => Next::End(End::Cleared(Clearing::Busy)),
            })
        }
        Presence::Free => {
            welcome(switch, journey).await?;
            match ring(switch, journey, plan).await? {
                Rung::Taken(taken) => Ok(Next::End(End::Taken(taken))),
                rung => {
                    switch.step(Step::NoAnswer);
                    if let Some(number) = &number {
                        // Whoever was rung is there and busy, or does not come (F055).
                        let message = match rung {
                            Rung::Refused => number.busy_message,
                            _ => number.unavailable_message,
                        };
                        tell(switch, message).await?;
                    }
                    Ok(number::nobody_took(switch, number.as_deref(), then))
                }
            }
        }
    }
}

/// What is done where nobody is online whom a number leads to.
pub(super) async fn nobody_online<S: Switch>(
    switch: &mut S,
    journey: &Journey,
    number: &Number,
    then: Option<Destination>,
) -> Result<Next<S::Taken>, S::Over> {
    tell(switch, number.unavailable_message).await?;
    // A leaf that says where to go itself goes there.
    match then {
        Some(then) => Ok(Next::Go(then)),
        None => number::offline_action(switch, journey, &number.offline_action).await,
    }
}

/// Says a message of the number's, if there is one.
async fn tell<S: Switch>(switch: &mut S, message: Option<AudioFileId>) -> Result<(), S::Over> {
    if let Some(file) = message {
        switch.answer().await?;
        switch.play(&[Say::File(file)], "").await?;
    }
    Ok(())
}

/// Rings who can be rung; nothing when nobody took the call.
pub(super) async fn whoever_is_free<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    plan: &Plan,
) -> Result<Option<Next<S::Taken>>, S::Over> {
    if presence::of(switch, journey, &plan.who) != Presence::Free {
        presence::tell_unreached(switch, journey, &plan.who);
        return Ok(None);
    }
    welcome(switch, journey).await?;
    Ok(match ring(switch, journey, plan).await? {
        Rung::Taken(taken) => Some(Next::End(End::Taken(taken))),
        Rung::NoAnswer | Rung::Refused => {
            switch.step(Step::NoAnswer);
            None
        }
    })
}

/// What the number says before somebody rings.
async fn welcome<S: Switch>(switch: &mut S, journey: &Journey) -> Result<(), S::Over> {
    if let Some(number) = journey.number.clone()
        && journey.welcomes()
        && let Some(file) = number.welcome
    {
        tell(switch, Some(file)).await?;
    }
    Ok(())
}

/// Rings until somebody takes the call.
async fn ring<S: Switch>(
    switch: &mut S,
    journey: &Journey,
    plan: &Plan,
) -> Result<Rung<S::Taken>, S::Over> {
    if plan.strategy == RingStrategy::Simultaneous {
        let free = presence::free(switch, journey, &plan.who);
        return switch.ring(free, plan.time).await;
    }
    let mut left = plan.time;
    let mut last = Rung::NoAnswer;
    let cycles = match plan.strategy {
        // Until the time is over, if one was said; once otherwise.
        RingStrategy::Random | RingStrategy::LongestIdle if plan.time_is_said => usize::MAX,
        _ => plan.cycles,
    };
    for _ in 0..cycles {
        let mut rung_somebody = false;
        let mut row = in_order(switch, journey, plan);
        while !row.is_empty() {
            let next = match plan.strategy {
                RingStrategy::Random => switch.choose(row.len()).min(row.len() - 1),
                _ => 0,
            };
            let who = row.remove(next);
            // Things may have changed since the row was made.
            if presence::tell_if_unreached(switch, journey, &who) {
                continue;
            }
            let time = if plan.time_is_said {
                plan.each.min(left)
            } else {
                plan.each
            };
            if time.is_zero() {
                return Ok(last);
            }
            rung_somebody = true;
            last = switch.ring(vec![who], time).await?;
            if let Rung::Taken(_) = last {
                return Ok(last);
            }
            left = left.saturating_sub(time);
        }
        if !rung_somebody {
            break;
        }
    }
    Ok(last)
}

/// Those of a plan in the order in which they ring.
fn in_order<S: Switch>(switch: &S, journey: &Journey, plan: &Plan) -> Vec<Who> {
    let mut row = plan.who.clone();
    let standing = |who: &Who| match who {
        Who::Extension(id) => presence::of_extension(switch, journey, *id),
        Who::Outside(_) => Availability::Offline,
    };
    match (plan.strategy, plan.order) {
        (RingStrategy::LongestIdle, _) => row.sort_by_key(|who| match standing(who) {
            Availability::Free { idle_since, .. } => idle_since,
            _ => i64::MAX,
        }),
        // Who has answered goes to the end (F050).
        (RingStrategy::Sequential, RingOrder::OnlineSince) => {
            row.sort_by_key(|who| match standing(who) {
                Availability::Free {
                    online_since,
                    idle_since,
                } => online_since.max(idle_since),
                _ => i64::MAX,
            });
        }
        _ => {}
    }
    row
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(0).unsigned_abs())
}
