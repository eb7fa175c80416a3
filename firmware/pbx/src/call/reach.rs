//! Taking somebody who waits where a route leads.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::{Configuration, Extension, Party, Stored, VoicemailBox};

use super::consult::AskingKeys;
use super::outside::{self, Outgoing};
use super::paging;
use super::park;
use super::participant::Participant;
use super::queued::Queued;
use super::record::Call;
use super::ring::{self, Charge};
use super::routing::{self, Route};
use super::service::{self, Served};
use super::spoken;
use super::stage;
use super::toll_bar;
use super::trace::{Refused, Step};
use super::transfer::Transferor;
use super::{Caller, Outcome, Slot, agent_code, setting_code, voicemail};
use crate::flow::Greetings;
use crate::leg::{Cause, Leg};
use crate::queues::Queues;

/// What a call follows all the time.
pub(super) struct Following<'a> {
    pub(super) configuration: &'a Arc<Configuration>,
    /// How often the call may still be passed on.
    pub(super) hops_left: u8,
}

/// Who waits while somebody is rung.
pub(super) struct Waiting<'a> {
    pub(super) participant: &'a mut Participant,
    /// Who passed him on, if somebody did.
    pub(super) transferor: Option<&'a mut Transferor>,
    /// His place, when members of a queue are rung for him.
    pub(super) queued: Option<Box<Queued>>,
    /// What he presses, when he asks back and another one is held for him.
    pub(super) asking: Option<AskingKeys>,
    /// Who has him call, when that one is not in the call any more: it comes under his class of service.
    pub(super) on_behalf_of: Option<&'a Caller>,
}

impl Waiting<'_> {
    /// What he heard in a queue is over.
    pub(super) fn stops_hearing(&mut self) {
        if let Some(queued) = &mut self.queued {
            queued.hear_nothing();
        }
    }
}

/// Who was reached.
pub(super) enum Reached {
    /// Somebody who took the call and hears the one who waited.
    Talking(Participant),
    /// The gateway itself, which has talked until the end.
    Served(Outcome),
}

/// Why nobody was reached.
pub(super) enum NotTaken {
    /// Whoever waits is still there and may be told, or sent somewhere else.
    Failed(Outcome),
    /// The call is over.
    Over(Outcome),
}

impl NotTaken {
    /// How the call ends if nothing else is tried.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Failed(outcome) | Self::Over(outcome) => outcome,
        }
    }
}

/// Rings whoever the route leads to until somebody takes the call.
pub(super) async fn reach(
    call: &mut Call,
    waiting: &mut Waiting<'_>,
    route: Route,
    following: &Following<'_>,
) -> Result<Reached, NotTaken> {
    let exchange = call.exchange().clone();
    let party = waiting.participant.who.party();
    let taken = match route {
        Route::Refused(reason, cause) => {
            return Err(spoken::refuse(call, waiting, reason, cause, following).await);
        }
        Route::Feature(feature) => {
            let configuration = following.configuration;
            let served = service::run(call, waiting.participant, feature, configuration).await;
            return match served {
                Served::Over(outcome) => Ok(Reached::Served(outcome)),
                Served::CallOn(number) => {
                    let who = &waiting.participant.who;
                    let trace = |step| call.step(step);
                    let route = routing::route(configuration, &exchange, who, &number, trace);
                    Box::pin(reach(call, waiting, route, following)).await
                }
            };
        }
        Route::Agent(code) => {
            let outcome =
                agent_code::run(call, waiting.participant, &code, following.configuration).await;
            return Ok(Reached::Served(outcome));
        }
        Route::Set(setting) => {
            let configuration = following.configuration;
            let set = setting_code::run(call, waiting.participant, &setting, configuration);
            return Ok(Reached::Served(Box::pin(set).await));
        }
        Route::Page(id) => {
            let group = following.configuration.catalogue().paging_groups.get(id);
            // Whoever is passed on would be heard by all of them.
            let Some(group) = group.filter(|_| waiting.transferor.is_none()) else {
                let refused = call.refused(Refused::UnknownNumber, Cause::UNALLOCATED_NUMBER);
                return Err(NotTaken::Failed(refused));
            };
            let paged = paging::page(call, waiting.participant, group, following);
            return Ok(Reached::Served(Box::pin(paged).await));
        }
        // A call that is parked there has been taken before it came to this.
        Route::Park(Some(_)) if waiting.transferor.is_none() => {
            let refused = call.refused(Refused::NothingParked, Cause::SUBSCRIBER_ABSENT);
            return Err(NotTaken::Failed(refused));
        }
        Route::Park(slot) => {
            return Box::pin(park::park(call, waiting, slot.as_deref(), following)).await;
        }
        Route::Flow(destination) => {
            return stage::lead(call, waiting, destination, following).await;
        }
        Route::Extension(callee)
            if waiting.transferor.is_some() && Queues::refuses_transfers(&exchange, callee.id) =>
        {
            let outcome = call.refused(Refused::Busy, Cause::USER_BUSY);
            return Err(NotTaken::Failed(outcome));
        }
        Route::Intercom(callee) => match Slot::take(&exchange.live, &callee) {
            Some(slot) => {
                call.phones_answer(true);
                let rung = ring::ring(call, waiting, &callee, slot, following).await;
                call.phones_answer(false);
                rung
            }
            None => {
                let refused = call.refused(Refused::Busy, Cause::USER_BUSY);
                return Err(NotTaken::Failed(refused));
            }
        },
        Route::Extension(callee) => {
            let rung = match Slot::take(&exchange.live, &callee) {
                Some(slot) => ring::ring(call, waiting, &callee, slot, following).await,
                None => Err(NotTaken::Failed(
                    call.refused(Refused::Busy, Cause::USER_BUSY),
                )),
            };
            match (rung, own_box(following.configuration, &callee)) {
                // Whoever passed him on gets him back instead.
                (Err(NotTaken::Failed(_)), Some(mailbox)) if waiting.transferor.is_none() => {
                    let (who, configuration) = (&mut *waiting.participant, following.configuration);
                    call.step(Step::Voicemail {
                        mailbox: mailbox.name.clone(),
                    });
                    let leaving = voicemail::leave_message(
                        call,
                        who,
                        mailbox,
                        Greetings::default(),
                        configuration,
                    );
                    return Ok(Reached::Served(Box::pin(leaving).await));
                }
                (rung, _) => rung,
            }
        }
        Route::Outside {
            number,
            ways,
            seconds,
        } => {
            call.goes_out();
            let charged_to = toll_bar::charged_to(following.configuration, waiting, &number);
            let outgoing = Outgoing {
                caller: party,
                withheld: call.hides_number() || waiting.participant.leg.is_private(),
                diversions: waiting.participant.who.diversions().to_vec(),
                codecs: waiting.participant.codecs(),
                hops_left: following.hops_left,
            };
            let charge = Charge {
                toll: toll_bar::class(following.configuration, &ways),
                to: charged_to,
            };
            let line = outside::dial(&exchange, &number, ways, outgoing);
            let callee = Caller::Trunk {
                line: line.trunk().unwrap_or(line.device()).into(),
                party: party_of(&number),
            };
            let time = Duration::from_secs(seconds.into());
            ring::line(call, waiting, Ok(line), &number, callee, time, charge).await
        }
        Route::Station(number) => {
            let line = exchange
                .lines
                .ring(
                    &exchange.engine,
                    &number,
                    &waiting.participant.who.shown(following.configuration),
                )
                .map(|line| Box::new(line) as Box<dyn Leg>);
            let callee = Caller::Station(party_of(&number));
            let (time, nothing) = (ring::LINE_TIME, Charge::default());
            ring::line(call, waiting, line, &number, callee, time, nothing).await
        }
    };
    taken.map(Reached::Talking)
}

/// The voicemail box that is an extension's alone.
fn own_box<'a>(
    configuration: &'a Configuration,
    callee: &Extension,
) -> Option<&'a Stored<VoicemailBox>> {
    let mut boxes = configuration.catalogue().voicemail_boxes.iter();
    boxes
        .find(|mailbox| *mailbox.extensions == [callee.id])
        .map(|mailbox| &**mailbox)
}

/// Somebody of whom only the number is known.
fn party_of(number: &str) -> Box<Party> {
    Box::new(Party {
        number: number.to_owned(),
        name: String::new(),
    })
}
