//! Paging: the phones of a group take the call by themselves and play what the caller says. They are in a room of the media
//! engine, in which only he is heard unless the group says otherwise.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ramal_media::{Part, Room};
use ramal_model::{Extension, PagingGroup, Stored};
use tokio::time::{Instant, sleep_until};

use super::participant::Participant;
use super::reach::Following;
use super::record::{Call, LegRef};
use super::trace::{EndedHere, Refused, Step, Unreached};
use super::voice::{self, Interrupted};
use super::{Outcome, Slot};
use crate::leg::sip::Dial;
use crate::leg::{self, Cause, Leg, LegEvent, Release};

/// A phone that has not taken the call by then does not do so by itself: it rings no longer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// A phone that is paged.
struct Paged {
    leg: Box<dyn Leg>,
    record: LegRef,
    answered: bool,
    /// Its extension's share of the calls it may have, given back with the last of its phones.
    _slot: Arc<Slot>,
}

/// The phones that are paged.
#[derive(Default)]
struct Phones {
    phones: Vec<Paged>,
}

impl Phones {
    async fn event(&mut self) -> (usize, LegEvent) {
        poll_fn(|context| {
            for (index, phone) in self.phones.iter_mut().enumerate() {
                if let Poll::Ready(event) = phone.leg.poll_event(context) {
                    return Poll::Ready((index, event));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Ends those for which this holds.
    async fn end(&mut self, call: &mut Call, which: impl Fn(&Paged) -> bool) {
        let mut ended: Vec<_> = self.phones.extract_if(.., |one| which(one)).collect();
        for phone in &mut ended {
            phone.leg.hang_up(Release::Cause(Cause::NORMAL_CLEARING));
        }
        let legs: Vec<_> = ended.iter().map(|one| (one.record, &*one.leg)).collect();
        call.legs_ended(&legs, Cause::NORMAL_CLEARING).await;
    }
}

/// Lets the caller speak to the phones of a group until he hangs up, nobody hears him any more or it has lasted long enough.
/// Whoever calls this ends his leg with the outcome.
pub(super) async fn page(
    call: &mut Call,
    participant: &mut Participant,
    group: &Stored<PagingGroup>,
    following: &Following<'_>,
) -> Outcome {
    let mut phones = Phones::default();
    for id in &group.extensions {
        if let Some(extension) = following.configuration.extension(*id) {
            add(call, participant, &mut phones, extension, following);
        }
    }
    if phones.phones.is_empty() {
        return call.refused(Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT);
    }
    let spoken = speak(call, participant, group, &mut phones).await;
    phones.end(call, |_| true).await;
    match spoken {
        Ok(outcome) => outcome,
        Err(interrupted) => interrupted.outcome(call),
    }
}

/// Asks the phones of an extension to take the call, if it is there and free.
fn add(
    call: &mut Call,
    participant: &Participant,
    phones: &mut Phones,
    extension: &Extension,
    following: &Following<'_>,
) {
    let own = participant.who.extension();
    if !extension.enabled || own.is_some_and(|own| own.id == extension.id) {
        return;
    }
    let exchange = call.exchange().clone();
    let contacts = exchange.locations.targets(extension.id);
    let because = if extension.do_not_disturb {
        Some(Unreached::DoNotDisturb)
    } else if contacts.is_empty() {
        Some(Unreached::Offline)
    } else if exchange.live.idle_since(extension.id).is_none() {
        Some(Unreached::Busy)
    } else {
        None
    };
    let slot = match because {
        None => Slot::take(&exchange.live, extension),
        Some(_) => None,
    };
    let Some(slot) = slot else {
        call.step(Step::PassedOver {
            number: extension.number.clone(),
            because: because.unwrap_or(Unreached::Busy),
        });
        return;
    };
    let slot = Arc::new(slot);
    let dial = Dial {
        caller: participant.who.shown(following.configuration),
        callee: extension.number.clone(),
        called_number: None,
        codecs: participant.codecs(),
        encryption: extension.media_encryption,
        hops_left: following.hops_left,
        diversions: Vec::new(),
        answers_itself: true,
    };
    for contact in contacts {
        match exchange.sip.dial(&contact, &dial) {
            Ok(leg) => {
                let record = call.leg_started(&leg, &extension.number);
                phones.phones.push(Paged {
                    leg: Box::new(leg),
                    record,
                    answered: false,
                    _slot: slot.clone(),
                });
            }
            Err(cause) => tracing::warn!(contact = %contact.uri, %cause, "cannot page a phone"),
        }
    }
}

async fn speak(
    call: &mut Call,
    participant: &mut Participant,
    group: &Stored<PagingGroup>,
    phones: &mut Phones,
) -> Result<Outcome, Interrupted> {
    if let Err(refused) = voice::answer(call, participant) {
        return Ok(refused);
    }
    call.served_by("paging", group.number.clone());
    call.answered(participant.record, None, participant.leg.codec());
    let room = call.exchange().engine.room();
    if let Some(own) = participant.leg.stream() {
        let joined = room.join(own, Part::Speaker).await;
        joined.map_err(Interrupted::Media)?;
    }
    let part = if group.two_way {
        Part::Speaker
    } else {
        Part::Listener
    };
    let begun = Instant::now();
    let end = begun + Duration::from_secs(group.max_seconds.max(0).unsigned_abs());
    let mut given_up = Some(begun + ANSWERED_WITHIN);
    loop {
        if phones.phones.is_empty() {
            return Ok(call.ended_here(EndedHere::Finished));
        }
        tokio::select! {
            event = leg::event(&mut *participant.leg) => match event {
                LegEvent::HungUp(cause) | LegEvent::Rejected(cause) => {
                    return Err(Interrupted::HungUp(cause));
                }
                LegEvent::MediaTimeout => return Err(Interrupted::MediaLost),
                LegEvent::Unsecured(fault) => return Err(Interrupted::Unsecured(fault)),
                LegEvent::MediaFlow(flow) => participant.flow = flow,
                LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
                _ => {}
            },
            (index, event) = phones.event() => {
                phone(call, phones, &room, part, index, event).await;
            }
            () = sleep_until(given_up.unwrap_or(end)) => {
                if given_up.take().is_none() {
                    return Ok(call.ended_here(EndedHere::Finished));
                }
                phones.end(call, |one| !one.answered).await;
            }
            why = call.interrupted() => return Err(Interrupted::EndedHere(why)),
        }
    }
}

/// Takes what a phone says.
async fn phone(
    call: &mut Call,
    phones: &mut Phones,
    room: &Room,
    part: Part,
    index: usize,
    event: LegEvent,
) {
    let Some(phone) = phones.phones.get_mut(index) else {
        return;
    };
    match event {
        LegEvent::Answered => {
            phone.answered = true;
            call.leg_answered(phone.record);
            call.step(Step::AnsweredBy {
                device: phone.leg.device().to_owned(),
            });
            if let Some(stream) = phone.leg.stream()
                && let Err(error) = room.join(stream, part).await
            {
                tracing::error!(%error, "a phone that is paged hears nothing");
            }
        }
        LegEvent::Rejected(cause) | LegEvent::HungUp(cause) => {
            let gone = phones.phones.swap_remove(index);
            if !gone.answered {
                call.step(Step::ContactRefused {
                    device: gone.leg.device().to_owned(),
                    cause: cause.0,
                });
            }
            call.leg_ended(gone.record, &*gone.leg, cause).await;
        }
        LegEvent::MediaTimeout | LegEvent::Unsecured(_) => {
            let record = phone.record;
            phones.end(call, |one| one.record == record).await;
        }
        LegEvent::Transfer(transfer) => transfer.refuse_as_pending(),
        _ => {}
    }
}
