//! Calls that a program asks for (RFC 5359 §2.18): the phones of an extension ring first, and whoever answers is connected as if he
//! had dialled the number, or comes into a call that he supervises.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ramal_media::Codec;
use ramal_model::{CallId, CallResult, Configuration, Direction, Extension, Party};
use tokio::time::{Instant, sleep_until};

use super::participant::Participant;
use super::reach::Following;
use super::record::{Call, Interrupt, LegRef};
use super::trace::{Refused, Step};
use super::{Caller, Outcome, Slot, connect, routing};
use crate::exchange::Exchange;
use crate::leg::sip::Dial;
use crate::leg::{Cause, Leg, LegEvent, Release};
use crate::lines::NoLine;
use crate::queue;
use crate::queues::{CallBack, CalledBack};
use crate::supervision::{Supervision, Watch};

/// What phones are offered: whatever the other end will speak, one of these fits.
const CODECS: [Codec; 4] = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];

/// What is asked for.
pub(crate) struct Click {
    /// Whose phones ring.
    pub(crate) extension: Extension,
    /// What happens then.
    pub(crate) then: Then,
    /// How often the call may be passed on.
    pub(crate) hops_left: u8,
    /// What the whole call follows.
    pub(crate) configuration: Arc<Configuration>,
}

/// What happens when somebody answers.
pub(crate) enum Then {
    /// This is dialled.
    Dial(String),
    /// A caller of a queue is called back.
    CallBack(Box<CallBack>),
    /// He supervises the call of an extension.
    Supervise {
        /// Which call.
        call: CallId,
        /// The extension's number.
        of: String,
        /// What he does in it.
        mode: Supervision,
    },
}

impl Then {
    /// The number that is shown while it rings.
    fn number(&self) -> &str {
        match self {
            Self::Dial(number) | Self::Supervise { of: number, .. } => number,
            Self::CallBack(back) => &back.number,
        }
    }
}

/// A phone that rings.
type Ringing = (LegRef, Box<dyn Leg>);

/// Handles a call from the asking to its record.
pub(crate) async fn run(
    exchange: Arc<Exchange>,
    click: Click,
    interrupt: queue::Receiver<Interrupt>,
    id: CallId,
) {
    let extension = &click.extension;
    let caller = Caller::Extension(Box::new(extension.clone()));
    let to = Party {
        number: click.then.number().to_owned(),
        name: String::new(),
    };
    let slot = Slot::take(&exchange.live, extension);
    let mut call = Call::begin(
        exchange,
        id,
        interrupt,
        Direction::Internal,
        caller.party(),
        to,
    );
    let rung = match slot {
        None => Err(call.refused(Refused::CallerBusy, Cause::USER_BUSY)),
        Some(slot) => ring(&mut call, &click).await.map(|leg| (slot, leg)),
    };
    let outcome = match rung {
        Err(outcome) => {
            if let Then::CallBack(back) = click.then {
                back.not_taken(outcome.result != CallResult::Failed);
            }
            outcome
        }
        Ok((slot, (record, leg))) => {
            call.answered_by_gateway(record, leg.codec());
            let participant = Participant::new(leg, caller, record, Some(slot));
            Box::pin(answered(&mut call, participant, click)).await
        }
    };
    Box::pin(call.finish(outcome)).await;
}

/// Does what was asked for with whoever answered.
async fn answered(call: &mut Call, mut participant: Participant, click: Click) -> Outcome {
    let exchange = Arc::clone(call.exchange());
    let following = Following {
        configuration: &click.configuration,
        hops_left: click.hops_left,
    };
    match click.then {
        Then::Dial(number) => dial(call, participant, &number, &following).await,
        Then::CallBack(back) => {
            let CallBack {
                number,
                since,
                place,
                told,
                ..
            } = *back;
            let of_queue = place.taken(Some(click.extension.id));
            if let Some(slot) = &mut participant.slot {
                slot.is_of_queue(of_queue);
            }
            let waited = exchange.store.now().saturating_sub(since) / 1_000;
            call.step(Step::QueueCallsBack {
                number: number.clone(),
                waited: waited.max(0).unsigned_abs(),
            });
            let outcome = dial(call, participant, &number, &following).await;
            // Nobody listens when the gateway stops.
            let _ = told.send(match outcome.result {
                CallResult::Answered => CalledBack::Talked,
                _ => CalledBack::NoAnswer,
            });
            outcome
        }
        Then::Supervise {
            call: supervised,
            of,
            mode,
        } => {
            let watch = Watch {
                by: click.extension.number.clone(),
                of: of.clone(),
                mode,
                newcomer: Some(participant.leave(call).await),
                told: None,
            };
            // A call that has ended meanwhile lets it drop, which hangs him up.
            exchange.interrupt(&supervised, Interrupt::Supervise(Box::new(watch)));
            call.served();
            Outcome::cleared_by(Cause::NORMAL_CLEARING)
        }
    }
}

/// Connects whoever answered as if he had dialled the number.
async fn dial(
    call: &mut Call,
    participant: Participant,
    number: &str,
    following: &Following<'_>,
) -> Outcome {
    let exchange = Arc::clone(call.exchange());
    let who = &participant.who;
    let route = routing::route(following.configuration, &exchange, who, number, |step| {
        call.step(step);
    });
    connect(call, participant, route, following).await
}

/// Rings the extension's own phones until somebody answers.
async fn ring(call: &mut Call, click: &Click) -> Result<Ringing, Outcome> {
    let extension = &click.extension;
    let exchange = Arc::clone(call.exchange());
    let contacts = exchange.locations.targets(extension.id);
    let shown = Party {
        number: click.then.number().to_owned(),
        name: String::new(),
    };
    let (engine, configuration) = (&exchange.engine, &click.configuration);
    let lines = exchange
        .lines
        .ring_telephones(engine, configuration, extension, &shown);
    let lines = match lines {
        Ok(lines) => lines,
        Err(_) if !contacts.is_empty() => Vec::new(),
        Err(NoLine::Busy) => return Err(call.refused(Refused::Busy, Cause::USER_BUSY)),
        Err(NoLine::None) => {
            return Err(call.refused(Refused::NotRegistered, Cause::SUBSCRIBER_ABSENT));
        }
    };
    let seconds = match &click.then {
        Then::CallBack(back) => back.ring_seconds,
        Then::Dial(_) | Then::Supervise { .. } => extension.ring_time,
    };
    call.step(Step::Ringing {
        contacts: contacts.len() + lines.len(),
        seconds,
    });
    let dial = Dial {
        caller: shown,
        callee: extension.number.clone(),
        called_number: None,
        codecs: CODECS.to_vec(),
        encryption: extension.media_encryption,
        hops_left: click.hops_left,
        diversions: Vec::new(),
        answers_itself: false,
    };
    let mut phones: Vec<Ringing> = Vec::new();
    for leg in lines {
        phones.push((call.leg_started(&leg, &extension.number), Box::new(leg)));
    }
    for contact in contacts {
        match exchange.sip.dial(&contact, &dial) {
            Ok(leg) => phones.push((call.leg_started(&leg, &extension.number), Box::new(leg))),
            Err(cause) => tracing::warn!(contact = %contact.uri, %cause, "cannot ring a phone"),
        }
    }
    let deadline = Instant::now() + Duration::from_secs(seconds.into());
    let taken = first_answer(call, &mut phones, deadline).await;
    let (release, cause) = match &taken {
        Ok(_) => (
            Release::AnsweredElsewhere,
            Cause::NON_SELECTED_USER_CLEARING,
        ),
        Err(outcome) => (Release::Cause(outcome.cause), outcome.cause),
    };
    for (_, leg) in &mut phones {
        leg.hang_up(release);
    }
    let ended: Vec<_> = phones
        .iter()
        .map(|(record, leg)| (*record, &**leg))
        .collect();
    call.legs_ended(&ended, cause).await;
    taken
}

/// Takes out the first phone that answers.
pub(super) async fn first_answer(
    call: &mut Call,
    phones: &mut Vec<Ringing>,
    deadline: Instant,
) -> Result<Ringing, Outcome> {
    let mut last = Cause::RESOURCE_UNAVAILABLE;
    while !phones.is_empty() {
        let event = poll_fn(|context| {
            let events = phones.iter_mut().enumerate();
            let mut events = events.map(|(index, (_, leg))| (index, leg.poll_event(context)));
            events
                .find_map(|(index, event)| match event {
                    Poll::Ready(event) => Some(Poll::Ready((index, event))),
                    Poll::Pending => None,
                })
                .unwrap_or(Poll::Pending)
        });
        let (index, event) = tokio::select! {
            event = event => event,
            interrupt = call.interrupt() => match interrupt {
                Interrupt::End(why) => return Err(call.ended_here(why)),
                // Nobody talks yet, and nobody else can take this call.
                _ => continue,
            },
            () = sleep_until(deadline) => {
                call.step(Step::NoAnswer);
                return Err(Outcome::new(CallResult::NoAnswer, Cause::NO_ANSWER));
            }
        };
        match event {
            LegEvent::Answered => return Ok(phones.swap_remove(index)),
            LegEvent::Rejected(cause) | LegEvent::HungUp(cause) => {
                let (record, leg) = phones.swap_remove(index);
                call.step(Step::ContactRefused {
                    device: leg.device().to_owned(),
                    cause: cause.0,
                });
                call.leg_ended(record, &*leg, cause).await;
                last = cause;
                if cause == Cause::CALL_REJECTED {
                    break;
                }
            }
            LegEvent::Attempt(attempt) => call.step(attempt.into()),
            _ => {}
        }
    }
    let refused = match last {
        Cause::CALL_REJECTED => Refused::Rejected,
        Cause::USER_BUSY => Refused::Busy,
        Cause::RESOURCE_UNAVAILABLE => Refused::NoResources,
        _ => Refused::NotRegistered,
    };
    Err(call.refused(refused, last))
}
