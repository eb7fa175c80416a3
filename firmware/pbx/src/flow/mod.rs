//! Where a call goes, as straight async code over what a call can do.
//!
//! [`Switch`] is what a page may ask and do. A call in progress is one (`call::stage`), the [simulator](simulate) another:
//! both follow the same pages, so that what the simulator says is what a call does.
//!
//! - [`arrival`]: which number or route takes a call that comes in;
//! - [`number`]: what happens to a call to a number, in the one order there is (A.2);
//! - [`follow`]: from one destination to the next, until somebody takes the call or it ends;
//! - [`ring`]: who rings when; [`ivr`]: menus.

pub(crate) mod arrival;
mod ivr;
mod number;
pub(crate) mod person;
mod presence;
pub(crate) mod ring;
pub(crate) mod simulate;
mod switch;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ramal_model::{
    Announcement, Clearing, Destination, ExtensionId, Number, Queue, Stored, TimeCondition,
};

pub(crate) use self::switch::{Availability, Greetings, Outside, QueueEnd, Rung, Say, Switch, Who};
use crate::call::trace::{Fork, Step};

/// Destinations a call may come to; more only through numbers that forward to each other.
const MOST_STEPS: usize = 64;
/// How often a call may be led to another number of the company.
const MOST_NUMBERS: usize = 3;
/// How often a call may be led on because people have their calls go elsewhere.
const MOST_FORWARDS: usize = 3;

/// How the way of a call ends.
#[derive(Debug)]
pub(crate) enum End<T> {
    /// Somebody took it.
    Taken(T),
    /// It ends, and the caller is told so.
    Cleared(Clearing),
    /// The gateway itself talked to the caller until the end.
    Served,
}

/// What comes after a destination.
#[derive(Debug)]
enum Next<T> {
    Go(Destination),
    End(End<T>),
}

/// What a call has come through.
#[derive(Debug, Clone, Default)]
struct Journey {
    /// The number whose messages and actions hold for it.
    number: Option<Arc<Stored<Number>>>,
    /// Numbers it has come to.
    numbers: usize,
    /// The queue it came through last.
    queue: Option<Arc<Stored<Queue>>>,
    /// How often people had it go elsewhere.
    forwards: usize,
    /// Who had it go elsewhere last: it goes as far as his calls may.
    forwarder: Option<ExtensionId>,
    /// Menus it has come to one after the other.
    menus: usize,
}

impl Journey {
    /// What the callers of voicemail boxes hear because of where they come from.
    fn greetings(&self) -> Greetings {
        let number = self.number.as_ref();
        let queue = self.queue.as_ref();
        Greetings {
            number: number.and_then(|number| number.voicemail_greeting),
            queue: queue.and_then(|queue| queue.voicemail_greeting),
        }
    }
}

/// Leads a call from `first` on, until somebody takes it or it ends.
pub(crate) async fn follow<S: Switch>(
    switch: &mut S,
    first: Destination,
) -> Result<End<S::Taken>, S::Over> {
    let mut journey = Journey::default();
    let mut next = Next::Go(first);
    for _ in 0..MOST_STEPS {
        let destination = match next {
            Next::Go(destination) => destination,
            Next::End(end) => return Ok(end),
        };
        next = visit(switch, &mut journey, destination).await?;
    }
    switch.step(Step::RoundInCircles);
    Ok(End::Cleared(Clearing::Congestion))
}

/// One destination.
async fn visit<S: Switch>(
    switch: &mut S,
    journey: &mut Journey,
    destination: Destination,
) -> Result<Next<S::Taken>, S::Over> {
    let configuration = Arc::clone(switch.configuration());
    let catalogue = configuration.catalogue();
    match destination {
        Destination::HangUp { clearing } => {
            switch.step(Step::LedToEnd { clearing });
            Ok(Next::End(End::Cleared(clearing)))
        }
        Destination::Extension { id } => person::extension(switch, journey, id).await,
        Destination::User { id } => match ring::devices_of(&configuration, id)[..] {
            [Who::Extension(id)] => person::extension(switch, journey, id).await,
            ref devices => {
                let plan = ring::all(devices.to_vec());
                ring::people(switch, journey, &plan, None).await
            }
        },
        Destination::Ring { ring, on_no_answer } => {
            let then = on_no_answer.map(|next| *next);
            ring::people(
                switch,
                journey,
                &ring::Plan::of(&configuration, &ring),
                then,
            )
            .await
        }
        Destination::Number { id } => match catalogue.numbers.get(id) {
            Some(number) => number::called(switch, journey, number).await,
            None => Ok(gone(switch)),
        },
        Destination::Queue { id } => match catalogue.queues.get(id) {
            Some(queue) => {
                switch.step(Step::Queue {
                    queue: queue.name.clone(),
                });
                journey.queue = Some(Arc::clone(queue));
                let end = switch.wait_in_queue(queue).await?;
                let next = match end {
                    QueueEnd::Taken(taken) => return Ok(Next::End(End::Taken(taken))),
                    QueueEnd::CalledBack => return Ok(Next::End(End::Served)),
                    QueueEnd::Full => queue.on_full.clone(),
                    QueueEnd::TimedOut => queue.on_timeout.clone(),
                    QueueEnd::Empty => queue.on_empty.clone().unwrap_or_default(),
                };
                Ok(Next::Go(next))
            }
            None => Ok(gone(switch)),
        },
        Destination::Ivr { id } => match catalogue.ivrs.get(id) {
            Some(ivr) => ivr::menu(switch, journey, ivr).await,
            None => Ok(gone(switch)),
        },
        Destination::TimeCondition { id } => match catalogue.time_conditions.get(id) {
            Some(condition) => {
                let matches = matches(switch, condition);
                Ok(Next::Go(if matches {
                    condition.on_match.clone()
                } else {
                    condition.on_no_match.clone()
                }))
            }
            None => Ok(gone(switch)),
        },
        Destination::Announcement { id } => match catalogue.announcements.get(id) {
            Some(announcement) => announce(switch, announcement).await,
            None => Ok(gone(switch)),
        },
        Destination::Conference { id } => match catalogue.conferences.get(id) {
            Some(room) => {
                switch.step(Step::Conference {
                    room: room.name.clone(),
                });
                switch.join_conference(room).await?;
                Ok(Next::End(End::Served))
            }
            None => Ok(gone(switch)),
        },
        Destination::Voicemail { id } => match catalogue.voicemail_boxes.get(id) {
            Some(mailbox) => {
                switch.step(Step::Voicemail {
                    mailbox: mailbox.name.clone(),
                });
                switch.leave_message(mailbox, journey.greetings()).await?;
                Ok(Next::End(End::Served))
            }
            None => Ok(gone(switch)),
        },
        Destination::External { number } => {
            let mut outside = Outside::of(number, journey.number.as_deref());
            outside.on_behalf_of = journey.forwarder;
            ring::people(switch, journey, &ring::only(Who::Outside(outside)), None).await
        }
    }
}

/// Whether a fork leads the way of its periods now.
fn matches<S: Switch>(switch: &mut S, condition: &Stored<TimeCondition>) -> bool {
    let configuration = Arc::clone(switch.configuration());
    let zone = condition
        .time_zone
        .as_deref()
        .or(configuration
            .company()
            .map(|company| company.time_zone.as_str()))
        .and_then(|name| jiff::tz::TimeZone::get(name).ok())
        .unwrap_or(jiff::tz::TimeZone::UTC);
    let now = switch.now().to_zoned(zone);
    let calendar = condition
        .calendar
        .and_then(|id| configuration.catalogue().calendars.get(id));
    let matches = condition.matches(&now, calendar.map(|calendar| &calendar.settings));
    let holiday = calendar.and_then(|calendar| calendar.holiday(now.date()));
    switch.step(Step::TimeCondition {
        condition: condition.name.clone(),
        fork: if matches { Fork::Match } else { Fork::NoMatch },
        local_time: now.strftime("%Y-%m-%d %H:%M").to_string(),
        holiday,
    });
    matches
}

async fn announce<S: Switch>(
    switch: &mut S,
    announcement: &Stored<Announcement>,
) -> Result<Next<S::Taken>, S::Over> {
    switch.step(Step::Announcement {
        announcement: announcement.name.clone(),
    });
    if announcement.early {
        switch.early().await?;
    } else {
        switch.answer().await?;
    }
    let keys = announcement.skip_key.as_deref().unwrap_or_default();
    let say: Vec<_> = announcement.files.iter().map(|id| Say::File(*id)).collect();
    switch.play(&say, keys).await?;
    Ok(Next::Go(announcement.after.clone()))
}

/// Where a call ends that would go round for ever.
fn congested<T>() -> Next<T> {
    Next::End(End::Cleared(Clearing::Congestion))
}

/// Something was deleted after the call began; the configuration a call follows holds together, so this is the end.
fn gone<S: Switch, T>(switch: &mut S) -> Next<T> {
    switch.step(Step::LedToEnd {
        clearing: Clearing::Unallocated,
    });
    Next::End(End::Cleared(Clearing::Unallocated))
}
